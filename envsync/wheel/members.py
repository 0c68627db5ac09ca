"""Unpack members of a wheel, each compared with its size, its CRC and its hash in RECORD."""

import hashlib
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import deflate

from envsync.errors import RecordWrong, WheelInvalid
from envsync.wheel.file_bytes import Data
from envsync.wheel.zip import DEFLATED

WHOLE = 16 << 20
"""Bytes up to which a member is unpacked in one piece, which is faster; larger ones take bounded
memory."""

_CHUNK = 1 << 20


class Member(NamedTuple):
    """One file of a wheel that is fit to be unpacked."""

    path: str
    method: int
    offset: int
    """Where its compressed bytes begin."""
    compressed_size: int
    size: int
    crc: int
    executable: bool
    sha256: str
    """In hexadecimal, from RECORD; empty for RECORD itself and its signatures."""
    other_hash: str = ""
    """"sha512:HEX" where RECORD hashes by sha384 or sha512 instead."""
    streamed: bool = False
    """Its sizes follow the data, so the stream must end exactly where they say."""
    skip: bool = False
    """It is checked like the others, and never installed."""


def read_member(data: Data, member: Member, *, file: str) -> tuple[bytes | bytearray, str]:
    """Unpack a member of at most `WHOLE` bytes from a wheel's bytes: content and its sha256.

    Raises `WheelInvalid`, naming `file`, unless size, CRC and the hash in RECORD all agree.
    """
    content = _unpack(data, member, file)
    sha256 = hashlib.sha256(content).hexdigest()
    if len(content) != member.size or deflate.crc32(content) != member.crc:
        raise WheelInvalid(file, f"{member.path!a} has another size or CRC than the archive says")
    if member.sha256 not in ("", sha256):
        raise _wrong_hash(member, file)
    if member.other_hash:
        algorithm, _, digest = member.other_hash.partition(":")
        if hashlib.new(algorithm, content).hexdigest() != digest:
            raise _wrong_hash(member, file)
    return content, sha256


def _unpack(data: Data, member: Member, file: str) -> bytes | bytearray:
    packed = data[member.offset : member.offset + member.compressed_size]
    if member.method != DEFLATED:
        return packed
    if member.streamed:  # libdeflate doesn't tell where the stream ended
        return b"".join(_inflate(data, member, file))
    try:
        content: bytearray = deflate.deflate_decompress(packed, member.size)
    except deflate.DeflateError:
        raise _damaged(member, file) from None
    return content


def iter_member(data: Data, member: Member, *, file: str) -> Iterator[tuple[bytes, str]]:
    """Unpack a member of any size in pieces; with the last one comes the sha256 of all.

    The last piece is given only after size, CRC and hash were compared: raises `WheelInvalid` as
    `read_member`, and what was given before is then worthless.
    """
    whole = hashlib.sha256()
    algorithm, _, digest = member.other_hash.partition(":")
    other = hashlib.new(algorithm) if algorithm else None
    size = crc = 0
    held = b""
    for piece in _inflate(data, member, file) if member.method == DEFLATED else _copy(data, member):
        size += len(piece)
        if size > member.size:
            break
        crc = deflate.crc32(piece, crc)
        whole.update(piece)
        if other:
            other.update(piece)
        if held:
            yield held, ""
        held = piece
    if size != member.size or crc != member.crc:
        raise WheelInvalid(file, f"{member.path!a} has another size or CRC than the archive says")
    sha256 = whole.hexdigest()
    if member.sha256 not in ("", sha256) or (other and other.hexdigest() != digest):
        raise _wrong_hash(member, file)
    yield held, sha256


def _copy(data: Data, member: Member) -> Iterator[bytes]:
    end = member.offset + member.compressed_size
    for start in range(member.offset, end, _CHUNK):
        yield data[start : min(start + _CHUNK, end)]


def _inflate(data: Data, member: Member, file: str) -> Iterator[bytes]:
    """Inflate in pieces, and see that the stream ends with its last byte."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for packed in _copy(data, member):
            while packed:
                if piece := inflater.decompress(packed, _CHUNK):
                    yield piece
                packed = inflater.unconsumed_tail
            if inflater.unused_data:
                raise _damaged(member, file)
        while not inflater.eof:
            piece = inflater.decompress(b"", _CHUNK)
            if not piece:
                break
            yield piece
    except zlib.error:
        raise _damaged(member, file) from None
    if not inflater.eof or inflater.unused_data:
        raise _damaged(member, file)


def _wrong_hash(member: Member, file: str) -> WheelInvalid:
    return RecordWrong(file, f"{member.path!a} has another hash than in RECORD")


def _damaged(member: Member, file: str) -> WheelInvalid:
    return WheelInvalid(file, f"the compressed data of {member.path!a} is damaged")
