"""Parse a lock's TOML; its rows of files, most of the text, by patterns in place of the parser.

Only rows in the very form that `text` writes are taken out of what the parser reads. Whatever is
written otherwise, or seems odd, it reads itself: the values are the same for every text.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from envsync.lock.builds import KEY
from envsync.spec.toml import loads

_STRING: Final = r'"[ !#-\[\]-~]+"'
"""Printable ASCII without escapes."""
_ROW: Final = (
    rf"\{{ (?:name = {_STRING}, )?"
    r"(?:upload-time = [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{6})?Z, )?"
    rf"url = {_STRING}(?:, size = [1-9][0-9]{{0,17}})?"
    r', hashes = \{ sha256 = "[0-9a-f]*" \} \}'
)
_ROWS: Final = re.compile(rf"^(?:wheels = \[\n(?:    {_ROW},\n)+\]|sdist = {_ROW})$", re.MULTILINE)
_VALUES: Final = re.compile(
    r'\{ (?:name = "([^"]+)", )?(?:upload-time = ([^ ]*)Z, )?'
    r'url = "([^"]+)"(?:, size = ([0-9]*))?, hashes = \{ sha256 = "([0-9a-f]*)" \} \}'
)


_MARK: Final = "8128.8128"
"""Begins the numbers that stand for rows while the parser runs: such that no lock has."""


class _Place(NamedTuple):
    """Where rows were taken out."""

    number: int


def loads_lock(text: str) -> dict[str, object]:
    """Give the values of a lock's text. Raises as `spec.toml.loads`."""
    # In a string of several lines rows would be text.
    if '"""' in text or "'''" in text or _MARK in text:
        return loads(text)
    taken: list[object] = []

    def take(match: re.Match[str]) -> str:
        rows = [_row(*values) for values in _VALUES.findall(match[0])]
        key = "wheels" if match[0].startswith("wheels") else "sdist"
        taken.append(rows if key == "wheels" else rows[0])
        return f"{key} = {_MARK}{len(taken) - 1}"

    try:
        table = loads(_ROWS.sub(take, text), parse_float=_place_or_float)
    except ValueError:
        # Said of the text as it is, with its own lines.
        return loads(text)
    return table if _put_back(table, taken) else loads(text)


def _place_or_float(text: str) -> _Place | float:
    return _Place(int(text[len(_MARK) :])) if text.startswith(_MARK) else float(text)


def _row(name: str, time: str, url: str, size: str, sha256: str) -> Mapping[str, object]:
    row: dict[str, object] = {"url": url, "hashes": {"sha256": sha256}}
    if name:
        row["name"] = name
    if time:
        row["upload-time"] = datetime.fromisoformat(f"{time}+00:00")
    if size:
        row["size"] = int(size)
    return row


def _packages(table: Mapping[str, object]) -> Iterator[Any]:
    """Give every table in which rows of files may stand: packages, and what builds require."""
    tool = table.get("tool")
    own = tool.get("envsync") if isinstance(tool, dict) else None
    builds = own.get(KEY) if isinstance(own, dict) else None
    for holder in (table, *(builds if isinstance(builds, list) else ())):
        packages = holder.get("packages") if isinstance(holder, dict) else None
        yield from packages if isinstance(packages, list) else ()


def _put_back(table: Mapping[str, object], taken: Sequence[object]) -> bool:
    """Put rows back into packages; False where some belong elsewhere."""
    back = 0
    for package in _packages(table):
        for key in ("sdist", "wheels"):
            place = package.get(key) if isinstance(package, dict) else None
            if isinstance(place, _Place):
                package[key] = taken[place.number]
                back += 1
    return back == len(taken)
