"""Count the work that something does, so that no test depends on how busy a machine is."""

import sys
from collections.abc import Callable
from types import FrameType


def calls(action: Callable[[], object]) -> int:
    """Run `action` in this thread; give how many functions it called, built-in ones included.

    The number is the same on every machine. What one built-in function does inside (a regular
    expression that goes back and forth) isn't seen.
    """
    count = 0

    def see(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count
