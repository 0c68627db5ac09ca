"""The bytes of a file by slices, each read when it is asked for: a large file takes no memory.

A mapped file would count as memory of this process for as long as it is mapped, and a file that is
cut meanwhile would end the process.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Protocol

SMALL = 16 << 20
"""Bytes up to which a file is read at once."""

_PIECE = 1 << 20


class Data(Protocol):
    """Bytes by slices: `bytes`, a mapped file, or a `FileBytes`."""

    def __len__(self) -> int:
        """Their number."""

    def __getitem__(self, at: slice, /) -> bytes:
        """Give some of them; the slice has no steps."""


class FileBytes:
    """An open file as `Data`; for one thread at a time."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._length = os.fstat(file.fileno()).st_size

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, at: slice, /) -> bytes:
        """Read some of it. Raises `OSError`, also for a file that was cut meanwhile."""
        start, stop, _ = at.indices(self._length)
        self._file.seek(start)
        content = self._file.read(max(stop - start, 0))
        if len(content) < stop - start:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return content


def pieces(data: Data) -> Iterator[bytes]:
    """Give all of it, a megabyte at a time."""
    for start in range(0, len(data), _PIECE):
        yield data[start : start + _PIECE]


@contextmanager
def opened(path: str) -> Iterator[Data]:
    """Give the bytes of a file, which must not change meanwhile. Raises `OSError`."""
    with open(path, "rb") as file:
        data = FileBytes(file)
        yield data[:] if len(data) <= SMALL else data
