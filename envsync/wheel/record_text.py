"""Rows of path, hash and size -> RECORD.

Written for every file of every environment: no import that isn't needed, one pass.
"""

from binascii import a2b_hex, b2a_base64
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class RecordRow(NamedTuple):
    """One file, as RECORD has it."""

    path: str
    sha256: str | None
    """In hexadecimal; None where RECORD gives no sha256."""
    size: int | None
    other: str = ""
    """"sha512:HEX" where RECORD hashes by sha384 or sha512 instead."""


_Row = tuple[str, str | None, int | None, str]
"""A `RecordRow`, or as much without a name: there are tens of thousands."""


def render_record(rows: Iterable[_Row]) -> bytes:
    """Write RECORD: sorted by path, LF ends of line, quoted only where it must be (PEP 376)."""
    ordered = sorted(rows)
    paths = [row[0] for row in ordered]
    together = "".join(paths)
    if any(mark in together for mark in ',"\n\r'):
        paths = list(map(_quoted, paths))
    hashes = _encoded([row[1] or _NO_HASH for row in ordered])
    lines = [
        f"{path},sha256={encoded},{size}\n"
        if sha256 and size is not None
        else f"{path},{_hash_text(sha256, other)},{'' if size is None else size}\n"
        for path, encoded, (_, sha256, size, other) in zip(paths, hashes, ordered, strict=True)
    ]
    return "".join(lines).encode()


def _quoted(path: str) -> str:
    if "," in path or '"' in path or "\n" in path or "\r" in path:
        return '"' + path.replace('"', '""') + '"'
    return path


_NO_HASH = "0" * 64
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def _encoded(hashes: Sequence[str]) -> list[str]:
    """Give sha256 hashes in base64: all in one call, each made 33 bytes long so that it is 44
    characters, of which a zero byte makes the last.
    """
    octets = a2b_hex("00".join([*hashes, ""]))
    text = b2a_base64(octets, newline=False).translate(_URL_SAFE).decode()
    return [text[at : at + 43] for at in range(0, len(text), 44)]


def _hash_text(sha256: str | None, other: str) -> str:
    if sha256 is None and not other:
        return ""
    algorithm, digest = ("sha256", sha256) if sha256 else other.split(":")
    encoded = b2a_base64(a2b_hex(digest or ""), newline=False).translate(_URL_SAFE)
    return f"{algorithm}={encoded.decode().rstrip('=')}"
