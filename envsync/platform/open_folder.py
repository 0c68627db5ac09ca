"""A folder held open: what is done below it never leaves it through a link.

Every folder on the way is opened by its name in the one above, and never through a symbolic link
(openat with O_NOFOLLOW), so that neither a link that lies there nor one that is put there meanwhile
leads a rename or a removal to somewhere else (hazards H69 and H71). Folders stay open for the next
path as long as there are descriptors; a few are enough, however deep a path is (H101).
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import BinaryIO, Self, TypeVar

from envsync.platform.durable import flush_file_system
from envsync.platform.files import flush_directory
from envsync.platform.flags import FOLDER, NEW_FILE, READ_NO_LINK

Result = TypeVar("Result")

_HANDLE = getattr(os, "O_PATH", 0)
_MOST_OPEN = 100
_RESERVED = 6
"""More descriptors than any one change takes: both ends of a rename, the folder that is being
opened, a listing."""
_NONE_LEFT = (errno.EMFILE, errno.ENFILE)
_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO)


class OpenFolder:
    """Changes below one folder, by paths relative to it; a context manager.

    Every method raises `OSError`: `NotADirectoryError` or `ELOOP` where something on the way is no
    folder.
    """

    def __init__(self, root: str) -> None:
        self._top = os.open(root, FOLDER)
        self._open: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._forget()
        os.close(self._top)

    def identity(self, path: str = "") -> str:
        """Name the folder itself, wherever it stands: a copy has another name.

        The device has no part in it: its number may be another after a restart.
        """
        return str(os.fstat(self._folder(path)).st_ino)

    def reserve(self) -> None:
        """See that there are descriptors for every change; raises `OSError` where there are not."""
        self.release()
        taken: list[int] = []
        try:
            taken.extend(os.dup(self._top) for _ in range(_RESERVED))
        finally:
            for descriptor in taken:
                os.close(descriptor)

    def release(self) -> None:
        """Close all folders but the root: somebody else is about to open some."""
        self._forget()

    def find(self, path: str) -> os.stat_result | None:
        """What is at a path, a link not followed; None when there is nothing, or no way to it.

        Where that can't be known it raises: a step that believes that nothing is there would be
        left out, or would overwrite what it did not see.
        """
        try:
            folder, name = self._place(path)
            return os.stat(name, dir_fd=folder, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def is_folder(self, path: str) -> bool:
        """Say whether a folder is there, not a link to one."""
        status = self.find(path)
        return status is not None and stat.S_ISDIR(status.st_mode)

    def open_file(self, path: str) -> int:
        """Open a file for reading, never through a link; it may be a folder, FIFO or device."""
        folder, name = self._place(path)
        return self._take(lambda: os.open(name, READ_NO_LINK, dir_fd=folder), folder)

    def new_file(self, path: str) -> BinaryIO:
        """Make a file and open it for writing; `FileExistsError` where something is."""
        folder, name = self._place(path)
        descriptor = self._take(lambda: os.open(name, NEW_FILE, 0o600, dir_fd=folder), folder)
        return os.fdopen(descriptor, "wb")

    def new_link(self, path: str, target: str) -> None:
        """Make a symbolic link; `FileExistsError` where something is."""
        folder, name = self._place(path)
        os.symlink(target, name, dir_fd=folder)

    def read(self, path: str, limit: int) -> bytes | None:
        """The content of a file; None where no regular file of at most `limit` bytes is."""
        try:
            descriptor = self.open_file(path)
        except OSError as error:
            if error.errno in _NO_FILE:
                return None
            raise
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                data = file.read(limit + 1)
        finally:
            os.close(descriptor)
        return data if len(data) <= limit else None

    def flush(self, path: str) -> None:
        """Make a folder's entries durable."""
        flush_directory(self._folder(path))

    def flush_all(self) -> None:
        """Make all that was done so far durable, and whatever else the file system waits with.

        The first time opens files of its own: no folder stays open for it.
        """
        self._forget()
        flush_file_system(self._top)

    def names(self, path: str) -> list[str]:
        """The entries of a folder."""
        folder = self._folder(path)
        return self._take(lambda: os.listdir(folder), folder)

    def rename(self, old: str, new: str) -> None:
        """Move what is at `old` to `new`; a file that is there is replaced."""
        target, name = self._place(new)
        kept = self._take(lambda: os.dup(target), target)  # opening the other one may close it
        try:
            source, old_name = self._place(old)
            os.rename(old_name, name, src_dir_fd=source, dst_dir_fd=kept)
            moved = os.stat(name, dir_fd=kept, follow_symlinks=False)
        finally:
            os.close(kept)
        if stat.S_ISDIR(moved.st_mode):
            self._forget_below(old)

    def make_folder(self, path: str) -> None:
        """Make a folder; `FileExistsError` where something is."""
        folder, name = self._place(path)
        os.mkdir(name, 0o755, dir_fd=folder)

    def status(self) -> os.stat_result:
        """What the folder itself is."""
        return os.fstat(self._top)

    def set_folder_mode(self, path: str, mode: int) -> None:
        """Give a folder these permissions; "" is the root."""
        try:
            os.fchmod(self._folder(path), mode)
        except PermissionError:
            if not _HANDLE:
                raise
            self._set_closed_mode(path, mode)

    def date(self, path: str, mtime: int) -> None:
        """Give a file or link its modification time, in seconds; what is gone is left alone."""
        folder, name = self._place(path)
        with suppress(FileNotFoundError):
            os.utime(name, (mtime, mtime), dir_fd=folder, follow_symlinks=False)

    def _set_closed_mode(self, path: str, mode: int) -> None:
        """Do it for a folder that can't be opened for reading: by a handle that needs no leave."""
        folder, name = self._place(path)
        handle = self._take(lambda: os.open(name, FOLDER | _HANDLE, dir_fd=folder), folder)
        try:
            os.chmod(f"/proc/self/fd/{handle}", mode)
        finally:
            os.close(handle)

    def make_folders(self, path: str) -> None:
        """Make a folder and those on the way to it, as far as they are missing."""
        for folder in _ways(path):
            if not self.is_folder(folder):
                self.make_folder(folder)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        folder, name = self._place(path)
        os.rmdir(name, dir_fd=folder)
        self._forget_below(path)

    def remove_file(self, path: str) -> None:
        """Remove a file or link."""
        folder, name = self._place(path)
        os.unlink(name, dir_fd=folder)

    def empty(self, path: str, last: str = "") -> list[str]:
        """Remove what is in a folder, but for folders; gives those.

        A file called `last` stays until nothing else is there.
        """
        names = self.names(path)
        folder = self._folder(path)
        below: list[str] = []
        for name in names:
            there = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(there.st_mode):
                below.append(f"{path}/{name}")
            elif name != last:
                os.unlink(name, dir_fd=folder)
        if last in names and not below:
            os.unlink(last, dir_fd=folder)
        return below

    def _place(self, path: str) -> tuple[int, str]:
        """The open folder in which a path ends, and its last name."""
        folder, _, name = path.rpartition("/")
        return self._folder(folder), name

    def _folder(self, path: str) -> int:
        """Open a folder, by way of those above it."""
        if path in self._open:
            return self._open[path]
        current = self._top
        for way in _ways(path):
            if way not in self._open:
                self._open[way] = self._open_in(current, way.rpartition("/")[2])
            current = self._open[way]
        return current

    def _open_in(self, folder: int, name: str) -> int:
        if len(self._open) >= _MOST_OPEN:
            self._forget(folder)
        return self._take(lambda: os.open(name, FOLDER, dir_fd=folder), folder)

    def _take(self, call: Callable[[], Result], kept: int) -> Result:
        """Call what takes a descriptor; where none is left, with those that nobody waits for."""
        try:
            return call()
        except OSError as error:
            if error.errno not in _NONE_LEFT:
                raise
        self._forget(kept)
        return call()

    def _forget(self, kept: int = -1) -> None:
        """Close all folders but one, and the root."""
        for path, descriptor in list(self._open.items()):
            if descriptor != kept:
                os.close(self._open.pop(path))

    def _forget_below(self, path: str) -> None:
        """Close a folder that moved or went, and those in it."""
        for other in [way for way in self._open if f"{way}/".startswith(f"{path}/")]:
            os.close(self._open.pop(other))


def _ways(path: str) -> Iterator[str]:
    """Give the folders that lead to a path, the topmost first, and the path itself."""
    end = 0
    while 0 <= end < len(path):
        end = path.find("/", end + 1)
        yield path if end < 0 else path[:end]
