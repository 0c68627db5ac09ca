"""The commands `init`, `add` and `remove`: they edit env.toml, keeping comments and order."""

import argparse
import os
import shlex
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envsync.cli.lock import give_leave_by, write_with_lock
from envsync.cli.main import Session
from envsync.cli.report import lock_document, report_lock, report_sync, sync_document
from envsync.errors import EnvsyncError, LockInvalid, UsageError
from envsync.events import SILENT
from envsync.lock.needers import all_needers, needers
from envsync.lock.read import STRICT
from envsync.operations.lock import LockOutcome, make_lock, read_lock, restate
from envsync.operations.sync import SpecText, sync_project
from envsync.project.env_toml import changed_spec, parse_project_spec, read_spec
from envsync.project.interpreter import find_interpreter
from envsync.project.locks import project_lock
from envsync.project.paths import Project, find_project, project_at
from envsync.project.request import LockOptions, Selection, SyncRequest
from envsync.project.texts import write_if_changed
from envsync.spec.edit import (
    NotListed,
    add_dependency,
    allow_build,
    new_spec,
    removal_of,
    remove_dependency,
)
from envsync.spec.model import Spec


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of one of the commands."""
    if command == "init":
        parser.add_argument("name", nargs="?", help="the environment's name; default: the folder's")
        return
    parser.add_argument(
        "names" if command == "remove" else "requirements",
        nargs="+",
        metavar="NAME" if command == "remove" else "REQUIREMENT",
        help="a package" if command == "remove" else "a requirement, such as 'flask>=3'",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--group", metavar="NAME", help="in this dependency group")
    where.add_argument("--dev", action="store_true", help="in the dependency group dev")
    where.add_argument("--extra", metavar="NAME", help="in this extra")
    parser.add_argument("--no-sync", action="store_true", help="lock only")
    if command == "add":
        parser.add_argument(
            "--raw", action="store_true", help="write the requirement as given, without a bound"
        )
        parser.add_argument(
            "--allow-build",
            action="append",
            default=[],
            metavar="NAME",
            help="let NAME be built from source",
        )


def run(command: str, options: argparse.Namespace, session: Session) -> int:
    """Do one of the commands."""
    start, environment = session.directory, session.environment
    project = (project_at if command == "init" else find_project)(start, environment)
    with project_lock(project, session.settings.cache_dir, session.ui):
        if command == "init":
            return _init(project, options, session)
        return _change(command, project, options, session)


def _init(project: Project, options: argparse.Namespace, session: Session) -> int:
    name = os.path.basename(project.spec_path)
    if os.path.lexists(project.spec_path):
        raise UsageError(f"{name} is here already", hint="`envsync add NAME` adds to it")
    target = find_interpreter(None, None, project.root, session.settings, session.ui)
    minor = ".".join(target.version.split(".")[:2])
    name_inside = options.name or os.path.basename(project.root)
    text = new_spec(name_inside, f">={minor}", environment=project.environment)
    write_if_changed(project.spec_path, text.encode())
    session.ui.note(f"Wrote {name}")
    session.ui.hint("`envsync add NAME` adds a dependency")
    if session.settings.json:
        session.ui.document({"command": "init", "env": name})
    return 0


def _change(command: str, project: Project, options: argparse.Namespace, session: Session) -> int:
    """Edit env.toml in memory, lock, prepare the environment; then write all three."""
    _, before = read_spec(project)
    text = before
    place = _Place("dev" if options.dev else options.group, options.extra)
    if command == "remove":
        for name in options.names:
            try:
                text = remove_dependency(text, name, group=place.group, extra=place.extra)
            except NotListed as error:
                _say_who_needs(error, project, text)
                raise
    else:
        for requirement in options.requirements:
            text = add_dependency(text, requirement, group=place.group, extra=place.extra)
        if options.allow_build:
            text = allow_build(text, options.allow_build)
    source = SpecText(parse_project_spec(project, text.encode()), text)
    names = options.requirements if command == "add" else ()
    asked = LockOptions(added=frozenset(canonicalize_name(Requirement(one).name) for one in names))
    try:
        lock = make_lock(project, source.spec, session.settings, session.ui, asked)
    except EnvsyncError as error:
        if command == "add":  # what it would add is in no file, for `lock` to see
            give_leave_by(error, partial(_add_and_allow, options))
        raise
    if command == "add" and not options.raw:
        source, lock = _with_bounds(options.requirements, place, project, source, lock)

    edited = changed_spec(project, before, source.text)
    is_edited = source.text != before
    if options.no_sync:
        written = write_with_lock(edited, lock)
        report_lock(lock, session, written=written)
        return _done(command, session, is_edited, lock_document(lock, written=written))
    started = time.monotonic()
    synced = sync_project(
        project,
        place.request() if command == "add" else SyncRequest(),
        session.settings,
        session.ui,
        edited=edited,
        source=source,
        lock=lock,
    )
    seconds = time.monotonic() - started
    if not lock.fresh:
        report_lock(lock, session, written=synced.wrote_lock)
    report_sync(synced.outcome, session, seconds=seconds, told=lock.changes)
    document = {**sync_document(synced.outcome), **lock_document(lock, written=synced.wrote_lock)}
    return _done(command, session, is_edited, document)


def _add_and_allow(options: argparse.Namespace, name: str) -> str:
    """Give the `add` that was typed, with leave to build a package."""
    words = [f"--{flag}" for flag in ("dev", "raw") if getattr(options, flag)]
    words += ["--no-sync"] if options.no_sync else []
    for flag, value in (("--group", options.group), ("--extra", options.extra)):
        words += [flag, value] if value else []
    for allowed in (*options.allow_build, name):
        words += ["--allow-build", allowed]
    return f"`envsync add {shlex.join([*words, *options.requirements])}`"


def _done(command: str, session: Session, is_edited: bool, result: Mapping[str, object]) -> int:
    """Give what was done for `--json`; gives the exit code."""
    if session.settings.json:
        session.ui.document({"command": command, **result, "env_edited": is_edited})
    return 0


def _say_who_needs(error: NotListed, project: Project, text: str) -> None:
    """Add to "it is not listed" that it comes with others, as the lock on disk has it."""
    with suppress(LockInvalid):
        if error.hint is None and (before := read_lock(project, STRICT, SILENT)):
            found = needers(before[0], error.name)
            if found:
                needs = "needs" if len(found) == 1 else "need"
                error.message = f"{error.message}: {' and '.join(found)} {needs} it"
                listed = map(partial(removal_of, text), all_needers(before[0], error.name))
                command = next(filter(None, listed), None)
                error.hint = command and f"`{command}` takes out what leads to it"
    error.hint = error.hint or "env.toml has no package of that name"


class _Place(NamedTuple):
    """Which list of env.toml is edited; neither: the dependencies."""

    group: str | None
    extra: str | None

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


def _with_bounds(
    given: Sequence[str], place: _Place, project: Project, source: SpecText, lock: LockOutcome
) -> tuple[SpecText, LockOutcome]:
    """Write requirements that were given without a version as "at least what was locked"."""
    names = {canonicalize_name(Requirement(text).name) for text in given}
    text = source.text
    for requirement in place.of(source.spec):
        name = canonicalize_name(requirement.name)
        locked = [p.version for p in lock.pylock.packages if p.name == name and p.version]
        if name in names and locked and not requirement.specifier and requirement.url is None:
            requirement.specifier = SpecifierSet(f">={min(locked).public}")
            text = add_dependency(text, str(requirement), group=place.group, extra=place.extra)
    if text == source.text or lock.restated is None:
        return source, lock
    spec = parse_project_spec(project, text.encode())
    return SpecText(spec, text), restate(lock, spec)
