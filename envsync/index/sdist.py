"""Find PKG-INFO in a source distribution, reading no more of it than needed and writing nothing."""

import os
import re
import zlib
from collections.abc import Iterator
from mmap import ACCESS_READ, mmap

from envsync.errors import WheelInvalid
from envsync.index.transport import MIB
from envsync.platform.files import storage_errors
from envsync.wheel.members import Member, read_member
from envsync.wheel.zip import Entry, read_entries

MAX_PKG_INFO = 16 * MIB
MAX_UNPACKED = 1024 * MIB
"""Bytes of a source distribution that are looked through, unpacked."""

_BLOCK = 512
_IS_TOP_LEVEL = re.compile(r"(?:\./)?[^/]+/PKG-INFO").fullmatch
_PAX_PATH = re.compile(rb"(?:\A|\n)\d+ path=([^\n]*)\n").search


def read_pkg_info(path: str, filename: str) -> bytes | None:
    """Give the PKG-INFO at `NAME-VERSION/PKG-INFO` of a .tar.gz or .zip file at `path`.

    None when there is none, or when the archive can't be read: a build will say what is wrong.
    `filename` tells the format. Raises `StorageFailed`.
    """
    with storage_errors(path):
        if filename.endswith((".tar.gz", ".tgz")):
            return _from_tar(path)
        return _from_zip(path, filename) if filename.endswith(".zip") else None


def _from_zip(path: str, filename: str) -> bytes | None:
    if not os.path.getsize(path):
        return None
    with open(path, "rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        try:
            entries, _ = read_entries(data, file=filename)
            entry = next((entry for entry in entries if _IS_TOP_LEVEL(entry.path)), None)
            if entry is None or entry.size > MAX_PKG_INFO:
                return None
            return bytes(read_member(data, _member(entry), file=filename)[0])
        except WheelInvalid:
            return None


def _member(entry: Entry) -> Member:
    return Member(
        path=entry.path,
        method=entry.method,
        offset=entry.offset,
        compressed_size=entry.compressed_size,
        size=entry.size,
        crc=entry.crc,
        executable=False,
        sha256="",
        streamed=entry.streamed,
    )


def _from_tar(path: str) -> bytes | None:
    try:
        return _find_in_tar(_Unpacked(path))
    except (ValueError, zlib.error):
        return None


class _Unpacked:
    """The bytes inside a gzip file, in order, up to `MAX_UNPACKED`; `ValueError` past the end."""

    def __init__(self, path: str) -> None:
        self._pieces = _gunzip(path)
        self._piece = b""
        self._at = 0

    def read(self, size: int) -> bytes:
        parts = []
        while size:
            part = self._next(size)
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def skip(self, size: int) -> None:
        while size:
            size -= len(self._next(size))

    def _next(self, size: int) -> bytes:
        if self._at == len(self._piece):
            self._piece, self._at = next(self._pieces, b""), 0
            if not self._piece:
                raise ValueError("the archive ends too early")
        part = self._piece[self._at : self._at + size]
        self._at += len(part)
        return part


def _gunzip(path: str) -> Iterator[bytes]:
    left = MAX_UNPACKED
    stream = zlib.decompressobj(wbits=31)
    with open(path, "rb") as file:
        packed = file.read(MIB)
        while packed:
            piece = stream.decompress(packed, MIB)
            left -= len(piece)
            if left < 0:
                raise ValueError("the archive is too large")
            if piece:
                yield piece
            if stream.eof:
                packed = stream.unused_data
                stream = zlib.decompressobj(wbits=31)
            else:
                packed = stream.unconsumed_tail
            packed = packed or file.read(MIB)


def _find_in_tar(archive: _Unpacked) -> bytes | None:
    """Go from header to header (POSIX pax, and the GNU forms of long names)."""
    long_name: str | None = None
    while True:
        header = archive.read(_BLOCK)
        if not header.strip(b"\0"):
            return None
        size = _number(header[124:136])
        kind = header[156:157]
        padding = -size % _BLOCK
        if kind in (b"x", b"L") and size <= MIB:
            long_name = _long_name(kind, archive.read(size)) or long_name
            archive.skip(padding)
            continue
        is_file = kind in (b"0", b"\0", b"7")
        if is_file and _IS_TOP_LEVEL(long_name or _name(header)):
            return archive.read(size) if size <= MAX_PKG_INFO else None
        if kind not in (b"x", b"g", b"L", b"K"):
            long_name = None
        # Links, folders and devices have no content, whatever their size field says.
        if kind not in (b"1", b"2", b"3", b"4", b"5", b"6"):
            archive.skip(size + padding)


def _name(header: bytes) -> str:
    name = header[:100].split(b"\0")[0]
    prefix = header[345:500].split(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return (prefix + b"/" + name if prefix else name).decode("utf-8", "replace")


def _long_name(kind: bytes, content: bytes) -> str | None:
    if kind == b"L":
        return content.split(b"\0")[0].decode("utf-8", "replace")
    match = _PAX_PATH(content)
    return None if match is None else match[1].decode("utf-8", "replace")


def _number(field: bytes) -> int:
    """Read a size: octal digits, or base 256 where the first bit is set (GNU)."""
    if field[0] & 0x80:
        return int.from_bytes(field[1:], "big")
    number = int(field.split(b"\0")[0].strip() or b"0", 8)
    if number < 0:
        raise ValueError("a negative size")
    return number
