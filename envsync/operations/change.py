"""One page: what `init`, `add` and `remove` do to env.toml, keeping comments and order."""

import os
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envsync.errors import LockInvalid, UsageError
from envsync.events import SILENT, Reporter
from envsync.lock.needers import all_needers, needers
from envsync.lock.reading import STRICT
from envsync.lock.text import render
from envsync.operations.addition import bounded
from envsync.operations.lock import make_lock
from envsync.operations.lock_file import LockOutcome, read_lock, write_with_lock
from envsync.operations.named import Named, Revision, named
from envsync.operations.results import Synced
from envsync.operations.sync import SpecText, sync_project
from envsync.operations.unchanged import decisions_about
from envsync.project.env_toml import changed_spec, parse_project_spec, read_spec
from envsync.project.interpreter import find_interpreter
from envsync.project.locks import project_lock
from envsync.project.paths import Project
from envsync.project.request import LockOptions, Selection, SyncRequest
from envsync.project.texts import Text, write_if_changed
from envsync.settings import Settings
from envsync.spec.edit import (
    NotListed,
    add_dependency,
    allow_build,
    new_spec,
    removal_of,
    remove_dependency,
)
from envsync.spec.edit_sources import put_git_source
from envsync.spec.model import SourceSpec, Spec
from envsync.spec.read import parse_spec


class Place(NamedTuple):
    """Which list of env.toml is edited; neither: the dependencies."""

    group: str | None = None
    extra: str | None = None

    def request(self) -> SyncRequest:
        """Ask for what was edited too, whether it is a default or not."""
        groups = () if self.group is None else (self.group,)
        extras = () if self.extra is None else (self.extra,)
        return SyncRequest(Selection(groups=groups, extras=extras))

    def of(self, spec: Spec) -> Sequence[Requirement]:
        """Give the list's requirements."""
        if self.group is not None:
            return spec.dependency_groups.get(canonicalize_name(self.group), ())
        if self.extra is not None:
            return spec.optional_dependencies.get(canonicalize_name(self.extra), ())
        return spec.dependencies


class Addition(NamedTuple):
    """What is to be added to env.toml."""

    requirements: tuple[str, ...]
    place: Place = Place()
    allow_build: tuple[str, ...] = ()
    raw: bool = False
    """Requirements are written as given, without a bound."""
    source: str | None = None
    """Where the packages are to come from: `NAME`, or `NAME=URL`."""
    revision: Revision = Revision()
    """What of a repository is asked for."""


class Changed(NamedTuple):
    """What an edit of env.toml came to."""

    lock: LockOutcome
    synced: Synced | None
    """None: only locked."""
    wrote_lock: bool
    is_edited: bool
    """env.toml is another one than before."""
    seconds: float = 0.0
    """That the sync took."""


def init_project(project: Project, name: str | None, settings: Settings, reporter: Reporter) -> str:
    """Write a first env.toml; gives the name of the file. Raises `UsageError` where there is one.

    `name` is the environment's; without one it has that of the folder.
    """
    file = os.path.basename(project.spec_path)
    with project_lock(project, settings.cache_dir, reporter):
        if os.path.lexists(project.spec_path):
            raise UsageError(f"{file} is here already", hint="`envsync add NAME` adds to it")
        target = find_interpreter(None, None, project.root, settings, reporter)
        minor = ".".join(target.version.split(".")[:2])
        inside = name or os.path.basename(project.root)
        text = new_spec(inside, f">={minor}", environment=project.environment)
        write_if_changed(project.spec_path, text.encode())
    return file


def add(
    project: Project, addition: Addition, settings: Settings, reporter: Reporter, *, sync: bool
) -> Changed:
    """Edit env.toml in memory, lock, prepare the environment; then write all three.

    Raises what `make_lock` and a sync raise, `UsageError`, `SpecInvalid`; nothing has changed then.
    """
    with project_lock(project, settings.cache_dir, reporter):
        spec, before = read_spec(project)
        look = partial(_name_at, project, spec, settings, reporter)
        asked = named(addition.requirements, addition.revision, spec, look)
        source = _with_added(addition, asked, project, before)
        names = frozenset(one.name for one in asked)
        options, earlier = LockOptions(added=names), (spec, before)
        lock = make_lock(project, source.spec, settings, reporter, options, earlier=earlier)
        if not addition.raw:
            source, lock = _with_bounds(names, addition.place, project, source, lock)
        edit = _Edit(project, before, source, lock)
        changed = _carry_out(edit, addition.place.request(), settings, reporter, sync=sync)
        if lock.decision is not None:
            decisions_about(source.text, settings).put(lock.data, lock.decision)
        return changed


def remove(
    project: Project,
    names: Sequence[str],
    place: Place,
    settings: Settings,
    reporter: Reporter,
    *,
    sync: bool,
) -> Changed:
    """Take packages out of a list of env.toml, as `add` does. Raises `NotListed`, and as `add`."""
    with project_lock(project, settings.cache_dir, reporter):
        _, before = read_spec(project)
        text = before
        for name in names:
            try:
                text = remove_dependency(text, name, group=place.group, extra=place.extra)
            except NotListed as error:
                raise _with_needers(error, project, text) from None
        source = SpecText(parse_project_spec(project, text.encode()), text)
        lock = make_lock(project, source.spec, settings, reporter, LockOptions())
        edit = _Edit(project, before, source, lock)
        return _carry_out(edit, SyncRequest(), settings, reporter, sync=sync)


class _Edit(NamedTuple):
    """An env.toml that is to be another one, and the lock of that."""

    project: Project
    before: str
    source: SpecText
    lock: LockOutcome

    def texts(self) -> list[Text]:
        """Give what is to be written of env.toml."""
        return changed_spec(self.project, self.before, self.source.text)


def _carry_out(
    edit: _Edit, request: SyncRequest, settings: Settings, reporter: Reporter, *, sync: bool
) -> Changed:
    """Write env.toml and lock, with `sync` together with the environment."""
    is_edited = edit.source.text != edit.before
    if not sync:
        return Changed(edit.lock, None, write_with_lock(edit.texts(), edit.lock), is_edited)
    started = time.monotonic()
    synced = sync_project(
        edit.project,
        request,
        settings,
        reporter,
        edited=edit.texts(),
        source=edit.source,
        lock=edit.lock,
    )
    seconds = time.monotonic() - started
    return Changed(edit.lock, synced, synced.wrote_lock, is_edited, seconds)


def _name_at(
    project: Project, spec: Spec, settings: Settings, reporter: Reporter, source: SourceSpec
) -> str:
    """Give the name of the project in a repository; who types its address lets it be built."""
    # What talks to servers is imported only where something is asked.
    from envsync.acquire.package_sources import PackageSources  # noqa: PLC0415

    with PackageSources(project.root, spec, settings, reporter) as sources:
        return sources.name_at(source)


def _with_added(
    addition: Addition, asked: Sequence[Named], project: Project, text: str
) -> SpecText:
    place = addition.place
    for one in asked:
        if one.source is not None:
            text = _without_address(text, one.name, place)
        text = add_dependency(text, one.requirement, group=place.group, extra=place.extra)
        if one.source is not None:
            text = put_git_source(text, one.name, one.source)
    if addition.source is not None:
        names = [one.name for one in asked]
        text = _sent(text, names, place, addition.source)
    if addition.allow_build:
        text = allow_build(text, addition.allow_build)
    return SpecText(parse_project_spec(project, text.encode()), text)


def _sent(text: str, names: Sequence[str], place: Place, index: str) -> str:
    """Give env.toml with the packages that are added sent to an index."""
    from envsync.spec.edit_indexes import read_destination, send_to_index  # noqa: PLC0415

    part = ("extra", place.extra) if place.extra else ("group", place.group)
    destination = read_destination(index)
    if part[1] is not None:
        destination = destination._replace(part=(part[0], canonicalize_name(part[1])))
    return send_to_index(text, names, destination)


def _without_address(text: str, name: str, place: Place) -> str:
    """Take a requirement out that has an address of its own, for one under [sources]."""
    listed = place.of(parse_spec(text, folder_name="env"))
    if any(canonicalize_name(one.name) == name and one.url for one in listed):
        return remove_dependency(text, name, group=place.group, extra=place.extra)
    return text


def _with_bounds(
    names: Collection[str], place: Place, project: Project, source: SpecText, lock: LockOutcome
) -> tuple[SpecText, LockOutcome]:
    """Write requirements that were given without a version as "at least what was locked"."""
    text = source.text
    for requirement in place.of(source.spec):
        name = canonicalize_name(requirement.name)
        locked = [p.version for p in lock.pylock.packages if p.name == name and p.version]
        if name in names and locked and not requirement.specifier and requirement.url is None:
            # The oldest where markers led to several; a bound can't have a local part (PEP 440).
            requirement.specifier = SpecifierSet(f">={min(locked).public}")
            text = add_dependency(text, str(requirement), group=place.group, extra=place.extra)
    if text == source.text or lock.restated is None:
        return source, lock
    spec = parse_project_spec(project, text.encode())
    pylock = lock.restated(spec)
    decision = bounded(lock.decision, pylock, names)
    data = render(pylock, (lock.pylock, lock.data.decode())).encode()
    return SpecText(spec, text), lock._replace(pylock=pylock, data=data, decision=decision)


def _with_needers(error: NotListed, project: Project, text: str) -> NotListed:
    """Give the same error with what the package comes with, as the lock on disk has it."""
    if error.hint is not None:
        return error
    with suppress(LockInvalid):
        before = read_lock(project, STRICT, SILENT)
        requiring = needers(before[0], error.name) if before else ()
        if before and requiring:
            listed = map(partial(removal_of, text), all_needers(before[0], error.name))
            command = next(filter(None, listed), None)
            hint = command and f"`{command}` takes out what leads to it"
            return NotListed(error.name, error.path, needers=requiring, hint=hint or _NOT_THERE)
    return NotListed(error.name, error.path, hint=_NOT_THERE)


_NOT_THERE = "env.toml has no package of that name"
