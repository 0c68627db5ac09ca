"""The commands `status` and `verify`."""

import argparse
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from envsync.cli.main import Session
from envsync.cli.sync import add_selection_arguments, choosing, sync_request
from envsync.errors import EnvDiffers
from envsync.project.paths import Project, find_project
from envsync.ui import Ui, counted, printable

if TYPE_CHECKING:
    from envsync.operations.inspect import Status


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:  # noqa: ARG001
    """Declare the arguments of `status` and `verify`."""
    add_selection_arguments(parser)


def run(command: str, options: argparse.Namespace, session: Session) -> int:
    """Look, and say what was found."""
    project = find_project(session.directory, session.environment)
    if command == "verify":
        return _verify(project, options, session)
    from envsync.operations.inspect import status  # noqa: PLC0415

    found = status(project, sync_request(options), session.settings, session.ui)
    if session.settings.json:
        session.ui.document({"command": "status", **_document(found)})
    else:
        session.ui.data("\n".join(map(printable, _lines(found, project, options, session.ui))))
    return 0


def _verify(project: Project, options: argparse.Namespace, session: Session) -> int:
    from envsync.operations.inspect import verify  # noqa: PLC0415

    try:
        found = verify(project, sync_request(options), session.settings, session.ui)
    except EnvDiffers as error:
        error.hint = error.hint and choosing(error.hint, options)
        raise
    name = os.path.basename(found.root)
    session.ui.note(
        f"Every byte of {name} is right: {counted(found.files, 'file')} "
        f"of {counted(found.packages, 'package')}"
    )
    if found.compared < found.packages:
        missing = found.packages - found.compared
        session.ui.note(
            f"{missing} of the packages are not in the store, or were built here: their files were "
            "compared with what was noted when they were installed"
        )
    if session.settings.json:
        session.ui.document({"command": "verify", **found._asdict(), "environment": found.root})
    return 0


def _lines(found: "Status", project: Project, options: argparse.Namespace, ui: Ui) -> Iterator[str]:
    """Say it as version control does: what is well in a line, and what differs by kind."""
    name, lock = os.path.basename(found.root), os.path.basename(project.lock_path)
    yield f"{lock}: {'outdated' if found.stale else 'up to date'}"
    yield from (f"    {reason}" for reason in found.stale)
    if found.absent:
        yield f"{name}: {found.absent}"
    else:
        packages, files = counted(found.packages, "package"), counted(found.files, "file")
        yield f"{name}: Python {found.python}, {packages}, {files}"
    if found.interrupted:
        yield "    a sync was interrupted: the next one finishes it first"
    if found.comparison.changes and not found.absent:
        yield ""
        command = ui.in_place(choosing("`envsync sync`", options))
        yield f"Packages that {command} would change:"
        yield from (f"    {change.line()}" for change in found.comparison.changes)
    if found.paths:
        yield ""
        yield "Paths that are not as the lock has them:"
        lines = ui.in_short((change.line() for change in found.paths), mark="")
        yield from (f"    {line}" for line in lines)
    if found.false:
        yield ""
        yield "Packages that say otherwise than the lock, which `envsync sync` refuses:"
        yield from (f"    {line}" for line in found.false)
    if found.set_aside:
        yield ""
        yield (
            f"Set aside by earlier syncs: {counted(found.set_aside, 'file')} in "
            f"{name}/.envsync/quarantine (`envsync sync --discard` deletes them)"
        )
    if found.is_clean():
        yield "Nothing differs"


def _document(found: "Status") -> dict[str, object]:
    return {
        "environment": found.root,
        "python": found.python,
        "clean": found.is_clean(),
        "lock_outdated": list(found.stale),
        "absent": found.absent or None,
        "interrupted": found.interrupted,
        "packages": [change._asdict() for change in found.comparison.changes],
        "paths": [change._asdict() for change in found.paths],
        "false": list(found.false),
        "set_aside": found.set_aside,
    }
