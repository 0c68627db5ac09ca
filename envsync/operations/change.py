"""One page: what `init`, `add` and `remove` do to env.toml, keeping comments and order."""

import os
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envsync.errors import LockInvalid, UsageError
from envsync.events import SILENT, Reporter
from envsync.lock.needers import all_needers, needers
from envsync.lock.reading import STRICT
from envsync.lock.text import render
from envsync.operations.addition import bounded
from envsync.operations.declaration import Declaration, Place, read_declaration
from envsync.operations.lock import make_lock
from envsync.operations.lock_file import LockOutcome, read_lock, write_with_lock
from envsync.operations.named import Named, Revision, named
from envsync.operations.results import Synced
from envsync.operations.sync import SpecText, sync_project
from envsync.operations.unchanged import decisions_about, whole_text
from envsync.project.interpreter import find_interpreter
from envsync.project.local_addition import is_path, local_addition
from envsync.project.locks import project_lock
from envsync.project.paths import Project
from envsync.project.request import LockOptions, SyncRequest
from envsync.project.texts import write_if_changed
from envsync.settings import Settings
from envsync.spec.edit import NotListed, add_constraint, allow_build, new_spec, removal_of
from envsync.spec.edit_sources import put_git_source
from envsync.spec.members import from_root
from envsync.spec.model import BASE, SourceSpec, Spec

if TYPE_CHECKING:
    from envsync.operations.adopt import Imported


class Addition(NamedTuple):
    """What is to be added to env.toml."""

    requirements: tuple[str, ...]
    place: Place = Place()
    allow_build: tuple[str, ...] = ()
    raw: bool = False
    """Requirements are written as given, without a bound."""
    source: str | None = None
    """Where the packages are to come from: `NAME`, or `NAME=URL`."""
    editable: bool = False
    """Local folders among them."""
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
        before, spec = read_declaration(project)
        look = partial(_name_at, project, spec, settings, reporter)
        addition, given = _with_local(addition, before, spec)
        asked = named(addition.requirements, addition.revision, spec, look)
        after = _with_added(addition, asked, _with_files(addition, given, reporter))
        now, names = after.spec(), frozenset(one.name for one in asked)
        # What files bring along (indexes, sources, constraints) may move what stands.
        is_more = not addition.files and not addition.constraints
        earlier = (spec, whole_text(before.own_text(), spec)) if is_more else None
        options = LockOptions(added=names)
        lock = make_lock(project, now, settings, reporter, options, earlier=earlier)
        edit = _Edit(before, after, now, lock)
        if not addition.raw:
            edit = _with_bounds(edit, names, addition.place)
        changed = _carry_out(edit, addition.place.request(), settings, reporter, sync=sync)
        if edit.lock.decision is not None:
            text = whole_text(edit.after.own_text(), edit.spec)
            known = decisions_about(text, settings, edit.spec.inputs)
            known.put(edit.lock.data, edit.lock.decision)
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
        before, _ = read_declaration(project)
        after = before
        for name in names:
            try:
                after = after.without(name, place)
            except NotListed as error:
                raise _with_needers(error, after) from None
        spec = after.spec()
        lock = make_lock(project, spec, settings, reporter, LockOptions())
        edit = _Edit(before, after, spec, lock)
        return _carry_out(edit, SyncRequest(), settings, reporter, sync=sync)


class _Edit(NamedTuple):
    """What is declared before and after, what that means, and the lock of it."""

    before: Declaration
    after: Declaration
    spec: Spec
    lock: LockOutcome


def _carry_out(
    edit: _Edit, request: SyncRequest, settings: Settings, reporter: Reporter, *, sync: bool
) -> Changed:
    """Write env.toml and lock, with `sync` together with the environment."""
    project, lock = edit.after.project, edit.lock
    texts = edit.after.changes(edit.before)
    files = tuple(text.name for text in texts)
    if not sync:
        return Changed(lock, None, write_with_lock(texts, lock), files)
    started = time.monotonic()
    selection = request.selection._replace(member=project.member)
    synced = sync_project(
        project,
        request._replace(selection=selection),
        settings,
        reporter,
        edited=texts,
        source=SpecText(edit.spec, edit.after.own_text()),
        lock=lock,
    )
    seconds = time.monotonic() - started
    return Changed(lock, synced, synced.wrote_lock, files, seconds)


def _name_at(
    project: Project, spec: Spec, settings: Settings, reporter: Reporter, source: SourceSpec
) -> str:
    """Give the name of the project in a repository; who types its address lets it be built."""
    # What talks to servers is imported only where something is asked.
    from envsync.acquire.package_sources import PackageSources  # noqa: PLC0415

    with PackageSources(project.root, spec, settings, reporter) as sources:
        return sources.name_at(source)


def _with_local(
    addition: Addition, declared: Declaration, spec: Spec
) -> tuple[Addition, Declaration]:
    """Put names in the place of paths, and these under [sources]."""
    from envsync.spec.edit_tables import put_path  # noqa: PLC0415

    requirements, paths = [], 0
    members = {one.name: one.path for one in spec.members}
    for word in addition.requirements:
        if not is_path(word):
            requirements.append(word)
            continue
        local = local_addition(word, declared.folder(), editable=addition.editable)
        requirements.append(local.requirement)
        paths += 1
        place = from_root(os.path.dirname(declared.member) or ".", local.source.location)
        if members.get(local.name) != place:
            indexes = declared.indexes
            text = put_path(declared.text, local.name, local.source, member_of=indexes)
            declared = declared._replace(text=text)
    if addition.editable and not paths:
        raise UsageError("--editable is for local folders", hint="`envsync add --editable ./lib`")
    return addition._replace(requirements=tuple(requirements)), declared


def _with_files(addition: Addition, declared: Declaration, reporter: Reporter) -> Declaration:
    """Take over what requirements files say, where any were named."""
    if not addition.files and not addition.constraints:
        return declared
    from envsync.adopt.toml_text import dumps, toml_value  # noqa: PLC0415
    from envsync.project.added_files import read_added  # noqa: PLC0415
    from envsync.spec.edit_tables import put_index, put_source  # noqa: PLC0415

    root, folder = declared.folder(), addition.directory
    added = read_added(root, folder, addition.files, addition.constraints, reporter)
    text = declared.text
    for requirement in added.constraints:
        text = add_constraint(text, requirement, member_of=declared.indexes)
    for name, source in added.sources:
        text = put_source(text, name, toml_value(source), source)
    for row in added.indexes:
        text = put_index(text, dumps({"index": [row.table()]}), row.url)
    declared = declared._replace(text=text)
    for requirement in added.requirements:
        declared = declared.with_requirement(requirement, addition.place)
    return declared


def _with_added(addition: Addition, asked: Sequence[Named], declared: Declaration) -> Declaration:
    place, indexes = addition.place, declared.indexes
    for one in asked:
        if one.source is not None:
            declared = _without_address(declared, one.name, place)
        declared = declared.with_requirement(one.requirement, place)
        if one.source is not None:
            text = put_git_source(declared.text, one.name, one.source, member_of=indexes)
            declared = declared._replace(text=text)
    text = declared.text
    if addition.source is not None:
        text = _sent(text, [one.name for one in asked], place, addition.source, indexes or ())
    if addition.allow_build:
        text = allow_build(text, addition.allow_build, member_of=indexes)
    return declared._replace(text=text)


def _sent(
    text: str, names: Sequence[str], place: Place, index: str, others: Collection[str]
) -> str:
    """Give env.toml with the packages that are added sent to an index."""
    from envsync.spec.edit_indexes import read_destination, send_to_index  # noqa: PLC0415

    part = ("extra", place.extra) if place.extra else ("group", place.group)
    destination = read_destination(index)
    if part[1] is not None:
        destination = destination._replace(part=(part[0], canonicalize_name(part[1])))
    return send_to_index(text, names, destination, others)


def _without_address(declared: Declaration, name: str, place: Place) -> Declaration:
    """Take a requirement out that has an address of its own, for one under [sources]."""
    listed = place.of(declared.spec(), declared.project.member)
    if any(canonicalize_name(one.name) == name and one.url for one in listed):
        return declared.without(name, place)
    return declared


def _with_bounds(edit: _Edit, names: Collection[str], place: Place) -> _Edit:
    """Write requirements that were given without a version as "at least what was locked"."""
    lock, after = edit.lock, edit.after
    for requirement in place.of(edit.spec, after.project.member):
        name = canonicalize_name(requirement.name)
        locked = [p.version for p in lock.pylock.packages if p.name == name and p.version]
        if name in names and locked and not requirement.specifier and requirement.url is None:
            # The oldest where markers led to several; a bound can't have a local part (PEP 440).
            requirement.specifier = SpecifierSet(f">={min(locked).public}")
            after = after.with_requirement(str(requirement), place)
    if after == edit.after or lock.restated is None:
        return edit
    spec = after.spec()
    pylock = lock.restated(spec)
    decision = bounded(lock.decision, pylock, names)
    data = render(pylock, (lock.pylock, lock.data.decode())).encode()
    return _Edit(
        edit.before, after, spec, lock._replace(pylock=pylock, data=data, decision=decision)
    )


def _with_needers(error: NotListed, declared: Declaration) -> NotListed:
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
