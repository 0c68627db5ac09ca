"""Put sources and indexes into the text of env.toml, every other character left alone."""

from collections.abc import Mapping

from envsync.errors import UsageError
from envsync.spec.document import load
from envsync.spec.rewrite import RewriteFailed, put_list

_BYTE_ORDER_MARK = "\ufeff"


def put_source(text: str, name: str, value: str, meaning: object) -> str:
    """Give env.toml with a source of a package, unless it has one already that says the same.

    `value` is its TOML text, `meaning` what that means. Raises `UsageError` where the file has
    another one, or is written in a way that can't be edited.
    """
    before = load(text.removeprefix(_BYTE_ORDER_MARK), path="env.toml")
    sources = before.get("sources", {})
    there = sources.get(name) if isinstance(sources, Mapping) else None
    if there == meaning:
        return text
    if there is not None:
        raise UsageError(
            f"env.toml has another source of {name} already",
            hint=f"change sources.{name} by hand, or take it out",
        )
    return _put(text, before, ("sources", name), value, meaning)


def _put(
    text: str, before: Mapping[str, object], path: tuple[str, str], value: str, meaning: object
) -> str:
    body = text.removeprefix(_BYTE_ORDER_MARK)
    table, key = path
    inner = before.get(table, {})
    try:
        written = put_list(body, path, value)
    except RewriteFailed:
        written = ""
    known = dict(inner) if isinstance(inner, Mapping) else {}
    if load(written, path="env.toml") != {**before, table: {**known, key: meaning}}:
        raise UsageError(
            f"env.toml is written in a way that envsync cannot edit: {table}",
            hint=f"write {key} = {value} there by hand",
        )
    return text[: len(text) - len(body)] + written


def put_index(text: str, block: str, url: str) -> str:
    """Give env.toml with an index behind its others, unless it has one with that address."""
    values = load(text.removeprefix(_BYTE_ORDER_MARK), path="env.toml")
    rows = values.get("index", [])
    listed = rows if isinstance(rows, list) else []
    there = [row.get("url") for row in listed if isinstance(row, Mapping)]
    if url.rstrip("/") in [str(one).rstrip("/") for one in there]:
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    return text.rstrip() + newline * 2 + block.replace("\n", newline)
