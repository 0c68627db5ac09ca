"""Share work on many files with a second process: what takes a moment for each, halved.

Imports `os` and `sys` only: it is used on the shortest paths of the program.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing takes longer to import than the work that is shared
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    T = TypeVar("T")

WORTH_A_PROCESS = 3000
"""Items below which a second process costs more than it saves."""


def in_halves(
    work: "Callable[[Sequence[T]], bool]",
    items: "Sequence[T]",
    sizes: "Sequence[int] | None" = None,
) -> bool:
    """Call `work` with all items, in two processes where that pays; True when both parts say so.

    `sizes` say for how many an item counts, else it is one. `work` touches nothing but the file
    system and its own variables. The second process is a copy of this one, ends with its part, and
    is not made when other threads run here. An error in it counts as False; one in this process is
    raised once the other has ended.
    """
    total = len(items) if sizes is None else sum(sizes)
    if total < WORTH_A_PROCESS or not _may_fork():
        return work(items)
    middle = total // 2 if sizes is None else _middle(sizes, total)
    child = os.fork()
    if child == 0:
        _end_with(work, items[middle:])
    try:
        same = work(items[:middle])
    finally:
        status = os.waitpid(child, 0)[1]
    return same and status == 0


def marks_in_halves(
    work: "Callable[[Sequence[T]], bytes]", items: "Sequence[T]", sizes: "Sequence[int]"
) -> bytes:
    """Join what `work` gives of items, a byte for each; as `in_halves`, in two processes.

    What the second process failed at is done here again, so that its error shows.
    """
    total = sum(sizes)
    if total < WORTH_A_PROCESS or not _may_fork():
        return work(items)
    middle = _middle(sizes, total)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _end_with(lambda part: os.write(writing, work(part)) == len(part), items[middle:])
    os.close(writing)
    try:
        with open(reading, "rb", buffering=0) as pipe:
            marks, others = work(items[:middle]), pipe.read()
    finally:
        os.waitpid(child, 0)
    return marks + (others if len(others) == len(items) - middle else work(items[middle:]))


def _middle(sizes: "Sequence[int]", total: int) -> int:
    """Give the number of items that come nearest to half of all."""
    before, nearest, middle = 0, total, 0
    for number, size in enumerate(sizes, 1):
        before += size
        if abs(2 * before - total) < nearest:
            nearest, middle = abs(2 * before - total), number
    return middle


def _end_with(work: "Callable[[Sequence[T]], bool]", items: "Sequence[T]") -> None:
    """Do a part and end this process without running anything that belongs to its parent."""
    code = 1
    try:
        code = 0 if work(items) else 1
    finally:
        os._exit(code)


def _may_fork() -> bool:
    threading = sys.modules.get("threading")
    alone = threading is None or threading.active_count() == 1
    return alone and hasattr(os, "fork") and (os.cpu_count() or 1) > 1
