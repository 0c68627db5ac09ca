"""Read a ZIP source archive strictly, into members; the structure is judged as a wheel's is."""

import mmap
import zlib
from collections.abc import Iterator, Mapping

from envsync.build.members import (
    MAX_RATIO,
    MAX_UNPACKED_BYTES,
    RATIO_FREE_BYTES,
    SourceMember,
    split_path,
)
from envsync.errors import WheelInvalid
from envsync.wheel.zip import DEFLATED, Entry, read_entries

_CHUNK = 1 << 20
_RAW_DEFLATE = -15  # zlib's window bits for a stream without header


def parse_zip(
    data: bytes | mmap.mmap, *, file: str
) -> tuple[tuple[SourceMember, ...], Mapping[str, Entry]]:
    """Read all members of a ZIP archive, and the entries by which `read_entry` finds contents.

    Raises `ValueError` with the reason when the archive or one of its names is refused.
    """
    try:
        entries, folders = read_entries(data, file=file)
    except WheelInvalid as error:  # the shared reader's word for it
        raise ValueError(error.reason) from error
    total = sum(entry.size for entry in entries)
    if total > MAX_UNPACKED_BYTES:
        raise ValueError(f"it unpacks to more than {MAX_UNPACKED_BYTES >> 30} GiB")
    if total > RATIO_FREE_BYTES and total > len(data) * MAX_RATIO:
        raise ValueError(f"it unpacks to more than {MAX_RATIO} times its size")
    members = [SourceMember("/".join(split_path(folder)), "folder") for folder in folders]
    by_path = {}
    for entry in entries:
        path = "/".join(split_path(entry.path))
        members.append(SourceMember(path, "file", size=entry.size, executable=entry.executable))
        by_path[path] = entry
    return tuple(members), by_path


def read_entry(data: bytes | mmap.mmap, entry: Entry) -> Iterator[bytes]:
    """Give the content of a file piece by piece; `ValueError` unless size and CRC hold."""
    crc = size = 0
    for piece in _inflate(data, entry) if entry.method == DEFLATED else _stored(data, entry):
        crc = zlib.crc32(piece, crc)
        size += len(piece)
        if size > entry.size:
            break
        yield piece
    if size != entry.size or crc != entry.crc:
        raise ValueError(f"{entry.path!r} is damaged")


def _stored(data: bytes | mmap.mmap, entry: Entry) -> Iterator[bytes]:
    end = entry.offset + entry.compressed_size
    for start in range(entry.offset, end, _CHUNK):
        yield data[start : min(start + _CHUNK, end)]


def _inflate(data: bytes | mmap.mmap, entry: Entry) -> Iterator[bytes]:
    inflater = zlib.decompressobj(_RAW_DEFLATE)
    try:
        for piece in _stored(data, entry):
            while piece and not inflater.eof:
                yield inflater.decompress(piece, _CHUNK)
                piece = inflater.unconsumed_tail
        yield inflater.flush()
    except zlib.error as error:
        raise ValueError(f"{entry.path!r} is damaged ({error})") from error
    if not inflater.eof or inflater.unused_data:
        raise ValueError(f"{entry.path!r} is damaged: its data don't end where they should")
