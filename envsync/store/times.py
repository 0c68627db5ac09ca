"""When the files of an entry last changed while their bytes were known to be right: its rows.

    wheels-v1/<sha256>/times     two unsigned 64-bit integers for each file of the manifest, in its
                                 order: inode, and time of last change in nanoseconds

Only the kernel sets a file's time of last change (ctime). An edit moves it, whatever is done to the
time of modification afterwards; so do links that are made and removed, renames and chmod. Who knows
that nothing but its own link happened writes down the new time; what no row explains is compared by
bytes. A row never turns false, it only no longer fits. So rows are written in place, by processes
that don't wait for each other, and one that is torn, stale or lost costs a comparison.
"""

import os
import stat
import time
from array import array
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from envsync.platform.files import set_mode, sha256_of, storage_failed
from envsync.platform.flags import NEW_FILE, READ_NO_LINK

NAME = "times"

# Clocks of file systems tick every few milliseconds: an edit in the tick of a change that is known
# has the same time.
_TICK_NS = 20_000_000


def is_settled(change_ns: int, began_ns: int) -> bool:
    """Say of a file that was read from some moment until now whether what changes it meanwhile, or
    from now on, gives it another time of change.

    A time to come, as a clock that was set back leaves it, is another one as well.
    """
    return change_ns < began_ns - _TICK_NS or change_ns > time.time_ns() + _TICK_NS


def changed(status: os.stat_result) -> int:
    """Give a file's time of last change in nanoseconds; one before 1970 is none that is known."""
    return max(status.st_ctime_ns, 0)


def read_rows(entry: str) -> "array[int]":
    """Give the rows of an entry, inode and time in turn; none where there are none to be read."""
    rows = array("Q")
    with suppress(OSError, ValueError), open(f"{entry}/{NAME}", "rb") as file:
        rows.frombytes(file.read())
    return rows


def known(entries: Iterable[str]) -> dict[int, int]:
    """Give the times of change at which files of some entries were right, by inode."""
    changes: dict[int, int] = {}
    for entry in entries:
        rows = read_rows(entry)
        changes.update(zip(rows[0::2], rows[1::2], strict=False))
    return changes


def learn(entry: str, learned: Mapping[int, int], paths: Sequence[str] = ()) -> None:
    """Note times of change, by inode, at which files of an entry are right.

    With `paths`, the files of its manifest, rows that are missing or about other inodes (those of a
    copy) are made anew. A store that can't be written to goes without.
    """
    with suppress(OSError):
        rows = read_rows(entry)
        fits = not (len(rows) % 2 or learned.keys().isdisjoint(rows[0::2]))
        if paths and (len(rows) != 2 * len(paths) or not fits):
            write_rows(entry, f"{entry}/tree", paths, learned)
        elif fits and (new := _updated(rows, learned)) != rows:
            with open(f"{entry}/{NAME}", "r+b") as file:
                file.write(new.tobytes())


def _updated(rows: "array[int]", learned: Mapping[int, int]) -> "array[int]":
    new, inodes = array("Q", rows), rows[0::2]
    changes = list(map(learned.get, inodes, rows[1::2]))
    if min(changes, default=0) < 0:
        changes = [max(change, 0) for change in changes]
    new[1::2] = array("Q", changes)
    return new


def write_rows(
    entry: str, tree: str, paths: Iterable[str], learned: Mapping[int, int] | None = None
) -> None:
    """Write all rows of an entry whose files lie in `tree`. Raises `OSError`.

    Files whose time of change is not the one that was learned get a row that never fits; without
    `learned` all of them were written by this process just now, where nobody else can write.
    """
    rows = array("Q")
    for path in paths:
        status = os.lstat(f"{tree}/{path}")
        inode, change = status.st_ino, changed(status)
        is_known = learned is None or learned.get(inode) == change
        rows.extend((inode, change if is_known else 0))
    with suppress(FileNotFoundError):
        os.unlink(f"{entry}/{NAME}")
    with open(os.open(f"{entry}/{NAME}", NEW_FILE, 0o644), "wb") as file:
        file.write(rows.tobytes())


def restored(
    path: str, before: os.stat_result, *, mode: int, size: int, sha256: str, mtime: int
) -> tuple[int, int] | None:
    """Compare a stored file by bytes; one that has them gets its permissions and time back.

    `before` is what was seen there just now. Gives its inode, and the time of change at which that
    is known (0: it changes too fast to say); None for what has other bytes, or is no file. Raises
    `StorageFailed`.
    """
    moment = time.time_ns()
    if before.st_size != size or not stat.S_ISREG(before.st_mode):
        return None
    try:
        descriptor = os.open(path, READ_NO_LINK)
    except OSError:
        return None
    try:
        if sha256_of(descriptor, size) != sha256:
            return None
        now = os.fstat(descriptor)
        change = changed(now)
        is_known = (
            before.st_ctime_ns == now.st_ctime_ns
            and before.st_ino == now.st_ino
            and is_settled(change, moment)
        )
        if now.st_mode != mode or now.st_mtime_ns != mtime * 1_000_000_000:
            set_mode(descriptor, stat.S_IMODE(mode))
            os.utime(descriptor, (mtime, mtime))
            change = changed(os.fstat(descriptor))
        return now.st_ino, change if is_known else 0
    except OSError as error:
        raise storage_failed(path, error) from error
    finally:
        os.close(descriptor)
