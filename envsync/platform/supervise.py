"""Run one command in a process group of its own; kill the group when whoever asked for it is gone.

Started as `python -I -S supervise.py DESCRIPTOR COMMAND...` with a pipe on standard input into
which nobody writes; what the descriptor gives are the command's variables, and only the command's
(NAME=VALUE, zero bytes between them). When the pipe ends, because the starter died (even by
SIGKILL) or closed it, everything in the group is killed. When the command ends by itself, what it
left behind is killed too. The exit code is the command's, or 128 + N when signal N ended it.

Imports nothing of envsync: it runs without site-packages.
"""

import contextlib
import os
import signal
import sys
import threading


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _watch(group: int) -> None:
    os.read(0, 1)
    _kill_group(group)


def _variables(descriptor: int) -> dict[bytes, bytes]:
    with os.fdopen(descriptor, "rb") as file:
        rows = [row.partition(b"=") for row in file.read().split(b"\0")]
    return {name: value for name, equals, value in rows if equals}


def main(descriptor: str, command: list[str]) -> int:
    """Run `command` (its first word is an absolute path) and give its exit code."""
    variables = _variables(int(descriptor))
    no_input = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    try:
        child = os.posix_spawn(command[0], command, variables, file_actions=[no_input], setpgroup=0)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
        return 127
    threading.Thread(target=_watch, args=(child,), daemon=True).start()
    if hasattr(os, "waitid"):  # where it is missing, the group's number is free for an instant
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        _kill_group(child)
    _, status = os.waitpid(child, 0)
    _kill_group(child)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    os._exit(main(sys.argv[1], sys.argv[2:]))
