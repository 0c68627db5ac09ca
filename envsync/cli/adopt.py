"""The command `import`."""

import argparse

from envsync.cli.main import Session
from envsync.cli.report import lock_document, report_lock
from envsync.operations.adopt import Import, Imported, import_project
from envsync.project.paths import project_at


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:  # noqa: ARG001
    """Declare the arguments of `import`."""
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="what to read, in this order; default: what the folder has",
    )
    parser.add_argument("--dry-run", action="store_true", help="print env.toml, write nothing")
    parser.add_argument(
        "--live",
        action="store_true",
        help="let env.toml name the files, and go on reading them, where it can",
    )
    parser.add_argument("--no-lock", action="store_true", help="write env.toml alone")


def run(command: str, options: argparse.Namespace, session: Session) -> int:  # noqa: ARG001
    """Do it."""
    project = project_at(session.directory, session.environment)
    what = Import(tuple(options.files), options.dry_run, not options.no_lock, options.live)
    imported = import_project(project, what, session.directory, session.settings, session.ui)
    report_imported(imported, session)
    if what.dry_run:
        if not session.settings.json:
            session.ui.data(imported.text)
    else:
        session.ui.note(f"Wrote {imported.file}")
    if imported.lock is not None:
        report_lock(imported.lock, session, written=imported.wrote_lock)
        session.ui.hint("`envsync sync` makes the environment")
    elif imported.adopted.locks:
        names = ", ".join(imported.adopted.locks)
        session.ui.note(f"The first lock keeps versions of {names} where they fit")
    if imported.lock is None and not what.dry_run:
        session.ui.hint("`envsync lock` pins what it needs")
    if session.settings.json:
        lock = imported.lock and lock_document(imported.lock, written=imported.wrote_lock)
        session.ui.document({"command": "import", **imported_document(imported), **(lock or {})})
    return 0


def report_imported(imported: Imported, session: Session) -> None:
    """Say what was read, in which order, what was not, and what isn't carried over."""
    ui, draft = session.ui, imported.adopted.draft
    ui.note(f"Read {', '.join(draft.files) or 'nothing'}")
    for each in imported.adopted.passed_over:
        ui.note(f"Not read: {each.file}: {each.reason}")
    for left in draft.left:
        if left.matters:
            ui.warn(f"not carried over: {left}")
        else:
            ui.detail(f"left out: {left}")


def imported_document(imported: Imported) -> dict[str, object]:
    """Give an import's result for `--json`."""
    draft = imported.adopted.draft
    return {
        "env": imported.file,
        "text": imported.text,
        "read": list(draft.files),
        "passed_over": [each._asdict() for each in imported.adopted.passed_over],
        "locks": list(imported.adopted.locks),
        "not_carried": [
            {**left.origin._asdict(), "what": left.what, "advice": left.advice}
            for left in draft.left
            if left.matters
        ],
    }
