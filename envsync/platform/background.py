"""Processes that go on by themselves after a command has ended, and give way to everybody else."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType

_SHELL = "/bin/sh"
_LAST_SECONDS = 30
"""What is left to a process to end tidily once its time is up."""


def start_in_background(command: Sequence[str], data: bytes, *, env: Mapping[str, str]) -> None:
    """Start a command that has a session, and no terminal, of its own, in the root folder.

    It is no child of this process, which may become a program that takes no children: a shell lies
    between, and ends at once. It reads `data` from a nameless file, the descriptor of which is its
    last argument, since arguments can be read by all. Raises `OSError` where that can't be done.
    """
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        subprocess.run(
            [_SHELL, "-c", '"$@" &', _SHELL, *command, str(file.fileno())],
            cwd=os.path.abspath(os.sep),
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(file.fileno(),),
            start_new_session=True,
            check=False,
        )


def give_way(seconds: int) -> None:
    """Let this process, and what it starts, run only where nobody else wants to.

    After `seconds` it gets a `TimeoutError` in its main thread, and is ended soon after that.
    """
    os.nice(19)
    if hasattr(os, "SCHED_IDLE"):  # with it goes the lowest priority of the disk
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    signal.signal(signal.SIGALRM, _time_is_up)
    signal.alarm(seconds)


def _time_is_up(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    signal.signal(number, signal.SIG_DFL)
    signal.alarm(_LAST_SECONDS)
    raise TimeoutError("what was to be done in the background takes too long")
