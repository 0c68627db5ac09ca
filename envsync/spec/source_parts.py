"""Say by markers where a source applies that is for an extra or a group, and what includes it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from packaging.markers import Marker
from packaging.utils import NormalizedName

from envsync.spec.conflicts import bringers_of, clash, closure
from envsync.spec.includes import Parts, Report
from envsync.spec.model import BASE, Exclusive, Part, SourceSpec
from envsync.spec.wording import near_miss, quote

Sources = Mapping[NormalizedName, tuple[SourceSpec, ...]]


def place_sources(
    sources: Sources, parts: Parts, exclusive: Sequence[Exclusive], report: Report
) -> Sources:
    """Put into each source's marker (PEP 751, "extras", "dependency_groups") what it is for.

    Names that there are not go to `report`, and so do extras and groups that could be installed
    together and would have one package from two places.
    """
    if not any(map(_part_of, (one for each in sources.values() for one in each))):
        return sources
    bringers = bringers_of(parts)
    placed = {}
    for name, each in sources.items():
        for sentence in _mistakes(name, each, parts, exclusive):
            report(sentence, ("sources", name))
        placed[name] = tuple(_placed(one, bringers) for one in each)
    return placed


def _part_of(source: SourceSpec) -> Part | None:
    if source.extra is not None:
        return Part("extra", source.extra)
    return None if source.group is None else Part("group", source.group)


def _mistakes(
    name: str, sources: Sequence[SourceSpec], parts: Parts, exclusive: Sequence[Exclusive]
) -> Iterator[str]:
    known = [(part, source) for source in sources if (part := _part_of(source)) is not None]
    for part, _ in known:
        if part not in parts:
            names = [one.name for one in parts if one.kind == part.kind]
            yield f"there is no {part.kind} {quote(part.name)}{near_miss(part.name, names)}"
    for (one, first), (other, second) in combinations(known, 2):
        is_apart = one == other or clash((one, other), exclusive) is not None
        if not is_apart and first.marker == second.marker:
            yield (
                f"{one} and {other} could be installed together, and {name} would have two "
                f'sources: add conflicts = [["{one.name}", "{other.name}"]] under [lock]'
            )


def _placed(source: SourceSpec, bringers: Mapping[Part, Sequence[Part]]) -> SourceSpec:
    part = _part_of(source)
    if part is None:
        return source
    where = sorted(closure([part], bringers) - {BASE})
    lists = {"extra": "extras", "group": "dependency_groups"}
    text = " or ".join(f"'{one.name}' in {lists[one.kind]}" for one in where)
    if source.marker is not None:
        text = f"({source.marker}) and ({text})"
    return source._replace(marker=Marker(text))
