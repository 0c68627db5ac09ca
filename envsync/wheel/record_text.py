"""Rows of path, hash and size -> RECORD.

Written for every file of every environment: no import that isn't needed, one pass.
"""

from binascii import a2b_hex, b2a_base64
from collections.abc import Iterable
from typing import NamedTuple


class RecordRow(NamedTuple):
    """One file, as RECORD has it."""

    path: str
    sha256: str | None
    """In hexadecimal; None where RECORD gives no sha256."""
    size: int | None
    other: str = ""
    """"sha512:HEX" where RECORD hashes by sha384 or sha512 instead."""


def render_record(rows: Iterable[RecordRow]) -> bytes:
    """Write RECORD: sorted by path, LF ends of line, quoted only where it must be (PEP 376)."""
    lines = [
        f"{_quoted(path)},{_hash_text(sha256, other)},{'' if size is None else size}\n"
        for path, sha256, size, other in sorted(rows)
    ]
    return "".join(lines).encode()


def _quoted(path: str) -> str:
    if "," in path or '"' in path or "\n" in path or "\r" in path:
        return '"' + path.replace('"', '""') + '"'
    return path


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def _hash_text(sha256: str | None, other: str) -> str:
    if sha256 is None and not other:
        return ""
    algorithm, digest = ("sha256", sha256) if sha256 else other.split(":")
    encoded = b2a_base64(a2b_hex(digest or ""), newline=False).translate(_URL_SAFE)
    return f"{algorithm}={encoded.decode().rstrip('=')}"
