"""Put files in place, stored ones by links, and see when they last changed by that."""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from mmap import mmap
from typing import NamedTuple

from envsync.environment.drift import expected_mtime
from envsync.environment.manifest import Placed
from envsync.environment.paths import HIDING, folders
from envsync.platform import many_files
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


FileTimes = tuple[int, int, int]
"""When a file that was placed last changed; then the inode of its source and when that did, which
is the same file when it was linked, or twice 0 where the source was bytes.

Nameless: making tens of thousands of named ones takes a tenth of a new environment's time.
"""


class ChangeTimes(NamedTuple):
    """When files last changed, that are right since: those placed, by path, stored ones, by inode.

    Between a look at a stored file and the link there is only that; what others edit in the very
    tick of the clock in which they are linked isn't told apart.
    """

    placed: Mapping[str, int] = {}
    stored: Mapping[int, int] = {}


def put_all(
    rows: Iterable[tuple[str, Placed, str | bytes]],
    placer: Placer,
    stored_times: Mapping[int, int],
) -> Iterator[FileTimes]:
    """Make new files and links: for each the path to make, what it is, and its source.

    Raises `Tampered`, `OSError`, `StorageFailed`.
    """
    # In one loop, and for what is usual without a function of ours: tens of thousands of files of a
    # fresh environment come through here, and with them goes most of its time.
    lstat, place, known = os.lstat, placer.place, stored_times.get
    for path, placed, source in rows:
        if not isinstance(source, str):
            yield _write(placed, source, path)
            continue
        try:
            status = lstat(source)
            inode, change = status.st_ino, status.st_ctime_ns
            # One that changed since it was known to be right is compared first.
            if known(inode) != change or status[6] != placed[2] or status[0] != placed[1]:
                change = _compare(placed, source, status)
            place(source, path)
        except (FileNotFoundError, NotADirectoryError) as error:
            if os.path.lexists(source):
                raise
            raise Tampered(source) from error
        # A link moves the time of change of the stored file as well: both are the same inode.
        status = lstat(path)
        now = status.st_ctime_ns
        yield now, inode, now if status.st_ino == inode else change


def _write(placed: Placed, source: bytes, path: str) -> FileTimes:
    if stat.S_ISLNK(placed.mode):
        make_link(source, path, expected_mtime(placed))
    else:
        write_new(path, source, mode=placed.mode, mtime=expected_mtime(placed))
    return os.lstat(path).st_ctime_ns, 0, 0


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


_Row = tuple[int, Placed, str | bytes]
"""A file that is to be placed, with its number and its source."""


def fill(built: str, files: Files, placer: Placer) -> ChangeTimes:
    """Put all files into a new environment, with the folders that they need.

    Two processes share it where that pays. Raises as `put_all` does.
    """
    sources = map(files.sources.__getitem__, files.desired)
    rows: list[_Row] = list(zip(count(), files.desired.values(), sources, strict=False))
    # Anonymous shared memory: what the other process notes is seen here, without a pipe.
    number = max(len(rows), 1)
    inodes = memoryview(mmap(-1, number * 8)).cast("Q")
    changes, source_changes = (memoryview(mmap(-1, number * 8)).cast("q") for _ in range(2))

    def put_part(part: Sequence[_Row]) -> bool:
        make_folders(built, [placed.path for _, placed, _ in part])
        places = ((f"{built}/{placed[0]}", placed, source) for _, placed, source in part)
        for (at, _, _), times in zip(
            part, put_all(places, placer, files.stored_times), strict=True
        ):
            changes[at], inodes[at], source_changes[at] = times
        return True

    def link_part(part: list[_Row]) -> list[_Row]:
        """Link those at once that can be; gives the others."""
        stored = [(at, placed, it) for at, placed, it in part if isinstance(it, str)]
        put_part(stored[:1])  # which shows the way
        linked = _linked(built, stored[1:], files, placer)
        for (at, _, _), row in zip(stored[1:], linked, strict=False):
            changes[at], inodes[at], source_changes[at] = row
        return [row for row in part if not changes[row[0]]]

    # What hides it from version control comes first: whatever ends this leaves nothing to be seen.
    hiding = [at for at, path in enumerate(files.desired) if path == HIDING]
    put_part([rows.pop(at) for at in hiding])
    if many_files.compiled is not None:
        rows = link_part(rows)
    if not in_halves(put_part, rows):
        missing = [row for row in rows if not os.path.lexists(f"{built}/{row[1].path}")]
        put_part(missing)  # the other process failed: here its error shows
    stored = dict(zip(inodes.tolist(), source_changes.tolist(), strict=True))
    stored.pop(0, None)
    return ChangeTimes(dict(zip(files.desired, changes.tolist(), strict=False)), stored)


def _linked(
    built: str, stored: Sequence[tuple[int, Placed, str]], files: Files, placer: Placer
) -> Sequence[tuple[int, int, int]]:
    """Link those stored files that are known to be right, as `many_files.link_known` does.

    Nothing where they aren't put in place by hard links.
    """
    if not placer.links:
        return ()
    make_folders(built, [placed.path for _, placed, _ in stored])
    rows = [
        (source, f"{built}/{placed.path}", placed.mode, placed.size) for _, placed, source in stored
    ]
    return many_files.link_known(rows, files.stored_times)


def make_folders(built: str, paths: Iterable[str]) -> None:
    """Make the folders that lead to paths, with the permissions of `built`. Raises `OSError`."""
    mode = stat.S_IMODE(os.lstat(built).st_mode)
    are_exact: bool | None = None
    for folder in folders(paths):
        path = f"{built}/{folder}"
        try:
            os.mkdir(path)
        except FileExistsError:
            continue
        # What the umask, or a list of permissions that is handed down, does to one it does to all.
        if are_exact is None:
            are_exact = stat.S_IMODE(os.lstat(path).st_mode) == mode
        if not are_exact:
            os.chmod(path, mode)
