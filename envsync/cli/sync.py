"""The command `sync`."""

import argparse
import os
import shlex
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from envsync.cli.lock import add_upgrade_arguments, lock_options
from envsync.cli.main import Session
from envsync.cli.report import lock_document, report_lock, report_sync, sync_document
from envsync.cli.selection import add_choice_arguments, selection_of
from envsync.errors import EnvDiffers, Remedy, UsageError
from envsync.operations.results import Synced
from envsync.operations.ways import bring_up_to_date
from envsync.project.paths import Project, find_project, with_lock
from envsync.project.request import FROZEN, LOCKED, SyncRequest
from envsync.settings import flag

if TYPE_CHECKING:
    from envsync.lock.compare import Change


_CHOICES = ("all_groups", "no_default_groups", "all_extras", "dev", "no_dev", "all_packages")
"""The options without a value that choose extras and groups."""


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:  # noqa: ARG001
    """Declare the arguments of `sync`."""
    parser.add_argument("--check", action="store_true", help="change nothing; exit 3 if different")
    parser.add_argument("--dry-run", action="store_true", help="show what would change")
    parser.add_argument(
        "--force", action="store_true", help="set aside a folder that envsync did not make"
    )
    parser.add_argument(
        "--discard", action="store_true", help="delete edited and stray files that were set aside"
    )
    parser.add_argument("--verify", action="store_true", help="look at every byte, and repair")
    parser.add_argument(
        "--from",
        dest="wheelhouse",
        metavar="DIR",
        help="take files from this folder by their hashes, and ask no network (see `fetch`)",
    )
    parser.add_argument(
        "--lock",
        metavar="FILE",
        help="take this pylock.toml, of any tool, as it stands; no env.toml is needed",
    )
    add_sync_arguments(parser)


def add_sync_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that say what is installed."""
    lock = parser.add_argument_group("the lock")
    either = lock.add_mutually_exclusive_group()
    either.add_argument(
        "--locked", action="store_true", help="fail when the lock would have to change"
    )
    either.add_argument(
        "--frozen", action="store_true", help="take the lock as it stands, without looking"
    )
    lock.add_argument(
        "--allow-build",
        action="append",
        default=[],
        metavar="NAME",
        help="with --frozen: let NAME be built from source this once",
    )
    add_upgrade_arguments(parser)
    add_choice_arguments(parser)
    bytecode = parser.add_mutually_exclusive_group()
    bytecode.add_argument(
        "--compile-bytecode",
        action="store_true",
        default=argparse.SUPPRESS,
        help="compile packages now, once for all environments",
    )
    bytecode.add_argument(
        "--no-compile-bytecode",
        dest="compile_bytecode",
        action="store_false",
        default=argparse.SUPPRESS,
        help="link only what is compiled already",
    )


def add_no_sync_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `--no-sync`."""
    parser.add_argument(
        "--no-sync", action="store_true", help="take the environment as it is, without looking"
    )


def is_not_synced(options: argparse.Namespace) -> bool:
    """Say whether the environment is to be taken as it is."""
    return options.no_sync or flag(os.environ, "ENVSYNC_NO_SYNC")


def add_selection_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of commands that look only, and never lock."""
    parser.add_argument(
        "--frozen", action="store_true", help="take the lock as it stands, without looking"
    )
    parser.set_defaults(locked=False, upgrade=False, upgrade_package=[])
    add_choice_arguments(parser)


def sync_request(options: argparse.Namespace, project: Project) -> SyncRequest:
    """Read the options that say what is installed in a project."""
    selection = selection_of(options, project)
    trust = LOCKED if options.locked else FROZEN if options.frozen else None
    wanted = lock_options(options)
    if trust and wanted.upgrade:
        raise UsageError(f"--{trust} and --upgrade exclude each other")
    return SyncRequest(
        selection,
        trust,
        wanted,
        getattr(options, "force", False),
        getattr(options, "verify", False),
        _leave(getattr(options, "allow_build", ()), trust),
    )


def choose_alike(error: EnvDiffers, options: argparse.Namespace) -> None:
    """Let the `sync` of a hint choose the extras and groups that the options chose."""
    if isinstance(error.hint, Remedy) and error.hint.words[0] == "sync":
        error.hint = error.hint.by(sync_command(options, *error.hint.words[1:]))


def sync_command(options: argparse.Namespace, *others: str) -> str:
    """Give the `sync` that chooses the extras and groups that the options chose, and no others."""
    chosen = [f"--{name.replace('_', '-')}" for name in _CHOICES if getattr(options, name)]
    if getattr(options, "lock", None) is not None:
        chosen += ["--lock", options.lock]
    for name in ("group", "no_group", "extra", "no_extra", "package"):
        for value in getattr(options, name):
            chosen += [f"--{name.replace('_', '-')}", value]
    return f"`envsync {shlex.join(['sync', *chosen, *others])}`"


def _leave(names: Sequence[str], trust: str | None) -> frozenset[str]:
    """Read whose build the command line allows; elsewhere than with --frozen env.toml says it."""
    if names and trust != FROZEN:
        raise UsageError(
            "--allow-build goes with --frozen: a lock that answers env.toml has its leave there",
            hint=f"`envsync lock --allow-build {names[0]}` writes it into env.toml",
        )
    if not names:
        return frozenset()
    from envsync.spec.requirements import read_name_or_all  # noqa: PLC0415

    try:
        return frozenset(map(read_name_or_all, names))
    except ValueError as error:
        raise UsageError(f"--allow-build: {error}") from error


def run(command: str, options: argparse.Namespace, session: Session) -> int:  # noqa: ARG001
    """Make the environment match the lock."""
    project = _project(options, session)
    if options.wheelhouse is not None:
        session = _without_network(options, session)
    request = sync_request(options, project)
    settings, ui = session.settings, session.ui
    if options.check:
        return _check(project, request, options, session)
    started = time.monotonic()
    if options.dry_run:
        from envsync.operations.sync import preview_project  # noqa: PLC0415

        done = preview_project(project, request, settings, ui)
    else:
        done = bring_up_to_date(project, request, settings, ui)
    _report(done, options, session, seconds=time.monotonic() - started)
    # After the sync: what this one set aside goes as well.
    if options.discard and not options.dry_run:
        from envsync.operations.discard import discard_quarantine  # noqa: PLC0415

        for path in discard_quarantine(project, done.outcome.root, settings, ui):
            ui.note(f"Deleted {path}")
    if settings.json:
        ui.document({"command": "sync", **sync_document(done.outcome), **_locked(done)})
    return 0


def _project(options: argparse.Namespace, session: Session) -> Project:
    """Find the project; that of a lock which is named is the folder that is named or current."""
    if options.lock is None:
        return find_project(session.directory, session.environment)
    for name in ("locked", "upgrade", "upgrade_package"):
        if getattr(options, name):
            raise UsageError(
                f"--lock and --{name.replace('_', '-')} exclude each other: a lock that is "
                "named is taken as it stands",
                hint=f"`envsync {shlex.join(['sync', '--lock', options.lock])}`",
            )
    # As with --frozen: it is not asked whether it answers env.toml, nor made anew.
    options.frozen = True
    return with_lock(session.directory, session.environment, options.lock)


def _without_network(options: argparse.Namespace, session: Session) -> Session:
    """Let all files come from a folder, for a lock that needn't change."""
    folder = os.path.abspath(options.wheelhouse)
    if not os.path.isdir(folder):
        raise UsageError(
            f"--from {options.wheelhouse}: no such folder",
            hint=f"`envsync fetch -o {shlex.quote(options.wheelhouse)}` makes it, with a network",
        )
    if options.upgrade or options.upgrade_package:
        raise UsageError(
            "--from and --upgrade exclude each other: what is new is on an index",
            hint="leave one of them out",
        )
    options.locked = not options.frozen
    return session._replace(settings=session.settings._replace(wheelhouse=folder, offline=True))


def _report(done: Synced, options: argparse.Namespace, session: Session, *, seconds: float) -> None:
    told: Sequence[Change] = ()
    if done.lock is not None and not done.lock.fresh and session.settings.wheelhouse:
        session.ui.note(f"{os.path.basename(done.lock.path)} is that of {options.wheelhouse}")
    elif done.lock is not None and not done.lock.fresh:
        report_lock(done.lock, session, written=done.wrote_lock)
        # Those of the lock were said with it.
        seconds, told = seconds - done.lock.seconds, done.lock.changes
    report_sync(done.outcome, session, dry_run=options.dry_run, seconds=seconds, told=told)


def _check(
    project: Project, request: SyncRequest, options: argparse.Namespace, session: Session
) -> int:
    from envsync.operations.sync import check_project  # noqa: PLC0415

    try:
        outcome = check_project(project, request, session.settings, session.ui)
    except EnvDiffers as error:
        choose_alike(error, options)
        raise
    session.ui.note(f"{os.path.basename(outcome.root)} matches the lock")
    if session.settings.json:
        session.ui.document({"command": "sync", **sync_document(outcome)})
    return 0


def _locked(done: Synced) -> dict[str, object]:
    if done.lock is None:
        return {"up_to_date": True, "written": False}
    return lock_document(done.lock, written=done.wrote_lock)
