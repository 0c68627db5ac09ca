"""Commands that are ended with all that they started, and what they print.

A command gets a process group of its own. What it starts belongs to the group too, unless that
leaves it on purpose, as a daemon does.
"""

import os
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO


def start_group(
    command: Sequence[str], *, cwd: str, env: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    """Start a command that `end_group` ends; what it prints comes by one pipe, and it has no input.

    Raises `OSError` when it can't be started.
    """
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env=env,
        start_new_session=True,
    )


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """End a command that is still there, with its children."""
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)  # not waited for yet, so the number is still its own
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def has_output(pipe: IO[bytes], seconds: float) -> bool:
    """Wait until something can be read from a pipe, or it has ended; False when time is up."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)  # its end is always told
    return bool(poll.poll(seconds * 1000))
