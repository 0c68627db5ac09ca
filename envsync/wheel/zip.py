"""Read the structure of a ZIP archive so strictly that there is one reading of it, or none.

Programs disagree about archives that bend the format: some go by the directory at the end, some
by the header before each member, some stop at the first end record, some at the last. An archive
that could be read in two ways is refused. What is accepted is tiled without gap or overlap:

    header, data, [descriptor]   for each member
    central directory            names every one of these, and nothing else
    [zip64 end record, locator]
    end record, [comment]        the last byte of the file is the last of the comment

and header, descriptor and directory say the same of a member. Numbers of sections refer to
PKWARE's APPNOTE 6.3.10.
"""

import posixpath
import stat
import zlib
from collections.abc import Sequence
from struct import Struct
from typing import NamedTuple, NoReturn

from envsync.errors import WheelInvalid
from envsync.wheel.file_bytes import Data
from envsync.wheel.paths import has_safe_parts
from envsync.wheel.zip_directory import (
    FULL_32,
    MAX_END,
    ZIP64_FIELD,
    Central,
    Refuse,
    extra_fields,
    find_directory,
    number,
    read_central,
    refuser,
    shown,
)

STORED = 0
DEFLATED = 8

MAX_SIZE = 20 << 30
"""Bytes of all members together, unpacked."""
MAX_RATIO = 1100
"""Deflate reaches 1032; a member that claims more is a lie."""
RATIO_FROM = 1 << 20
"""Bytes from which the ratio is judged."""

LOCAL = Struct("<4s5H3I2H")  # 4.3.7

_DESCRIPTOR, _UTF8 = 0x8, 0x800
# 4.4.4: bits 1 and 2 tell how hard the compressor tried, 3 a descriptor follows, 11 UTF-8 names.
_LONGEST_TARGET = 1024
_KNOWN_FLAGS = 0x2 | 0x4 | _DESCRIPTOR | _UTF8
_DOS_FOLDER_OR_VOLUME = 0x18


class Entry(NamedTuple):
    """One regular file of an archive."""

    path: str
    method: int
    offset: int
    """Where its compressed bytes begin."""
    compressed_size: int
    size: int
    crc: int
    executable: bool
    streamed: bool
    """Its sizes follow the data: the end of the compressed stream must be where they say."""


def read_entries(data: Data, *, file: str) -> tuple[list[Entry], list[str]]:
    """Give the regular files of the archive in `data`, in its order, and its folder entries.

    Names are decoded but not judged. Raises `WheelInvalid`, naming `file`, for everything that
    the module's first lines rule out, for methods, flags and types of file that a wheel has no
    use for, and for sizes beyond the limits above.
    """
    directory = find_directory(data[-MAX_END:], len(data), file=file)
    if directory is None:  # the tail was as long as an end can be
        raise WheelInvalid(file, "the end of its central directory can't be found")
    raw = data[directory.start : directory.start + directory.size]
    members = read_central(raw, directory.members, file=file)
    _check_sizes(members, file=file)
    starts = _check_headers(data, members, directory.start, file=file)
    entries, folders, links = _sort_out(members, starts, file=file)
    for link in links:
        _check_link(data, link, file)
    return entries, folders


def _check_sizes(members: Sequence[Central], *, file: str) -> None:
    """Refuse archives that would fill the disk, before anything is unpacked."""
    total = sum(member.size for member in members)
    if total > MAX_SIZE:
        raise WheelInvalid(file, f"unpacked it is {total} bytes; {MAX_SIZE} are allowed")
    for member in members:
        if member.size > RATIO_FROM and member.size > member.compressed_size * MAX_RATIO:
            raise WheelInvalid(file, f"{shown(member.name)} claims to shrink more than can be")


def _check_headers(
    data: Data, members: Sequence[Central], directory_start: int, *, file: str
) -> list[int]:
    """Compare each member's own header with the directory, and see that they tile the file.

    Gives where each member's data begins.
    """
    refuse = refuser(file)
    order = sorted(range(len(members)), key=[member.offset for member in members].__getitem__)
    ends = [*(members[index].offset for index in order), directory_start][1:]
    starts = [0] * len(members)
    unpack, header_size = LOCAL.unpack_from, LOCAL.size
    expected = 0
    for index, end in zip(order, ends, strict=True):
        member = members[index]
        name, flags, method, crc, compressed_size, size, _, offset = member
        header_end = offset + header_size + len(name)
        if offset != expected or header_end > end:
            refuse(f"{shown(name)} overlaps its neighbour, or other bytes lie between them")
        head = data[offset:header_end]
        (
            signature, _, its_flags, its_method, _, _, its_crc, its_compressed_size, its_size,
            name_length, extra_length,
        ) = unpack(head)  # fmt: skip
        if signature != b"PK\3\4" or name_length != len(name) or not head.endswith(name):
            refuse(f"{shown(name)} has another name in its own header than in the directory")
        if its_flags != flags or its_method != method:
            refuse(f"{shown(name)} is described differently in its own header and the directory")
        start = header_end + extra_length
        its = (its_crc, its_compressed_size, its_size)
        if extra_length or flags & _DESCRIPTOR or its != (crc, compressed_size, size):
            extra = data[header_end:start]
            _check_local(member, its, extra_fields(extra, name, refuse), refuse)
        finish = start + compressed_size
        if flags & _DESCRIPTOR:
            finish += _check_descriptor(data[finish:end], member, refuse)
        if finish != end:
            refuse(f"{shown(name)} overlaps its neighbour, or other bytes lie between them")
        starts[index] = start
        expected = end
    if expected != directory_start:
        refuse("bytes precede the archive")
    return starts


def _check_local(
    member: Central,
    its: tuple[int, int, int],
    fields: dict[int, bytes],
    refuse: Refuse,
) -> None:
    """Compare CRC and sizes of a member's own header with the directory, zip64 field included.

    Real wheels carry a zip64 field that merely repeats the sizes (4.5.3 asks for both of them in
    a local header); a field that says anything else is refused.
    """
    its_crc, *its_sizes = its
    true_sizes = [member.compressed_size, member.size]
    follows = bool(member.flags & _DESCRIPTOR) and its_crc in (0, member.crc)
    wide = fields.get(ZIP64_FIELD)
    if wide is not None:
        values = [number(wide, 8), number(wide, 0)]
        if len(wide) != 16 or not (values == true_sizes or (follows and values == [0, 0])):
            refuse(f"{shown(member.name)} has a zip64 field that contradicts its sizes")
        its_sizes = [
            true if plain == FULL_32 else plain
            for plain, true in zip(its_sizes, true_sizes, strict=True)
        ]
    if its_crc == member.crc and its_sizes == true_sizes:
        return
    if not follows or its_sizes not in ([0, 0], true_sizes):
        refuse(f"{shown(member.name)} has another size or CRC in its own header")
    if member.method == STORED and member.size:
        refuse(f"{shown(member.name)} is stored, and its size follows it")


def _check_descriptor(descriptor: bytes, member: Central, refuse: Refuse) -> int:
    """See that what lies behind a member's data is its descriptor (4.3.9); give its length."""
    crc = member.crc.to_bytes(4, "little")
    for width in (4, 8):
        if max(member.size, member.compressed_size) >> 8 * width:
            continue
        sizes = member.compressed_size.to_bytes(width, "little")
        sizes += member.size.to_bytes(width, "little")
        if descriptor in (crc + sizes, b"PK\7\x08" + crc + sizes):
            return len(descriptor)
    return refuse(f"{shown(member.name)} has a descriptor that contradicts the directory")


def _sort_out(
    members: Sequence[Central], starts: list[int], *, file: str
) -> tuple[list[Entry], list[str], list[Entry]]:
    """Tell files from folders, decode names, and refuse every other type and method.

    Those of the files that are marked as symbolic links come once more at the end.
    """
    entries: list[Entry] = []
    folders: list[str] = []
    links: list[Entry] = []
    new = tuple.__new__
    for member, start in zip(members, starts, strict=True):
        raw, flags, method, crc, compressed_size, size, attributes, _ = member
        mode = attributes >> 16
        kind = mode & 0o170000
        if raw[-1:] == b"/":
            _check_folder(member, kind, file)
            folders.append(_decode(raw, flags, file))
            continue
        if (
            flags & ~_KNOWN_FLAGS
            or kind not in (0, stat.S_IFREG, stat.S_IFLNK)
            or attributes & _DOS_FOLDER_OR_VOLUME
            or method not in (STORED, DEFLATED)
            or (method == STORED and compressed_size != size)
        ):
            _refuse_member(member, kind, file)
        name = _decode(raw, flags, file)
        # As pip and installer have it: the bit counts only where the type is given, too.
        executable = kind == stat.S_IFREG and mode & 0o111 != 0
        streamed = flags & _DESCRIPTOR != 0
        values = (name, method, start, compressed_size, size, crc, executable, streamed)
        entries.append(new(Entry, values))
        if kind == stat.S_IFLNK:
            links.append(entries[-1])
    return entries, folders, links


def _decode(raw: bytes, flags: int, file: str) -> str:
    """Decode a name: ASCII, or UTF-8 where the flag says so (4.4.4, bit 11)."""
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        name = ""
    if not name or not (flags & _UTF8 or name.isascii()):
        raise WheelInvalid(file, f"{shown(raw)} has a name that is not marked as UTF-8, or is not")
    return name


def _check_link(data: Data, entry: Entry, file: str) -> None:
    """See that a member which some zip tool marked as a symbolic link leads nowhere outside.

    A wheel of format 1 has no links (PEP 778 defers them to format 2): such a member is the regular
    file that RECORD lists, its target for content, here as with pip. One that leads outside was
    made for a tool that follows it.
    """
    packed = data[entry.offset : entry.offset + min(entry.compressed_size, _LONGEST_TARGET)]
    try:
        content = zlib.decompress(packed, -zlib.MAX_WBITS) if entry.method else bytes(packed)
        target = content.decode()
    except (zlib.error, UnicodeDecodeError):
        target = "/"
    folder = posixpath.dirname(entry.path)
    if entry.size > _LONGEST_TARGET or (
        target and not has_safe_parts(posixpath.normpath(posixpath.join(folder, target)))
    ):
        raise WheelInvalid(file, f"{entry.path[:200]!a} is a symbolic link that leads outside")


def _check_folder(member: Central, kind: int, file: str) -> None:
    """A folder entry is empty; the two bytes are what deflate makes of nothing."""
    if kind not in (0, stat.S_IFDIR, stat.S_IFREG) or member.flags & ~_KNOWN_FLAGS:
        _refuse_member(member, kind, file)
    if member.size or member.compressed_size > 2 or member.crc or kind == stat.S_IFREG:
        raise WheelInvalid(file, f"{shown(member.name)} is a folder with content")


def _refuse_member(member: Central, kind: int, file: str) -> NoReturn:
    name = shown(member.name)
    if member.flags & 0x2041:
        reason = f"{name} is encrypted"
    elif member.flags & ~_KNOWN_FLAGS:
        reason = f"{name} has unknown flags ({member.flags:#06x})"
    elif kind == stat.S_IFLNK:
        reason = f"{name} is a symbolic link"
    elif kind not in (0, stat.S_IFREG) or member.attributes & _DOS_FOLDER_OR_VOLUME:
        reason = f"{name} is not a regular file"
    elif member.method not in (STORED, DEFLATED):
        reason = f"{name} is compressed by method {member.method}; only deflate is allowed"
    else:
        reason = f"{name} is stored, with two different sizes"
    raise WheelInvalid(file, reason)
