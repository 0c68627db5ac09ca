"""Run git: bounded in time, never outliving envsync, its failures as errors without secrets."""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import IO, NamedTuple

from envsync.build.process import printable
from envsync.errors import GitFailed
from envsync.git.program import find_git, options, variables
from envsync.platform.processes import has_output
from envsync.platform.supervised import end_supervised, start_supervised
from envsync.python.trust import own_environment
from envsync.redaction import redact

_LOCAL_SECONDS = 600.0
_REMOTE_SECONDS = 7200.0
_MOST_BYTES = 64 << 20
"""More than this no repository has to say of its references, or of the files of one commit."""
_KEPT_BYTES = 1 << 16
_READ_BYTES = 1 << 14
_POLL_SECONDS = 0.1
_NOWHERE = {"GIT_DIR": os.devnull}
"""For what is about no repository: none is looked for."""


class Answer(NamedTuple):
    """How a git command ended."""

    code: int
    output: bytes
    errors: str
    """The end of what it said on standard error, printable text without secrets."""


class Program:
    """Git of this machine, for the repositories of one project."""

    def __init__(
        self, environ: Mapping[str, str], never_inside: str | None, *, idle_seconds: float = 60.0
    ) -> None:
        """`never_inside` is the stranger's folder that no program is taken from.

        Git is looked for when it is needed: every method raises `GitFailed` where there is none.
        """
        self._path = ""
        self._whose = environ, never_inside
        self._idle_seconds = idle_seconds
        self._filters: tuple[str, ...] | None = None

    def local(self, folder: str, *words: str, given: bytes = b"") -> Answer:
        """Run a command that only works in the repository or work tree `folder`."""
        done = self._run(self._command(folder, words), variables(*self._whose, "file"), given)
        return Answer(done.returncode, done.stdout, _shown(done.stderr))

    def listing(self, folder: str, *words: str) -> bytes | None:
        """Give what a command of that kind prints; None where there is no end to it.

        Raises `GitFailed` where it fails.
        """
        process = subprocess.Popen(
            self._command(folder, words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=variables(*self._whose, "file"),
            cwd="/",
        )
        assert process.stdout is not None
        with process, process.stdout:
            output = process.stdout.read(_MOST_BYTES + 1)
            if len(output) > _MOST_BYTES:
                process.kill()
                return None
        if process.returncode:
            raise GitFailed("git", f"{words[0]} failed ({process.returncode})")
        return output

    def remote(self, folder: str | None, scheme: str, *words: str) -> Answer:
        """Run a command that talks to an address of this scheme; None is no repository at all."""
        with tempfile.TemporaryFile() as output:
            process = start_supervised(
                self._command(folder, words),
                cwd="/",
                env=variables(*self._whose, scheme) | ({} if folder else _NOWHERE),
                own_env=own_environment(os.environ),
                output=output,
            )
            assert process.stderr is not None
            with process.stderr:
                try:
                    errors = _read(process, process.stderr, output)
                finally:
                    end_supervised(process)
            output.seek(0)
            return Answer(process.returncode, output.read(), _shown(errors))

    def filters(self) -> tuple[str, ...]:
        """Give the filter drivers that the user's configuration has."""
        if self._filters is None:
            words = ("config", "--null", "--name-only", "--get-regexp", r"^filter\.")
            done = self._run([self._git(), *words], variables(*self._whose) | _NOWHERE)
            names = done.stdout.decode(errors="surrogateescape").split("\0")
            drivers = {name.removeprefix("filter.").rpartition(".")[0] for name in names if name}
            self._filters = tuple(sorted({*drivers, "lfs"} - {""}))
        return self._filters

    def _git(self) -> str:
        self._path = self._path or find_git(*self._whose)
        return self._path

    def _command(self, folder: str | None, words: Sequence[str]) -> list[str]:
        command = [self._git(), *options(idle_seconds=self._idle_seconds)]
        return [*command, *(["-C", folder] if folder else []), *words]

    def _run(
        self, command: Sequence[str], environment: Mapping[str, str], given: bytes = b""
    ) -> "subprocess.CompletedProcess[bytes]":
        try:
            return subprocess.run(
                command,
                input=given,
                env=environment,
                cwd="/",
                capture_output=True,
                timeout=_LOCAL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise GitFailed("git", f"it took longer than {_LOCAL_SECONDS:.0f} s") from error


def _read(process: "subprocess.Popen[bytes]", pipe: IO[bytes], output: IO[bytes]) -> bytes:
    """Take in what a command says until it has ended; one that takes too long is ended."""
    kept = bytearray()
    deadline = time.monotonic() + _REMOTE_SECONDS
    is_open = True
    while True:
        has_ended = process.poll() is not None
        if is_open and has_output(pipe, 0 if has_ended else _POLL_SECONDS):
            data = os.read(pipe.fileno(), _READ_BYTES)
            is_open = bool(data)
            kept += data
            del kept[:-_KEPT_BYTES]
        elif has_ended:
            return bytes(kept)
        elif not is_open:
            time.sleep(_POLL_SECONDS / 10)
        if time.monotonic() > deadline:
            return b"fatal: it took too long"
        if os.fstat(output.fileno()).st_size > _MOST_BYTES:
            return b"fatal: the server goes on without end"


def _shown(errors: bytes) -> str:
    return "\n".join(map(redact, printable(errors).splitlines()))
