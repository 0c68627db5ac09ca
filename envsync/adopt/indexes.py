"""Indexes that other tools' files name, as those of env.toml: named, and without credentials."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit, urlunsplit

from envsync.adopt.addresses import refuse_variable
from envsync.adopt.draft import Draft, IndexRow, Origin
from envsync.redaction import redact
from envsync.spec.sources import variable_part
from envsync.spec.wording import quote

_MOST = 200
"""Indexes that files may name; no real ones name a tenth."""


def add_index(
    draft: Draft,
    url: str,
    origin: Origin,
    *,
    name: str = "",
    default: bool = False,
    explicit: bool = False,
    flat: bool = False,
    more: Mapping[str, object] = MappingProxyType({}),
) -> str | None:
    """Put an index into the draft, once by address; gives the name that it has there.

    None for the public index, which needs no row, and for what can't be carried over. Users and
    passwords are left out, and listed.
    """
    bare, had_user = _without_user(url.strip())
    if draft.is_public(bare) and default:
        draft.public_names.add(_plain_name(name))
        return None
    try:
        refuse_variable(bare)
    except ValueError as error:
        draft.leave(origin, f"index {quote(url)}", str(error))
        return None
    if len(draft.indexes) >= _MOST:
        draft.leave(origin, f"index {quote(url)}", f"there are {_MOST} already")
        return None
    known = next((row for row in draft.indexes if _plain(row.url) == _plain(bare)), None)
    if known is None:
        known = _add(draft, IndexRow(name, bare, default, explicit, origin, flat, more))
    draft.index_names.setdefault(_plain_name(name or known.name), known.name)
    if had_user:
        variable = f"ENVSYNC_INDEX_{variable_part(known.name)}"
        advice = (
            f"are not written down: set {variable}_USERNAME and {variable}_PASSWORD, or use netrc "
            "or keyring"
        )
        what = f"user and password of index {known.name}"
        draft.leave(origin, what, advice, blocks=False)
    return known.name


def index_source(draft: Draft, name: str) -> Mapping[str, object] | None:
    """Give the source that sends a package to an index by the name that a file has for it.

    None for the public index. Raises `ValueError` for a name that no index has.
    """
    plain = _plain_name(name)
    if plain in draft.public_names:
        return None
    if plain in draft.index_names:
        return {"index": draft.index_names[plain]}
    raise ValueError(f"no index is named {quote(name)} in the files")


def _add(draft: Draft, row: IndexRow) -> IndexRow:
    if row.default and any(each.default for each in draft.indexes):
        draft.leave(
            row.origin,
            f"index {quote(row.url)} as the default",
            "another one is it already: this one is asked before it",
        )
        row = row._replace(default=False)
    named = row._replace(name=_free_name(draft, row.name or _host(row.url)))
    draft.indexes.append(named)
    return named


def _free_name(draft: Draft, wanted: str) -> str:
    plain = _plain_name(wanted) or "index"
    taken = {each.name for each in draft.indexes}
    number, name = 2, plain
    while name in taken:
        name, number = f"{plain}-{number}", number + 1
    return name


def _plain_name(name: str) -> str:
    """Spell a name as those of indexes in env.toml."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "links"
    except ValueError:
        return "index"


def _without_user(url: str) -> tuple[str, bool]:
    """Give an address without user and password, and whether it had any."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return redact(url), False
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=host)) if at else url, bool(at and user)


def _plain(url: str) -> str:
    return url.rstrip("/")
