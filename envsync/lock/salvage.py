"""Read of a lock what can be read where the whole can't: its rows, from both sides of a merge.

What comes of it is for going on from: pins to keep and hashes to compare. Nothing is installed
from it. Each `[[packages]]` is judged by itself as in a whole lock; of one that isn't sound its
name and version are taken, which is all that a preference needs.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice

from packaging.pylock import Package, Pylock
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from envsync.errors import LockInvalid
from envsync.lock.read import CREATED_BY, MAX_VERSION_LENGTH, parse_lock
from envsync.lock.reading import STRICT, ReadingPolicy

_MOST = 10_000
"""Rows that are read; locks of a thousand packages have as many, twice where two sides differ."""
_HEAD = 'lock-version = "1.0"\ncreated-by = "nobody"\n'
_MARK = re.compile(r"(<{7,}|\|{7,}|={7,}|>{7,})(?:\s|$)")
"""git makes them as long as the attribute `conflict-marker-size` says."""
_PIN = re.compile(r"""\s*(name|version)\s*=\s*(["'])([^"'\\]{1,300})\2""")


def salvage(data: bytes, *, policy: ReadingPolicy = STRICT) -> Pylock | None:
    """The rows that a damaged lock has; those of both sides where a merge left its marks.

    A name may have several rows for one environment then. None where there is no row.
    """
    sides = _sides(data.decode(errors="replace").split("\n"))
    blocks = dict.fromkeys(chain.from_iterable(map(_blocks, sides)))
    packages = [row for block in islice(blocks, _MOST) for row in _rows(block, policy)]
    if not packages:
        return None
    return Pylock(lock_version=Version("1.0"), created_by=CREATED_BY, packages=packages)


def _sides(lines: Iterable[str]) -> tuple[list[str], list[str]]:
    """The text as each of two branches has it; what they began with is left out.

    That can be a merge with marks itself, where branches crossed: git makes those marks longer.
    """
    ours: list[str] = []
    theirs: list[str] = []
    both = (ours, theirs)
    into: tuple[list[str], ...] = both
    size = 0
    for line in lines:
        match = _MARK.match(line)
        mark = match[1] if match else ""
        if into is both:
            size = len(mark) if mark.startswith("<") else 0
        if not mark or len(mark) != size:
            for side in into:
                side.append(line)
        else:
            into = {"<": (ours,), "|": (), "=": (theirs,), ">": both}[mark[0]]
    return both


def _blocks(lines: Iterable[str]) -> Iterator[str]:
    """The text of each `[[packages]]`, with the tables below it."""
    block: list[str] = []
    for line in lines:
        if line.startswith("["):
            is_below = line.startswith(("[packages.", "[[packages."))
            if not is_below and block:
                yield "\n".join(block)
                block = []
            if line.startswith("[[packages]]"):
                block = [line]
                continue
        if block:
            block.append(line)
    if block:
        yield "\n".join(block)


def _rows(block: str, policy: ReadingPolicy) -> Iterator[Package]:
    try:
        yield from parse_lock((_HEAD + block).encode(), path="", policy=policy).packages
    except LockInvalid:
        yield from _pin(block)


def _pin(block: str) -> Iterator[Package]:
    """The name and version that the lines of a row give, before any table below it."""
    values: Mapping[str, str] = {}
    for line in block.split("\n")[1:]:
        if line.startswith("["):
            break
        if match := _PIN.match(line):
            values = {match[1]: match[3], **values}
    text = values.get("version", "")
    try:
        name = canonicalize_name(values.get("name", ""), validate=True)
        if len(text) <= MAX_VERSION_LENGTH:
            yield Package(name=name, version=Version(text))
    except (InvalidName, InvalidVersion, ValueError):
        return
