"""The environment that a lock is looked at for: which of its markers don't hold there.

That is kept, too, by env.toml's bytes and the lock's, for as long as the interpreter is the same.
"""

import hashlib
import os
import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

import orjson

from envsync.cache.values import ValueCache
from envsync.errors import InterpreterNotFound, TargetNotCovered, UsageError
from envsync.events import Reporter
from envsync.lock.graph import Graph
from envsync.operations.look import BUCKET, FORMAT, normal
from envsync.project.paths import Project
from envsync.project.request import Selection, SyncRequest
from envsync.settings import Settings

if TYPE_CHECKING:
    from envsync.model.platforms import Platform, Python
    from envsync.model.target import Target
    from envsync.spec.model import Member

_VERSION = re.compile(r"3\.[0-9]{1,2}(?:\.[0-9]{1,2})?t?")
"""What `model.platforms` reads as a version, in the form that people type."""
_MOST_BYTES = 1 << 20
"""Of an env.toml, as its reader takes it."""


class Where(NamedTuple):
    """For what a lock is looked at."""

    universal: bool = False
    """For all that it covers, with every extra and group that isn't excluded."""
    platform: str | None = None
    """One of `model.platforms`, in the place of this machine."""
    selection: Selection = Selection()

    def is_whole(self) -> bool:
        """Say whether no extra, group or member was chosen."""
        return self.selection._replace(member="") == Selection()


class World(NamedTuple):
    """The environment that a lock is looked at for."""

    false: frozenset[str]
    """The markers that don't hold there."""
    extras: Collection[str] | None = None
    """None: all."""
    groups: Collection[str] | None = None
    tags: Sequence[str] = ()
    """Of wheels that it takes, the most wanted first; none where that isn't known."""
    shown: str = "every environment"
    """For people."""

    def applies(self, marker: str) -> bool:
        """Say whether a marker of the lock holds."""
        return marker not in self.false


def world(
    where: Where, graph: Graph, project: Project | None, settings: Settings, reporter: Reporter
) -> World:
    """Give the environment that is meant.

    Raises `UsageError` for a name that the lock doesn't have, `InterpreterNotFound`.
    """
    extras, groups = _chosen(where, graph, project)
    if where.universal:
        return World(_never(graph, extras, groups), extras, groups)
    chosen = (sorted(extras or ()), sorted(groups or ()))
    key = _world_key(where.platform, chosen, graph, project, settings)
    known = _recalled(key, settings)
    if known is None:
        known = _outlook(where, graph, project, settings, reporter, extras or (), groups or ())
        if key:
            _keep(key, settings, known)
    return World(frozenset(known.false), extras, groups, known.tags.split(), known.shown)


def _never(
    graph: Graph, extras: Collection[str] | None, groups: Collection[str] | None
) -> frozenset[str]:
    """Give the markers that hold nowhere, with these extras and groups and no others."""
    if extras is None or groups is None:
        return frozenset()
    from envsync.model.marker import ALWAYS, extra, from_text, group  # noqa: PLC0415

    chosen = ALWAYS
    for one, known, picked in ((extra, graph.extras, extras), (group, graph.groups, groups)):
        for name in known:
            chosen &= one(name) if name in picked else ~one(name)
    markers = filter(None, graph.markers())
    return frozenset(one for one in markers if from_text(one).is_disjoint(chosen))


class _Outlook(NamedTuple):
    """What an environment makes of a lock's markers, as it is kept."""

    false: Sequence[str]
    tags: str
    shown: str
    executable: str
    """Whose environment it is, with its signature; "" where no interpreter was asked."""
    signature: str


def _outlook(
    where: Where,
    graph: Graph,
    project: Project | None,
    settings: Settings,
    reporter: Reporter,
    extras: Collection[str],
    groups: Collection[str],
) -> _Outlook:
    from envsync.lock.applies import false_markers  # noqa: PLC0415

    target = _meant(where, graph, project, settings, reporter)
    false = false_markers(graph.markers(), target.environment, extras, groups)
    place = where.platform or target.environment.get("sys_platform", "")
    shown = f"Python {target.version} on {place}"
    return _Outlook(false, " ".join(target.tags), shown, target.executable, target.signature)


def _world_key(
    platform: str | None,
    chosen: tuple[Sequence[str], Sequence[str]],
    graph: Graph,
    project: Project | None,
    settings: Settings,
) -> str | None:
    """Name all that an outlook depends on but the interpreter itself; None: it isn't kept."""
    if project is None or not project.spec_path or not graph.sha256:
        return None
    try:
        with open(project.spec_path, "rb") as file:
            spec = file.read(_MOST_BYTES + 1)
    except OSError:
        return None
    # With `from`, other files may say which Pythons it is for: those aren't looked at here.
    if b"from" in spec or len(spec) > _MOST_BYTES:
        return None
    digest = hashlib.sha256(spec).hexdigest()
    facts = (FORMAT, digest, graph.sha256, project.root, settings.python, platform, chosen)
    return "\n".join(map(repr, facts))


def _recalled(key: str | None, settings: Settings) -> _Outlook | None:
    data = ValueCache(BUCKET.folder(settings.cache_dir)).get(key) if key else None
    if data is None:
        return None
    try:
        known = _Outlook(*orjson.loads(data))
        if known.executable:
            status = os.stat(known.executable)
            # As `sync.remembered`: one that was upgraded in place has other variables.
            if known.signature != f"{status.st_size}:{status.st_mtime_ns}":
                return None
    except (OSError, ValueError, TypeError):
        return None
    return known


def _keep(key: str, settings: Settings, outlook: _Outlook) -> None:
    ValueCache(BUCKET.folder(settings.cache_dir)).put(key, orjson.dumps(list(outlook)))


def _chosen(
    where: Where, graph: Graph, project: Project | None
) -> tuple[Collection[str] | None, Collection[str] | None]:
    """Give the extras and groups that are chosen; excluding wins. None: all of them."""
    wanted = where.selection
    if where.universal and where.is_whole():
        return None, None
    members = _members(graph, project)
    if members:
        from envsync.operations.selected import chosen_of_members  # noqa: PLC0415

        of_members = chosen_of_members(members, wanted)
        return of_members[1], of_members[0]
    if wanted.packages or wanted.all_packages:
        raise UsageError(
            "--package and --all-packages are for workspaces",
            hint="`envsync tree NAME` begins at a package",
        )
    _judge("extra", (*wanted.extras, *wanted.no_extras), graph.extras)
    _judge("group", (*wanted.groups, *wanted.no_groups), graph.groups)
    groups, extras = set(map(normal, wanted.groups)), set(map(normal, wanted.extras))
    groups |= set(graph.default_groups) if wanted.default_groups else set()
    groups |= set(graph.groups) if wanted.all_groups else set()
    extras |= set(graph.extras) if wanted.all_extras else set()
    return (
        extras - set(map(normal, wanted.no_extras)),
        groups - set(map(normal, wanted.no_groups)),
    )


def _members(graph: Graph, project: Project | None) -> "Sequence[Member]":
    """Give the members of a workspace whose lock this is; of other projects env.toml isn't read."""
    if project is None or not project.spec_path:
        return ()
    if not any(group.startswith("member-") for group in graph.groups):
        return ()
    from envsync.project.env_toml import read_spec  # noqa: PLC0415

    members = read_spec(project)[0].members
    return members if members and members[0].needs in graph.groups else ()


def _judge(kind: str, names: Collection[str], known: Collection[str]) -> None:
    for name in names:
        if normal(name) not in set(map(normal, known)):
            listed = f"it has {', '.join(sorted(known))}" if known else f"it has no {kind}s at all"
            raise UsageError(f"the lock has no {kind} {name!r}", hint=listed)


def _meant(
    where: Where,
    graph: Graph,
    project: Project | None,
    settings: Settings,
    reporter: Reporter,
) -> "Target":
    """Give the interpreter that is meant: one that is there, or one of a platform or version.

    Where both are named, none needs to be there.
    """
    version = settings.python or ""
    if where.platform is None and not _VERSION.fullmatch(version):
        return _target(where, graph, project, settings, reporter)
    from envsync.model.platforms import (  # noqa: PLC0415
        platform_of,
        python_of,
        read_python,
        target_on,
    )

    here: Target | None = None
    platform = None if where.platform is None else _platform(where.platform)
    if _VERSION.fullmatch(version):
        settings = settings._replace(python=None)
        python = read_python(version)
    else:
        here = _target(where, graph, project, settings, reporter)
        python = python_of(here)
    if platform is None:
        here = _target(where, graph, project, settings, reporter)
        platform = platform_of(here)
    meant = target_on(platform, python, _patch(python, graph.requires_python))
    if here is None:
        return meant
    # It is what a part was taken from: an outlook is kept for as long as that stays.
    return meant._replace(executable=here.executable, signature=here.signature)


def _platform(name: str) -> "Platform":
    from envsync.model.platforms import read_platform  # noqa: PLC0415

    try:
        return read_platform(name)
    except ValueError as error:
        raise UsageError(f"--platform {name}: {error}") from error


def _patch(python: "Python", covered: str) -> int:
    """Give the first patch version that a lock covers."""
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415

    from envsync.model.platforms import first_patch  # noqa: PLC0415

    patch = first_patch(python, SpecifierSet(covered).contains)
    if patch is None:
        raise TargetNotCovered(
            f"the lock is for Python {covered}, not {python.version(0)}",
            hint="[env] requires-python in env.toml says what the lock covers",
        )
    return patch


def _target(
    where: Where, graph: Graph, project: Project | None, settings: Settings, reporter: Reporter
) -> "Target":
    """Give the project's interpreter; what the last sync remembered saves reading env.toml."""
    if project is not None and project.spec_path and not where.platform:
        from envsync.sync.remembered import recall  # noqa: PLC0415

        known = recall(project, SyncRequest(where.selection), settings)
        if known is not None:
            return known.target
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415

    from envsync.project.env_toml import read_spec  # noqa: PLC0415
    from envsync.project.interpreter import find_interpreter  # noqa: PLC0415

    requires = SpecifierSet(graph.requires_python) if graph.requires_python else None
    asked, root = None, os.getcwd()
    if project is not None:
        spec, _ = read_spec(project)
        asked, root, requires = spec.python, project.root, spec.requires_python or requires
    try:
        return find_interpreter(asked, requires, root, settings, reporter)
    except InterpreterNotFound as error:
        error.hint = f"{error.hint or ''}; `--universal` needs none".removeprefix("; ")
        raise
