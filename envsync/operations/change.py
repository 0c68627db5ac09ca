"""One page: what `init`, `add` and `remove` do to env.toml, keeping comments and order."""

import os
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from envsync.errors import LockInvalid, UsageError
from envsync.events import SILENT, Reporter
from envsync.lock.needers import all_needers, needers
from envsync.lock.read import STRICT
from envsync.lock.text import render
from envsync.operations.addition import bounded
from envsync.operations.lock import make_lock
from envsync.operations.lock_file import LockOutcome, read_lock, write_with_lock
from envsync.operations.named import Named, Revision, named
from envsync.operations.results import Synced
from envsync.operations.sync import SpecText, sync_project
from envsync.operations.unchanged import decisions_about, whole_text
from envsync.project.env_toml import changed_spec, parse_project_spec, read_spec
from envsync.project.interpreter import find_interpreter
from envsync.project.local_addition import is_path, local_addition
from envsync.project.locks import project_lock
from envsync.project.members import member_text
from envsync.project.paths import Project
from envsync.project.request import LockOptions, Selection, SyncRequest
from envsync.project.texts import Text, write_if_changed
from envsync.settings import Settings
from envsync.spec.edit import (
    NotListed,
    add_dependency,
    allow_build,
    new_spec,
    put_source,
    removal_of,
    remove_dependency,
)
from envsync.spec.edit_sources import put_git_source
from envsync.spec.members import from_root
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

    def of(self, spec: Spec, member: str = "") -> Sequence[Requirement]:
        """Give the list's requirements; of a workspace those of the member in that folder."""
        if spec.members:
            return spec.dependency_groups.get(self._in_lock(spec, member), ())
        if self.group is not None:
            return spec.dependency_groups.get(canonicalize_name(self.group), ())
        if self.extra is not None:
            return spec.optional_dependencies.get(canonicalize_name(self.extra), ())
        return spec.dependencies

    def _in_lock(self, spec: Spec, path: str) -> NormalizedName:
        member = next(one for one in spec.members if one.path == (path or "."))
        if self.group is not None:
            return member.groups[canonicalize_name(self.group)]
        return member.needs if self.extra is None else member.extras[canonicalize_name(self.extra)]


class Addition(NamedTuple):
    """What is to be added to env.toml."""

    requirements: tuple[str, ...]
    place: Place = Place()
    allow_build: tuple[str, ...] = ()
    raw: bool = False
    """Requirements are written as given, without a bound."""
    editable: bool = False
    """Local folders among them."""
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
        file = _file_of(project)
        look = partial(_name_at, project, file.spec, settings, reporter)
        addition, text = _with_local(addition, file)
        asked = named(addition.requirements, addition.revision, file.spec, look)
        edited = file.with_text(_with_added(addition, asked, file._replace(before=text)))
        names = frozenset(one.name for one in asked)
        options, earlier = LockOptions(added=names), file.earlier()
        lock = make_lock(project, edited.spec, settings, reporter, options, earlier=earlier)
        if not addition.raw:
            edited, lock = _with_bounds(names, addition.place, edited, lock)
        request = addition.place.request()
        changed = _carry_out(edited, lock, request, settings, reporter, sync=sync)
        if lock.decision is not None:
            text = whole_text(edited.source().text, edited.spec)
            decisions_about(text, settings).put(lock.data, lock.decision)
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
        file = _file_of(project)
        text = file.before
        for name in names:
            try:
                text = remove_dependency(text, name, **place._asdict(), member_of=file.indexes)
            except NotListed as error:
                raise _with_needers(error, project, text) from None
        edited = file.with_text(text)
        lock = make_lock(project, edited.spec, settings, reporter, LockOptions())
        return _carry_out(edited, lock, SyncRequest(), settings, reporter, sync=sync)


class _File(NamedTuple):
    """The env.toml that is edited, the project's or that of a workspace's member."""

    project: Project
    """That of a member is the workspace, entered by the member."""
    member: str
    """The member's file, relative to the workspace's folder; "" is the project's own env.toml."""
    root_text: str
    """What the project's own holds on disk."""
    before: str
    """What the edited one does."""
    text: str
    """What it is to hold."""
    spec: Spec
    """What all of the project is by what stands on disk."""
    indexes: Sequence[str] | None = None
    """The workspace's, of a member's file."""

    def folder(self) -> str:
        """Give the folder that paths in it start from."""
        return os.path.dirname(os.path.join(self.project.root, self.member or "env.toml"))

    def earlier(self) -> tuple[Spec, str]:
        """Give what the project was before, with all that decides its lock."""
        return self.spec, whole_text(self.root_text, self.spec)

    def with_text(self, text: str) -> "_Edited":
        """Give it with another text, and what that means. Raises `SpecInvalid`."""
        file = self._replace(text=text)
        if self.member:
            spec = parse_project_spec(self.project, self.root_text.encode(), {self.member: text})
        else:
            spec = parse_project_spec(self.project, text.encode())
        return _Edited(file, spec)

    def texts(self) -> list[Text]:
        """Give what is to be written."""
        if not self.member:
            return changed_spec(self.project, self.before, self.text)
        if self.text == self.before:
            return []
        path = os.path.realpath(os.path.join(self.project.root, self.member))
        return [Text(path, self.text.encode(), self.before.encode(), self.member)]


class _Edited(NamedTuple):
    """An edited file, and what the project is by it."""

    file: _File
    spec: Spec

    def source(self) -> SpecText:
        """Give the project's own env.toml, and what it means."""
        file = self.file
        return SpecText(self.spec, file.root_text if file.member else file.text)


def _file_of(project: Project) -> _File:
    """Read the file that is to be edited. Raises `UsageError` for a member without env.toml."""
    spec, root_text = read_spec(project)
    if not project.member:
        return _File(project, "", root_text, root_text, root_text, spec)
    member, text = member_text(project)
    if not text:
        raise UsageError(
            f"there is no {member} to edit: the member's requirements stand in its pyproject.toml",
            hint="change that by hand, then `envsync sync`; `envsync init` there makes an env.toml",
        )
    return _File(project, member, root_text, text, text, spec, [one.name for one in spec.indexes])


def _carry_out(
    edited: _Edited,
    lock: LockOutcome,
    request: SyncRequest,
    settings: Settings,
    reporter: Reporter,
    *,
    sync: bool,
) -> Changed:
    """Write env.toml and lock, with `sync` together with the environment."""
    file = edited.file
    is_edited = file.text != file.before
    if not sync:
        return Changed(lock, None, write_with_lock(file.texts(), lock), is_edited)
    started = time.monotonic()
    selection = request.selection._replace(member=file.project.member)
    synced = sync_project(
        file.project,
        request._replace(selection=selection),
        settings,
        reporter,
        edited=file.texts(),
        source=edited.source(),
        lock=lock,
    )
    seconds = time.monotonic() - started
    return Changed(lock, synced, synced.wrote_lock, is_edited, seconds)


def _name_at(
    project: Project, spec: Spec, settings: Settings, reporter: Reporter, source: SourceSpec
) -> str:
    """Give the name of the project in a repository; who types its address lets it be built."""
    # What talks to servers is imported only where something is asked.
    from envsync.acquire.package_sources import PackageSources  # noqa: PLC0415

    with PackageSources(project.root, spec, settings, reporter) as sources:
        return sources.name_at(source)


def _with_local(addition: Addition, file: _File) -> tuple[Addition, str]:
    """Put names in the place of paths; gives the text with the sources of these, too."""
    text, requirements, names = file.before, [], []
    members = {one.name: one for one in file.spec.members}
    for word in addition.requirements:
        if not is_path(word):
            requirements.append(word)
            continue
        local = local_addition(word, file.folder(), editable=addition.editable)
        requirements.append(local.requirement)
        names.append(local.name)
        place = from_root(os.path.dirname(file.member) or ".", local.source.location)
        if local.name not in members or members[local.name].path != place:
            text = put_source(text, local.name, local.source, member_of=file.indexes)
    if addition.editable and not names:
        raise UsageError("--editable is for local folders", hint="`envsync add --editable ./lib`")
    return addition._replace(requirements=tuple(requirements)), text


def _with_added(addition: Addition, asked: Sequence[Named], file: _File) -> str:
    text, place = file.before, addition.place
    for one in asked:
        if one.source is not None:
            text = _without_address(text, one.name, place)
        where = {**place._asdict(), "member_of": file.indexes}
        text = add_dependency(text, one.requirement, **where)
        if one.source is not None:
            text = put_git_source(text, one.name, one.source)
    if addition.allow_build:
        text = allow_build(text, addition.allow_build)
    return text


def _without_address(text: str, name: str, place: Place) -> str:
    """Take a requirement out that has an address of its own, for one under [sources]."""
    listed = place.of(parse_spec(text, folder_name="env"))
    if any(canonicalize_name(one.name) == name and one.url for one in listed):
        return remove_dependency(text, name, group=place.group, extra=place.extra)
    return text


def _with_bounds(
    names: Collection[str], place: Place, edited: _Edited, lock: LockOutcome
) -> tuple[_Edited, LockOutcome]:
    """Write requirements that were given without a version as "at least what was locked"."""
    text = edited.file.text
    for requirement in place.of(edited.spec, edited.file.project.member):
        name = canonicalize_name(requirement.name)
        locked = [p.version for p in lock.pylock.packages if p.name == name and p.version]
        if name in names and locked and not requirement.specifier and requirement.url is None:
            # The oldest where markers led to several; a bound can't have a local part (PEP 440).
            requirement.specifier = SpecifierSet(f">={min(locked).public}")
            where = {**place._asdict(), "member_of": edited.file.indexes}
            text = add_dependency(text, str(requirement), **where)
    if text == edited.file.text or lock.restated is None:
        return edited, lock
    with_bounds = edited.file.with_text(text)
    pylock = lock.restated(with_bounds.spec)
    decision = bounded(lock.decision, pylock, names)
    data = render(pylock, (lock.pylock, lock.data.decode())).encode()
    return with_bounds, lock._replace(pylock=pylock, data=data, decision=decision)


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
