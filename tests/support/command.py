"""Whole envsync commands as real processes, in a project folder with a cache of its own.

What a test only begins with, or needs in a hundred variants, may be a command in this process: it
is the same code from the arguments on, without the third of a second that Python and imports take.
"""

import contextlib
import functools
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from envsync.cli.main import main
from envsync.python import ask
from envsync.python.base import base_of

SECONDS = 120


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Workplace:
    """A project folder, a cache folder, and the index that stands in for the public one."""

    def __init__(self, folder: Path, index_url: str | None = None) -> None:
        self.project = folder / "project"
        self.project.mkdir()
        self.cache = folder / "cache"
        self.environ = clean_environ(self.cache, index_url)
        # What commands leave there, such as logs of failed builds, goes with the test.
        (folder / "tmp").mkdir()
        self.environ["TMPDIR"] = str(folder / "tmp")

    @property
    def venv(self) -> Path:
        """The environment."""
        return self.project / ".venv"

    @property
    def site(self) -> Path:
        """Its site-packages."""
        (found,) = self.venv.glob("lib/python*/site-packages")
        return found

    def write(self, text: str, name: str = "env.toml") -> None:
        """Write env.toml or another file of the project."""
        (self.project / name).write_text(text)

    def read(self, name: str = "env.toml") -> str:
        """Read env.toml or another file of the project."""
        return (self.project / name).read_text()

    def lock(self) -> str:
        """The lock's text."""
        return self.read("pylock.toml")

    def run(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Ran:
        """Run envsync with these arguments in the project's folder."""
        done = subprocess.run(
            [sys.executable, "-m", "envsync", *arguments],
            cwd=self.project,
            env={**self.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        ran = Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in ran.err, ran.err
        return ran

    def ok(self, *arguments: str) -> Ran:
        """Run envsync and insist on success."""
        ran = self.run(*arguments)
        assert ran.code == 0, ran.err
        return ran

    def here(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Ran:
        """Run envsync in the project's folder, but in this process: for a row of refusals.

        Never `run` or `shell`, which may become another program.
        """
        assert not {"run", "shell"} & set(arguments)
        with contextlib.chdir(self.project):
            return in_process({**self.environ, **(environ or {})}, *arguments)

    def given(self, *arguments: str) -> None:
        """Begin with what a command leaves: it succeeds, but in this process.

        For what a test starts from. What it shows is to be a process of its own, by `ok` or `run`.
        """
        ran = self.here(*arguments)
        assert ran.code == 0, ran.err

    def python(self, code: str) -> str:
        """Run code in the environment's own interpreter and give what it prints."""
        done = subprocess.run(
            [self.venv / "bin" / "python", "-c", code],
            cwd=self.project,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def files(self) -> dict[str, bytes]:
        """Everything in the project's folder but envsync's own state: what must not change."""
        found = {}
        for path in sorted(self.project.rglob("*")):
            parts = path.relative_to(self.project).parts
            if ".envsync" in parts or "__pycache__" in parts:
                continue
            name = "/".join(parts)
            if path.is_symlink():
                found[name] = b"-> " + os.fsencode(os.readlink(path))
            elif path.is_file():
                found[name] = path.read_bytes()
        return found


def in_process(environ: Mapping[str, str], *arguments: str) -> Ran:
    """Run a command as its own process would from the arguments on, but in this process."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, environ, clear=True),
        asking_once(),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = main(arguments)
    return Ran(code, out.getvalue(), err.getvalue())


_question = ask._question


def asking_once() -> contextlib.AbstractContextManager[object]:
    """Ask the interpreter that runs the tests but once, however many caches are new."""
    return mock.patch.object(ask, "_question", _ask_once)


def _ask_once(path: str, never_inside: str | None) -> Mapping[str, Any]:
    """Ask an interpreter what it is; the one that runs the tests says the same each time."""
    return _own_answer(path) if path == _own() else _question(path, never_inside)


@functools.cache
def _own() -> str:
    return base_of(sys.executable)


@functools.cache
def _own_answer(path: str) -> Mapping[str, Any]:
    return _question(path, None)


def clean_environ(cache: Path, index_url: str | None) -> dict[str, str]:
    """Environment variables without anything that the machine says of indexes or shells."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ENVSYNC_", "XDG_", "PIP_", "UV_", "VIRTUAL_ENV", "PYTHON"))
        and name not in ("CI", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE")
    }
    kept["ENVSYNC_CACHE_DIR"] = str(cache)
    kept["XDG_STATE_HOME"] = str(cache.parent / "state")
    kept["ENVSYNC_PYTHON"] = sys.executable
    # What a command would leave running would slow others down, and outlive its test.
    kept["ENVSYNC_NO_BACKGROUND"] = "1"
    if index_url is not None:
        kept["ENVSYNC_DEFAULT_INDEX"] = index_url
    return kept
