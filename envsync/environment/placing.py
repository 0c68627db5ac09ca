"""Put files in place, stored ones by links, and see when they last changed by that."""

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import count
from mmap import mmap
from typing import NamedTuple

from envsync.environment.drift import expected_mtime
from envsync.environment.manifest import Placed
from envsync.environment.paths import HIDING, folders
from envsync.platform.files import write_new
from envsync.platform.fork_join import in_halves
from envsync.platform.links import Placer, make_link
from envsync.store.times import restored


class Files(NamedTuple):
    """All files that an environment is to hold, by path, and the sources of those to be placed."""

    desired: Mapping[str, Placed]
    sources: Mapping[str, str | bytes]
    """A path to link from, or the bytes to write (of a symbolic link, its target)."""
    stored_times: Mapping[int, int] = {}
    """Of stored files, by inode, when they last changed while they were right (`store.times`)."""


class Tampered(Exception):
    """A stored file is gone or not as it was unpacked; nothing was linked to it or has changed."""


class FileTimes(NamedTuple):
    """When a file that was placed, and its source, last changed."""

    change: int
    """Time of last change of the new file."""
    source_inode: int = 0
    """0 where that was bytes."""
    source_change: int = 0
    """Of the source, which is the same file when it was linked."""


class ChangeTimes(NamedTuple):
    """When files last changed, that are right since: those placed, by path, stored ones, by inode.

    Between a look at a stored file and the link there is only that; what others edit in the very
    tick of the clock in which they are linked isn't told apart.
    """

    placed: Mapping[str, int] = {}
    stored: Mapping[int, int] = {}


def put(
    placed: Placed,
    source: str | bytes,
    destination: str,
    placer: Placer,
    stored_times: Mapping[int, int],
) -> FileTimes:
    """Make a new file or link. Raises `Tampered`, `OSError`, `StorageFailed`."""
    if isinstance(source, str):
        return _put_stored(placed, source, destination, placer, stored_times)
    if stat.S_ISLNK(placed.mode):
        make_link(source, destination, expected_mtime(placed))
    else:
        write_new(destination, source, mode=placed.mode, mtime=expected_mtime(placed))
    return FileTimes(os.lstat(destination).st_ctime_ns)


def _put_stored(
    placed: Placed, source: str, destination: str, placer: Placer, stored_times: Mapping[int, int]
) -> FileTimes:
    """Link a stored file; one that changed since it was known to be right is compared first."""
    try:
        status = os.lstat(source)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Tampered(source) from error
    inode, change = status.st_ino, status.st_ctime_ns
    is_as_stored = status[0] == placed.mode and status[6] == placed.size
    if not is_as_stored or stored_times.get(inode) != change:
        change = _compare(placed, source, status)
    try:
        placer.place(source, destination)
    except FileNotFoundError as error:
        if os.path.lexists(source):
            raise
        raise Tampered(source) from error
    # A link moves the time of change of the stored file as well: both are the same inode.
    new = os.lstat(destination)
    now = new.st_ctime_ns
    return FileTimes(now, inode, now if new.st_ino == inode else change)


def _compare(placed: Placed, source: str, status: os.stat_result) -> int:
    """Compare a stored file by bytes; gives its time of last change. Raises `Tampered`."""
    right = restored(
        source,
        status,
        mode=placed.mode,
        size=placed.size,
        sha256=placed.content,
        mtime=expected_mtime(placed),
    )
    if right is None:
        raise Tampered(source)
    return right[1]


def fill(built: str, files: Files, placer: Placer) -> ChangeTimes:
    """Put all files into a new environment, with the folders that they need.

    Two processes share it where that pays. Raises as `put` does.
    """
    sources = map(files.sources.__getitem__, files.desired)
    rows = list(zip(count(), files.desired.values(), sources, strict=False))
    number = len(rows)
    # Anonymous shared memory: what the other process notes is seen here, without a pipe.
    inodes = memoryview(mmap(-1, max(number, 1) * 8)).cast("Q")  # both processes'
    times = memoryview(mmap(-1, max(number, 1) * 16)).cast("q")

    def put_part(part: Sequence[tuple[int, Placed, str | bytes]]) -> bool:
        make_folders(built, (placed.path for _, placed, _ in part))
        for at, placed, source in part:
            path = f"{built}/{placed.path}"
            times[at], inodes[at], times[number + at] = put(
                placed, source, path, placer, files.stored_times
            )
        return True

    # What hides it from version control comes first: whatever ends this leaves nothing to be seen.
    put_part([row for row in rows if row[1].path == HIDING])
    others = [row for row in rows if row[1].path != HIDING]
    if not in_halves(put_part, others):
        missing = [row for row in others if not os.path.lexists(f"{built}/{row[1].path}")]
        put_part(missing)  # the other process failed: here its error shows
    changes = times.tolist()
    stored = dict(zip(inodes.tolist(), changes[number:], strict=False))
    stored.pop(0, None)
    return ChangeTimes(dict(zip(files.desired, changes, strict=False)), stored)


def make_folders(built: str, paths: Iterable[str]) -> None:
    """Make the folders that lead to paths, with the permissions of `built`. Raises `OSError`."""
    mode = stat.S_IMODE(os.lstat(built).st_mode)
    for folder in folders(paths):
        with suppress(FileExistsError):
            os.mkdir(f"{built}/{folder}")
            os.chmod(f"{built}/{folder}", mode)  # the umask took some of it
