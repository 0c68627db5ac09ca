"""All that a build printed, for whoever has to find out why it failed; the error has the end of it.

It lies among the system's temporary files, which go by themselves, readable by the user alone.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from envsync.errors import BuildFailed
from envsync.platform.files import storage_errors

_MOST_BYTES = 64 << 20
_ODD = re.compile(r"[^A-Za-z0-9._-]+")


class BuildLog:
    """A file that takes lines, up to a limit that no honest build reaches."""

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", errors="replace")
        self._room = _MOST_BYTES
        self.lines = 0

    def add(self, line: str) -> None:
        """Write a line. Raises `StorageFailed`."""
        self._room -= len(line) + 1
        if self._room > 0:
            with storage_errors(self.path):
                self._file.write(f"{line}\n")
            self.lines += 1

    def close(self) -> None:
        """Close it; what can't be written any more is no fault of the build's."""
        with suppress(OSError):
            self._file.close()


@contextmanager
def logged(package: str) -> Iterator[BuildLog]:
    """Give the log of one build. It stays where `BuildFailed` leaves the block without showing all
    of it, and the error says where.
    """
    with storage_errors(tempfile.gettempdir()):
        name = _ODD.sub("-", package)[:80]
        descriptor, path = tempfile.mkstemp(prefix=f"envsync-{name}-", suffix=".log")
    log = BuildLog(path, descriptor)
    stays = False
    try:
        yield log
    except BuildFailed as error:
        stays = log.lines > len(error.lines)
        if stays:
            error.lines = (*error.lines, f"all {log.lines} lines that it printed: {path}")
        raise
    finally:
        log.close()
        if not stays:
            with suppress(FileNotFoundError):
                os.unlink(path)
