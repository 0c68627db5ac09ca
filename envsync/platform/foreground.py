"""Run a command inside an environment as a child, as a shell runs one in the foreground."""

import os
import signal
import subprocess
from types import FrameType

from envsync.platform.execute import find, variables

_FORWARDED = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)
)
_ENDING = frozenset(_FORWARDED[2:])


def run_child(root: str, command: list[str], environ: dict[str, str]) -> int:
    """Run a command to its end; give its exit code, or 128 + N where signal N ended it.

    A terminal's SIGINT and SIGQUIT reach the command by themselves; where there is none they are
    passed on, and SIGTERM and SIGHUP always. When one of these two came and the command ended
    well all the same, the code is 128 + N too, for nothing more is to be started.
    Raises `OSError` when it can't be started.
    """
    inside = variables(root, environ)
    watch = _Watch()
    before = {number: signal.getsignal(number) for number in _FORWARDED}
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, watch.pass_on)
        child = subprocess.Popen(command, executable=find(command[0], inside), env=inside)
        watch.start(child)
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 - code if code < 0 else code or watch.code


class _Watch:
    """Passes signals on to a child."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self.code = 0

    def start(self, child: "subprocess.Popen[bytes]") -> None:
        """Watch over a child; what came before it was started reaches it now."""
        self._child = child
        for number in self._early:
            child.send_signal(number)

    def pass_on(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Handle a signal."""
        if number in _ENDING:
            self.code = 128 + number
        elif _terminal_is_ours():
            return
        if self._child is None:
            self._early.append(number)
        else:
            self._child.send_signal(number)


def _terminal_is_ours() -> bool:
    """Say whether what is typed on the terminal reaches all of this process group."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
