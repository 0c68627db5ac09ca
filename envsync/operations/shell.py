"""The user's own shell inside an environment: which one it is, and how it gets there."""

import difflib
import os
from typing import NamedTuple, NoReturn

from envsync.errors import EnvsyncError, UsageError
from envsync.operations.as_it_is import refuse_altered, root_as_it_is
from envsync.operations.start import Inside
from envsync.platform.execute import become as replace_process
from envsync.project.interpreter import strangers_folder
from envsync.project.paths import Project
from envsync.project.texts import write_if_changed
from envsync.python.trust import is_own
from envsync.settings import Settings
from envsync.trust import state_folder
from envsync.venv import shells
from envsync.venv.shells import SHELLS, Found

_FOLDER = "shell"

NAMES = tuple(SHELLS)
"""Of the shells that are known."""


class Activation(NamedTuple):
    """How a shell that is there already enters an environment."""

    root: str
    shell: str
    script: str
    """The path of what it reads."""
    line: str
    """What it is to evaluate."""
    usage: str
    """What is typed so that it does."""


def which_shell(asked: str | None, environ: dict[str, str], *, typed: bool) -> Found:
    """Give the shell that is meant: the one that is named, else the one that asks.

    `typed`: the command was typed into it. Raises `UsageError`.
    """
    name = asked or environ.get("ENVSYNC_SHELL")
    if name:
        plain = os.path.basename(name)
        if plain not in SHELLS:
            near = difflib.get_close_matches(plain, SHELLS)
            known = f"did you mean {near[0]}?" if near else f"one of {', '.join(SHELLS)}"
            raise UsageError(f"--shell {name}: this shell isn't known", hint=known)
        return Found(plain, name)
    shell = shells.surrounding_shell(environ, typed=typed)
    if shell is None:
        raise UsageError(
            "can't tell which shell this is: neither a parent process nor $SHELL is one",
            hint="name it: `--shell bash`, or ENVSYNC_SHELL=bash",
        )
    return shell


def activation(project: Project, shell: Found, settings: Settings) -> Activation:
    """Say what enters the environment as it is; it is not synced.

    Raises as `root_as_it_is` and `refuse_altered`.
    """
    root = root_as_it_is(project, settings)
    family = SHELLS[shell.name]
    refuse_altered(root, f"bin/{family.script}", project, settings)
    line = shells.activation(shell.name, f"{root}/bin")
    return Activation(root, shell.name, f"{root}/bin/{family.script}", line, family.usage)


def program_of(shell: Found, project: Project, environ: dict[str, str]) -> str:
    """Give the path of the shell's program, none of the project's own. Raises `EnvsyncError`."""
    strangers = strangers_folder(project.root)
    program = shells.program_of(shell, environ, lambda folder: is_own(folder, strangers))
    if program is None:
        raise EnvsyncError(f"there is no {shell.name} on PATH", hint="`--shell NAME` names another")
    return program


def refuse_to_enter(inside: Inside, shell: Found, environ: dict[str, str]) -> None:
    """Refuse an environment whose scripts are not as placed, or in which this shell is already.

    Raises `EnvsyncError`.
    """
    root = inside.root
    refuse_altered(root, f"bin/{SHELLS[shell.name].script}", inside.project, inside.settings)
    if environ.get("VIRTUAL_ENV") == root:
        raise EnvsyncError(
            f"this shell is in {root} already", hint="`deactivate` or `exit` leaves it"
        )


def ready_to_start(
    inside: Inside, shell: Found, program: str, environ: dict[str, str]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Write the start files of a shell; gives its command line and variables.

    Raises `EnvsyncError`, `StorageFailed`.
    """
    # Start files are run: they lie where nobody else writes, and not in the project.
    folder = state_folder(inside.settings.cache_dir, _FOLDER)
    if folder is None:
        raise EnvsyncError(
            "there is no folder of your own for the shell's start files",
            hint="set XDG_STATE_HOME to one, outside of the project",
        )
    how = shells.start(Found(shell.name, program), inside.root, folder, environ)
    for name, text in how.files.items():
        write_if_changed(f"{folder}/{name}", text.encode())
    kept = {name: value for name, value in environ.items() if name not in how.variables}
    given = {name: value for name, value in how.variables.items() if value is not None}
    return tuple(how.command), {**kept, **given}


def become_shell(program: str, command: tuple[str, ...], environ: dict[str, str]) -> NoReturn:
    """Become the shell; raises `EnvsyncError` when it can't be started."""
    try:
        replace_process(program, list(command), environ)
    except OSError as error:
        raise EnvsyncError(f"{program}: {error.strerror or error}") from error
