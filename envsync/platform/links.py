"""Stored files put in place: by copy-on-write clone, hard link or copy; and symbolic links."""

import errno
import fcntl
import os
from collections.abc import Callable
from typing import BinaryIO

from envsync.platform.flags import NEW_FILE

# Errors that say "not this way, here": the next way is tried for all files that follow.
_NOT_THIS_WAY = {
    *(errno.EXDEV, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS),
    *(errno.ENOTTY, errno.EINVAL, errno.EAGAIN),  # EAGAIN: not at this moment (uv#19674)
}
_FICLONE = 0x40049409


class Placer:
    """Puts stored files in place: by copy-on-write clone, hard link or copy.

    `link_mode` "auto" tries them in the order clone, hard link, copy and keeps to the first that
    the file systems allow. Whatever the way, the file has the content, permissions and time of
    the stored one.
    """

    def __init__(self, link_mode: str = "auto") -> None:
        ways: dict[str, list[Callable[[str, str], None]]] = {
            "auto": [self._clone, os.link, self._copy],
            "clone": [self._clone, self._copy],
            "hardlink": [os.link, self._copy],
            "copy": [self._copy],
        }
        self._ways = ways.get(link_mode, [self._copy])

    @property
    def links(self) -> bool:
        """Whether files are put in place by hard links, as far as it is known by now."""
        return self._ways[0] is os.link

    def place(self, source: str, destination: str) -> None:
        """Make `destination`, which must not exist, hold what `source` holds.

        Raises `OSError` when no way works.
        """
        while True:
            try:
                self._ways[0](source, destination)
            except OSError as error:
                if error.errno == errno.EMLINK:  # this one file has too many links
                    self._copy(source, destination)
                    return
                if len(self._ways) == 1 or error.errno not in _NOT_THIS_WAY:
                    raise
                self._ways = self._ways[1:]
            else:
                return

    def place_only(self, source: str, destination: str) -> None:
        """Place a file by the first way, or raise `OSError`."""
        self._ways[0](source, destination)

    @staticmethod
    def _clone(source: str, destination: str) -> None:
        _make_alike(source, destination, _clone_content)

    @staticmethod
    def _copy(source: str, destination: str) -> None:
        _make_alike(source, destination, _copy_content)


def _make_alike(source: str, destination: str, fill: Callable[[BinaryIO, BinaryIO], None]) -> None:
    """Make a new file with the content, permissions and time of another, or none at all."""
    with open(source, "rb") as original:
        status = os.fstat(original.fileno())
        with os.fdopen(os.open(destination, NEW_FILE, 0o600), "wb") as copy:
            try:
                fill(original, copy)
                copy.flush()
                os.fchmod(copy.fileno(), status.st_mode & 0o777)
                os.utime(copy.fileno(), ns=(status.st_mtime_ns, status.st_mtime_ns))
            except BaseException:
                os.unlink(destination)
                raise


def _clone_content(original: BinaryIO, copy: BinaryIO) -> None:
    fcntl.ioctl(copy.fileno(), _FICLONE, original.fileno())


def _copy_content(original: BinaryIO, copy: BinaryIO) -> None:
    while piece := original.read(1 << 20):
        copy.write(piece)


def make_link(target: bytes, path: str, mtime: int) -> None:
    """Make a symbolic link with this modification time of its own, in seconds since the epoch.

    Raises `OSError`, `FileExistsError` when something is there already.
    """
    os.symlink(target, os.fsencode(path))
    os.utime(path, (mtime, mtime), follow_symlinks=False)


def try_ways(source: str, destination: str, link_mode: str) -> tuple[str, dict[str, str]]:
    """Say which way a file of one folder gets into another, and why the better ones don't work.

    Both folders are for nothing else. Raises `OSError` where not even a copy can be made.
    """
    path = f"{source}/file"
    with open(path, "wb") as file:
        file.write(b"x")
    if link_mode == "symlink":
        return "symbolic link", {}
    refused = {}
    for name in _WAYS[link_mode]:
        placer = Placer(name)
        try:
            placer.place_only(path, f"{destination}/file")
        except OSError as error:
            refused[_NAMES[name]] = error.strerror or str(error)
        else:
            return _NAMES[name], refused
    raise OSError(errno.EIO, "no way works", destination)


_NAMES = {"clone": "copy-on-write clone", "hardlink": "hard link", "copy": "copy"}
_WAYS = {
    "auto": ("clone", "hardlink", "copy"),
    "clone": ("clone", "copy"),
    "hardlink": ("hardlink", "copy"),
    "copy": ("copy",),
}
