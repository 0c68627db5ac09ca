"""Change one item in the text of a TOML array, leaving every other character as it stands.

The text is a valid array, brackets included: `["a", "b"]`, over as many lines as it likes. An
item is added the way its neighbours are written: on a line of its own, indented like them, or
after a comma on theirs.
"""

import re
from typing import NamedTuple

from envsync.spec.lines import find_tokens

INDENT = "    "


class Item(NamedTuple):
    """Where one item stands in the text."""

    start: int
    end: int
    after: int
    """Behind the item's comma, or `end` where it has none."""


def find_items(text: str) -> tuple[Item, ...]:
    """Give the place of every item of an array."""
    items: list[Item] = []
    depth, start, end = 0, -1, -1
    for match in find_tokens(text):
        kind, mark = match.lastgroup, match.group()
        depth += mark in ("[", "{")
        is_outermost = depth == 1 and mark != "["
        depth -= mark in ("]", "}")
        if kind in ("space", "newline", "comment") or (match.start() == 0):
            continue
        if is_outermost and mark in (",", "]"):
            if start >= 0:
                items.append(Item(start, end, match.end() if mark == "," else end))
            start = -1
        else:
            start, end = match.start() if start < 0 else start, match.end()
    return tuple(items)


def replace_item(text: str, position: int, new: str) -> str:
    """Put `new` (TOML text) in the place of an item."""
    item = find_items(text)[position]
    return text[: item.start] + new + text[item.end :]


def insert_item(text: str, position: int, new: str) -> str:
    """Put `new` (TOML text) before the item at a position, or behind the last."""
    items = find_items(text)
    if not items:
        return _insert_only(text, new)
    if position == 0:
        return _insert_first(text, items[0], new)
    if position < len(items):
        return _insert_between(text, items[position - 1], items[position], new)
    return _append(text, items[-1], new)


def remove_item(text: str, position: int) -> str:
    """Take an item out with its comma, and with its line and comment when it stands alone."""
    items = find_items(text)
    item = items[position]
    line_start = text.rfind("\n", 0, item.start) + 1
    rest = re.compile(r"[ \t]*(?:#[^\n]*)?\r?\n").match(text, item.after)
    if line_start and rest and not text[line_start : item.start].strip():
        return text[:line_start] + text[rest.end() :]
    if position + 1 < len(items):
        following = items[position + 1].start
        end = following if not text[item.after : following].strip(" \t") else item.after
        return text[: item.start] + text[end:]
    return text[: _end_before(text, items, position)] + text[item.after :]


def _end_before(text: str, items: tuple[Item, ...], position: int) -> int:
    """Where the text before a last item ends once that is gone: no comment may go with it."""
    item, before = items[position], items[position - 1] if position else Item(1, 1, 1)
    if text[before.after : item.start].strip(" \t"):
        return item.start
    has_own_comma = item.after > item.end
    comma_is_near = not text[before.end : before.after].strip(" \t,")
    return before.end if comma_is_near and not has_own_comma else before.after


def _insert_only(text: str, new: str) -> str:
    """Fill an array that holds white space and comments at most."""
    body = text[:-1].rstrip()
    if "\n" not in text:
        return f"[{new}]"
    indent = _indent(text, len(body)) if body != "[" else INDENT
    closing = text[text.rfind("\n") + 1 : -1]
    return f"{body}\n{indent or INDENT}{new},\n{closing}]"


def _insert_first(text: str, first: Item, new: str) -> str:
    """Above the first item's comments, which stay with it; or before it on its line."""
    newline = text.find("\n", 1, first.start)
    if newline < 0:
        return f"{text[: first.start]}{new}, {text[first.start :]}"
    indent = _indent(text, first.start)
    return f"{text[: newline + 1]}{indent}{new},\n{text[newline + 1 :]}"


def _insert_between(text: str, before: Item, after: Item, new: str) -> str:
    """On a line below the item before, or behind its comma when both share a line."""
    newline = text.find("\n", before.after, after.start)
    if newline < 0:
        return f"{text[: before.after]} {new},{text[before.after :]}"
    indent = _indent(text, after.start)
    return f"{text[: newline + 1]}{indent}{new},\n{text[newline + 1 :]}"


def _append(text: str, last: Item, new: str) -> str:
    has_comma = last.after > last.end
    head = text[: last.after] if has_comma else f"{text[: last.end]},"
    tail = text[last.after :]
    comma = "," if has_comma else ""
    if "\n" not in text[: last.start] or text[: last.start].rstrip(" \t")[-1] != "\n":
        return f"{head} {new}{comma}{tail}"
    indent = _indent(text, last.start)
    newline = tail.find("\n")
    if newline < 0:
        return f"{head}\n{indent}{new}{comma}{tail}"
    return f"{head}{tail[: newline + 1]}{indent}{new}{comma}\n{tail[newline + 1 :]}"


def _indent(text: str, place: int) -> str:
    """White space at the beginning of the line that holds a place."""
    line = text[text.rfind("\n", 0, place) + 1 :]
    return line[: len(line) - len(line.lstrip(" \t"))]
