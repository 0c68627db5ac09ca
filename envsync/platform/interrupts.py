"""End on SIGINT, SIGTERM and SIGHUP: tidily, within two seconds, and never half-way.

An interrupt is a KeyboardInterrupt in the main thread. What must not be torn apart runs under
`held`; an interrupt waits for its end then. Where Python can't pass it on, as in a finalizer, it
comes in again a moment later. What does not end in time is ended: a kill at any moment is no worse
than losing power.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SECONDS = 1.5
_AGAIN_SECONDS = 0.01

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
    asked: Interrupted | None = None
    deadline = 0.0
    last_words: Callable[[], object] | None = None


def install(last_words: Callable[[], object]) -> None:
    """Make an interrupt of each signal that isn't ignored (as SIGHUP is under nohup).

    `last_words` are said when the process has to be ended because it doesn't end by itself.
    """
    _State.last_words = last_words
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    sys.unraisablehook = _unraisable


def ignore() -> None:
    """Let no more interrupts in: the work is done. One that came in still ends what then hangs."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    if _State.asked is not None and hasattr(signal, "setitimer"):
        _State.deadline = 0.0
        signal.setitimer(signal.ITIMER_REAL, _SECONDS)


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
    _State.asked = Interrupted(number)
    if hasattr(signal, "setitimer"):
        _State.deadline = time.monotonic() + _SECONDS
        signal.signal(signal.SIGALRM, _alarm)
        signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    _ask(_State.asked)


def _ask(interrupted: Interrupted) -> None:
    if _State.holders:
        _State.waiting = interrupted
    else:
        raise interrupted


def _unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    # Signals come in between any two instructions, also of a finalizer or a callback of a weak
    # reference, where Python prints an exception and drops it.
    if not isinstance(unraisable.exc_value, Interrupted):
        sys.__unraisablehook__(unraisable)
    elif hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)


def _alarm(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    remaining = _State.deadline - time.monotonic()
    if _State.asked is None or remaining <= 0:
        _end()
    else:
        signal.setitimer(signal.ITIMER_REAL, remaining)
        _ask(_State.asked)


def _end() -> None:
    try:
        if _State.last_words is not None:
            _State.last_words()
    finally:
        os._exit(_State.asked.exit_code if _State.asked is not None else 1)
