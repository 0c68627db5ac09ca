"""One page: what `tree` shows of a lock."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from envsync.events import Reporter
from envsync.lock.graph import Graph, Row, largest
from envsync.lock.tree import Line, View, inverted, tree, view
from envsync.operations.look import normal, read_graph
from envsync.operations.world import Where, World, world
from envsync.project.paths import Project
from envsync.settings import Settings


class Tree(NamedTuple):
    """What is to be drawn."""

    world: World
    view: View
    lines: Sequence[Line]
    sizes: Mapping[int, int | None]
    """Where they were asked for, of each row that is seen: of the file that the environment takes,
    else of the largest."""
    universal: bool
    unknown: tuple[str, ...] = ()
    """Names that were asked for and that the lock doesn't have."""

    def several(self) -> frozenset[str]:
        """The packages of which the lock has more than one version."""
        return _several(self.view.graph)


def look_at_tree(
    project: Project,
    where: Where,
    settings: Settings,
    reporter: Reporter,
    *,
    names: Sequence[str] = (),
    invert: bool = False,
    duplicates: bool = False,
    depth: int | None = None,
    sizes: bool = False,
) -> Tree:
    """Give a lock's tree, that of some packages, or with `invert` that of who needs those;
    `duplicates` are the packages of which there are several versions.

    Raises `UsageError`, `LockInvalid`, `InterpreterNotFound`.
    """
    graph = read_graph(
        project.lock_path, project, settings, reporter, shown=project.named_lock or ""
    )
    seen_by = world(where, graph, project, settings, reporter)
    seen = view(graph, seen_by.applies, seen_by.extras, seen_by.groups)
    wanted = list(map(normal, names))
    known = set(graph.names())
    unknown = tuple(name for name in wanted if name not in known)
    if duplicates:
        wanted = sorted(_several(graph))
    lines = inverted(seen, wanted, depth) if invert or duplicates else tree(seen, depth, wanted)
    known_sizes: Mapping[int, int | None] = {}
    if sizes:
        ranks = ranks_of(seen_by.tags)
        known_sizes = {at: size_in(graph.rows[at], ranks) for at in seen.edges}
    return Tree(seen_by, seen, list(lines), known_sizes, where.universal, unknown)


def _several(graph: Graph) -> frozenset[str]:
    counts = Counter(row.name for row in graph.rows)
    return frozenset(name for name, count in counts.items() if count > 1)


def ranks_of(tags: Sequence[str]) -> Mapping[str, int]:
    """Give the place of each wheel tag among those of an environment, the most wanted first."""
    return {tag: rank for rank, tag in reversed(list(enumerate(tags)))}


def size_in(row: Row, ranks: Mapping[str, int]) -> int | None:
    """Give the size of the file that an environment takes, by the ranks of its wheel tags."""
    if ranks and row.wheels and row.kind == "index":
        from envsync.lock.select import tag_rank  # noqa: PLC0415

        ranked = [(tag_rank(wheel.name, ranks), wheel) for wheel in row.wheels]
        fitting = [(rank, wheel) for rank, wheel in ranked if rank is not None]
        if fitting:
            return min(fitting, key=lambda one: one[0])[1].size
        return row.source.size if row.source else None
    return largest(row)
