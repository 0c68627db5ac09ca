"""Word pieces of the user's file for a message: key paths, quotes, types, near misses."""

import re
from collections.abc import Iterable
from datetime import date, time
from difflib import get_close_matches
from itertools import islice

from envsync.redaction import redact
from envsync.spec.lines import KeyPath

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_QUOTE = 80
_LONGEST_URL = 8192
_MOST_COMPARED = 100

_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (str, "a string"),
    (bool, "true or false"),
    ((int, float), "a number"),
    ((date, time), "a date or time"),
    (list, "a list"),
)


def show_path(path: KeyPath) -> str:
    """Write a key path as people do: `index[0].url`, with odd keys in quotes."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
        else:
            key = part if _BARE_KEY.fullmatch(part) else quote(part)
            shown += f".{key}" if shown else key
    return shown


def quote(text: str) -> str:
    """Quote a piece of the user's text: one printable line, short, without passwords."""
    # What is too long for a URL is shown up to where one may begin.
    safe = redact(text if len(text) <= _LONGEST_URL else text[:_LONGEST_URL].partition("//")[0])
    safe += "..." * (len(text) > _LONGEST_URL)
    shown = safe if len(safe) <= _LONGEST_QUOTE else f"{safe[: _LONGEST_QUOTE - 3]}..."
    if not shown.isprintable():
        return ascii(shown)
    return f'"{shown}"' if "'" in shown else f"'{shown}'"


def near_miss(word: str, known: Iterable[str]) -> str:
    """Give "; did you mean ...?" when one of the known words is close, else nothing."""
    few = islice(known, _MOST_COMPARED)
    close = get_close_matches(word[:_LONGEST_QUOTE].lower(), few, n=1)
    return f"; did you mean {quote(close[0])}?" if close else ""


def kind_of(value: object) -> str:
    """Name the TOML type of a value, with its article."""
    return next((name for types, name in _KINDS if isinstance(value, types)), "a table")


def quoting_advice(value: object) -> str:
    """Say that a bare number, word or date wants quotes; nothing for other values."""
    return ": put it in quotes" if isinstance(value, bool | int | float | date | time) else ""


def wrapping_advice(value: object) -> str:
    """Show how a lone string is written as a list; nothing for other values."""
    if not isinstance(value, str) or len(value) >= _LONGEST_QUOTE or not value.isprintable():
        return ""
    return "" if set(value) & set('"\\@') else f': write ["{value}"]'
