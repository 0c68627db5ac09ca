"""Work out what `[lock] conflicts` means for all extras and groups, included ones too."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from packaging.utils import NormalizedName

from envsync.spec.includes import Include, Parts, Report
from envsync.spec.model import BASE, Exclusive, Part

MOST_MEMBERS = 100
"""Names in all conflicts together; each conflict multiplies the branches of a lock."""

_KEY = ("lock", "conflicts")


def exclusive_parts(
    conflicts: Sequence[Sequence[NormalizedName]], parts: Parts, report: Report
) -> tuple[Exclusive, ...]:
    """For each conflict, for each of its names, everything that brings it in.

    What brings in two of them, or what is always installed, could never be installed: that goes to
    `report`.
    """
    if sum(map(len, conflicts)) > MOST_MEMBERS:
        report(f"the conflicts hold over {MOST_MEMBERS} names", _KEY)
        return ()
    bringers = bringers_of(parts)
    exclusive = []
    for position, names in enumerate(conflicts):
        members = [closure(_named(name, parts), bringers) for name in names]
        for sentence in _contradictions(names, members):
            report(sentence, (*_KEY, position))
        exclusive.append(tuple(frozenset(member - {BASE}) for member in members))
    return tuple(exclusive)


def clash(chosen: Iterable[Part], exclusive: Iterable[Exclusive]) -> tuple[Part, Part] | None:
    """Two of the chosen parts that are never installed together; None where all go well."""
    selected = sorted(set(chosen))
    for members in exclusive:
        active = [[part for part in selected if part in member] for member in members]
        for one, other in combinations([each for each in active if each], 2):
            return one[0], other[0]
    return None


def _named(name: NormalizedName, parts: Parts) -> list[Part]:
    """What a conflict's name means: an extra, a group, or both where both have it."""
    return [part for part in (Part("extra", name), Part("group", name)) if part in parts]


def bringers_of(parts: Parts) -> Mapping[Part, Sequence[Part]]:
    """The parts that include each part directly."""
    bringers: dict[Part, list[Part]] = {}
    for part, entries in parts.items():
        for entry in entries:
            if isinstance(entry, Include):
                bringers.setdefault(entry.part, []).append(part)
    return bringers


def closure(start: Sequence[Part], bringers: Mapping[Part, Sequence[Part]]) -> set[Part]:
    """Some parts, and all that bring them in."""
    found, waiting = set(start), list(start)
    while waiting:
        for part in bringers.get(waiting.pop(), ()):
            if part not in found:
                found.add(part)
                waiting.append(part)
    return found


def _contradictions(names: Sequence[NormalizedName], members: Sequence[set[Part]]) -> Iterator[str]:
    for name, member in zip(names, members, strict=True):
        if BASE in member:
            yield f"the dependencies always include {name}, so nothing can be its alternative"
    for (one, first), (other, second) in combinations(zip(names, members, strict=True), 2):
        for part in sorted((first & second) - {BASE}):
            yield f"the {part} would bring in both {one} and {other}"
