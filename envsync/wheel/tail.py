"""Find METADATA in the last bytes of a remote wheel, so that the rest need not be fetched.

    found = find_metadata_in_tail(tail, file_size, file="shop-1.0-py3-none-any.whl")
    if isinstance(found, int):   fetch the bytes from `found` to the end, and ask again
    else:                        fetch the bytes from found.start up to found.end, unless
                                 `found.start >= file_size - len(tail)`, and unpack_located(...)

The whole wheel is judged by `open_wheel` once it is fetched; what comes from here is believed only
as far as an index's own metadata file would be. Numbers of sections refer to APPNOTE 6.3.10.
"""

from typing import NamedTuple

from envsync.errors import WheelInvalid
from envsync.wheel.members import Member, read_member
from envsync.wheel.metadata import MAX_SIZE
from envsync.wheel.zip import LOCAL
from envsync.wheel.zip_directory import Central, find_directory, read_central

MAX_DIRECTORY = 64 << 20
"""Bytes that the central directory of a remote wheel may have."""


class Located(NamedTuple):
    """A member of a remote archive: bytes `start` up to `end` hold its header and its data."""

    path: str
    start: int
    end: int
    method: int
    compressed_size: int
    size: int
    crc: int


def find_metadata_in_tail(tail: bytes, file_size: int, *, file: str) -> Located | int:
    """Locate the one `*.dist-info/METADATA` from the last bytes of a wheel of `file_size` bytes.

    Gives an offset when the tail is too short: the bytes from there to the end are needed. The
    offset is always smaller than where the tail began, so asking again comes to an end. Raises
    `WheelInvalid`, naming `file`.
    """
    began = file_size - len(tail)
    directory = find_directory(tail, file_size, file=file)
    if directory is None:
        return max(0, file_size - 2 * max(len(tail), 1 << 16))
    if directory.size > MAX_DIRECTORY:
        raise WheelInvalid(file, f"its central directory is larger than {MAX_DIRECTORY} bytes")
    if directory.start < began:
        return directory.start
    at = directory.start - began
    members = read_central(tail[at : at + directory.size], directory.members, file=file)
    metadata = [member for member in members if _is_metadata(member.name)]
    if len(metadata) != 1:
        raise WheelInvalid(file, f"it has {len(metadata)} *.dist-info/METADATA")
    return _located(metadata[0], members, directory.start, file)


def _is_metadata(name: bytes) -> bool:
    return name.endswith(b".dist-info/METADATA") and name.count(b"/") == 1


def _located(member: Central, members: list[Central], directory_start: int, file: str) -> Located:
    """Bound the member by the next one, so that header and data need no second request."""
    offsets = [other.offset for other in members if other.offset > member.offset]
    end = min(offsets, default=directory_start)
    path = member.name.decode("utf-8", "backslashreplace")
    if member.size > MAX_SIZE or member.compressed_size > MAX_SIZE:
        raise WheelInvalid(file, f"{path!a} is larger than {MAX_SIZE} bytes")
    needed = LOCAL.size + len(member.name) + member.compressed_size
    if not needed <= end - member.offset <= needed + 2 * 0xFFFF:
        raise WheelInvalid(file, f"{path!a} overlaps its neighbour, or other bytes follow it")
    return Located(
        path,
        member.offset,
        end,
        member.method,
        member.compressed_size,
        member.size,
        member.crc,
    )


def unpack_located(chunk: bytes, located: Located, *, file: str) -> bytes:
    """Unpack the member from exactly the bytes `located.start` up to `located.end`.

    Raises `WheelInvalid` when they are not that member: header, size and CRC are compared.
    """
    name = located.path.encode()
    if len(chunk) != located.end - located.start:
        raise WheelInvalid(file, f"{located.path!a} did not arrive whole")
    signature, *_, name_length, extra_length = LOCAL.unpack_from(chunk)
    if signature != b"PK\3\4" or chunk[LOCAL.size : LOCAL.size + name_length] != name:
        raise WheelInvalid(file, f"{located.path!a} is not where the central directory says")
    member = Member(
        path=located.path,
        method=located.method,
        offset=LOCAL.size + name_length + extra_length,
        compressed_size=located.compressed_size,
        size=located.size,
        crc=located.crc,
        executable=False,
        sha256="",
    )
    return bytes(read_member(chunk, member, file=file)[0])
