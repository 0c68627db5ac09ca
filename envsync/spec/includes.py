"""Put included dependency groups (PEP 735) and own extras in the place of their names."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from envsync.spec.lines import KeyPath
from envsync.spec.model import BASE, Part
from envsync.spec.wording import near_miss, quote

MAX_EXPANDED = 100_000
"""Entries of all groups and extras together after expanding."""

Report = Callable[[str, KeyPath], None]


class Include(NamedTuple):
    """One `{include-group = "..."}` or one of the file's own extras, and where it is written."""

    part: Part
    path: KeyPath
    marker: Marker | None = None
    """Where the file's own extra is wanted."""


Entries = Sequence[Requirement | Include]
Parts = Mapping[Part, Entries]


def expand(parts: Parts, report: Report) -> dict[Part, tuple[Requirement, ...]]:
    """Give the requirements of every part, those of included parts in their place.

    Each part is expanded once, and an entry that is reached in several ways counts once, so that
    the work stays linear where the ways double at each level. Missing groups and cycles go to
    `report` with the key path of the include, and are left out.
    """
    expanded: dict[Part, tuple[Requirement, ...]] = {}
    total = 0
    for part in _included_first(parts, report):
        entries = tuple(_entries(parts[part], expanded))
        total += len(entries)
        if total > MAX_EXPANDED:
            report(f"groups and extras hold over {MAX_EXPANDED} requirements", _table(part))
            break
        expanded[part] = entries
    return {part: expanded.get(part, ()) for part in parts}


class OwnName(NamedTuple):
    """What `NAME[extra]` means where NAME is the file's own: its extras, and never a package.

    An index would serve whatever a stranger has put there under the project's name.
    """

    name: NormalizedName | None
    """None: nothing is the file's own, since its name is none of a package or has a source."""
    extras: Collection[NormalizedName]

    def entries(
        self, requirements: Sequence[Requirement], path: KeyPath, report: Report
    ) -> Iterator[Requirement | Include]:
        """Turn references to own extras into includes; they can't have versions."""
        for position, requirement in enumerate(requirements):
            yield from self.entry(requirement, (*path, position), report)

    def entry(
        self, requirement: Requirement, path: KeyPath, report: Report
    ) -> Iterator[Requirement | Include]:
        """Turn one requirement into includes if it asks for the file's own, else leave it."""
        wanted = sorted({canonicalize_name(extra) for extra in requirement.extras})
        own = [extra for extra in wanted if extra in self.extras]
        if canonicalize_name(requirement.name) != self.name or (requirement.url and not own):
            yield requirement
            return
        if not wanted:
            report(not_asked_for(self.name), path)
        for extra in wanted:
            if extra not in self.extras:
                hint = near_miss(extra, self.extras)
                report(f"there is no extra {quote(extra)} in this file{hint}", path)
        if own and (str(requirement.specifier) or requirement.url):
            report(f"{self.name} is this file's own name: its extras have no version", path)
        for extra in own:
            yield Include(Part("extra", extra), path, requirement.marker)


def not_asked_for(name: str) -> str:
    """Say that a requirement is the file's own name, and what to do."""
    return (
        f"{name} is this file's own name, which no index is asked for: say under [sources] where "
        "the package comes from, or give the environment another name under [env]"
    )


def _entries(
    part: Entries, expanded: Mapping[Part, tuple[Requirement, ...]]
) -> Iterator[Requirement]:
    seen: set[tuple[int, str]] = set()
    for entry in part:
        marker = entry.marker if isinstance(entry, Include) else None
        entries = expanded.get(entry.part, ()) if isinstance(entry, Include) else (entry,)
        for requirement in entries:
            key = id(requirement), str(marker or "")
            if key not in seen:
                seen.add(key)
                yield requirement if marker is None else _under(requirement, marker)


def _under(requirement: Requirement, marker: Marker) -> Requirement:
    """The same requirement, but only where a marker holds as well."""
    narrowed = Requirement(str(requirement))
    narrowed.marker = marker if requirement.marker is None else requirement.marker & marker
    return narrowed


def _included_first(parts: Parts, report: Report) -> Iterator[Part]:
    """Walk depth first without recursion; give each part after all that it includes."""
    waiting: dict[Part, Iterator[Include]] = {}
    trail: list[Part] = []
    on_trail: set[Part] = set()

    def enter(part: Part) -> None:
        waiting[part] = (entry for entry in parts[part] if isinstance(entry, Include))
        trail.append(part)
        on_trail.add(part)

    for start in parts:
        if start not in waiting:
            enter(start)
        while trail:
            include = next(waiting[trail[-1]], None)
            if include is None:
                on_trail.remove(trail[-1])
                yield trail.pop()
            elif include.part in on_trail:
                report(_cycle_text(trail, include.part), include.path)
            elif include.part not in parts:
                name, kind = include.part.name, include.part.kind
                hint = near_miss(name, [part.name for part in parts if part.kind == kind])
                report(f"there is no {kind} {quote(name)}{hint}", include.path)
            elif include.part not in waiting:
                enter(include.part)


def _cycle_text(trail: Sequence[Part], again: Part) -> str:
    names = [part.name for part in (*trail[trail.index(again) :], again)]
    shown = names if len(names) <= 12 else [*names[:6], "...", *names[-5:]]
    return f"{again.kind}s include each other in a circle: {' -> '.join(shown)}"


_TABLES: Mapping[Literal["base", "extra", "group"], KeyPath] = {
    BASE.kind: ("env", "dependencies"),
    "extra": ("env", "optional-dependencies"),
    "group": ("dependency-groups",),
}


def _table(part: Part) -> KeyPath:
    return _TABLES[part.kind]
