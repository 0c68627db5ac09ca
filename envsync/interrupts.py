"""End on SIGINT, SIGTERM and SIGHUP: tidily, within two seconds, and never half-way.

An interrupt is a KeyboardInterrupt in the main thread. What must not be torn apart runs under
`held`; an interrupt waits for its end then. What does not end in time is ended: a kill at any
moment is no worse than losing power.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SECONDS = 1.5

_ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Interrupted(KeyboardInterrupt):
    """A signal that asks the process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number
        """As shells say it: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP."""


class _State:
    """What this process was asked; signals belong to the process, so there is one of it."""

    holders = 0
    waiting: Interrupted | None = None
    last_words: Callable[[], object] | None = None


def install(last_words: Callable[[], object]) -> None:
    """Make an interrupt of each signal that isn't ignored (as SIGHUP is under nohup).

    `last_words` are said when the process has to be ended because it doesn't end by itself.
    """
    _State.last_words = last_words
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def ignore() -> None:
    """Let no more interrupts in: the work is done."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def held() -> Iterator[None]:
    """Let an interrupt wait for the end of the `with` block."""
    _State.holders += 1
    try:
        yield
    finally:
        _State.holders -= 1
    if _State.waiting is not None and not _State.holders:
        waiting, _State.waiting = _State.waiting, None
        raise waiting


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    interrupted = Interrupted(number)
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, lambda *_: _end(interrupted.exit_code))
        signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    if _State.holders:
        _State.waiting = interrupted
    else:
        raise interrupted


def _end(exit_code: int) -> None:
    try:
        if _State.last_words is not None:
            _State.last_words()
    finally:
        os._exit(exit_code)
