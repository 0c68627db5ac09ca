"""Read the end records and the central directory of a ZIP archive, from all of it or its tail.

Numbers of sections refer to PKWARE's APPNOTE 6.3.10; why the reading is so strict is said in
`envsync.wheel.zip`, which compares what is found here with the members' own headers.
"""

from collections.abc import Callable
from struct import Struct
from typing import NamedTuple, NoReturn, TypeAlias

from envsync.errors import WheelInvalid

Refuse: TypeAlias = Callable[[str], NoReturn]

MAX_MEMBERS = 200_000
MAX_END = 0xFFFF + 22 + 20 + 56
"""Bytes in which the end records fit, with the longest comment."""

FULL_32 = 0xFFFF_FFFF
"""In a field of four bytes: the value is in the zip64 field."""
ZIP64_FIELD = 0x0001

_END = Struct("<4s4H2IH")  # 4.3.16
_LOCATOR = Struct("<4sIQI")  # 4.3.15
_END64 = Struct("<4sQ2H2I4Q")  # 4.3.14
_CENTRAL = Struct("<4s6H3I5H2I")  # 4.3.12

_FULL_16 = 0xFFFF
# 4.6.9 renames the member in some readers; 0x9901 and 0x0017 encrypt it.
_REFUSED_FIELDS = {0x7075: "a second name", 0x9901: "encryption", 0x0017: "encryption"}
_MAX_VERSION_NEEDED = 63


class Directory(NamedTuple):
    """Where the central directory lies, and how many members it names."""

    start: int
    size: int
    members: int


class Central(NamedTuple):
    """What the central directory says of one member."""

    name: bytes
    flags: int
    method: int
    crc: int
    compressed_size: int
    size: int
    attributes: int
    offset: int
    """Where its header begins."""


def find_directory(tail: bytes, length: int, *, file: str) -> Directory | None:
    """Find the central directory from the last bytes of an archive of `length` bytes.

    None: `tail` is too short to tell (`MAX_END` bytes always do). Raises `WheelInvalid`.
    """
    refuse = refuser(file)
    whole = len(tail) >= min(length, MAX_END)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + _END.size > len(tail):
        return refuse("it is not a ZIP archive, or its end is missing") if whole else None
    _, disk, first_disk, here, count, size, start, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        refuse("bytes follow the end of the archive")
    if at < _LOCATOR.size + _END64.size and not whole:
        return None
    end = length - len(tail) + at
    if tail[max(0, at - _LOCATOR.size) : at].startswith(b"PK\6\7"):
        plain = (disk, first_disk, here, count, size, start)
        count, size, start = _read_end64(tail, at, end, plain, refuse)
        end -= _LOCATOR.size + _END64.size
    elif disk or first_disk or here != count:
        refuse("it is one part of a split archive")
    if count > MAX_MEMBERS:
        refuse(f"it has {count} members; {MAX_MEMBERS} are allowed")
    if start + size != end:
        refuse("the central directory doesn't end where the end record begins")
    if size < count * _CENTRAL.size:
        refuse("the central directory is too short for its members")
    return Directory(start, size, count)


def _read_end64(
    tail: bytes,
    at: int,
    end: int,
    plain: tuple[int, ...],
    refuse: Refuse,
) -> tuple[int, int, int]:
    """Read the zip64 records that end at `at` in the tail, `end` in the archive (4.3.14, 4.3.15).

    `plain` are the fields of the end record proper: each equal, or "see zip64". Gives count,
    size and start of the central directory.
    """
    at -= _LOCATOR.size
    _, disk, where, disks = _LOCATOR.unpack_from(tail, at)
    at -= _END64.size
    if at < 0 or disk or disks != 1 or where != end - _LOCATOR.size - _END64.size:
        refuse("its zip64 locator points elsewhere")
    signature, length, _, _, *fields = _END64.unpack_from(tail, at)
    if signature != b"PK\6\6" or length != _END64.size - 12:
        refuse("its zip64 end record is malformed")
    if fields[0] or fields[1] or fields[2] != fields[3]:
        refuse("it is one part of a split archive")
    full = (_FULL_16,) * 4 + (FULL_32,) * 2
    for value, wide, unknown in zip(plain, fields, full, strict=True):
        if value not in (wide, unknown):
            refuse("its end record and zip64 end record disagree")
    return fields[3], fields[4], fields[5]


def read_central(raw: bytes, count: int, *, file: str) -> list[Central]:
    """Read a central directory of `count` members that fills `raw` exactly. Raises `WheelInvalid`.

    What it says is judged only where the rest couldn't be read otherwise.
    """
    refuse = refuser(file)
    unpack, new = _CENTRAL.unpack_from, tuple.__new__  # said once: this loop is a hot one
    members: list[Central] = []
    at, end = 0, len(raw)
    for _ in range(count):
        if at + 46 > end:
            refuse("the central directory has fewer members than it says")
        (
            signature, _, needed, flags, method, _, _, crc, compressed_size, size,
            name_length, extra_length, comment_length, disk, _, attributes, offset,
        ) = unpack(raw, at)  # fmt: skip
        name_end = at + 46 + name_length
        following = name_end + extra_length + comment_length
        if signature != b"PK\1\2" or following > end:
            refuse("the central directory is malformed")
        name = raw[at + 46 : name_end]
        if extra_length or FULL_32 in (size, compressed_size, offset):
            extra = raw[name_end : name_end + extra_length]
            fields = extra_fields(extra, name, refuse)
            plain = (size, compressed_size, offset)
            size, compressed_size, offset = _zip64_central(fields, plain, name, refuse)
        if needed > _MAX_VERSION_NEEDED or disk:
            refuse(f"{shown(name)} needs a newer or another part of the archive")
        values = (name, flags, method, crc, compressed_size, size, attributes, offset)
        members.append(new(Central, values))
        at = following
    if at != end:
        refuse("the central directory has more members than it says")
    return members


def extra_fields(extra: bytes, name: bytes, refuse: Refuse) -> dict[int, bytes]:
    """Split extra fields (4.5): header ID and content."""
    fields: dict[int, bytes] = {}
    at = 0
    while at < len(extra):
        kind = int.from_bytes(extra[at : at + 2], "little")
        end = at + 4 + int.from_bytes(extra[at + 2 : at + 4], "little")
        if at + 4 > len(extra) or end > len(extra):
            refuse(f"{shown(name)} has malformed extra fields")
        if kind in _REFUSED_FIELDS:
            refuse(f"{shown(name)} carries {_REFUSED_FIELDS[kind]} in an extra field")
        if kind in fields:
            refuse(f"{shown(name)} has an extra field twice")
        fields[kind] = extra[at + 4 : end]
        at = end
    return fields


def _zip64_central(
    fields: dict[int, bytes],
    plain: tuple[int, int, int],
    name: bytes,
    refuse: Refuse,
) -> tuple[int, int, int]:
    """Give size, compressed size and offset, from the zip64 field where they don't fit (4.5.3)."""
    missing = plain.count(FULL_32)
    content = fields.get(ZIP64_FIELD, b"")
    # Exactly the values that are missing: with more or fewer, readers differ in what they take.
    if len(content) != 8 * missing:
        refuse(f"{shown(name)} has a zip64 field that doesn't fit its entry")
    wide = iter(range(0, len(content), 8))
    size, compressed_size, offset = (
        number(content, next(wide)) if value == FULL_32 else value for value in plain
    )
    return size, compressed_size, offset


def number(content: bytes, at: int) -> int:
    """Read eight bytes as a number, as the zip64 field has it."""
    return int.from_bytes(content[at : at + 8], "little")


def shown(name: bytes) -> str:
    """Word a member's name, which may hold anything, for a message."""
    text = ascii(name[:200].decode("utf-8", "backslashreplace"))
    return text if len(name) <= 200 else f"{text}..."


def refuser(file: str) -> Refuse:
    """Give a function that raises `WheelInvalid` for a file, with the reason it is given."""

    def refuse(reason: str) -> NoReturn:
        raise WheelInvalid(file, reason)

    return refuse
