"""Say which markers of a lock hold in one environment, with some of the extras and groups."""

from collections.abc import Collection, Iterable, Mapping

from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName


def false_markers(
    markers: Iterable[str],
    variables: Mapping[str, str],
    extras: Collection[str],
    groups: Collection[str],
) -> list[str]:
    """Give those of some markers that don't hold in an environment.

    One that has no meaning there holds, so that nothing is left out unseen.
    """
    values: Mapping[str, str | frozenset[str]] = {
        **variables,
        "extra": "",
        "extras": frozenset(extras),
        "dependency_groups": frozenset(groups),
    }
    return [marker for marker in markers if marker and not _holds(marker, values)]


def _holds(marker: str, values: Mapping[str, str | frozenset[str]]) -> bool:
    try:
        return Marker(marker).evaluate(values, context="lock_file")
    except (ValueError, UndefinedComparison, UndefinedEnvironmentName):
        return True
