"""Put sources and indexes into the text of env.toml, every other character left alone."""

from collections.abc import Mapping

from packaging.utils import canonicalize_name

from envsync.errors import UsageError
from envsync.spec.document import load
from envsync.spec.edit import Indexes, check_text
from envsync.spec.form import with_line_ends, with_mark, without_mark
from envsync.spec.locations import leads_outside
from envsync.spec.model import SourceSpec
from envsync.spec.requirement_list import inline_table
from envsync.spec.rewrite import RewriteFailed, put_list


def put_source(text: str, name: str, value: str, meaning: object) -> str:
    """Give env.toml with a source of a package, unless it has one already that says the same.

    `value` is its TOML text, `meaning` what that means. Raises `UsageError` where the file has
    another one, or is written in a way that can't be edited.
    """
    before = load(without_mark(text), path="env.toml")
    key, there = _source_of(before, name)
    if there == meaning:
        return text
    if there is not None:
        raise UsageError(
            f"env.toml has another source of {key} already",
            hint=f"change sources.{key} by hand, or take it out",
        )
    return _put(text, before, ("sources", key), value, meaning)


def put_path(text: str, name: str, source: SourceSpec, *, member_of: Indexes = None) -> str:
    """Give env.toml with a path as the source of a package, in the place of any other.

    A path that leads out of the project's folder gets its `outside = true`. Of a workspace's
    member, `member_of` are the names of the workspace's indexes. Raises as `put_source`, and
    `SpecInvalid`.
    """
    meaning: dict[str, object] = {"path": source.location}
    meaning |= {"editable": True} if source.editable else {}
    meaning |= {"outside": True} if leads_outside(source.location) else {}
    before = load(without_mark(text), path="env.toml")
    key, there = _source_of(before, name)
    if there == meaning:
        return text
    written = _put(text, before, ("sources", key), inline_table(meaning), meaning)
    check_text(without_mark(written), before, member_of)
    return written


def _source_of(values: Mapping[str, object], name: str) -> tuple[str, object]:
    """Give the key of a package under [sources], as it is spelled there, and its value."""
    sources = values.get("sources", {})
    known = sources if isinstance(sources, Mapping) else {}
    key = next((one for one in known if canonicalize_name(one) == name), name)
    return key, known.get(key)


def _put(
    text: str, before: Mapping[str, object], path: tuple[str, str], value: str, meaning: object
) -> str:
    body = without_mark(text)
    table, key = path
    inner = before.get(table, {})
    try:
        written = with_line_ends(put_list(body, path, value), body)
    except RewriteFailed:
        written = ""
    known = dict(inner) if isinstance(inner, Mapping) else {}
    if load(written, path="env.toml") != {**before, table: {**known, key: meaning}}:
        raise UsageError(
            f"env.toml is written in a way that envsync cannot edit: {table}",
            hint=f"write {key} = {value} there by hand",
        )
    return with_mark(written, text)


def put_index(text: str, block: str, url: str) -> str:
    """Give env.toml with an index behind its others, unless it has one with that address."""
    values = load(without_mark(text), path="env.toml")
    rows = values.get("index", [])
    listed = rows if isinstance(rows, list) else []
    there = [row.get("url") for row in listed if isinstance(row, Mapping)]
    if url.rstrip("/") in [str(one).rstrip("/") for one in there]:
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    return text.rstrip() + newline * 2 + block.replace("\n", newline)
