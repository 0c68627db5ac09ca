"""RECORD of a wheel -> rows of path, hash and size."""

import binascii
import csv
import io

from envsync.errors import WheelInvalid
from envsync.wheel.record_text import RecordRow

MAX_SIZE = 64 << 20
"""Bytes that a RECORD may have."""

_LENGTHS = {"sha256": 32, "sha384": 48, "sha512": 64}


def parse_record(data: bytes, *, file: str) -> tuple[RecordRow, ...]:
    """Read RECORD ("Recording installed projects", "The .dist-info/RECORD file").

    Raises `WheelInvalid`, naming `file`, for a row that isn't path, hash and size, a path that
    comes twice, and hashes other than sha256, sha384 and sha512 (PEP 427 rules out weaker ones).
    """
    if len(data) > MAX_SIZE:
        raise WheelInvalid(file, f"RECORD is larger than {MAX_SIZE} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise WheelInvalid(file, "RECORD is not UTF-8") from None
    rows: dict[str, RecordRow] = {}
    for fields in (_quoted if '"' in text else _plain)(text, file):
        row = _row(fields, file)
        if rows.setdefault(row.path, row) is not row:
            raise WheelInvalid(file, f"RECORD lists {row.path!a} twice")
    return tuple(rows.values())


def _plain(text: str, file: str) -> list[list[str]]:
    """Split rows in which nothing is quoted; a comma in the path, then, doesn't matter."""
    rows = [line.rsplit(",", 2) for line in text.replace("\r\n", "\n").split("\n") if line]
    for row in rows:
        if len(row) != 3:
            raise WheelInvalid(file, f"RECORD has the row {row[0][:100]!a}")
    return rows


def _quoted(text: str, file: str) -> list[list[str]]:
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise WheelInvalid(file, f"RECORD is not valid CSV: {error}") from None
    for row in rows:
        if len(row) != 3:
            raise WheelInvalid(file, f"RECORD has the row {','.join(row)[:100]!a}")
    return rows


def _row(fields: list[str], file: str) -> RecordRow:
    path, hashed, size_text = fields
    size = _size(size_text) if size_text else None
    if size is None and size_text:
        raise WheelInvalid(file, f"RECORD gives {path!a} the size {size_text[:50]!a}")
    if not hashed:
        return RecordRow(path, None, size)
    algorithm, _, encoded = hashed.partition("=")
    if algorithm not in _LENGTHS:
        raise WheelInvalid(file, f"RECORD hashes {path!a} by {algorithm[:50]!a}")
    digest = _decode(encoded, _LENGTHS[algorithm])
    if not digest:
        raise WheelInvalid(file, f"RECORD gives {path!a} a malformed hash")
    if algorithm == "sha256":
        return RecordRow(path, digest, size)
    return RecordRow(path, None, size, f"{algorithm}:{digest}")


def _size(text: str) -> int | None:
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 16 else None


def _decode(encoded: str, length: int) -> str:
    """Give a digest of `length` bytes in hexadecimal; nothing when it is malformed.

    It is URL-safe base64, padded or not. A few wheels have it in hexadecimal, which is longer
    and so can't be mistaken.
    """
    plain = encoded.rstrip("=")
    try:
        if len(plain) == 2 * length:
            digest = bytes.fromhex(plain)
        else:
            plain = plain.replace("-", "+").replace("_", "/") + "=" * (-len(plain) % 4)
            digest = binascii.a2b_base64(plain, strict_mode=True)
    except ValueError:
        return ""
    return digest.hex() if len(digest) == length else ""
