"""The commands `init`, `add` and `remove`."""

import argparse
import os
import shlex
from collections.abc import Mapping
from functools import partial

from envsync.cli.lock import give_leave_by
from envsync.cli.main import Session
from envsync.cli.report import lock_document, report_lock, report_sync, sync_document
from envsync.errors import EnvsyncError, UsageError
from envsync.operations.change import Addition, Changed, add, init_project, remove
from envsync.operations.declaration import Place
from envsync.operations.named import Revision
from envsync.project.paths import find_project, project_at


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of one of the commands."""
    if command == "init":
        parser.add_argument("name", nargs="?", help="the environment's name; default: the folder's")
        parser.add_argument(
            "--bare", action="store_true", help="take nothing over from the files that are here"
        )
        return
    parser.add_argument(
        "names" if command == "remove" else "requirements",
        nargs="+" if command == "remove" else "*",
        metavar="NAME" if command == "remove" else "REQUIREMENT",
        help="a package"
        if command == "remove"
        else "a requirement, such as 'flask>=3', a repository (git+https://HOST/PATH@TAG), or "
        "the path of a folder, wheel or source archive",
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
        for flags, help_text in (
            (("-r", "--requirements"), "add what this requirements file asks for, as it stands"),
            (("-c", "--constraints"), "put what this file says under [lock] constraints"),
        ):
            parser.add_argument(
                *flags,
                action="append",
                default=[],
                metavar="FILE",
                dest=f"{flags[1][2:]}_files",
                help=help_text,
            )
        parser.add_argument(
            "--editable", action="store_true", help="install the local folder in place"
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
    settings, ui = session.settings, session.ui
    made = init_project(project, options.name, settings, ui, bare=options.bare)
    if isinstance(made, str):
        ui.note(f"Wrote {made}")
        ui.hint("`envsync add NAME` adds a dependency")
        document: Mapping[str, object] = {"env": made}
    else:
        from envsync.cli.adopt import imported_document, report_imported  # noqa: PLC0415

        report_imported(made, session)
        ui.note(f"Wrote {made.file}")
        ui.hint("`envsync lock` pins what it needs")
        document = imported_document(made)
    if settings.json:
        ui.document({"command": "init", **document})
    return 0


def _add(options: argparse.Namespace, session: Session) -> Changed:
    project = find_project(session.directory, session.environment)
    addition = Addition(
        tuple(options.requirements),
        _place(options),
        tuple(options.allow_build),
        options.raw,
        options.index,
        options.editable,
        Revision(options.tag, options.branch, options.rev),
        tuple(options.requirements_files),
        tuple(options.constraints_files),
        session.directory,
    )
    if not (addition.requirements or addition.files or addition.constraints):
        raise UsageError(
            "what is to be added? REQUIREMENT, or -r FILE", hint="`envsync add 'flask>=3'`"
        )
    try:
        return add(project, addition, session.settings, session.ui, sync=not options.no_sync)
    except EnvsyncError as error:  # what it would add is in no file, for `lock` to see
        if not project.member:  # leave stands in the workspace's own env.toml
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
    words = [f"--{flag}" for flag in ("dev", "raw", "editable") if getattr(options, flag)]
    words += ["--no-sync"] if options.no_sync else []
    for key in ("group", "extra", "index", "tag", "branch", "rev"):
        flag, value = f"--{key}", getattr(options, key)
        words += [flag, value] if value else []
    for flag, files in (("-r", options.requirements_files), ("-c", options.constraints_files)):
        words += [word for file in files for word in (flag, file)]
    for allowed in (*options.allow_build, name):
        words += ["--allow-build", allowed]
    return f"`envsync add {shlex.join([*words, *options.requirements])}`"


def _report(command: str, changed: Changed, session: Session) -> int:
    """Say what was done, as lines and for `--json`; gives the exit code."""
    lock, synced = changed.lock, changed.synced
    for name in changed.files:
        if not os.path.basename(name).startswith("env."):
            session.ui.note(f"Edited {name}")
    if synced is None or not lock.fresh:
        report_lock(lock, session, written=changed.wrote_lock)
    document = lock_document(lock, written=changed.wrote_lock)
    if synced is not None:
        report_sync(synced.outcome, session, seconds=changed.seconds, told=lock.changes)
        document = {**sync_document(synced.outcome), **document}
    if session.settings.json:
        said = {"env_edited": changed.is_edited, "files_edited": list(changed.files)}
        session.ui.document({"command": command, **document, **said})
    return 0
