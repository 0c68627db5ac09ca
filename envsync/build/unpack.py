"""Write the checked members of a source archive below a new folder, through descriptors only.

No path is ever looked up a second time: folders are opened one component at a time without
following links, files are made new in them, and mode and time are set on the descriptor that made
the file. Symbolic links come last, so nothing can be written through one.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO

from envsync.build.members import SourceMember
from envsync.platform.files import storage_errors

Content = Callable[[SourceMember], Iterable[bytes]]
"""Gives the content of a file member, piece by piece."""

# ZIP archives, and so wheels, know no time before 1980; tar's own field ends in 2242.
EARLIEST_TIME = 315_619_200
"""Seconds since the epoch of 1980-01-02, the first day that is in 1980 in every time zone."""
LATEST_TIME = (1 << 31) - 1

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def unpack(
    members: Sequence[SourceMember], content: Content, *, directory: str, deadline: float
) -> None:
    """Write `members` below `directory`, which exists and is empty and nobody else's.

    Files get mode 0644 or 0755. `deadline` is on `time.monotonic`'s clock: `ValueError` when it
    passes. Raises `StorageFailed` when the disk refuses.
    """
    with storage_errors(directory):
        root = os.open(directory, _FOLDER_FLAGS)
        folders = _Folders(root)
        try:
            for member in members:
                if time.monotonic() > deadline:
                    raise ValueError("unpacking it takes too long")
                if member.kind == "folder":
                    folders.open(member.path)
                elif member.kind == "file":
                    parent, _, name = member.path.rpartition("/")
                    _write_member(folders.open(parent), name, member, content(member))
            for member in members:
                if member.kind == "link":
                    parent, _, name = member.path.rpartition("/")
                    os.symlink(member.target, name, dir_fd=folders.open(parent))
        finally:
            folders.close()
            os.close(root)


def _write_member(folder: int, name: str, member: SourceMember, pieces: Iterable[bytes]) -> None:
    with create_file(folder, name) as file:
        for piece in pieces:
            file.write(piece)
        finish_file(file, executable=member.executable, mtime_ns=member.mtime * 1_000_000_000)


def create_file(folder: int, name: str) -> BinaryIO:
    """Make a new file in the folder of that descriptor and open it for writing.

    Raises `OSError`; never opens what is already there.
    """
    return os.fdopen(os.open(name, _FILE_FLAGS, 0o600, dir_fd=folder), "wb")


def finish_file(file: BinaryIO, *, executable: bool, mtime_ns: int) -> None:
    """Set mode (0644 or 0755) and time of an open file, the time within what wheels can hold."""
    file.flush()
    os.fchmod(file.fileno(), 0o755 if executable else 0o644)
    bounded = min(max(mtime_ns, EARLIEST_TIME * 1_000_000_000), LATEST_TIME * 1_000_000_000)
    os.utime(file.fileno(), ns=(bounded, bounded))


class _Folders:
    """Opens folders below a root, making those that are missing; keeps the last one open."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._path = ""
        self._descriptor = -1

    def open(self, path: str) -> int:
        """Give the descriptor of a folder; it is good until the next call."""
        if not path:
            return self._root
        if path != self._path or self._descriptor < 0:
            self.close()
            self._descriptor = make_folder(self._root, path.split("/"))
            self._path = path
        return self._descriptor

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def make_folder(root: int, parts: Sequence[str]) -> int:
    """Make and open the folder `parts` below the descriptor `root`; the caller closes it.

    Raises `OSError`, also when a component is a link.
    """
    descriptor = os.dup(root)
    for part in parts:
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o755, dir_fd=descriptor)
            inner = os.open(part, _FOLDER_FLAGS, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor
