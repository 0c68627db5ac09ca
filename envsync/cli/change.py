"""The commands `init`, `add` and `remove`."""

import argparse
import shlex
from functools import partial

from envsync.cli.lock import give_leave_by
from envsync.cli.main import Session
from envsync.cli.report import lock_document, report_lock, report_sync, sync_document
from envsync.errors import EnvsyncError
from envsync.operations.change import Addition, Changed, Place, add, init_project, remove
from envsync.operations.named import Revision
from envsync.project.paths import find_project, project_at


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of one of the commands."""
    if command == "init":
        parser.add_argument("name", nargs="?", help="the environment's name; default: the folder's")
        return
    parser.add_argument(
        "names" if command == "remove" else "requirements",
        nargs="+",
        metavar="NAME" if command == "remove" else "REQUIREMENT",
        help="a package"
        if command == "remove"
        else "a requirement, such as 'flask>=3', or a repository: git+https://HOST/PATH@TAG",
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
        parser.add_argument(
            "--index",
            metavar="NAME[=URL]",
            help="have the packages from this [[index]]; with URL a new one",
        )
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--tag", metavar="NAME", help="this tag of a repository")
        which.add_argument("--branch", metavar="NAME", help="this branch of a repository")
        which.add_argument("--rev", metavar="COMMIT", help="this commit of a repository")


def run(command: str, options: argparse.Namespace, session: Session) -> int:
    """Do one of the commands."""
    if command == "init":
        return _init(options, session)
    changed = _add(options, session) if command == "add" else _remove(options, session)
    return _report(command, changed, session)


def _init(options: argparse.Namespace, session: Session) -> int:
    project = project_at(session.directory, session.environment)
    name = init_project(project, options.name, session.settings, session.ui)
    session.ui.note(f"Wrote {name}")
    session.ui.hint("`envsync add NAME` adds a dependency")
    if session.settings.json:
        session.ui.document({"command": "init", "env": name})
    return 0


def _add(options: argparse.Namespace, session: Session) -> Changed:
    project = find_project(session.directory, session.environment)
    addition = Addition(
        tuple(options.requirements),
        _place(options),
        tuple(options.allow_build),
        options.raw,
        options.index,
        Revision(options.tag, options.branch, options.rev),
    )
    try:
        return add(project, addition, session.settings, session.ui, sync=not options.no_sync)
    except EnvsyncError as error:  # what it would add is in no file, for `lock` to see
        give_leave_by(error, partial(_add_and_allow, options))
        raise


def _remove(options: argparse.Namespace, session: Session) -> Changed:
    project = find_project(session.directory, session.environment)
    settings, ui, is_synced = session.settings, session.ui, not options.no_sync
    return remove(project, options.names, _place(options), settings, ui, sync=is_synced)


def _place(options: argparse.Namespace) -> Place:
    return Place("dev" if options.dev else options.group, options.extra)


def _add_and_allow(options: argparse.Namespace, name: str) -> str:
    """Give the `add` that was typed, with leave to build a package."""
    words = [f"--{flag}" for flag in ("dev", "raw") if getattr(options, flag)]
    words += ["--no-sync"] if options.no_sync else []
    for key in ("group", "extra", "index", "tag", "branch", "rev"):
        flag, value = f"--{key}", getattr(options, key)
        words += [flag, value] if value else []
    for allowed in (*options.allow_build, name):
        words += ["--allow-build", allowed]
    return f"`envsync add {shlex.join([*words, *options.requirements])}`"


def _report(command: str, changed: Changed, session: Session) -> int:
    """Say what was done, as lines and for `--json`; gives the exit code."""
    lock, synced = changed.lock, changed.synced
    if synced is None or not lock.fresh:
        report_lock(lock, session, written=changed.wrote_lock)
    document = lock_document(lock, written=changed.wrote_lock)
    if synced is not None:
        report_sync(synced.outcome, session, seconds=changed.seconds, told=lock.changes)
        document = {**sync_document(synced.outcome), **document}
    if session.settings.json:
        session.ui.document({"command": command, **document, "env_edited": changed.is_edited})
    return 0
