"""Open what is named by a path below a project's folder: inside it, and never a device or a pipe.

What lies in a clone may be anything, a link to a file of the user's or to a device among others.
Links that stay inside the folder are followed.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from io import BufferedReader
from typing import BinaryIO, NamedTuple

from envsync.errors import PathRefused
from envsync.platform.files import NotRegular, open_regular, storage_errors

_PIECE = 1 << 20


class Content(NamedTuple):
    """What the bytes of a file are, as they were read."""

    hashes: Mapping[str, str]
    """Algorithm -> digest in hexadecimal."""
    size: int


def real_path(root: str, path: str) -> str:
    """Give the place that `path`, relative to the folder `root`, really leads to.

    Raises `PathRefused` when there is nothing, or when links lead out of `root`; `StorageFailed`.
    """
    base, path = os.path.realpath(root), os.path.normpath(path)
    with storage_errors(path):
        try:
            real = os.path.realpath(os.path.join(base, path), strict=True)
        except (FileNotFoundError, NotADirectoryError):
            raise PathRefused(path, "there is no such file or folder") from None
    if real != base and not real.startswith(os.path.join(base, "")):
        raise PathRefused(path, f"leads out of the project's folder, to {real}")
    return real


def open_inside(root: str, path: str) -> BufferedReader:
    """Open a regular file below `root` for reading. Raises as `real_path`."""
    real = real_path(root, path)
    with storage_errors(path):
        try:
            return open_regular(real)
        except (NotRegular, IsADirectoryError) as error:
            raise PathRefused(path, str(error.strerror)) from error


def hash_inside(root: str, path: str, algorithms: Iterable[str] = ("sha256",)) -> Content:
    """Read a regular file below `root` and say what it holds. Raises as `real_path`."""
    with open_inside(root, path) as file, storage_errors(path):
        return content_of(pieces_of(file), algorithms)


def copy_inside(
    root: str, path: str, destination: str, algorithms: Iterable[str] = ("sha256",)
) -> Content:
    """Copy a regular file below `root` to a new one, and say what the copy holds.

    Raises as `real_path`.
    """
    with open_inside(root, path) as file, storage_errors(path), open(destination, "xb") as copy:
        return content_of(copied(pieces_of(file), copy), algorithms)


def read_inside(root: str, path: str, limit: int) -> bytes:
    """Read a regular file below `root`. Raises as `real_path`, and for one larger than `limit`."""
    with open_inside(root, path) as file, storage_errors(path):
        data = file.read(limit + 1)
    if len(data) > limit:
        raise PathRefused(path, f"is larger than {limit} bytes")
    return data


def pieces_of(file: BinaryIO) -> Iterator[bytes]:
    """Give a file's bytes, a bounded piece at a time."""
    while piece := file.read(_PIECE):
        yield piece


def copied(pieces: Iterable[bytes], copy: BinaryIO) -> Iterator[bytes]:
    """Write pieces down as they pass by."""
    for piece in pieces:
        copy.write(piece)
        yield piece


def content_of(pieces: Iterable[bytes], algorithms: Iterable[str] = ("sha256",)) -> Content:
    """Say what pieces hold: their digests, and their size together."""
    digests = {algorithm: hashlib.new(algorithm) for algorithm in algorithms}
    size = 0
    for piece in pieces:
        size += len(piece)
        for digest in digests.values():
            digest.update(piece)
    return Content({name: digest.hexdigest() for name, digest in digests.items()}, size)


def folder_inside(root: str, path: str, below: str | None = None) -> str:
    """Give the real place of a folder below `root`, or of one below that.

    Raises as `real_path`.
    """
    shown = os.path.normpath(os.path.join(path, below or ""))
    real = real_path(root, shown)
    if not os.path.isdir(real):
        raise PathRefused(shown, "is not a folder")
    return real
