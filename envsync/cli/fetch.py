"""The command `fetch`."""

import argparse
import os

from envsync.cli.lock import add_upgrade_arguments
from envsync.cli.main import Session
from envsync.cli.report import lock_document, report_lock
from envsync.cli.selection import add_choice_arguments
from envsync.cli.sync import sync_command, sync_request
from envsync.operations.fetch import FetchOutcome, Wanted, fetch_project
from envsync.project.paths import find_project
from envsync.ui import counted


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:  # noqa: ARG001
    """Declare the arguments of `fetch`."""
    parser.add_argument(
        "-o", "--output", metavar="DIR", required=True, help="the folder, made where there is none"
    )
    parser.add_argument(
        "--platform",
        action="append",
        default=[],
        metavar="PLATFORM",
        help="linux, macos, windows, aarch64-manylinux_2_28, win_amd64, ...; may be repeated; "
        "default: this machine's",
    )
    lock = parser.add_argument_group("the lock").add_mutually_exclusive_group()
    lock.add_argument(
        "--locked", action="store_true", help="fail when the lock would have to change"
    )
    lock.add_argument(
        "--frozen", action="store_true", help="take the lock as it stands, without looking"
    )
    add_upgrade_arguments(parser)
    add_choice_arguments(parser)


def run(command: str, options: argparse.Namespace, session: Session) -> int:  # noqa: ARG001
    """Put what the lock needs into a folder."""
    project = find_project(session.directory, session.environment)
    wanted = Wanted(
        os.path.abspath(options.output),
        tuple(options.platform),
        tuple(getattr(options, "pythons", ())),
        sync_request(options, project),
    )
    outcome = fetch_project(project, wanted, session.settings, session.ui)
    _report(outcome, options, session)
    if session.settings.json:
        session.ui.document(
            {
                "command": "fetch",
                "folder": outcome.fetched.folder,
                "environments": outcome.environments,
                "fetched": list(outcome.fetched.new),
                "kept": outcome.fetched.kept,
                "bytes": outcome.fetched.size,
                **lock_document(outcome.lock, written=outcome.wrote_lock),
            }
        )
    return 0


def _report(outcome: FetchOutcome, options: argparse.Namespace, session: Session) -> None:
    ui, fetched, folder = session.ui, outcome.fetched, options.output
    if not outcome.lock.fresh:
        report_lock(outcome.lock, session, written=outcome.wrote_lock)
    for sentence in outcome.left_out:
        ui.warn(sentence)
    there = f", {fetched.kept} were there" if fetched.kept else ""
    if fetched.new:
        size = f"{fetched.size / 1e6:.1f} MB"
        ui.note(f"Fetched {counted(len(fetched.new), 'file')} ({size}) into {folder}{there}")
    else:
        ui.note(f"Nothing to fetch: {folder} has all of {counted(fetched.kept, 'file')}")
    ui.hint(f"{sync_command(options, '--from', folder)} installs from there, without a network")
