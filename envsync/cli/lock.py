"""The command `lock`."""

import argparse
import os
from typing import TYPE_CHECKING

from envsync.cli.main import Session
from envsync.cli.report import lock_document, report_lock
from envsync.errors import EnvsyncError, Leave, UsageError
from envsync.operations.ways import lock_stands
from envsync.project.paths import find_project
from envsync.project.request import LockOptions

if TYPE_CHECKING:
    from collections.abc import Callable


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:  # noqa: ARG001
    """Declare the arguments of `lock`."""
    add_upgrade_arguments(parser)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 3 if outdated")
    parser.add_argument("--dry-run", action="store_true", help="show what would change")
    parser.add_argument(
        "--allow-build",
        action="append",
        default=[],
        metavar="NAME",
        help="let NAME be built from source, and write that into env.toml",
    )


def give_leave_by(error: EnvsyncError, give: "Callable[[str], str]") -> None:
    """Say in a hint what gives leave here, in the place of `lock --allow-build NAME`."""
    if isinstance(error.hint, Leave):
        error.hint = error.hint.by(give(error.hint.name))


def add_upgrade_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that free pins."""
    parser.add_argument("-U", "--upgrade", action="store_true", help="free every pin of the lock")
    parser.add_argument(
        "-P",
        "--upgrade-package",
        action="append",
        default=[],
        metavar="NAME",
        help="free the pin of one package",
    )


def lock_options(options: argparse.Namespace) -> LockOptions:
    """Read the options that free pins."""
    if options.upgrade or not options.upgrade_package:
        return LockOptions(upgrade=bool(options.upgrade))
    from envsync.spec.requirements import read_name  # noqa: PLC0415

    try:
        return LockOptions(upgrade=frozenset(map(read_name, options.upgrade_package)))
    except ValueError as error:
        raise UsageError(f"--upgrade-package: {error}") from error


def run(command: str, options: argparse.Namespace, session: Session) -> int:  # noqa: ARG001
    """Lock the project, or see whether it is locked."""
    project = find_project(session.directory, session.environment)
    name = os.path.basename(project.lock_path)
    settings, ui = session.settings, session.ui
    plain = not (options.upgrade or options.upgrade_package or options.allow_build)
    if plain and not settings.json and lock_stands(project, settings):
        ui.note(f"{name} is up to date")
        return 0
    from envsync.operations.lock import check_lock, lock_project  # noqa: PLC0415

    if options.check:
        check_lock(project, settings, ui)
        ui.note(f"{name} is up to date")
        if settings.json:
            ui.document({"command": "lock", "lock": name, "up_to_date": True})
        return 0
    locked = lock_project(
        project,
        lock_options(options),
        settings,
        ui,
        allow_build=options.allow_build,
        dry_run=options.dry_run,
    )
    report_lock(locked.outcome, session, written=locked.written)
    if settings.json:
        document = lock_document(locked.outcome, written=locked.written)
        ui.document({"command": "lock", **document})
    return 0
