"""Change where env.toml has a package from: an [[index]] added, and the package sent to it."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import tomlkit
from packaging.utils import canonicalize_name

from envsync.errors import UsageError
from envsync.spec.document import load
from envsync.spec.form import with_line_ends, with_mark, without_mark
from envsync.spec.locations import read_index_place
from envsync.spec.sources import read_index_name
from envsync.spec.wording import near_miss, quote

_HEADER = re.compile(
    r"^[ \t]*\[[ \t]*sources[ \t]*\][ \t]*(?:#[^\r\n]*)?(?:\r?\n|\Z)", re.MULTILINE
)


class Destination(NamedTuple):
    """An index that packages are sent to, as the command line names it."""

    name: str
    url: str | None = None
    """Where it is; None for one that env.toml has."""
    part: tuple[str, str] | None = None
    """"extra" or "group", and its name: where that sends only what is in it."""


def read_destination(text: str) -> Destination:
    """Read `NAME`, or `NAME=URL` as uv has it. Raises `UsageError`."""
    name, equals, url = text.partition("=")
    try:
        read_index_name(name)
        if equals:
            read_index_place(url, outside=False, credentials_go="into variables or netrc")
    except ValueError as error:
        raise UsageError(
            f"--index {quote(text)}: {error}",
            hint="--index NAME for an [[index]] of env.toml, --index NAME=URL for a new one",
        ) from error
    return Destination(name, url if equals else None)


def send_to_index(
    text: str, packages: Sequence[str], destination: Destination, others: Collection[str] = ()
) -> str:
    """Give env.toml with packages sent to an index under [sources], and with that index.

    `others` are the names of indexes that another file has for this one, a workspace's.
    Raises `UsageError` where the index is another one there, a package has another source, or the
    file is written in a way that can't be edited.
    """
    plain = without_mark(text)
    values = load(plain, path="env.toml")
    is_there = destination.url is None and destination.name in others
    changed = plain if is_there else _with_index(plain, values, destination)
    for package in packages:
        changed = _with_source(changed, canonicalize_name(package), destination)
    changed = with_line_ends(changed, plain)
    if _others(load(changed, path="env.toml")) != _others(values):
        raise _by_hand()
    return with_mark(changed, text)


def _others(values: Mapping[str, object]) -> Mapping[str, object]:
    """What of a file is not to change."""
    return {key: value for key, value in values.items() if key not in ("index", "sources")}


def _by_hand() -> UsageError:
    return UsageError(
        "env.toml is written in a way that envsync cannot edit: sources",
        hint="write the source there by hand, then run `envsync add` without --index",
    )


def _with_index(text: str, values: Mapping[str, object], destination: Destination) -> str:
    tables = values.get("index")
    named = {
        str(table["name"]): table.get("url")
        for table in (tables if isinstance(tables, list) else ())
        if isinstance(table, dict) and "name" in table
    }
    name, url = destination.name, destination.url
    if name in named:
        there = named[name]
        if url is not None and str(there).rstrip("/") != url.rstrip("/"):
            raise UsageError(
                f"--index {name}: the [[index]] of that name is at {there}",
                hint=f"`--index {name}` takes it; another one needs another name",
            )
        return text
    if url is None:
        raise UsageError(
            f"--index {name}: there is no [[index]] of that name{near_miss(name, named)}",
            hint=f"`--index {name}=URL` adds one",
        )
    return f'{_ended(text)}\n[[index]]\nname = "{name}"\nurl = {_quoted(url)}\n'


def _with_source(text: str, package: str, destination: Destination) -> str:
    sources = load(text, path="env.toml").get("sources", {})
    known = sources if isinstance(sources, dict) else {}
    key = next((one for one in known if canonicalize_name(one) == package), None)
    new = {"index": destination.name, **dict([destination.part] if destination.part else [])}
    if key is None:
        return _with_line(text, f"{package} = {_inline(new)}", is_there=bool(known))
    entries = known[key] if isinstance(known[key], list) else [known[key]]
    if new in entries or {"index": destination.name} in entries:
        return text
    is_parted = all(isinstance(one, dict) and {"extra", "group"} & one.keys() for one in entries)
    if destination.part is None or not is_parted:
        raise UsageError(
            f"{package} has a source under [sources] already",
            hint=f"change it there to {{ index = {_quoted(destination.name)} }}",
        )
    document = tomlkit.parse(text)
    values = tomlkit.array()
    for one in (*entries, new):
        table = tomlkit.inline_table()
        table.update(one)
        values.append(table)
    document["sources"][key] = values.multiline(multiline=True)
    return tomlkit.dumps(document)


def _with_line(text: str, line: str, *, is_there: bool) -> str:
    header = _HEADER.search(text)
    if header is not None:
        before = text[: header.end()]
        return f"{_ended(before)}{line}\n{text[header.end() :]}"
    if is_there:
        raise _by_hand()
    return f"{_ended(text)}\n[sources]\n{line}\n"


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def _inline(values: Mapping[str, str]) -> str:
    return f"{{ {', '.join(f'{key} = {_quoted(value)}' for key, value in values.items())} }}"


def _quoted(text: str) -> str:
    return tomlkit.string(text).as_string()
