"""Commands that end with this process, whatever ends it, and with all that they started.

Between this process and the command stands `supervise`, which sees the end of a pipe.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO

_SUPERVISOR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "supervise.py")
_END_SECONDS = 10.0


def start_supervised(
    command: Sequence[str],
    *,
    cwd: str,
    env: Mapping[str, str],
    own_env: Mapping[str, str],
    output: IO[bytes] | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a command that `end_supervised` ends, or the end of this process.

    Nothing in `env` reaches the process that watches over it, which has `own_env`. What the command
    prints comes by one pipe, and it has no input. Its exit code is 128 + N where signal N ended it,
    and 127 where it could not be started. With `output`, an open file, standard output goes there
    and the pipe is that of standard error. Raises `OSError` when its watcher can't be.
    """
    with _written(env) as variables:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", _SUPERVISOR, str(variables), *command],
            cwd=cwd,
            env=own_env,
            stdin=subprocess.PIPE,
            stdout=output or subprocess.PIPE,
            stderr=subprocess.PIPE if output else subprocess.STDOUT,
            pass_fds=(variables,),
            start_new_session=True,
        )


@contextmanager
def _written(environment: Mapping[str, str]) -> Iterator[int]:
    """Give the descriptor of a nameless file of variables: arguments can be read by all."""
    with tempfile.TemporaryFile() as file:
        rows = (f"{name}={value}" for name, value in environment.items())
        file.write(os.fsencode("\0".join(rows)))
        file.seek(0)
        yield file.fileno()


def end_supervised(process: "subprocess.Popen[bytes]") -> None:
    """Close the supervisor's pipe, which kills the group, and wait for it."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
