"""The commands that called this process, and those that called them."""

import os
import shlex
import subprocess

_MOST = 30


def commands_of_parents() -> "list[list[str]]":
    """Give the commands of this process's parents, the nearest first, as far as they are known."""
    commands: list[list[str]] = []
    process = os.getppid()
    while process > 1 and len(commands) < _MOST:
        parent, command = _process(process)
        if command:
            commands.append(command)
        process = parent
    return commands


def _process(number: int) -> tuple[int, list[str]]:
    """Give the parent of a process and its command, as far as they can be known."""
    try:
        with open(f"/proc/{number}/stat", "rb") as file:
            parent = int(file.read().rpartition(b")")[2].split()[1])
        with open(f"/proc/{number}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
        return parent, [os.fsdecode(word) for word in words[:20] if word]
    except (OSError, ValueError, IndexError):
        pass
    try:
        line = subprocess.run(
            ["ps", "-o", "ppid=,command=", "-p", str(number)],
            env={"PATH": os.defpath},
            capture_output=True,
            timeout=5,
            check=True,
        ).stdout
        parent_text, _, command = os.fsdecode(line).strip().partition(" ")
        return int(parent_text), shlex.split(command)[:20]
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0, []
