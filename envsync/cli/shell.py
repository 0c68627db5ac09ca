"""The commands `shell` and `activate`: the user's own shell inside the environment."""

import argparse
import sys

from envsync.cli.main import Session
from envsync.cli.report import report_entered
from envsync.cli.sync import add_no_sync_argument, add_sync_arguments, is_not_synced, sync_request
from envsync.operations.run import environ_of
from envsync.operations.shell import (
    NAMES,
    activation,
    become_shell,
    program_of,
    ready_to_start,
    refuse_to_enter,
    which_shell,
)
from envsync.operations.start import become, enter
from envsync.project.paths import find_project


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `shell` and `activate`."""
    parser.add_argument(
        "--shell",
        metavar="NAME",
        help=f"the shell, where the one that asks isn't meant: {', '.join(NAMES)}",
    )
    if command == "shell":
        add_no_sync_argument(parser)
        add_sync_arguments(parser)


def run(command: str, options: argparse.Namespace, session: Session) -> int:
    """Start a shell inside the environment, or print what enters it."""
    return (_activate if command == "activate" else _start)(options, session)


def _activate(options: argparse.Namespace, session: Session) -> int:
    """Print the line that enters the environment as it is; it is not synced."""
    project = find_project(session.directory, session.environment)
    shell = which_shell(options.shell, environ_of(()), typed=False)
    entering = activation(project, shell, session.settings)
    if session.settings.json:
        session.ui.document(
            {
                "command": "activate",
                "environment": entering.root,
                "shell": entering.shell,
                "script": entering.script,
                "line": entering.line,
            }
        )
        return 0
    session.ui.data(entering.line)
    if sys.stdout.isatty():
        session.ui.hint(f"this is for the shell to evaluate: {entering.usage}")
    return 0


def _start(options: argparse.Namespace, session: Session) -> int:
    """Bring the environment up to date and become the shell in it."""
    project = find_project(session.directory, session.environment)
    environ = environ_of(())
    shell = which_shell(options.shell, environ, typed=True)
    program = program_of(shell, project, environ)
    request, no_sync = sync_request(options, project), is_not_synced(options)
    inside = enter(project, request, session.settings, session.ui, no_sync=no_sync)
    report_entered(inside, session)
    refuse_to_enter(inside, shell, environ)
    session.ui.close()
    if not sys.stdin.isatty():
        # Commands come from a file or pipe: the shell runs them inside, and reads no start files.
        return become(inside, [program], environ)
    command, variables = ready_to_start(inside, shell, program, environ)
    session.ui.note(f"Entering {inside.root}; `exit` leaves it")
    return become_shell(program, command, variables)
