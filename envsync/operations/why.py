"""One page: why a package is in a lock, and what keeps another version of it out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from envsync.errors import UsageError
from envsync.events import Reporter
from envsync.lock.chains import Chains, chains
from envsync.lock.graph import Graph
from envsync.lock.tree import view
from envsync.operations.look import normal, read_graph
from envsync.operations.world import Where, world
from envsync.project.paths import Project
from envsync.settings import Settings

if TYPE_CHECKING:
    from packaging.version import Version

    from envsync.lock.demands import Demand


class Why(NamedTuple):
    """What leads to a package."""

    graph: Graph
    name: str
    version: "Version | None"
    """That was asked about."""
    shown: str
    rows: tuple[int, ...]
    """Of the lock: the versions that were asked about and are there."""
    chains: Chains
    refusals: "Sequence[Demand]" = ()
    """What the version that was asked about doesn't meet."""
    bounds: "Sequence[Demand]" = ()
    """What newer ones would have to meet."""
    unknown_demands: tuple[str, ...] = ()
    """Who requires it in words that aren't known here."""
    unknown: tuple[str, ...] = ()


def why(project: Project, asked: str, where: Where, settings: Settings, reporter: Reporter) -> Why:
    """Give what leads to a package, `NAME` or `NAME==VERSION`.

    Raises `UsageError`, `LockInvalid`, `InterpreterNotFound`.
    """
    name, version = _read(asked)
    graph = read_graph(
        project.lock_path, project, settings, reporter, shown=project.named_lock or ""
    )
    seen_by = world(where, graph, project, settings, reporter)
    seen = view(graph, seen_by.applies, seen_by.extras, seen_by.groups)
    rows = [at for at in graph.named(name) if _is_meant(graph.rows[at].version, version)]
    found = Why(
        graph,
        name,
        version,
        seen_by.shown,
        tuple(rows),
        chains(seen, rows),
        unknown=() if graph.named(name) else (name,),
    )
    return found if version is None else _with_demands(found, version)


def _with_demands(found: Why, version: "Version") -> Why:
    from envsync.lock.demands import bounding, demands, refusing  # noqa: PLC0415

    asked = demands(found.graph, found.name)
    return found._replace(
        refusals=refusing(asked, version),
        bounds=bounding(asked, version),
        unknown_demands=tuple(dict.fromkeys(one.by for one in asked if not one.requirement)),
    )


def _is_meant(locked: str, version: "Version | None") -> bool:
    return version is None or (locked != "" and type(version)(locked) == version)


def _read(asked: str) -> "tuple[str, Version | None]":
    name, equals, text = asked.partition("==")
    hint = "`envsync why NAME` or `envsync why NAME==VERSION`"
    plain = name.partition("[")[0].strip()
    if not plain or not all(one.isascii() and (one.isalnum() or one in "-_.") for one in plain):
        raise UsageError(f"{asked} is not a package's name", hint=hint)
    if not equals:
        return normal(plain), None
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415

    try:
        return normal(plain), Version(text)
    except InvalidVersion:
        raise UsageError(f"{asked}: {text or 'nothing'} is not a version", hint=hint) from None
