"""The commands `shell` and `activate`: the user's own shell inside the environment."""

import argparse
import difflib
import os
import sys
from typing import NoReturn

from envsync.cli.main import Session
from envsync.cli.start import Inside, add_no_sync_argument, become, environment
from envsync.cli.sync import add_sync_arguments, sync_request
from envsync.errors import EnvsyncError, UsageError
from envsync.operations.ready import refuse_altered, root_as_it_is
from envsync.platform.execute import become as replace_process
from envsync.platform.execute import own_variables
from envsync.project.interpreter import strangers_folder
from envsync.project.paths import Project, find_project
from envsync.project.texts import write_if_changed
from envsync.python.trust import is_own
from envsync.trust import state_folder
from envsync.venv.shells import (
    SHELLS,
    Found,
    activation,
    program_of,
    start,
    surrounding_shell,
)

_FOLDER = "shell"


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `shell` and `activate`."""
    parser.add_argument(
        "--shell",
        metavar="NAME",
        help=f"the shell, where the one that asks isn't meant: {', '.join(SHELLS)}",
    )
    if command == "shell":
        add_no_sync_argument(parser)
        add_sync_arguments(parser)


def run(command: str, options: argparse.Namespace, session: Session) -> int:
    """Start a shell inside the environment, or print what enters it."""
    project = find_project(session.directory, session.environment)
    environ = own_variables()
    found = _shell(options.shell, environ, typed=command == "shell")
    if command == "activate":
        return _activate(project, found, session)
    return _start(project, found, environ, options, session)


def _shell(asked: str | None, environ: dict[str, str], *, typed: bool) -> Found:
    """Give the shell that is meant. Raises `UsageError`."""
    name = asked or environ.get("ENVSYNC_SHELL")
    if name:
        plain = os.path.basename(name)
        if plain not in SHELLS:
            near = difflib.get_close_matches(plain, SHELLS, n=1)
            known = f"did you mean {near[0]}?" if near else f"one of {', '.join(SHELLS)}"
            raise UsageError(f"--shell {name}: this shell isn't known", hint=known)
        return Found(plain, name)
    found = surrounding_shell(environ, typed=typed)
    if found is None:
        raise UsageError(
            "can't tell which shell this is: neither a parent process nor $SHELL is one",
            hint="name it: `--shell bash`, or ENVSYNC_SHELL=bash",
        )
    return found


def _activate(project: Project, found: Found, session: Session) -> int:
    """Print the line that enters the environment as it is; it is not synced."""
    root = root_as_it_is(project, session.settings)
    family = SHELLS[found.name]
    script = f"{root}/bin/{family.script}"
    refuse_altered(root, f"bin/{family.script}", project, session.settings)
    line = activation(found.name, f"{root}/bin")
    if session.settings.json:
        session.ui.document(
            {
                "command": "activate",
                "environment": root,
                "shell": found.name,
                "script": script,
                "line": line,
            }
        )
        return 0
    session.ui.data(line)
    if sys.stdout.isatty():
        session.ui.hint(f"this is for the shell to evaluate: {family.usage}")
    return 0


def _start(
    project: Project,
    found: Found,
    environ: dict[str, str],
    options: argparse.Namespace,
    session: Session,
) -> NoReturn:
    """Bring the environment up to date and become the shell in it."""
    strangers = strangers_folder(project.root)
    program = program_of(found, environ, lambda folder: is_own(folder, strangers))
    if program is None:
        raise EnvsyncError(f"there is no {found.name} on PATH", hint="`--shell NAME` names another")
    request = sync_request(options)
    root = environment(project, request, options, session)
    refuse_altered(root, f"bin/{SHELLS[found.name].script}", project, session.settings)
    if environ.get("VIRTUAL_ENV") == root:
        raise EnvsyncError(
            f"this shell is in {root} already", hint="`deactivate` or `exit` leaves it"
        )
    session.ui.close()
    if not sys.stdin.isatty():
        # Commands come from a file or pipe: the shell runs them inside, and reads no start files.
        become(Inside(root, project, request.selection, session.settings), [program], environ)
    # Start files are run: they lie where nobody else writes, and not in the project.
    folder = state_folder(session.settings.cache_dir, _FOLDER)
    if folder is None:
        raise EnvsyncError(
            "there is no folder of your own for the shell's start files",
            hint="set XDG_STATE_HOME to one, outside of the project",
        )
    how = start(Found(found.name, program), root, folder, environ)
    for name, text in how.files.items():
        write_if_changed(f"{folder}/{name}", text.encode())
    for name, value in how.variables.items():
        environ.pop(name, None)
        if value is not None:
            environ[name] = value
    session.ui.note(f"Entering {root}; `exit` leaves it")
    try:
        replace_process(program, how.command, environ)
    except OSError as error:
        raise EnvsyncError(f"{program}: {error.strerror or error}") from error
