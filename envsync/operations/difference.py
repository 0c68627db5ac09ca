"""One page: what differs between two locks: files, or one of them as git has it."""

import os
from collections.abc import Sequence
from typing import NamedTuple

from envsync.events import Reporter
from envsync.lock.difference import Difference, difference
from envsync.lock.graph import EMPTY, Graph
from envsync.operations.look import MAX_BYTES, graph_of_bytes, read_graph
from envsync.operations.tree import ranks_of, size_in
from envsync.operations.world import Where, World, world
from envsync.project.paths import Project
from envsync.settings import Settings


class Compared(NamedTuple):
    """Two locks, and what differs."""

    before: str
    """What each is called."""
    after: str
    shown: str
    """The environments that they are compared for."""
    difference: Difference
    has_before: bool
    """There is a lock in the revision."""


def compare(
    project: Project,
    sides: Sequence[str],
    where: Where,
    settings: Settings,
    reporter: Reporter,
    *,
    files: bool,
) -> Compared:
    """Compare two locks: of `sides` the one or two are revisions, or with `files` paths; where
    there is one, with the project's lock.

    Raises `UsageError`, `LockInvalid`, and `EnvsyncError` where git doesn't help.
    """
    own = os.path.basename(project.lock_path)
    graphs: list[Graph | None] = []
    for side in sides:
        if files:
            path = os.path.abspath(side)
            graphs.append(read_graph(path, project, settings, reporter, shown=side))
        else:
            graphs.append(_in_revision(project, side, settings, reporter))
    names = [side if files else f"{own} of {side}" for side in sides]
    if len(graphs) == 1:
        graphs.append(read_graph(project.lock_path, project, settings, reporter))
        names.append(own)
    before, after = (EMPTY if graph is None else graph for graph in graphs)
    if where.universal and where.is_whole():
        found = difference(before, after)
        return Compared(names[0], names[1], "every environment", found, graphs[0] is not None)
    worlds = [_world(where, one, after, project, settings, reporter) for one in (before, after)]
    ranks = ranks_of(worlds[1].tags)
    found = difference(
        before, after, (worlds[0].applies, worlds[1].applies), lambda row: size_in(row, ranks)
    )
    return Compared(names[0], names[1], worlds[1].shown, found, graphs[0] is not None)


def _world(
    where: Where,
    graph: Graph,
    after: Graph,
    project: Project,
    settings: Settings,
    reporter: Reporter,
) -> World:
    """Give what an environment is in a lock: of an older one that hasn't all extras and groups."""
    if graph is not after:
        known = where.selection
        where = where._replace(
            selection=known._replace(
                extras=tuple(one for one in known.extras if one in graph.extras),
                no_extras=tuple(one for one in known.no_extras if one in graph.extras),
                groups=tuple(one for one in known.groups if one in graph.groups),
                no_groups=tuple(one for one in known.no_groups if one in graph.groups),
            )
        )
    return world(where, graph, project, settings, reporter)


def _in_revision(
    project: Project, revision: str, settings: Settings, reporter: Reporter
) -> Graph | None:
    from envsync.git.revision import file_in  # noqa: PLC0415

    data = file_in(revision, project.lock_path, MAX_BYTES)
    if data is None:
        return None
    shown = f"{os.path.basename(project.lock_path)} of {revision}"
    return graph_of_bytes(data, project, settings, reporter, shown=shown)
