"""Read the tables `[[index]]` and `[sources]`: where packages come from."""

import re
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Literal

from packaging.utils import NormalizedName

from envsync.model.file_urls import is_local
from envsync.spec.fields import Table
from envsync.spec.locations import (
    Reach,
    nowhere,
    read_archive_url,
    read_git_url,
    read_index_place,
    read_index_url,
    read_place,
    read_revision,
    read_subdirectory,
)
from envsync.spec.model import IndexFormat, IndexSpec, SourceKind, SourceSpec
from envsync.spec.policies import read_time
from envsync.spec.requirements import read_marker, read_name
from envsync.spec.wording import near_miss, quote

FORMATS: tuple[IndexFormat, ...] = ("simple", "flat")
_CODES = range(400, 600)
_ADVICE = dict.fromkeys(
    ("client-cert", "client-key", "username", "password", "token"),
    "what is yours alone goes into your own config.toml, or variables",
) | {"find-links": 'write url = ... with format = "flat"'}
_INDEX_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
_KINDS: tuple[SourceKind, ...] = ("path", "git", "url", "index")
_REVISIONS = ("tag", "branch", "rev")
_KINDS_WITH: Mapping[str, tuple[SourceKind, ...]] = {
    **dict.fromkeys(("editable", "outside"), ("path",)),
    "subdirectory": ("path", "git", "url"),
    **dict.fromkeys((*_REVISIONS, "submodules", "lfs"), ("git",)),
}
"""Keys that go with some kinds of source only."""
_EDITABLE_GIT = ': clone it into the project, and write { path = "FOLDER", editable = true }'


def read_indexes(root: Table) -> tuple[IndexSpec, ...]:
    """Read every `[[index]]`, in the order written."""
    value = root.value("index")
    if isinstance(value, dict):
        root.report("write [[index]], with two pairs of brackets", "index")
        return ()
    if not isinstance(value, list):
        if value is not None:
            root.report("expected tables that begin with [[index]]", "index")
        return ()
    tables = root.tables_at(value, "index")
    read = [(table, _read_index(table)) for table in tables]
    _refuse_same_names(tables)
    _refuse_two_defaults(tables)
    known = {one.name: one.url for _, one in read if one is not None and one.mirror_of is None}
    return tuple(_aimed(table, one, known) for table, one in read if one is not None)


def _aimed(table: Table, index: IndexSpec, known: Mapping[str, str]) -> IndexSpec:
    """Put the URL of the index that is mirrored in the place of its name."""
    of = index.mirror_of
    if of is None or of.startswith(("http://", "https://")):
        return index
    if of not in known:
        table.report(f"there is no [[index]] named {quote(of)}{near_miss(of, known)}", "mirror-of")
    return index._replace(mirror_of=known.get(of, of))


def _read_mirrored(text: str) -> str:
    """Check what a mirror is of: the name of an index, or the URL of one that has none here."""
    return read_index_url(text) if "/" in text else read_index_name(text)


def read_sources(
    root: Table, indexes: Collection[str], reach: Reach = nowhere
) -> dict[NormalizedName, tuple[SourceSpec, ...]]:
    """Read `[sources]`; `indexes` are the names that a source may send its package to.

    `reach` says where paths may lead that env.toml doesn't let out itself.
    """
    table = root.table("sources")
    read = partial(_read_source, indexes=indexes, reach=reach)
    return {name: _read_package(table, key, read) for key, name in table.names()}


def index_names(root: Table) -> Collection[str]:
    """Give the name of every `[[index]]` but mirrors, also of those with mistakes."""
    value = root.content.get("index")
    tables = value if isinstance(value, list) else [value]
    names = (
        table.get("name")
        for table in tables
        if isinstance(table, dict) and "mirror-of" not in table
    )
    return dict.fromkeys(name for name in names if isinstance(name, str))


def _read_index(table: Table) -> IndexSpec | None:
    name = table.convert("name", read_index_name)
    variable = f"ENVSYNC_INDEX_{variable_part(name or 'NAME')}"
    go = f"in {variable}_USERNAME and {variable}_PASSWORD"
    outside = table.flag("outside")
    url = table.convert("url", partial(read_index_place, outside=outside, credentials_go=go))
    index = IndexSpec(
        name or "",
        url or "",
        table.flag("default"),
        table.flag("explicit"),
        table.choice("format", FORMATS),
        _read_age(table),
        _read_codes(table),
        outside,
        table.convert("mirror-of", _read_mirrored),
        table.flag("fallback", default=True),
    )
    for key in ("default", "explicit", "exclude-newer") if index.mirror_of else ("fallback",):
        if key in table.content:
            table.report(
                "goes with mirror-of only"
                if key == "fallback"
                else "a mirror decides nothing: that belongs to the index that it is of",
                key,
            )
    for key in ("name", "url"):
        if key not in table.content:
            table.report(f"the index has no {key}")
    if index.default and index.explicit:
        table.report("an index cannot be both default and explicit", "explicit")
    if outside and url and not is_local(url):
        table.report("goes with a path or a file: URL only", "outside")
    table.finish(_ADVICE)
    return index if name and url else None


def _read_age(table: Table) -> str | Literal[False] | None:
    """Read `exclude-newer` of one index; false lifts the one under [lock]."""
    value = table.value("exclude-newer")
    if value is True:
        table.report("expected a time, an age, or false", "exclude-newer")
    if isinstance(value, bool):
        return None if value else False
    return read_time(table, "exclude-newer")


def _read_codes(table: Table) -> tuple[int, ...]:
    codes = []
    for position, value in enumerate(table.elements("ignore-error-codes")):
        if isinstance(value, int) and not isinstance(value, bool) and value in _CODES:
            codes.append(value)
        else:
            table.report(
                "expected HTTP statuses of errors, such as [403]", "ignore-error-codes", position
            )
    return tuple(sorted(set(codes)))


def read_index_name(text: str) -> str:
    """Check the name of an index."""
    if not _INDEX_NAME.fullmatch(text):
        raise ValueError(
            f"{quote(text)} is not a name for an index: a-z, 0-9 and inside also - and _"
        )
    return text


def variable_part(index_name: str) -> str:
    """Spell an index's name as in the variables that hold its credentials (`CORP_EU`)."""
    return index_name.upper().replace("-", "_")


def _refuse_same_names(tables: Collection[Table]) -> None:
    """Names that share one variable would share credentials."""
    seen: dict[str, str] = {}
    for table in tables:
        name = table.content.get("name")
        if not isinstance(name, str):
            continue
        if variable_part(name) in seen:
            table.report(f"another index is named {quote(seen[variable_part(name)])}", "name")
        seen.setdefault(variable_part(name), name)


def _refuse_two_defaults(tables: Collection[Table]) -> None:
    for table in [table for table in tables if table.content.get("default") is True][1:]:
        table.report("another index is the default already", "default")


def _read_package(
    table: Table, key: str, read: Callable[[Table], SourceSpec | None]
) -> tuple[SourceSpec, ...]:
    """Read the source of one package, or a list of them with markers."""
    value = table.value(key)
    if not isinstance(value, list):
        if not isinstance(value, dict):
            table.report(_not_a_source(value), key)
            return ()
        source = read(table.table_at(value, key))
        return (source,) if source else ()
    if not value:
        table.report("the list of sources is empty", key)
    tables = table.tables_at(value, key)
    if len(tables) > 1:
        for each in tables:
            if not {"marker", "extra", "group"} & each.content.keys():
                each.report(
                    "each of several sources needs a marker, extra or group that says where it "
                    "applies"
                )
    sources = map(read, tables)
    return tuple(source for source in sources if source)


def _not_a_source(value: object) -> str:
    example = "path" if isinstance(value, str) and value.startswith(".") else "url"
    return f"expected a table such as {{ {example} = ... }}: path, git, url or index"


def _read_source(table: Table, *, indexes: Collection[str], reach: Reach) -> SourceSpec | None:
    readers: Mapping[SourceKind, Callable[[str], str]] = {
        "path": partial(read_place, outside=table.flag("outside"), reach=reach),
        "git": read_git_url,
        "url": read_archive_url,
        "index": partial(_read_index_reference, indexes),
    }
    given = [(kind, table.convert(kind, readers[kind])) for kind in _KINDS if kind in table.content]
    source = SourceSpec(
        given[0][0] if given else "path",
        (given[0][1] if given else None) or "",
        marker=table.convert("marker", read_marker),
        editable=table.flag("editable"),
        subdirectory=table.convert("subdirectory", read_subdirectory),
        tag=table.convert("tag", read_revision),
        branch=table.convert("branch", read_revision),
        rev=table.convert("rev", read_revision),
        extra=table.convert("extra", read_name),
        group=table.convert("group", read_name),
        submodules=table.flag("submodules"),
        lfs=table.flag("lfs"),
    )
    if source.extra and source.group:
        table.report("a source is for an extra or for a group, not for both", "group")
    for kind in _KINDS:
        table.value(kind)
    table.finish()
    if len(given) != 1:
        table.report("a source has exactly one of path, git, url and index")
        return None
    _check_together(table, source)
    return source if source.location else None


def _read_index_reference(indexes: Collection[str], text: str) -> str:
    if text not in indexes:
        raise ValueError(f"there is no [[index]] named {quote(text)}{near_miss(text, indexes)}")
    return text


def _check_together(table: Table, source: SourceSpec) -> None:
    """Refuse keys that mean nothing beside each other."""
    for key, kinds in _KINDS_WITH.items():
        if key in table.content and source.kind not in kinds:
            more = _EDITABLE_GIT if (key, source.kind) == ("editable", "git") else ""
            table.report(f"goes with {' or '.join(kinds)} only, not with {source.kind}{more}", key)
    revisions = [key for key in _REVISIONS if key in table.content]
    if len(revisions) > 1:
        table.report(f"only one of {' and '.join(revisions)} can be given", revisions[1])
    if source.editable and source.location.endswith((".whl", ".tar.gz", ".zip")):
        table.report("only a folder can be editable", "editable")
