"""Run a build's command: bounded in time and output, never outliving envsync.

Between envsync and the command stands `platform.supervise`, which kills the command's whole process
group as soon as envsync is gone or closes its pipe.
"""

import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, Literal, NamedTuple

from envsync.platform.processes import has_output
from envsync.platform.supervised import end_supervised, start_supervised
from envsync.python.trust import own_environment

_POLL_SECONDS = 0.1
_READ_BYTES = 1 << 16
_KEPT_BYTES = 1 << 18
_MAX_READS = 16
_LINE_BYTES = 4096
# Terminal sequences (CSI and OSC), then whatever else doesn't print.
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Limits(NamedTuple):
    """How long a command may run."""

    seconds: float = 3600.0
    cancelled: Callable[[], bool] = lambda: False
    """Asked ten times a second; True ends the command."""


DEFAULT_LIMITS = Limits()


class Ended(NamedTuple):
    """How a command ended."""

    how: Literal["exit", "timeout", "cancelled"]
    code: int
    """Exit code, 128 + N for signal N; meaningful for "exit" only."""
    output: str
    """The end of what it printed, standard output and error together, printable text only."""


def run(
    command: Sequence[str],
    *,
    directory: str,
    environment: Mapping[str, str],
    limits: Limits,
    on_line: Callable[[str], None],
) -> Ended:
    """Run `command` (its first word an absolute path) in `directory` with just `environment`.

    It has no input and no terminal. Nothing in `environment` reaches the process that watches
    over it, which is envsync's own. `on_line` gets each line of output while it runs. All
    processes of its group are dead afterwards, also when an exception leaves. Raises `OSError`
    when it cannot be started.
    """
    process = start_supervised(
        command, cwd=directory, env=environment, own_env=own_environment(os.environ)
    )
    assert process.stdout is not None
    output = _Output(on_line)
    with process.stdout:
        try:
            how = _follow(process, output, limits)
        finally:
            end_supervised(process)
        _drain(process.stdout, output)
    output.finish()
    return Ended(how, process.returncode, output.text())


def _follow(
    process: subprocess.Popen[bytes], output: "_Output", limits: Limits
) -> Literal["exit", "timeout", "cancelled"]:
    """Take in output until the command has ended or must end."""
    assert process.stdout is not None
    deadline = time.monotonic() + limits.seconds
    is_open = True
    while True:
        # Asked before reading: a daemon that left the group may hold the pipe open for ever.
        has_ended = process.poll() is not None
        if is_open and has_output(process.stdout, 0 if has_ended else _POLL_SECONDS):
            data = os.read(process.stdout.fileno(), _READ_BYTES)
            output.add(data)
            is_open = bool(data)
        elif has_ended:
            return "exit"
        if not is_open:  # closed by the end of the command, or by itself: then it goes on
            with suppress(subprocess.TimeoutExpired):
                process.wait(_POLL_SECONDS)
        if limits.cancelled():
            return "cancelled"
        if time.monotonic() > deadline:
            return "timeout"


def _drain(pipe: IO[bytes], output: "_Output") -> None:
    """Take in what a command printed just before it was ended; what a daemon prints can wait."""
    for _ in range(_MAX_READS):
        if not has_output(pipe, 0) or not (data := os.read(pipe.fileno(), _READ_BYTES)):
            return
        output.add(data)


class _Output:
    """Hands on lines as they come and keeps the end of everything."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._kept = bytearray()
        self._line = bytearray()

    def add(self, data: bytes) -> None:
        self._kept += data
        if len(self._kept) > _KEPT_BYTES:  # from a whole line on: half a secret is not recognised
            del self._kept[:-_KEPT_BYTES]
            del self._kept[: self._kept.find(b"\n", 0, _LINE_BYTES) + 1]
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._line += line
            self.finish()
        self._line += rest
        del self._line[_LINE_BYTES:]

    def finish(self) -> None:
        """Hand on what stands on the last line."""
        text = printable(bytes(self._line[:_LINE_BYTES])).strip("\n")
        self._line.clear()
        if text.strip():
            self._on_line(text)

    def text(self) -> str:
        return printable(bytes(self._kept))


def printable(data: bytes) -> str:
    """Decode output; terminal sequences go, other bytes that don't print become "?"."""
    text = _SEQUENCE.sub("", data.decode(errors="replace"))
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNPRINTABLE.sub("?", text)
