"""What files and folders take on the disk, and what of it deleting them would free."""

import os
import stat
from typing import NamedTuple

_BLOCK = 512


class Size(NamedTuple):
    """What some folders take on the disk."""

    files: int = 0
    bytes: int = 0
    """Blocks really used; of several links to one file, once."""
    shared: int = 0
    """The part of it that links from elsewhere, environments above all, keep alive anyway."""

    def __add__(self, other: object) -> "Size":
        if not isinstance(other, Size):
            return NotImplemented
        return Size(*(a + b for a, b in zip(self, other, strict=True)))


class Inodes:
    """Counts the blocks of files once, and knows which of them deleting links would free."""

    def __init__(self) -> None:
        self._links: dict[tuple[int, int], list[int]] = {}
        self.files = 0

    def add(self, path: str) -> None:
        """Count a file, or all that lies in a folder, the folders themselves included."""
        waiting = [path]
        while waiting:
            current = waiting.pop()
            try:
                status = os.lstat(current)
                if stat.S_ISDIR(status.st_mode):
                    waiting += (entry.path for entry in os.scandir(current))
            except (FileNotFoundError, NotADirectoryError):
                continue
            is_folder = stat.S_ISDIR(status.st_mode)
            self.files += not is_folder
            links = 1 if is_folder else status.st_nlink
            key = (status.st_dev, status.st_ino)
            known = self._links.setdefault(key, [0, links, status.st_blocks * _BLOCK])
            known[0] += 1

    def size(self) -> Size:
        """Give what was counted."""
        total = sum(blocks for _, _, blocks in self._links.values())
        shared = sum(blocks for seen, links, blocks in self._links.values() if seen < links)
        return Size(self.files, total, shared)


def measure(path: str) -> Size:
    """Give the size of a file or folder. Raises `OSError`."""
    inodes = Inodes()
    inodes.add(path)
    return inodes.size()
