"""The command `lock`."""

import argparse
import os
import re
from typing import TYPE_CHECKING

from envsync.cli.main import Session
from envsync.cli.report import lock_document, report_lock
from envsync.errors import EnvsyncError, UsageError
from envsync.project.answered import is_known_fresh, remember_fresh
from envsync.project.locks import project_lock
from envsync.project.paths import Project, find_project
from envsync.project.request import LockOptions
from envsync.project.texts import write_together

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envsync.operations.lock import LockOutcome
    from envsync.project.texts import Text


_LEAVE = re.compile(r"`envsync lock --allow-build ([A-Za-z0-9._-]+)`")


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
    error.hint = error.hint and _LEAVE.sub(lambda match: give(match[1]), error.hint)


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
    """Lock the project."""
    project = find_project(session.directory, session.environment)
    plain = not (options.upgrade or options.upgrade_package or options.allow_build)
    if plain and not session.settings.json and is_known_fresh(project, session.settings):
        session.ui.note(f"{os.path.basename(project.lock_path)} is up to date")
        return 0
    if options.check:
        return _check(project, session)
    return _lock(project, options, session)


def _lock(project: Project, options: argparse.Namespace, session: Session) -> int:
    if options.dry_run:
        return _make(project, options, session)
    with project_lock(project, session.settings.cache_dir, session.ui):
        return _make(project, options, session)


def _make(project: Project, options: argparse.Namespace, session: Session) -> int:
    from envsync.operations.lock import make_lock  # noqa: PLC0415
    from envsync.project.env_toml import (  # noqa: PLC0415
        changed_spec,
        parse_project_spec,
        read_spec,
    )

    spec, before = read_spec(project)
    text = before
    if options.allow_build:
        from envsync.spec.edit import allow_build  # noqa: PLC0415  (tomlkit: 39 ms)

        text = allow_build(text, options.allow_build)
        spec = parse_project_spec(project, text.encode())
    outcome = make_lock(
        project, spec, session.settings, session.ui, lock_options(options), repair=True
    )
    written = False
    if not options.dry_run:
        written = write_with_lock(changed_spec(project, before, text), outcome)
    if not options.dry_run and not spec.sources:  # local sources may change what is fresh
        remember_fresh(text.encode(), outcome.data, session.settings)
    report_lock(outcome, session, written=written)
    if session.settings.json:
        session.ui.document({"command": "lock", **lock_document(outcome, written=written)})
    return 0


def write_with_lock(spec: "Sequence[Text]", outcome: "LockOutcome") -> bool:
    """Write what is to change of env.toml, and the lock; True when the lock was written."""
    return outcome.path in write_together([*spec, *outcome.texts()])


def _check(project: Project, session: Session) -> int:
    """Compare env.toml with the lock, without asking any index. Raises `LockOutdated`."""
    from envsync.lock.read import reading_policy  # noqa: PLC0415
    from envsync.operations.lock import read_lock, refuse_stale  # noqa: PLC0415
    from envsync.project.env_toml import read_spec  # noqa: PLC0415

    spec, _ = read_spec(project)
    reading = reading_policy(spec, session.settings.insecure_hosts)
    before = read_lock(project, reading, session.ui)
    refuse_stale(project, spec, before[0] if before else None, session.settings)
    name = os.path.basename(project.lock_path)
    session.ui.note(f"{name} is up to date")
    if session.settings.json:
        session.ui.document({"command": "lock", "lock": name, "up_to_date": True})
    return 0
