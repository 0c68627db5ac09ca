"""Say what is required of a package of a lock, and which versions that keeps away."""

from collections.abc import Sequence
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from envsync.lock.graph import Graph


class Demand(NamedTuple):
    """What somebody requires of a package."""

    by: str
    """A package with its version, or "env.toml" with the extra or group."""
    requirement: str
    """"" where it isn't known on this machine."""
    marker: str


def demands(graph: Graph, name: str, at: int | None = None) -> list[Demand]:
    """Give all that is required of a package, or of one row of it, by env.toml first."""
    found = [
        Demand(f"env.toml ({start.part})" if start.part else "env.toml", start.requirement,
               start.marker)
        for start in graph.starts
        if start.name == name and start.requirement and at in (None, *start.rows)
    ]  # fmt: skip
    for row in graph.rows:
        found += [
            Demand(row.label, edge.requirement, edge.marker)
            for edge in row.edges
            if graph.rows[edge.to].name == name and at in (None, edge.to)
        ]
    return list(dict.fromkeys(found))


def refusing(asked: Sequence[Demand], version: Version) -> list[Demand]:
    """Give the demands that a version doesn't meet."""
    return [one for one in asked if _meets(one, version) is False]


def bounding(asked: Sequence[Demand], version: Version) -> list[Demand]:
    """Give the demands that versions newer than one that meets them don't meet, sooner or later."""
    return [one for one in asked if _meets(one, version) is not False and _is_bounded_above(one)]


def _meets(demand: Demand, version: Version) -> bool | None:
    """Whether a version is what is asked for; None where that isn't known."""
    requirement = _read(demand.requirement)
    if requirement is None or requirement.url is not None:
        return None
    return requirement.specifier.contains(version, prereleases=True)


def _is_bounded_above(demand: Demand) -> bool:
    requirement = _read(demand.requirement)
    return requirement is not None and (
        requirement.url is not None
        or any(one.operator in ("<", "<=", "==", "===", "~=") for one in requirement.specifier)
    )


def _read(text: str) -> Requirement | None:
    try:
        return Requirement(text) if text else None
    except InvalidRequirement:
        return None
