"""A lock as a graph of plain values: what it pins, what each depends on, and where all begins.

It is made from a lock once (`lock.graph_of`) and read back in a fraction of the time, for those who
only look: `tree`, `why`, `diff`. Markers are texts, and "" is the one that always holds.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class LockedFile(NamedTuple):
    """A wheel or source distribution of a package."""

    name: str
    size: int | None
    uploaded: str
    """ISO 8601, UTC, as the lock has it; "" where it has none."""
    digest: str
    """The beginning of its strongest hash: enough to see that it is another file."""


class Edge(NamedTuple):
    """That a package depends on one of the lock's rows."""

    to: int
    """The row's number."""
    requirement: str = ""
    """As the metadata has it, without its marker; "" where that isn't known on this machine."""
    marker: str = ""
    """Where it holds, in the environments that the lock covers."""
    extra: str = ""
    """The extra of the package that brings it in."""


class Row(NamedTuple):
    """One package of a lock."""

    name: str
    version: str
    """"" where the lock says none: of a source tree."""
    kind: str
    """"index", "archive", "directory" or "vcs"."""
    place: str
    """The index's address, or what is referred to: a path, an address, with the commit."""
    editable: bool
    marker: str
    requires_python: str
    wheels: Sequence[LockedFile]
    source: LockedFile | None
    edges: Sequence[Edge]

    @property
    def label(self) -> str:
        """Name and version, or the place of what has none."""
        return f"{self.name} {self.version or f'({self.place})'}"


class Start(NamedTuple):
    """A requirement of env.toml; of a lock of other tools, a package that nothing depends on."""

    name: str
    requirement: str
    """Without its marker; "" in locks that don't say."""
    marker: str
    extra: str
    group: str
    rows: Sequence[int]
    """What it may lead to."""

    @property
    def part(self) -> str:
        """The extra or group that it stands in, for people."""
        return f"extra {self.extra}" if self.extra else f"group {self.group}" if self.group else ""


class Graph(NamedTuple):
    """What a lock says to those who only look."""

    rows: Sequence[Row]
    starts: Sequence[Start]
    extras: Sequence[str]
    groups: Sequence[str]
    default_groups: Sequence[str]
    requires_python: str
    environments: Sequence[str]
    is_whole: bool
    """What every package requires is known, in words."""
    sha256: str = ""
    """Of the lock's text."""

    def named(self, name: str) -> list[int]:
        """The numbers of a package's rows."""
        return [at for at, row in enumerate(self.rows) if row.name == name]

    def markers(self) -> list[str]:
        """All markers, each once."""
        found = {start.marker for start in self.starts}
        for row in self.rows:
            found.add(row.marker)
            found.update(edge.marker for edge in row.edges)
        return sorted(found)

    def names(self) -> list[str]:
        """The names of all packages, each once."""
        return list(dict.fromkeys(row.name for row in self.rows))


EMPTY = Graph((), (), (), (), (), "", (), is_whole=True)
"""That of no lock."""


def files_of(row: Row) -> Sequence[LockedFile]:
    """The files of a row, the source distribution last."""
    return (*row.wheels, *([row.source] if row.source else ()))


def uploaded(row: Row) -> str:
    """The day on which a package's first file was uploaded; "" where the lock doesn't say."""
    return min((file.uploaded for file in files_of(row) if file.uploaded), default="")[:10]


def largest(row: Row) -> int | None:
    """The size of the largest wheel; without wheels that of the source distribution."""
    files = row.wheels or files_of(row)
    return max((file.size for file in files if file.size is not None), default=None)


def as_values(graph: Graph) -> list[object]:
    """The graph as nested lists of plain values, as `from_values` reads them."""
    rows = [
        [
            *row[:-3],
            list(map(list, row.wheels)),
            list(row.source) if row.source else None,
            list(map(list, row.edges)),
        ]
        for row in graph.rows
    ]
    starts = [[*start[:-1], list(start.rows)] for start in graph.starts]
    return [rows, starts, *map(_plain, graph[2:])]


def _plain(value: object) -> object:
    return list(value) if isinstance(value, (list, tuple)) else value


def from_values(values: Sequence[object]) -> Graph:
    """Read `as_values` back. Raises `ValueError`, `TypeError` or `IndexError` for other values.

    Files are left as they are until somebody asks: most of the text is theirs.
    """
    rows, starts, *others = values
    if not isinstance(rows, list) or not isinstance(starts, list):
        raise TypeError("not a graph")
    return Graph(
        list(map(_row, rows)),
        [Start(*start) for start in starts],
        *others,  # type: ignore[arg-type]
    )


def _row(values: Sequence[Any]) -> Row:
    *plain, wheels, source, edges = values
    archive = LockedFile(*source) if source else None
    return Row._make([*plain, _Files(wheels), archive, [Edge(*edge) for edge in edges]])


class _Files(Sequence[LockedFile]):
    """Files that become values when they are looked at."""

    def __init__(self, values: Sequence[Sequence[object]]) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, at):  # type: ignore[no-untyped-def]
        found = self._values[at]
        return [LockedFile(*one) for one in found] if isinstance(at, slice) else LockedFile(*found)


def by_name(graph: Graph) -> Mapping[str, Sequence[Row]]:
    """The rows of each package, in the lock's order."""
    found: dict[str, list[Row]] = {}
    for row in graph.rows:
        found.setdefault(row.name, []).append(row)
    return found
