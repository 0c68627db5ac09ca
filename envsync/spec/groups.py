"""Put included dependency groups in the place of their names (PEP 735)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import NormalizedName

from envsync.spec.lines import KeyPath
from envsync.spec.wording import near_miss, quote

MAX_EXPANDED = 100_000
"""Entries of all groups together after expanding."""

Report = Callable[[str, KeyPath], None]


class Include(NamedTuple):
    """One `{include-group = "..."}`, and where it is written."""

    group: NormalizedName
    path: KeyPath


Groups = Mapping[NormalizedName, Sequence[Requirement | Include]]


def expand_groups(groups: Groups, report: Report) -> dict[NormalizedName, tuple[Requirement, ...]]:
    """Give the requirements of every group, those of included groups in their place.

    Each group is expanded once, and an entry that is reached in several ways counts once, so that
    the work stays linear where the ways double at each level. Missing groups and cycles go to
    `report` with the key path of the include, and are left out.
    """
    expanded: dict[NormalizedName, tuple[Requirement, ...]] = {}
    total = 0
    for name in _included_first(groups, report):
        entries = tuple(_entries(groups[name], expanded))
        total += len(entries)
        if total > MAX_EXPANDED:
            report(f"the groups hold over {MAX_EXPANDED} requirements", ("dependency-groups",))
            break
        expanded[name] = entries
    return {name: expanded.get(name, ()) for name in groups}


def _entries(
    group: Sequence[Requirement | Include],
    expanded: Mapping[NormalizedName, tuple[Requirement, ...]],
) -> Iterator[Requirement]:
    seen: set[int] = set()
    for entry in group:
        found = expanded.get(entry.group, ()) if isinstance(entry, Include) else (entry,)
        for requirement in found:
            if id(requirement) not in seen:
                seen.add(id(requirement))
                yield requirement


def _included_first(groups: Groups, report: Report) -> Iterator[NormalizedName]:
    """Walk depth first without recursion; give each group after all that it includes."""
    waiting: dict[NormalizedName, Iterator[Include]] = {}
    trail: list[NormalizedName] = []
    on_trail: set[NormalizedName] = set()

    def enter(name: NormalizedName) -> None:
        waiting[name] = (entry for entry in groups[name] if isinstance(entry, Include))
        trail.append(name)
        on_trail.add(name)

    for start in groups:
        if start not in waiting:
            enter(start)
        while trail:
            include = next(waiting[trail[-1]], None)
            if include is None:
                on_trail.remove(trail[-1])
                yield trail.pop()
            elif include.group in on_trail:
                report(_cycle_text(trail, include.group), include.path)
            elif include.group not in groups:
                hint = near_miss(include.group, groups)
                report(f"there is no group {quote(include.group)}{hint}", include.path)
            elif include.group not in waiting:
                enter(include.group)


def _cycle_text(trail: Sequence[NormalizedName], again: NormalizedName) -> str:
    names = [*trail[trail.index(again) :], again]
    shown = names if len(names) <= 12 else [*names[:6], "...", *names[-5:]]
    return f"groups include each other in a circle: {' -> '.join(shown)}"
