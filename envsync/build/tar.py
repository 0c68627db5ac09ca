"""Read a gzip-compressed tar archive strictly, into members whose every byte is accounted for.

The format has many dialects, and readers that differ on one of them see different files in the
same archive. So this reader knows the dialects that source distributions are written in (POSIX
ustar and pax, GNU long names, plain old tar), checks every field that decides where the next
member begins, and refuses the rest: sparse files, devices, pax sizes that differ from the
header's, global overrides, data after the end, a second gzip member.

References: POSIX.1-2017 pax (ustar and pax interchange formats), RFC 1952.
"""

import mmap
import re
import time
import zlib
from collections.abc import Mapping
from typing import BinaryIO, NamedTuple

from envsync.build.members import (
    MAX_MEMBERS,
    MAX_RATIO,
    MAX_UNPACKED_BYTES,
    RATIO_FREE_BYTES,
    SourceMember,
    check_link,
    split_path,
)

_BLOCK = 512
_ZEROS = bytes(_BLOCK)
_CHUNK = 1 << 20
_MAX_EXTENSION_BYTES = 1 << 20
_GZIP = 31  # zlib's window bits for a gzip header and trailer
_OCTAL = re.compile(rb" *([0-7]*)[ \x00]*")
_PAX_LENGTH = re.compile(rb"[1-9][0-9]{0,8} ")
_DECIMAL = re.compile(rb"[0-9]{1,18}")
_USTAR, _GNU, _OLD = b"ustar\x0000", b"ustar  \x00", bytes(8)
_REFUSED_KINDS = {
    b"3": "a device",
    b"4": "a device",
    b"6": "a pipe",
    b"7": "a contiguous file",
    b"D": "a GNU directory listing",
    b"M": "a part of another volume",
    b"N": "an old GNU long name",
    b"S": "a sparse file",
    b"V": "a volume label",
}
_PAX_MEANINGFUL = (b"path", b"linkpath", b"size")


class _Header(NamedTuple):
    """The fields of one header block that are used."""

    name: bytes
    kind: bytes
    size: int
    mode: int
    mtime: int
    link: bytes


def inflate(archive: BinaryIO, spool: BinaryIO, *, deadline: float) -> int:
    """Inflate the single gzip member that `archive` must be into `spool`; give the bytes written.

    `deadline` is on `time.monotonic`'s clock. Raises `ValueError` for anything but one whole,
    sound gzip member, and when a bound is passed.
    """
    inflater = zlib.decompressobj(wbits=_GZIP)
    read = written = 0
    while not inflater.eof:
        data = inflater.unconsumed_tail or archive.read(_CHUNK)
        read += 0 if inflater.unconsumed_tail else len(data)
        try:
            piece = inflater.decompress(data, _CHUNK)
        except zlib.error as error:
            raise ValueError(f"it is not a sound gzip file ({error})") from error
        if not data and not piece and not inflater.eof:
            raise ValueError("it is cut short")
        written += len(piece)
        _check_bounds(read, written, deadline)
        spool.write(piece)
    if inflater.unused_data or archive.read(1):
        raise ValueError("something follows the end of its gzip stream")
    spool.flush()
    return written


def _check_bounds(read: int, written: int, deadline: float) -> None:
    if written > MAX_UNPACKED_BYTES:
        raise ValueError(f"it unpacks to more than {MAX_UNPACKED_BYTES >> 30} GiB")
    if written > RATIO_FREE_BYTES and written > read * MAX_RATIO:
        raise ValueError(f"it unpacks to more than {MAX_RATIO} times its size")
    if time.monotonic() > deadline:
        raise ValueError("reading it takes too long")


def parse_tar(data: bytes | mmap.mmap, *, deadline: float) -> tuple[SourceMember, ...]:
    """Read all members of an inflated tar archive.

    Hard links come out as files with the content of the earlier file that they name. Raises
    `ValueError` with the reason when the archive, or one of its names or links, is refused.
    """
    reader = _Reader(data)
    while reader.step():
        if time.monotonic() > deadline:
            raise ValueError("reading it takes too long")
    return tuple(reader.members.values())


class _Reader:
    """Walks over the blocks; `step` reads one header with what belongs to it."""

    def __init__(self, data: bytes | mmap.mmap) -> None:
        self.members: dict[str, SourceMember] = {}
        self._data = data
        self._position = 0
        self._count = 0
        self._overrides: dict[bytes, bytes] = {}

    def step(self) -> bool:
        """Read the next header; False at the end of the archive."""
        block = self._data[self._position : self._position + _BLOCK]
        if block == _ZEROS:
            self._finish()
            return False
        if len(block) < _BLOCK:
            raise ValueError("it has no end mark: it is cut short")
        self._count += 1
        if self._count > MAX_MEMBERS:
            raise ValueError(f"it has more than {MAX_MEMBERS} members")
        header = _read_header(block)
        start = self._position + _BLOCK
        self._position = start + -(-header.size // _BLOCK) * _BLOCK
        if self._position > len(self._data):
            raise ValueError("it is cut short inside a member")
        if header.kind in (b"x", b"g", b"L", b"K"):
            self._extend(header, start)
        else:
            self._add(header, start)
        return True

    def _finish(self) -> None:
        if len(self._data) - self._position < 2 * _BLOCK:
            raise ValueError("it has no end mark: it is cut short")
        for start in range(self._position, len(self._data), _CHUNK):
            if self._data[start : start + _CHUNK].strip(b"\x00"):
                raise ValueError("something follows the end mark of its tar archive")
        if self._overrides:
            raise ValueError("it ends with an extended header that belongs to no member")

    def _extend(self, header: _Header, start: int) -> None:
        """Take in an extended header (pax "x" and "g", GNU "L" and "K")."""
        if header.size > _MAX_EXTENSION_BYTES:
            raise ValueError("an extended header is too large")
        payload = self._data[start : start + header.size]
        if header.kind in (b"x", b"g"):
            records = _read_pax(payload)
        else:
            key = b"path" if header.kind == b"L" else b"linkpath"
            records = {key: payload.removesuffix(b"\x00")}
        meaningful = {key: records[key] for key in _PAX_MEANINGFUL if key in records}
        if header.kind == b"g" and meaningful:
            raise ValueError("a global header sets the path or size of all members")
        if self._overrides.keys() & meaningful.keys():
            raise ValueError("two extended headers set the same thing of one member")
        self._overrides |= meaningful

    def _add(self, header: _Header, start: int) -> None:
        raw_path = self._overrides.pop(b"path", header.name)
        raw_link = self._overrides.pop(b"linkpath", header.link)
        raw_size = self._overrides.pop(b"size", None)
        path = _text(raw_path)
        if header.kind in _REFUSED_KINDS:
            raise ValueError(f"{path!r} is {_REFUSED_KINDS[header.kind]}")
        if raw_size is not None and (
            not _DECIMAL.fullmatch(raw_size) or int(raw_size) != header.size
        ):
            raise ValueError(f"two different sizes are given for {path!r}")
        member = self._member(header, path, _text(raw_link), start)
        earlier = self.members.get(member.path)
        if earlier is not None and not self._is_same(earlier, member):
            raise ValueError(f"{member.path!r} is there twice, and not the same")
        self.members[member.path] = member

    def _member(self, header: _Header, path: str, link: str, start: int) -> SourceMember:
        parts = split_path(path)
        clean = "/".join(parts)
        executable = bool(header.mode & 0o111)
        if header.kind == b"5" or (header.kind == b"\x00" and path.endswith("/")):
            _want_empty(header, clean)
            return SourceMember(clean, "folder")
        if path.endswith("/"):
            raise ValueError(f"{path!r} is named like a folder and is none")
        if header.kind in (b"0", b"\x00"):
            return SourceMember(clean, "file", start, header.size, executable, header.mtime)
        _want_empty(header, clean)
        if header.kind == b"2":
            check_link(parts, link)
            return SourceMember(clean, "link", target=link)
        if header.kind == b"1":
            original = self.members.get("/".join(split_path(link)))
            if original is None or original.kind != "file":
                raise ValueError(f"the hard link {clean!r} names no earlier file")
            return original._replace(path=clean)
        raise ValueError(f"{path!r} is of an unknown kind ({header.kind!r})")

    def _is_same(self, one: SourceMember, other: SourceMember) -> bool:
        """Tell whether a repeated member changes nothing."""
        return one._replace(offset=0, mtime=0) == other._replace(offset=0, mtime=0) and all(
            self._data[one.offset + start : one.offset + min(start + _CHUNK, one.size)]
            == self._data[other.offset + start : other.offset + min(start + _CHUNK, one.size)]
            for start in range(0, one.size, _CHUNK)
        )


def _want_empty(header: _Header, path: str) -> None:
    if header.size:
        raise ValueError(f"{path!r} is no file and yet has content")


def _read_header(block: bytes) -> _Header:
    stated = _octal(block[148:156], "checksum")
    if stated != sum(block) - sum(block[148:156]) + 8 * ord(" "):
        raise ValueError("a header has a wrong checksum: it is damaged")
    magic = block[257:265]
    if magic not in (_USTAR, _GNU, _OLD):
        raise ValueError(f"a header is of an unknown dialect ({magic!r})")
    name = _cut(block[0:100])
    if magic == _USTAR and (prefix := _cut(block[345:500])):
        name = prefix + b"/" + name
    return _Header(
        name=name,
        kind=block[156:157],
        size=_octal(block[124:136], "size"),
        mode=_octal(block[100:108], "mode"),
        mtime=_time(block[136:148]),
        link=_cut(block[157:257]),
    )


def _octal(field: bytes, what: str) -> int:
    match = _OCTAL.fullmatch(field)
    if match is None:
        raise ValueError(f"a header's {what} is not a number")
    return int(match[1] or b"0", 8)


def _time(field: bytes) -> int:
    """Give a member's time; times that octal digits don't hold decide nothing and become 0."""
    match = _OCTAL.fullmatch(field)
    return int(match[1] or b"0", 8) if match else 0


def _cut(field: bytes) -> bytes:
    """Give a name field up to its padding; bytes hidden behind the padding are refused."""
    value, _, padding = field.partition(b"\x00")
    if any(padding):
        raise ValueError(f"the name {value!r} is followed by hidden bytes")
    return value


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"the name {name!r} is not UTF-8") from error


def _read_pax(payload: bytes) -> Mapping[bytes, bytes]:
    """Read a pax extended header: records of LENGTH, a space, KEY=VALUE, a line feed."""
    records: dict[bytes, bytes] = {}
    position = 0
    while position < len(payload):
        match = _PAX_LENGTH.match(payload, position)
        end = position + int(match[0]) if match else 0
        record = payload[match.end() : end] if match else b""
        key, equals, value = record.removesuffix(b"\n").partition(b"=")
        if not (record.endswith(b"\n") and equals and key) or end > len(payload):
            raise ValueError("a pax header is malformed")
        _check_pax_key(key, value)
        if records.setdefault(key, value) != value:
            raise ValueError(f"a pax header gives {key.decode(errors='replace')!r} twice")
        position = end
    return records


def _check_pax_key(key: bytes, value: bytes) -> None:
    """Refuse records that make readers see another file, or other names."""
    if key.startswith(b"GNU.sparse.") or key in (b"SCHILY.realsize", b"SCHILY.filetype"):
        raise ValueError("it holds a sparse file")
    if key == b"hdrcharset" and value != b"ISO-IR 10646 2000 UTF-8":
        raise ValueError("its names are in an unknown character set")
