"""Judge a path that was asked for: whose word it is decides what may be run of it.

The user's word holds for any file. A file of a project may name what the search of this machine
finds by itself, and what the user allowed.
"""

import os
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from envsync.errors import EnvsyncError, InterpreterNotFound, InterpreterRefused
from envsync.python.base import base_of
from envsync.python.places import Folder, find_candidates
from envsync.python.trust import is_inside, is_interpreter

FORMS = 'write a version ("3.12"), a specifier (">=3.11,<3.14"), a name ("pypy3.10") or a path'

_POSIX_NAMES = ("bin/python", "bin/python3", "bin/pypy3", "bin/pypy", "bin/graalpy")
_NAMES = (*_POSIX_NAMES, "Scripts/python.exe", "python.exe", "python", "python3")


class Named(NamedTuple):
    """A path of an executable, or of an environment's or installation's folder, absolute."""

    path: str
    folders: Sequence[Folder]
    """Where the search looks."""
    never_inside: str | None
    """The folder that is a stranger's."""
    allowed: Callable[[], Collection[str]]
    """Paths that the user allowed."""

    def of_user(self) -> tuple[str, str | None]:
        """Give the interpreter that the user named, and the folder that it can't lead into.

        What a stranger's environment says is its base, is the stranger's word. Raises
        `InterpreterNotFound`.
        """
        program = self._program()
        if not self._is_strange(program):
            return program, self.never_inside
        base = base_of(program)
        if base == program:
            return program, None
        return self._found(base) or self._allowed(base), self.never_inside

    def of_file(self) -> tuple[str, str | None]:
        """Give the same for a path out of a file. Raises `InterpreterRefused` and
        `InterpreterNotFound`.
        """
        if self._is_strange(self.path):
            return self._allowed(self.path), None
        program = self._program()
        base = base_of(program) if is_interpreter(program) else program
        found = self._found(base) if is_interpreter(base) else None
        return (found, self.never_inside) if found else (self._allowed(base), None)

    def _program(self) -> str:
        return _in_folder(self.path) if os.path.isdir(self.path) else self.path

    def _is_strange(self, path: str) -> bool:
        return self.never_inside is not None and is_inside(path, self.never_inside)

    def _found(self, path: str) -> str | None:
        """Give the path under which the search finds an interpreter, too.

        It isn't the file alone: Python looks for its library beside the path that it is called by.
        """
        folders = {os.path.normpath(folder.path) for folder in self.folders}
        if os.path.dirname(path) in folders and os.path.isfile(path):
            return path
        real = os.path.realpath(path)
        candidates = find_candidates(self.folders, os.environ, never_inside=self.never_inside)
        return next((one.path for one in candidates if one.real == real), None)

    def _allowed(self, path: str) -> str:
        """Give the path that the user allowed, or say why nothing is run."""
        real = os.path.realpath(path)
        for allowed in self.allowed():
            if allowed in (self.path, path) or os.path.realpath(allowed) == real:
                return _in_folder(allowed) if os.path.isdir(allowed) else allowed
        raise self._refusal(path)

    def _refusal(self, path: str) -> EnvsyncError:
        trust = (
            f"if you trust it, say so yourself: `--python {path}` (or ENVSYNC_PYTHON), or "
            f'allow = ["{path}"] under [python] in your own config.toml'
        )
        if self._is_strange(path):
            return InterpreterRefused(
                f"{path}: an interpreter inside the project is not run", hint=trust
            )
        if not os.path.exists(path):
            looked_at = [f"{path}: no such file or directory"]
            return InterpreterNotFound(self.path, looked_at, hint=f"name another one: {FORMS}")
        if not is_interpreter(path):
            return InterpreterRefused(
                f"{path} is not named as an interpreter is, and is not run",
                hint=f"correct `python` in env.toml: {FORMS}",
            )
        looked_at = [f"{path}: no search of this machine finds it, and a file's word is not enough"]
        return InterpreterNotFound(self.path, looked_at, hint=trust)


def _in_folder(folder: str) -> str:
    """Give the python of an environment's or installation's folder, or of a folder of programs."""
    for name in _NAMES:
        path = os.path.join(folder, *name.split("/"))
        # An environment's python may be a link that leads nowhere: `ask` says what it led to.
        if os.path.lexists(path) and not os.path.isdir(path):
            return path
    raise InterpreterNotFound(folder, [f"{folder}: a folder without an interpreter"], hint=FORMS)
