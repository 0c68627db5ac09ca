"""The commands `status` and `verify`."""

import argparse
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from envsync.cli.main import Session
from envsync.cli.sync import add_selection_arguments, choose_alike, sync_command, sync_request
from envsync.errors import EnvDiffers
from envsync.project.paths import Project, find_project
from envsync.ui import Ui, counted, printable

if TYPE_CHECKING:
    from envsync.operations.status import Status


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:  # noqa: ARG001
    """Declare the arguments of `status` and `verify`."""
    add_selection_arguments(parser)


def run(command: str, options: argparse.Namespace, session: Session) -> int:
    """Look, and say what was found."""
    project = find_project(session.directory, session.environment)
    if command == "verify":
        return _verify(project, options, session)
    from envsync.operations.status import status  # noqa: PLC0415

    seen = status(project, sync_request(options, project), session.settings, session.ui)
    if session.settings.json:
        session.ui.document({"command": "status", **_document(seen)})
    else:
        session.ui.data("\n".join(map(printable, _lines(seen, project, options, session.ui))))
    return 0


def _verify(project: Project, options: argparse.Namespace, session: Session) -> int:
    from envsync.operations.verify import verify  # noqa: PLC0415

    try:
        verified = verify(project, sync_request(options, project), session.settings, session.ui)
    except EnvDiffers as error:
        choose_alike(error, options)
        raise
    name = os.path.basename(verified.root)
    session.ui.note(
        f"Every byte of {name} is right: {counted(verified.files, 'file')} "
        f"of {counted(verified.packages, 'package')}"
    )
    if verified.compared < verified.packages:
        missing = verified.packages - verified.compared
        session.ui.note(
            f"{missing} of the packages are not in the store, or were built here: their files were "
            "compared with what was noted when they were installed"
        )
    if session.settings.json:
        session.ui.document(
            {"command": "verify", **verified._asdict(), "environment": verified.root}
        )
    return 0


def _lines(seen: "Status", project: Project, options: argparse.Namespace, ui: Ui) -> Iterator[str]:
    """Say it as version control does: what is well in a line, and what differs by kind."""
    name, lock = os.path.basename(seen.root), os.path.basename(project.lock_path)
    yield f"{lock}: {'outdated' if seen.stale else 'up to date'}"
    yield from (f"    {reason}" for reason in seen.stale)
    if seen.absent:
        yield f"{name}: {seen.absent}"
    else:
        packages, files = counted(seen.packages, "package"), counted(seen.files, "file")
        yield f"{name}: Python {seen.python}, {packages}, {files}"
    if seen.interrupted:
        yield "    a sync was interrupted: the next one finishes it first"
    if seen.comparison.changes and not seen.absent:
        yield ""
        command = ui.in_place(sync_command(options))
        yield f"Packages that {command} would change:"
        yield from (f"    {change.line()}" for change in seen.comparison.changes)
    if seen.paths:
        yield ""
        yield "Paths that are not as the lock has them:"
        lines = ui.in_short((change.line() for change in seen.paths), mark="")
        yield from (f"    {line}" for line in lines)
    if seen.false:
        yield ""
        yield "Packages that say otherwise than the lock, which `envsync sync` refuses:"
        yield from (f"    {line}" for line in seen.false)
    if seen.set_aside:
        yield ""
        yield (
            f"Set aside by earlier syncs: {counted(seen.set_aside, 'file')} in "
            f"{name}/.envsync/quarantine (`envsync sync --discard` deletes them)"
        )
    if seen.is_clean():
        yield "Nothing differs"


def _document(seen: "Status") -> dict[str, object]:
    return {
        "environment": seen.root,
        "python": seen.python,
        "clean": seen.is_clean(),
        "lock_outdated": list(seen.stale),
        "absent": seen.absent or None,
        "interrupted": seen.interrupted,
        "packages": [change._asdict() for change in seen.comparison.changes],
        "paths": [change._asdict() for change in seen.paths],
        "false": list(seen.false),
        "set_aside": seen.set_aside,
    }
