"""Turn the bytes of a file that a stranger may have written into TOML values, or SpecInvalid."""

import re

from envsync.errors import SpecInvalid
from envsync.spec.toml import TooDeep, loads

MAX_BYTES = 1024 * 1024

_PLACE = r" \((?:at line (?P<line>\d+), column (?P<column>\d+)|at end of document)\)$"
_CONFLICT = re.compile(r"<{7}(?: |\r?$)")
_DIGITS = r"[0-9](?:_?[0-9]){999}"
"""Longer numbers than any file has; Python refuses to convert them, without saying where."""


def decode(data: bytes, *, path: str) -> str:
    """Decode the bytes of a file: UTF-8, at most 1 MiB; a byte order mark is left out."""
    if len(data) > MAX_BYTES:
        raise SpecInvalid(path, [f"the file is larger than {MAX_BYTES // 1024} KiB"])
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SpecInvalid(path, ["line 1: the file is UTF-16: save it as UTF-8"])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecInvalid(path, [f"line {line}: the text is not UTF-8"]) from error


def load(text: str, *, path: str) -> dict[str, object]:
    """Parse TOML; `SpecInvalid` has the line of the first mistake."""
    try:
        return loads(text)
    except TooDeep as error:
        raise SpecInvalid(path, [str(error)]) from error
    except ValueError as error:
        if merged := _conflicts(text):
            raise SpecInvalid(path, merged, hint=_settle(path)) from error
        raise SpecInvalid(path, [_reason(str(error), text)]) from error


def _conflicts(text: str) -> list[str]:
    """Find where a merge left both sides, in text that is no TOML (else it is in a string)."""
    return [
        f"line {number}: a merge left both sides here ({line[:60].rstrip()})"
        for number, line in enumerate(text.split("\n"), 1)
        if _CONFLICT.match(line)
    ]


def _settle(path: str) -> str:
    return f"keep in {path} what is right of both, without the lines <<<<<<<, ======= and >>>>>>>"


def _reason(message: str, text: str) -> str:
    """Put the place that tomllib names in front of its reason."""
    place = re.search(_PLACE, message)
    if place is None:
        digits = re.search(_DIGITS, text)
        line = text.count("\n", 0, digits.start()) + 1 if digits else 1
        return f"line {line}: {'the number is too long' if digits else 'not valid TOML'}"
    reason = message[: place.start()]
    reason = reason[:1].lower() + reason[1:]
    if place["line"] is None:
        return f"line {text.count(chr(10)) + 1}: {reason} at the end of the file"
    return f"line {place['line']}: {reason} (column {place['column']})"
