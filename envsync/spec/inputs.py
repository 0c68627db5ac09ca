"""`[env] from`: files that stay the truth, and what they declare put beside env.toml's own."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from packaging.utils import NormalizedName, canonicalize_name

from envsync.spec.fields import Table
from envsync.spec.lines import KeyPath
from envsync.spec.locations import read_path
from envsync.spec.model import BASE, InputFile, Part
from envsync.spec.requirements import read_name
from envsync.spec.wording import kind_of

Content = dict[str, object]


class Input(NamedTuple):
    """One file of `from`, and where its requirements go."""

    file: str
    """Relative to the project's folder."""
    part: Part | None = BASE
    """Of a file that has no groups or extras of its own; None: its requirements are constraints."""


class Given(NamedTuple):
    """A value that a file gives, as it would stand in env.toml."""

    value: object
    place: str
    """File and line, for messages."""


class Taken(NamedTuple):
    """What the files declare."""

    name: str | None = None
    requires_python: Given | None = None
    parts: Mapping[Part, Sequence[Given]] = {}
    """Every extra and group, and the dependencies."""
    lists: Mapping[KeyPath, Sequence[Given]] = {}
    """Lists of other tables, such as ("lock", "constraints")."""
    values: Mapping[KeyPath, Given] = {}
    indexes: Sequence[Given] = ()
    sources: Mapping[NormalizedName, Given] = {}
    files: tuple[InputFile, ...] = ()
    """All that were read, the included ones too."""


Take = Callable[[Sequence[Input]], Taken]
"""Reads the files. Raises `SpecInvalid` for mistakes in them, `PathRefused`, `StorageFailed`."""


def read_inputs(env: Table) -> tuple[Input, ...]:
    """Read `from`: names of files, or tables that say which group or extra a file is."""
    inputs = []
    for position, item in enumerate(env.elements("from")):
        if isinstance(item, str):
            file = env.convert_at(item, _read_file, "from", position)
            inputs += [Input(file)] if file is not None else []
        elif isinstance(item, dict):
            inputs += _read_table(env.table_at(item, "from", position))
        else:
            env.report(f"expected the name of a file, found {kind_of(item)}", "from", position)
    return tuple(dict.fromkeys(inputs))


def _read_file(text: str) -> str:
    path = read_path(text)
    if path == ".":
        raise ValueError("it names the project's folder: name a file in it")
    return path


def _read_table(table: Table) -> list[Input]:
    file = table.convert("file", _read_file)
    group, extra = table.convert("group", read_name), table.convert("extra", read_name)
    is_constraints = table.flag("constraints")
    if "file" not in table.content:
        table.report('expected { file = "NAME" } with group, extra or constraints')
    if len([each for each in (group, extra, is_constraints) if each]) > 1:
        table.report("a file is one of group, extra and constraints")
    table.finish()
    if file is None:
        return []
    if is_constraints:
        return [Input(file, None)]
    if group is not None:
        return [Input(file, Part("group", group))]
    return [Input(file, BASE if extra is None else Part("extra", extra))]


class Merged(NamedTuple):
    """env.toml's values together with those of the files."""

    content: Content
    places: Mapping[KeyPath, str]
    """Key paths that are of a file, with its place."""


def merged(content: Mapping[str, object], taken: Taken) -> Merged:
    """Put what files declare behind env.toml's own, which wins where there can be but one."""
    result: Content = _copied(content)
    places: dict[KeyPath, str] = {}
    env = _table(result, "env")
    if taken.name is not None:
        env.setdefault("name", taken.name)
    if taken.requires_python is not None and "requires-python" not in env:
        env["requires-python"] = taken.requires_python.value
        places["env", "requires-python"] = taken.requires_python.place
    for part, given in taken.parts.items():
        _extend(result, _spelled(result, part), given, places)
    for path, given in taken.lists.items():
        _extend(result, path, given, places)
    for path, one in taken.values.items():
        _set(result, path, one, places)
    _add_indexes(result, taken.indexes, places)
    sources = _table(result, "sources") if taken.sources else {}
    own = set(map(canonicalize_name, sources))
    for name, one in taken.sources.items():
        if name not in own:
            sources[name] = one.value
            places["sources", name] = one.place
    for key in result.keys() - content.keys():  # a table that files alone have is theirs
        places[key,] = next((place for path, place in places.items() if path[0] == key), "")
    return Merged(result, {path: place for path, place in places.items() if place})


def with_itself(content: Mapping[str, object], name: str) -> Content:
    """Let the project itself be installed, editable, unless [sources] says otherwise."""
    result = _copied(content)
    sources = _table(result, "sources")
    if canonicalize_name(name) not in map(canonicalize_name, sources):
        sources[name] = {"path": ".", "editable": True}
    listed = _table(result, "env").setdefault("dependencies", [])
    if isinstance(listed, list):
        listed.append(name)
    return result


def _copied(value: Mapping[str, object]) -> Content:
    """Copy tables and lists, so that what was read stays as it is."""
    return {key: _copy(one) for key, one in value.items()}


def _copy(value: object) -> object:
    if isinstance(value, Mapping):
        return _copied(value)
    return list(value) if isinstance(value, list) else value


def _table(content: Content, *keys: str) -> Content:
    """Give the table at a key path, made if need be; what is no table is left for its reader."""
    table = content
    for key in keys:
        inner = table.setdefault(key, {})
        table = inner if isinstance(inner, dict) else {}
    return table


def _spelled(content: Content, part: Part) -> tuple[str, ...]:
    """Give the key path of a part's list, as env.toml spells it where it has one."""
    if part == BASE:
        return ("env", "dependencies")
    keys = ("env", "optional-dependencies") if part.kind == "extra" else ("dependency-groups",)
    there = (key for key in _table(content, *keys) if canonicalize_name(key) == part.name)
    return (*keys, next(there, part.name))


def _extend(
    content: Content, path: KeyPath, given: Sequence[Given], places: dict[KeyPath, str]
) -> None:
    *tables, key = map(str, path)
    listed = _table(content, *tables).setdefault(key, [])
    if not isinstance(listed, list):
        return
    for one in given:
        places[(*path, len(listed))] = one.place
        listed.append(one.value)


def _set(content: Content, path: KeyPath, one: Given, places: dict[KeyPath, str]) -> None:
    *tables, key = map(str, path)
    table = _table(content, *tables)
    if key not in table:
        table[key] = one.value
        places[path] = one.place


def _add_indexes(content: Content, indexes: Sequence[Given], places: dict[KeyPath, str]) -> None:
    """Put indexes of files behind env.toml's own, but those with an address that it has."""
    listed = content.setdefault("index", []) if indexes else []
    if not isinstance(listed, list):
        return
    known = {_address(row) for row in listed}
    for one in indexes:
        if _address(one.value) not in known:
            places["index", len(listed)] = one.place
            listed.append(one.value)


def _address(row: object) -> str:
    return str(row.get("url", "")).rstrip("/") if isinstance(row, Mapping) else ""
