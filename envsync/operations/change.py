"""One page: what `init`, `add` and `remove` do to env.toml, keeping comments and order."""

import os
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

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
from envsync.project.input_edits import Edits, edits_of
from envsync.project.interpreter import find_interpreter
from envsync.project.locks import project_lock
from envsync.project.paths import Project
from envsync.project.request import LockOptions, Selection, SyncRequest
from envsync.project.texts import Text, write_if_changed
from envsync.settings import Settings
from envsync.spec.edit import (
    NotListed,
    add_constraint,
    add_dependency,
    allow_build,
    lists,
    new_spec,
    removal_of,
    remove_dependency,
)
from envsync.spec.edit_sources import put_git_source
from envsync.spec.model import BASE, Part, SourceSpec, Spec

if TYPE_CHECKING:
    from envsync.operations.adopt import Imported


class Place(NamedTuple):
    """Which list of env.toml is edited; neither: the dependencies."""

    group: str | None = None
    extra: str | None = None

    def request(self) -> SyncRequest:
        """Ask for what was edited too, whether it is a default or not."""
        groups = () if self.group is None else (self.group,)
        extras = () if self.extra is None else (self.extra,)
        return SyncRequest(Selection(groups=groups, extras=extras))

    def part(self) -> Part:
        """Give it as a value."""
        if self.group is not None:
            return Part("group", canonicalize_name(self.group))
        return BASE if self.extra is None else Part("extra", canonicalize_name(self.extra))

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
    files: tuple[str, ...] = ()
    """Requirements files, whose requirements are added as they stand there."""
    constraints: tuple[str, ...] = ()
    """Files of constraints."""
    directory: str = ""
    """Where relative names of files begin."""


class Changed(NamedTuple):
    """What an edit of env.toml came to."""

    lock: LockOutcome
    synced: Synced | None
    """None: only locked."""
    wrote_lock: bool
    files: tuple[str, ...]
    """What was edited: env.toml, or files that it takes from."""
    seconds: float = 0.0
    """That the sync took."""

    @property
    def is_edited(self) -> bool:
        """Say whether the project declares something else than before."""
        return bool(self.files)


def init_project(
    project: Project,
    name: str | None,
    settings: Settings,
    reporter: Reporter,
    *,
    bare: bool = False,
) -> "str | Imported":
    """Write a first env.toml; gives the name of the file, or what it was made of where the folder
    has files that declare something, unless it is to be `bare`.

    `name` is the environment's; without one it has that of the files or the folder. Raises
    `UsageError` where there is an env.toml, and as `import_project`.
    """
    file = os.path.basename(project.spec_path)
    with project_lock(project, settings.cache_dir, reporter):
        if os.path.lexists(project.spec_path):
            raise UsageError(f"{file} is here already", hint="`envsync add NAME` adds to it")
        from envsync.operations.adopt import init_text  # noqa: PLC0415  (`init` alone)

        imported = None if bare else init_text(project, name)
        if imported is not None:
            write_if_changed(project.spec_path, imported.text.encode())
            return imported
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
        before, spec = _declared(project)
        look = partial(_name_at, project, spec, settings, reporter)
        asked = named(addition.requirements, addition.revision, spec, look)
        edited = _with_added(addition, asked, _with_files(addition, before, reporter))
        names = frozenset(one.name for one in asked)
        source = edited.source()
        # What files bring along (indexes, sources, constraints) may move what stands.
        is_more = not addition.files and not addition.constraints
        options, earlier = LockOptions(added=names), (spec, before.text) if is_more else None
        lock = make_lock(project, source.spec, settings, reporter, options, earlier=earlier)
        if not addition.raw:
            edited, lock = _with_bounds(names, addition.place, edited, source.spec, lock)
        edit = _Edit(before, edited, lock)
        changed = _carry_out(edit, addition.place.request(), settings, reporter, sync=sync)
        if lock.decision is not None:
            inputs = () if edited.files is None else edited.source().spec.inputs
            decisions_about(edited.text, settings, inputs).put(lock.data, lock.decision)
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
        before, _ = _declared(project)
        edited = before
        for name in names:
            try:
                edited = edited.without(name, place)
            except NotListed as error:
                raise _with_needers(error, edited) from None
        spec = edited.source().spec
        lock = make_lock(project, spec, settings, reporter, LockOptions())
        edit = _Edit(before, edited, lock)
        return _carry_out(edit, SyncRequest(), settings, reporter, sync=sync)


class _Declared(NamedTuple):
    """What a project declares: env.toml, and the files that it takes from."""

    project: Project
    text: str
    files: Edits | None
    """None: env.toml takes from no other."""

    def source(self) -> SpecText:
        """Give what it means. Raises `SpecInvalid`."""
        others = {} if self.files is None else self.files.files
        return SpecText(parse_project_spec(self.project, self.text.encode(), others), self.text)

    def with_requirement(self, requirement: str, place: Place) -> "_Declared":
        """Put a requirement into the file that has its package, or where its list is kept."""
        group, extra = place.group, place.extra
        # What can't be used is said by env.toml's own edit, as ever.
        text = add_dependency(self.text, requirement, group=group, extra=extra)
        if self.files is None:
            return self._replace(text=text)
        name = canonicalize_name(Requirement(requirement).name)
        here = lists(self.text, name, group=group, extra=extra)
        files = self.files.add(requirement.strip(), place.part(), here=here)
        return self._replace(text=text) if files is None else self._replace(files=files)

    def without(self, name: str, place: Place) -> "_Declared":
        """Take a package out of a list, wherever it stands. Raises `NotListed`."""
        wanted, group, extra = canonicalize_name(name.strip()), place.group, place.extra
        files = None if self.files is None else self.files.remove(wanted, place.part())
        if files is None:
            return self._replace(text=remove_dependency(self.text, name, group=group, extra=extra))
        text = self.text
        if lists(text, wanted, group=group, extra=extra):
            text = remove_dependency(text, name, group=group, extra=extra)
        return self._replace(text=text, files=files)


def _declared(project: Project) -> tuple[_Declared, Spec]:
    """Read what a project declares, and what it means."""
    spec, text = read_spec(project)
    files = edits_of(project, spec, text) if spec.inputs else None
    return _Declared(project, text, files), spec


class _Edit(NamedTuple):
    """What is declared before and after, and the lock of that."""

    before: _Declared
    after: _Declared
    lock: LockOutcome

    def texts(self) -> list[Text]:
        """Give what is to be written of env.toml, and of the files that it takes from."""
        files = () if self.after.files is None else self.after.files.texts()
        return [*changed_spec(self.before.project, self.before.text, self.after.text), *files]


def _carry_out(
    edit: _Edit, request: SyncRequest, settings: Settings, reporter: Reporter, *, sync: bool
) -> Changed:
    """Write env.toml and lock, with `sync` together with the environment."""
    texts = edit.texts()
    files = tuple(text.name for text in texts)
    if not sync:
        return Changed(edit.lock, None, write_with_lock(texts, edit.lock), files)
    started = time.monotonic()
    synced = sync_project(
        edit.after.project,
        request,
        settings,
        reporter,
        edited=texts,
        source=edit.after.source(),
        lock=edit.lock,
    )
    seconds = time.monotonic() - started
    return Changed(edit.lock, synced, synced.wrote_lock, files, seconds)


def _name_at(
    project: Project, spec: Spec, settings: Settings, reporter: Reporter, source: SourceSpec
) -> str:
    """Give the name of the project in a repository; who types its address lets it be built."""
    # What talks to servers is imported only where something is asked.
    from envsync.acquire.package_sources import PackageSources  # noqa: PLC0415

    with PackageSources(project.root, spec, settings, reporter) as sources:
        return sources.name_at(source)


def _with_files(addition: Addition, declared: _Declared, reporter: Reporter) -> _Declared:
    """Take over what requirements files say, where any were named."""
    if not addition.files and not addition.constraints:
        return declared
    from envsync.adopt.toml_text import dumps, toml_value  # noqa: PLC0415
    from envsync.project.added_files import read_added  # noqa: PLC0415
    from envsync.spec.edit_tables import put_index, put_source  # noqa: PLC0415

    root, folder = declared.project.root, addition.directory
    added = read_added(root, folder, addition.files, addition.constraints, reporter)
    text = declared.text
    for requirement in added.constraints:
        text = add_constraint(text, requirement)
    for name, source in added.sources:
        text = put_source(text, name, toml_value(source), source)
    for row in added.indexes:
        text = put_index(text, dumps({"index": [row.table()]}), row.url)
    declared = declared._replace(text=text)
    for requirement in added.requirements:
        declared = declared.with_requirement(requirement, addition.place)
    return declared


def _with_added(addition: Addition, asked: Sequence[Named], declared: _Declared) -> _Declared:
    place = addition.place
    for one in asked:
        if one.source is not None:
            declared = _without_address(declared, one.name, place)
        declared = declared.with_requirement(one.requirement, place)
        if one.source is not None:
            text = put_git_source(declared.text, one.name, one.source)
            declared = declared._replace(text=text)
    if addition.source is not None:
        names = [one.name for one in asked]
        text = _sent(declared.text, names, place, addition.source)
        declared = declared._replace(text=text)
    if addition.allow_build:
        text = allow_build(declared.text, addition.allow_build)
        declared = declared._replace(text=text)
    return declared


def _sent(text: str, names: Sequence[str], place: Place, index: str) -> str:
    """Give env.toml with the packages that are added sent to an index."""
    from envsync.spec.edit_indexes import read_destination, send_to_index  # noqa: PLC0415

    part = ("extra", place.extra) if place.extra else ("group", place.group)
    destination = read_destination(index)
    if part[1] is not None:
        destination = destination._replace(part=(part[0], canonicalize_name(part[1])))
    return send_to_index(text, names, destination)


def _without_address(declared: _Declared, name: str, place: Place) -> _Declared:
    """Take a requirement out that has an address of its own, for one under [sources]."""
    listed = place.of(declared.source().spec)
    if any(canonicalize_name(one.name) == name and one.url for one in listed):
        return declared.without(name, place)
    return declared


def _with_bounds(
    names: Collection[str], place: Place, declared: _Declared, spec: Spec, lock: LockOutcome
) -> tuple[_Declared, LockOutcome]:
    """Write requirements that were given without a version as "at least what was locked"."""
    renewed = declared
    for requirement in place.of(spec):
        name = canonicalize_name(requirement.name)
        locked = [p.version for p in lock.pylock.packages if p.name == name and p.version]
        if name in names and locked and not requirement.specifier and requirement.url is None:
            # The oldest where markers led to several; a bound can't have a local part (PEP 440).
            requirement.specifier = SpecifierSet(f">={min(locked).public}")
            renewed = renewed.with_requirement(str(requirement), place)
    if renewed == declared or lock.restated is None:
        return declared, lock
    pylock = lock.restated(renewed.source().spec)
    decision = bounded(lock.decision, pylock, names)
    data = render(pylock, (lock.pylock, lock.data.decode())).encode()
    return renewed, lock._replace(pylock=pylock, data=data, decision=decision)


def _with_needers(error: NotListed, declared: _Declared) -> NotListed:
    """Give the same error with what the package comes with, as the lock on disk has it."""
    if error.hint is not None:
        return error
    text = declared.text
    other = None if declared.files is None else declared.files.part_with(error.name)
    if other is not None:
        option = "" if other == BASE else f"--{other.kind} {other.name} "
        where = f"it is in {other}: `envsync remove {option}{error.name}`"
        return NotListed(error.name, error.path, hint=where)
    with suppress(LockInvalid):
        before = read_lock(declared.project, STRICT, SILENT)
        requiring = needers(before[0], error.name) if before else ()
        if before and requiring:
            listed = map(partial(removal_of, text), all_needers(before[0], error.name))
            command = next(filter(None, listed), None)
            hint = command and f"`{command}` takes out what leads to it"
            return NotListed(error.name, error.path, needers=requiring, hint=hint or _NOT_THERE)
    return NotListed(error.name, error.path, hint=_NOT_THERE)


_NOT_THERE = "env.toml has no package of that name"
