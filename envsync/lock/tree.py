"""Draw a lock's graph as a tree: what is shown, where, and what was shown before.

A subtree is shown once, where it is met first; after that its package stands alone with a mark. So
a tree is as long as the graph has edges, however many ways lead through it, and cycles end.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from envsync.lock.graph import Edge, Graph, Start

Applies = Callable[[str], bool]
"""Says whether the marker of a text holds; that of "" does."""

AGAIN, CYCLE, CUT = "again", "cycle", "cut"
"""Why what a package depends on isn't shown under it: it was before, is being, or lies too deep."""
DEEPEST = 1000
"""Levels that are shown at most: a lock of a stranger's may be one long chain."""


class View(NamedTuple):
    """The part of a graph that is looked at."""

    graph: Graph
    starts: Sequence[Start]
    edges: Mapping[int, Sequence[Edge]]
    """Of each row that something leads to."""


class Line(NamedTuple):
    """One line of a tree."""

    lasts: tuple[bool, ...]
    """For each level but the first whether the branch is the last of its kind."""
    row: int | None
    """None: a requirement of env.toml, at the end of an inverted tree."""
    edge: Edge | None = None
    start: Start | None = None
    mark: str = ""


def view(
    graph: Graph,
    applies: Applies,
    extras: Collection[str] | None = None,
    groups: Collection[str] | None = None,
) -> View:
    """Give what holds under `applies`, from the requirements of these extras and groups on.

    None: all of them. Extras that a requirement names itself are in the markers of the lock.
    """
    starts = [
        start._replace(rows=[at for at in start.rows if applies(graph.rows[at].marker)])
        for start in graph.starts
        if (extras is None or not start.extra or start.extra in extras)
        and (groups is None or not start.group or start.group in groups)
        and applies(start.marker)
    ]
    edges: dict[int, Sequence[Edge]] = {}
    waiting = [at for start in starts for at in start.rows]
    while waiting:
        at = waiting.pop()
        if at not in edges:
            edges[at] = [
                edge
                for edge in graph.rows[at].edges
                if applies(edge.marker) and applies(graph.rows[edge.to].marker)
            ]
            waiting += [edge.to for edge in edges[at]]
    return View(graph, [start for start in starts if start.rows], edges)


def tree(seen: View, depth: int | None = None, names: Collection[str] = ()) -> Iterator[Line]:
    """Give the lines from the requirements of env.toml down, or from packages of some names;
    `depth` levels below those.
    """
    drawing = _Drawing({at: _merged(edges) for at, edges in seen.edges.items()}, depth)
    for at in sorted(seen.edges) if names else ():
        if seen.graph.rows[at].name in names:
            yield from drawing.below(Line((), at))
    if names:
        return
    for start in seen.starts:
        for at in start.rows:
            yield from drawing.below(Line((), at, start=start))


def inverted(seen: View, names: Collection[str], depth: int | None = None) -> Iterator[Line]:
    """Give the lines from these packages up to the requirements of env.toml."""
    needers: dict[int, list[Edge]] = {}
    for at in sorted(seen.edges):
        for edge in _merged(seen.edges[at]):
            needers.setdefault(edge.to, []).append(edge._replace(to=at))
    ends: dict[int, list[Start]] = {}
    for start in seen.starts:
        for at in start.rows:
            ends.setdefault(at, []).append(start)
    drawing = _Drawing(needers, depth, ends)
    for at in sorted(seen.edges):
        if seen.graph.rows[at].name in names:
            yield from drawing.below(Line((), at))


def _merged(edges: Sequence[Edge]) -> Sequence[Edge]:
    """One edge to each row: what is required for several reasons is one branch."""
    first: dict[int, Edge] = {}
    for edge in edges:
        known = first.get(edge.to)
        if known is None:
            first[edge.to] = edge
        elif known.extra and not edge.extra:
            first[edge.to] = edge  # needed in any case
    return list(first.values())


class _Drawing:
    """Draws, and remembers what was shown."""

    def __init__(
        self,
        edges: Mapping[int, Sequence[Edge]],
        depth: int | None,
        ends: Mapping[int, Sequence[Start]] | None = None,
    ) -> None:
        self._edges, self._ends = edges, ends or {}
        self._depth = DEEPEST if depth is None else min(depth, DEEPEST)
        self._shown: set[int] = set()

    def below(self, first: Line) -> Iterator[Line]:
        """Give a line and all below it; without recursion: chains may be long."""
        path: list[int] = []
        waiting = [first]
        while waiting:
            line = waiting.pop()
            level = len(line.lasts)
            del path[level:]
            if line.row is None:
                yield line
                continue
            children = self._children(line)
            mark = self._mark(line.row, level, path, has_children=bool(children))
            yield line._replace(mark=mark)
            path.append(line.row)
            if not mark:
                self._shown.add(line.row)
                waiting += reversed(children)

    def _mark(self, row: int, level: int, path: Sequence[int], *, has_children: bool) -> str:
        if not has_children:
            return ""
        if row in path:
            return CYCLE
        if row in self._shown:
            return AGAIN
        return CUT if level >= self._depth else ""

    def _children(self, line: Line) -> list[Line]:
        assert line.row is not None
        found = [Line((), None, start=start) for start in self._ends.get(line.row, ())]
        found += [Line((), edge.to, edge) for edge in self._edges.get(line.row, ())]
        last = len(found) - 1
        return [one._replace(lasts=(*line.lasts, at == last)) for at, one in enumerate(found)]
