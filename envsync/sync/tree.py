"""An environment's folder held open: what is done below it never leaves it through a link.

Every folder on the way is opened by its name in the one above, and never through a symbolic link
(openat with O_NOFOLLOW), so that neither a link that lies there nor one that is put there meanwhile
leads a rename or a removal to somewhere else (hazards H69 and H71).
"""

import os
import stat
from typing import Self

from envsync.files import flush_directory, remove_folder_at

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_OPEN = 100


class Tree:
    """Changes below one folder, by paths relative to it; a context manager.

    Every method raises `OSError`: `NotADirectoryError` or `ELOOP` where something on the way is no
    folder.
    """

    def __init__(self, root: str) -> None:
        self._top = os.open(root, _FOLDER)
        self._open: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._forget()
        os.close(self._top)

    def identity(self) -> str:
        """Name the folder itself, wherever it stands: a copy has another name.

        The device has no part in it: its number may be another after a restart.
        """
        return str(os.fstat(self._top).st_ino)

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
        found = self.find(path)
        return found is not None and stat.S_ISDIR(found.st_mode)

    def flush(self, path: str) -> None:
        """Make a folder's entries durable."""
        flush_directory(self._folder(path))

    def names(self, path: str) -> list[str]:
        """The entries of a folder."""
        return os.listdir(self._folder(path))

    def rename(self, old: str, new: str) -> None:
        """Move what is at `old` to `new`; a file that is there is replaced."""
        target, name = self._place(new)
        kept = os.dup(target)  # opening the other folder may close it
        try:
            source, old_name = self._place(old)
            os.rename(old_name, name, src_dir_fd=source, dst_dir_fd=kept)
        finally:
            os.close(kept)
        if old in self._open:
            self._forget()  # a folder that moved, and what lies in it

    def make_folder(self, path: str) -> None:
        """Make a folder; `FileExistsError` where something is."""
        folder, name = self._place(path)
        os.mkdir(name, 0o755, dir_fd=folder)

    def make_folders(self, path: str) -> None:
        """Make a folder and those on the way to it, as far as they are missing."""
        if path and not self.is_folder(path):
            self.make_folders(path.rpartition("/")[0])
            self.make_folder(path)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        folder, name = self._place(path)
        os.rmdir(name, dir_fd=folder)
        self._forget()

    def remove(self, path: str) -> None:
        """Remove a file, link or whole folder; what is missing is fine."""
        found = self.find(path)
        if found is None:
            return
        self._forget()
        folder, name = self._place(path)
        if stat.S_ISDIR(found.st_mode):
            remove_folder_at(name, folder)
        else:
            os.unlink(name, dir_fd=folder)

    def _place(self, path: str) -> tuple[int, str]:
        """The open folder in which a path ends, and its last name."""
        if len(self._open) >= _MOST_OPEN:
            self._forget()
        folder, _, name = path.rpartition("/")
        return self._folder(folder), name

    def _folder(self, path: str) -> int:
        """Open a folder; those above it are open as well then."""
        if not path:
            return self._top
        if path not in self._open:
            above, _, name = path.rpartition("/")
            self._open[path] = os.open(name, _FOLDER, dir_fd=self._folder(above))
        return self._open[path]

    def _forget(self) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()
