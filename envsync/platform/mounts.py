"""Which folders something is mounted on."""

import os
import re
from contextlib import suppress

_MOUNTS = "/proc/self/mountinfo"


def is_mounted(folder: str) -> bool:
    """Say whether a folder is where a file system, or a part of one, is mounted.

    `os.path.ismount` doesn't see a bind mount out of the same file system.
    """
    if os.path.ismount(folder):
        return True
    path = os.fsencode(os.path.realpath(folder))
    with suppress(OSError), open(_MOUNTS, "rb") as lines:
        return any(_unescaped(line.split(b" ")[4]) == path for line in lines)
    return False


def _unescaped(name: bytes) -> bytes:
    """Give a path of the table of mounts: blanks and the like are octal there."""
    return re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), name)
