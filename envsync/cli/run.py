"""The command `run`."""

import argparse
import time

from envsync.cli.main import Session
from envsync.cli.report import report_sync
from envsync.cli.sync import add_sync_arguments, bring_up_to_date, sync_request
from envsync.errors import EnvsyncError, UsageError
from envsync.venv.execute import execute
from envsync.workflow.project import find_project


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:  # noqa: ARG001
    """Declare the arguments of `run`."""
    add_sync_arguments(parser)
    parser.add_argument(
        "words", nargs=argparse.REMAINDER, metavar="CMD", help="the command and its arguments"
    )


def run(command: str, options: argparse.Namespace, session: Session) -> int:  # noqa: ARG001
    """Bring the environment up to date, then become the command."""
    words = options.words[1:] if options.words[:1] == ["--"] else options.words
    if not words:
        raise UsageError("run what?", hint="`envsync run python -V`")
    project = find_project(session.directory, session.environment)
    started = time.monotonic()
    done = bring_up_to_date(project, sync_request(options), session)
    if done.outcome.created or not done.outcome.comparison.is_empty():
        report_sync(done.outcome, session, seconds=time.monotonic() - started)
    session.ui.close()
    try:
        execute(done.outcome.root, words)
    except FileNotFoundError as error:
        raise EnvsyncError(
            f"no command {words[0]} in {done.outcome.root} or on PATH",
            hint="add the package that has it: `envsync add NAME`",
        ) from error
    except OSError as error:
        raise EnvsyncError(f"{words[0]}: {error.strerror or error}") from error
    return 0  # not reached: this process is the command now
