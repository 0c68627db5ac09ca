"""Get and put the text of one list in the text of a TOML file, making its tables where needed."""

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import TypeVar

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.container import Container
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Item, Key, Table

T = TypeVar("T")
ListPath = tuple[str, ...]
"""The tables around a list, and its own key."""
Body = list[tuple[Key | None, Item]]


class RewriteFailed(Exception):
    """The file is written in a way that tomlkit cannot change."""


def get_list(text: str, path: ListPath) -> str | None:
    """Give the text of a list, brackets included; None where the file doesn't have it."""
    return _guarded(lambda: _get_list(text, path))


def put_list(text: str, path: ListPath, array: str) -> str:
    """Put the text of a list in its place; `RewriteFailed` when that can't be done."""
    return _guarded(lambda: _put_list(text, path, array))


def values_at(values: Mapping[str, object], path: ListPath) -> Iterable[object]:
    """Give what is at a key path: a list, the keys of a table, or nothing."""
    value: object = values
    for key in path:
        value = value.get(key, ()) if isinstance(value, dict) else ()
    return value if isinstance(value, list | dict) else ()


def _guarded(work: Callable[[], T]) -> T:
    try:
        return work()
    except (TOMLKitError, RecursionError, LookupError, AttributeError, TypeError) as error:
        # tomlkit answers some rare spellings of nested tables with errors of its own inside
        raise RewriteFailed from error


def _get_list(text: str, path: ListPath) -> str | None:
    table = _find(tomlkit.parse(text), path[:-1])
    item = table.get(path[-1]) if table is not None else None
    return item.as_string() if isinstance(item, Item) else None


def _put_list(text: str, path: ListPath, array: str) -> str:
    document = tomlkit.parse(text if text.endswith("\n") or not text else f"{text}\n")
    *tables, name = path
    item, key = tomlkit.value(array), tomlkit.key(name)
    table = _find(document, tables)
    if table is not None and name in table:
        table[name] = item
    elif table is not None:
        _add_key(document, tables, key, item)
    elif len(tables) > 1:
        _add_table(document, tables, f"{key.as_string()} = {array}\n")
    else:
        before = document.as_string()
        gap = "" if not before or before.endswith(("\n\n", "\n\r\n")) else "\n"
        return f"{before}{gap}[{tables[0]}]\n{key.as_string()} = {array}\n"
    return document.as_string()


def _find(document: TOMLDocument, path: Sequence[str]) -> MutableMapping[str, object] | None:
    """Give a table, however it is written."""
    table: object = document
    for name in path:
        table = table.get(name) if isinstance(table, MutableMapping) else None
    return table if isinstance(table, MutableMapping) else None


def _add_key(document: TOMLDocument, tables: Sequence[str], key: Key, item: Item) -> None:
    """Add a key below the last one of its table, above comments that lead to the next table."""
    header_table = _header_table(document.body, tables)
    table = _find(document, tables)
    if header_table is not None:
        _insert_below_keys(header_table.value, key, item)
    elif table is not None:
        table[key.key] = item


def _add_table(document: TOMLDocument, tables: Sequence[str], line: str) -> None:
    """Add a table with one line inside another, below the keys of that one."""
    *outer, name = tables
    table = _find(tomlkit.parse(f"[{'.'.join(tables)}]\n{line}"), tables)
    parent, parent_table = _find(document, outer), _header_table(document.body, outer)
    if parent_table is not None and isinstance(table, Table):
        table.trivia.indent = "\n"
        _insert_below_keys(parent_table.value, tomlkit.key(name), table)
    elif parent is not None and table is not None:
        inline = tomlkit.inline_table()
        inline.update(table)
        parent[name] = inline


def _header_table(body: Body, path: Sequence[str]) -> Table | None:
    """Find the table that has a header of its own; others are inline or made by dotted keys."""
    for key, item in body:
        if key is None or key.key != path[0] or not isinstance(item, Table):
            continue
        if len(path) == 1:
            table = None if item.is_super_table() else item
        else:
            table = _header_table(item.value.body, path[1:])
        if table is not None:
            return table
    return None


def _insert_below_keys(container: Container, key: Key, item: Item) -> None:
    body = container.body
    place = 0
    for position, (name, value) in enumerate(body):
        if name is None:
            continue
        if isinstance(value, Table | AoT) and not name.is_dotted():
            break
        place = position + 1
    body.insert(place, (key, item))
