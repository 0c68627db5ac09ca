"""Commands without network that write to some folders only, where the system can see to that.

On Linux by namespaces of one's own (`confine`), else by bubblewrap, which some distributions let do
what they let no one else do. What is left open: sockets in the file system, such as a Docker
daemon's, answer whoever may write to them.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

_CONFINE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "confine.py")
_BUBBLEWRAP = "/usr/bin/bwrap"
_TRIAL_SECONDS = 20


class Confinement(NamedTuple):
    """How commands are confined here, or why they can't be."""

    words: tuple[str, ...] = ()
    """What is put before a command, before the folders; nothing where it can't be confined."""
    why_not: str = ""

    def around(self, command: Sequence[str], writable: Sequence[str]) -> list[str]:
        """Give the command that runs `command`, its first word an absolute path, confined.

        `writable` are the folders, absolute, in which it may write.
        """
        if not self.words:
            return list(command)
        if self.words[0] == _BUBBLEWRAP:
            folders = [word for folder in writable for word in ("--bind", folder, folder)]
        else:
            folders = list(writable)
        return [*self.words, *folders, "--", *command]


@cache
def confinement() -> Confinement:
    """Find out, by trying, how commands can be confined here."""
    if sys.platform != "linux":
        return Confinement(why_not=f"{sys.platform} has no way that is known to envsync")
    why_not = "the kernel does not allow it"
    for words in (
        (sys.executable, "-I", "-S", _CONFINE),
        (_BUBBLEWRAP, *("--ro-bind", "/", "/", "--dev", "/dev", "--unshare-net")),
    ):
        trial = Confinement(words)
        try:
            done = subprocess.run(
                trial.around([sys.executable, "-I", "-S", "-c", ""], []),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TRIAL_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return trial
        if words[0] == sys.executable:
            why_not = done.stderr.decode(errors="replace").strip()[-200:] or why_not
    return Confinement(why_not=why_not)
