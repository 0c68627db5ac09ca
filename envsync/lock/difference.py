"""Compare two locks as people read them: what came, went and moved, where, and how large it is."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from packaging.version import Version

from envsync.lock.graph import Graph, LockedFile, Row, Start, by_name, files_of, largest, uploaded

ADDED, REMOVED, UPGRADED, DOWNGRADED, CHANGED = (
    "added",
    "removed",
    "upgraded",
    "downgraded",
    "changed",
)
"""What became of a package; "changed" is its source, where it is needed, or its files."""


class Side(NamedTuple):
    """A package in one of two locks, for the environments of its marker."""

    version: str
    """Or the place of what has no version."""
    marker: str
    """"" for all."""
    source: str
    """Kind and place."""
    size: int | None
    uploaded: str
    files: int


class Moved(NamedTuple):
    """What became of one package."""

    kind: str
    name: str
    before: tuple[Side, ...]
    after: tuple[Side, ...]
    about: tuple[str, ...]
    """What is another besides versions: "source", "marker", "files"; "replaced files" where a file
    of the same name has another hash."""

    @property
    def growth(self) -> int | None:
        """By how many bytes the largest files grew; None where a size isn't known."""
        sizes = [side.size for side in (*self.before, *self.after)]
        if None in sizes:
            return None
        largest_of = [max((side.size or 0 for side in sides), default=0)
                      for sides in (self.before, self.after)]  # fmt: skip
        return largest_of[1] - largest_of[0]


class Required(NamedTuple):
    """A requirement of env.toml, or an option, that only one of the locks has."""

    kind: str
    """"added" or "removed"."""
    what: str


class Elsewhere(NamedTuple):
    """Packages that come from another index, and are the same otherwise."""

    before: str
    after: str
    names: tuple[str, ...]


class Difference(NamedTuple):
    """What differs between two locks."""

    packages: tuple[Moved, ...]
    required: tuple[Required, ...]
    indexes: tuple[Elsewhere, ...] = ()

    def is_empty(self) -> bool:
        """Say whether the locks pin the same."""
        return not (self.packages or self.required or self.indexes)


Size = Callable[[Row], int | None]


def difference(
    before: Graph,
    after: Graph,
    applies: tuple[Callable[[str], bool], Callable[[str], bool]] | None = None,
    size: Size = largest,
) -> Difference:
    """Compare two locks; with `applies` what an environment takes from each."""
    sides = [
        {
            name: [row for row in rows if applies is None or applies[at](row.marker)]
            for name, rows in by_name(graph).items()
        }
        for at, graph in enumerate((before, after))
    ]
    names = sorted(sides[0].keys() | sides[1].keys())
    every = (
        _moved(name, sides[0].get(name, []), sides[1].get(name, []), size, applies is None)
        for name in names
    )
    moved = [one for one in every if one is not None]
    alike = {one.name: _index_change(one) for one in moved}
    by_index: dict[tuple[str, str], list[str]] = {}
    for name, change in alike.items():
        if change is not None:
            by_index.setdefault(change, []).append(name)
    return Difference(
        tuple(one for one in moved if alike[one.name] is None),
        tuple(_required(before, after)),
        tuple(Elsewhere(*change, tuple(names)) for change, names in by_index.items()),
    )


def _index_change(moved: Moved) -> tuple[str, str] | None:
    """Give the two indexes where nothing else of a package is another."""
    old, new = ({side.source for side in sides} for sides in (moved.before, moved.after))
    if moved.kind != CHANGED or moved.about != ("source",) or len(old) != 1 or len(new) != 1:
        return None
    before, after = min(old), min(new)
    if before.startswith("index ") and after.startswith("index "):
        return before.removeprefix("index "), after.removeprefix("index ")
    return None


def _moved(
    name: str, before: Sequence[Row], after: Sequence[Row], size: Size, has_markers: bool
) -> Moved | None:
    if not before and not after:
        return None
    old, new = (_sides(rows, size, has_markers) for rows in (before, after))
    about = tuple(_about(before, after, old, new))
    kind = _kind(old, new)
    if kind == CHANGED and not about and set(map(_key, old)) == set(map(_key, new)):
        return None
    # What stands in both isn't worth a word, where something else of the package moved.
    kept = {_key(side) for side in old} & {_key(side) for side in new}
    if kind not in (ADDED, REMOVED) and "files" not in about and "replaced files" not in about:
        old = tuple(side for side in old if _key(side) not in kept)
        new = tuple(side for side in new if _key(side) not in kept)
    return Moved(kind, name, old, new, about)


def _key(side: Side) -> tuple[str, str, str]:
    return side.version, side.marker, side.source


def _sides(rows: Sequence[Row], size: Size, has_markers: bool) -> tuple[Side, ...]:
    return tuple(
        Side(
            row.version or row.place,
            row.marker if has_markers else "",
            f"{row.kind} {row.place}".strip() + (" editable" if row.editable else ""),
            size(row),
            uploaded(row),
            len(files_of(row)),
        )
        for row in rows
    )


def _kind(before: Sequence[Side], after: Sequence[Side]) -> str:
    if not before or not after:
        return ADDED if after else REMOVED
    old, new = sorted({side.version for side in before}), sorted({side.version for side in after})
    if old == new:
        return CHANGED
    versions = [_highest(texts) for texts in (old, new)]
    if versions[0] is None or versions[1] is None:
        return CHANGED
    if versions[0] == versions[1]:
        # One of several went or came.
        lows = [
            _highest(sorted(set(some) - set(others))) for some, others in ((old, new), (new, old))
        ]
        low = [one or versions[0] for one in lows]
        return UPGRADED if low[0] < low[1] else DOWNGRADED if low[1] < low[0] else CHANGED
    return UPGRADED if versions[0] < versions[1] else DOWNGRADED


def _highest(texts: Sequence[str]) -> Version | None:
    try:
        return max(map(Version, texts), default=None)
    except ValueError:
        return None


def _about(
    before: Sequence[Row], after: Sequence[Row], old: Sequence[Side], new: Sequence[Side]
) -> Iterator[str]:
    if not before or not after:
        return
    if {side.source for side in old} != {side.source for side in new}:
        yield "source"
    if {side.version for side in old} != {side.version for side in new}:
        return
    if {(side.version, side.marker) for side in old} != {
        (side.version, side.marker) for side in new
    }:
        yield "marker"
    first, second = _files(before), _files(after)
    if any(second.get(name, digest) != digest for name, digest in first.items()):
        yield "replaced files"
    elif first.keys() != second.keys():
        yield "files"


def _files(rows: Sequence[Row]) -> dict[str, str]:
    files: list[LockedFile] = [file for row in rows for file in files_of(row)]
    return {file.name: file.digest for file in files}


def _required(before: Graph, after: Graph) -> Iterator[Required]:
    old, new = ({_start(one) for one in graph.starts if one.requirement} for graph in
                (before, after))  # fmt: skip
    # Locks of other tools have no requirements: there is nothing to compare.
    if old and new:
        yield from (Required(REMOVED, text) for text in sorted(old - new))
        yield from (Required(ADDED, text) for text in sorted(new - old))
    if not before.rows:
        return
    for what, first, second in (
        ("requires-python", before.requires_python, after.requires_python),
        ("environments", ", ".join(before.environments), ", ".join(after.environments)),
    ):
        if first != second:
            yield from (
                Required(kind, f"{what} {text}")
                for kind, text in ((REMOVED, first), (ADDED, second))
                if text
            )


def _start(start: Start) -> str:
    text = f"{start.requirement} ; {start.marker}" if start.marker else start.requirement
    return f"{text} ({start.part})" if start.part else text
