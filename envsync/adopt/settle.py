"""Take out of a draft what env.toml can't have, and list it with the reason.

Each value is tried in an env.toml of its own, so that one mistake doesn't hide the others, and what
a key may hold is said in one place: the reader of env.toml.
"""

import re
from collections.abc import Collection, Mapping, Sequence

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from envsync.adopt.draft import Draft, Included, Origin, Row, Wanted
from envsync.adopt.toml_text import dumps, toml_value
from envsync.errors import SpecInvalid
from envsync.spec.model import Part
from envsync.spec.read import parse_spec

Document = dict[str, object]

_NAMING = (("lock", "conflicts"), ("env", "default-groups"))
"""Keys whose values are names of groups and extras."""
_MOST_SOURCES = 50
"""That one package can have; no real one has half of them."""


def settle(draft: Draft, folder_name: str) -> None:
    """Leave in a draft only what stands in an env.toml."""
    _settle_head(draft)
    _settle_indexes(draft)
    _settle_others(draft)
    _settle_sources(draft)
    own = str(draft.name.value) if draft.name else folder_name
    _settle_package(draft, own)
    _settle_members(draft)
    for part, rows in draft.parts.items():
        for row in list(rows):
            if isinstance(row, Included):
                _settle_include(draft, part, rows, row)
            elif row.name == canonicalize_name(own):
                _settle_own(draft, part, rows, row)


def _problem(document: Document) -> str | None:
    """Say what is wrong with an env.toml, without the place in it."""
    try:
        parse_spec(dumps({"env": {}, **document}), folder_name="a project")
    except SpecInvalid as error:
        return re.sub(r"^line \d+: (?:[^:\s]+: )?", "", error.problems[0])
    return None


def _fits(draft: Draft, origin: Origin, what: str, document: Document) -> bool:
    problem = _problem(document)
    if problem is not None:
        draft.leave(origin, what, problem)
    return problem is None


def _settle_head(draft: Draft) -> None:
    name, python = draft.name, draft.requires_python
    if name and not _fits(draft, name.origin, "name", {"env": {"name": name.value}}):
        draft.name = None
    if python is not None:
        document: Document = {"env": {"requires-python": python.value}}
        what = f"requires-python {toml_value(python.value)}"
        if not _fits(draft, python.origin, what, document):
            draft.requires_python = None


def _settle_indexes(draft: Draft) -> None:
    kept = []
    for row in draft.indexes:
        if row.more and _problem({"index": [row.table()]}):
            advice = "there is nothing like it in env.toml"
            draft.leave(row.origin, f"{', '.join(row.more)} of index {row.name}", advice)
            row = row._replace(more={})
        if _fits(draft, row.origin, f"index {row.name}", {"index": [row.table()]}):
            kept.append(row)
    draft.indexes = kept


def _settle_sources(draft: Draft) -> None:
    gone = {name for name in draft.lost if name not in draft.sources}
    for name, rows in list(draft.sources.items()):
        kept: list[Row] = []
        for each in rows[:_MOST_SOURCES]:
            row = _without_lfs(draft, name, each)
            document = _around_sources(draft, [*kept, row])
            document["sources"] = {name: sources_value([*kept, row])}
            if _fits(draft, row.origin, f"the source of {name}", document):
                kept.append(row)
        if kept:
            draft.sources[name] = kept
        else:
            del draft.sources[name]
            gone.add(name)
    # From an index another package of such a name would come.
    for name in sorted(_take_out(draft, gone) & draft.lost):
        origin = next(iter(left.origin for left in draft.left if name in left.what), None)
        if origin is not None:
            advice = "its source can't be carried over, and no index is asked instead"
            draft.leave(origin, f"{name} wherever it is required", advice)


def _without_lfs(draft: Draft, name: str, row: Row) -> Row:
    """Give a source without its repository's large files, where env.toml can't ask for them."""
    value = row.value
    if not isinstance(value, dict) or "lfs" not in value:
        return row
    plain = {key: one for key, one in value.items() if key in ("git", "lfs")}
    if _problem({"sources": {name: plain}}) is None:
        return row
    draft.leave(row.origin, f"lfs in the source of {name}", "there is nothing like it in env.toml")
    return Row({key: one for key, one in value.items() if key != "lfs"}, row.origin)


def _around_sources(draft: Draft, rows: Sequence[Row]) -> Document:
    """Give what sources name: their indexes, extras and groups, and what keeps those apart."""
    values = [row.value for row in rows if isinstance(row.value, Mapping)]
    named = {value.get("index") for value in values}
    indexes = [one.table() for one in draft.indexes if one.name in named]
    names = {value.get(key) for value in values for key in ("extra", "group")}
    kept_apart = [
        one.value
        for one in draft.lists.get(("lock", "conflicts"), ())
        if isinstance(one.value, list) and not names.isdisjoint(one.value)
    ]
    document = _names_alone(draft, [str(name) for each in kept_apart for name in each])
    return {**document, "index": indexes, "lock": {"conflicts": kept_apart}}


def sources_value(rows: Sequence[Row]) -> object:
    """Give what stands under [sources] for one package: a table, or a list of them."""
    return rows[0].value if len(rows) == 1 else [row.value for row in rows]


def _take_out(draft: Draft, names: Collection[NormalizedName]) -> set[NormalizedName]:
    """Take packages out of all lists; gives the names of those that were there."""
    taken: set[NormalizedName] = set()
    for part, rows in draft.parts.items() if names else ():
        gone = [row for row in rows if isinstance(row, Wanted) and row.name in names]
        taken |= {row.name for row in gone}
        if gone:
            draft.parts[part] = [row for row in rows if row not in gone]
    return taken


def _settle_others(draft: Draft) -> None:
    for path, rows in list(draft.lists.items()):
        kept = [row for row in rows if _fits_at(draft, path, row, [row.value])]
        if kept:
            draft.lists[path] = kept
        else:
            del draft.lists[path]
    for path, row in list(draft.values.items()):
        if not _fits_at(draft, path, row, row.value):
            del draft.values[path]


def _fits_at(draft: Draft, path: tuple[str, ...], row: Row, value: object) -> bool:
    named = row.value if isinstance(row.value, list) and path in _NAMING else []
    document = _names_alone(draft, list(map(str, named)))
    put_at(document, path, value)
    shown = ".".join(path) if path[0] != "tasks" else f"script {path[-1]}"
    return _fits(draft, row.origin, f"{shown} = {toml_value(row.value)[:60]}", document)


def _names_alone(draft: Draft, names: Collection[str]) -> Document:
    """Give groups and extras without what they hold, for what names them."""
    empty: Mapping[str, dict[str, object]] = {"extra": {}, "group": {}}
    for name in map(NormalizedName, names):
        for part in (Part("extra", name), Part("group", name)):
            if part in draft.parts:
                empty[part.kind][name] = []
    return {
        "env": {"optional-dependencies": empty["extra"]},
        "dependency-groups": empty["group"],
    }


def put_at(document: Document, path: Sequence[str], value: object) -> None:
    """Put a value into a document at a key path, making the tables on the way."""
    table = document
    for key in path[:-1]:
        inner = table.setdefault(key, {})
        table = inner if isinstance(inner, dict) else {}
    table[path[-1]] = value


def _settle_include(draft: Draft, part: Part, rows: list[Wanted | Included], row: Included) -> None:
    if Part("group", NormalizedName(row.group)) not in draft.parts:
        rows.remove(row)
        draft.leave(
            row.origin, f"include of {row.group} in {_list(part)}", "there is no such group"
        )


def _settle_own(draft: Draft, part: Part, rows: list[Wanted | Included], row: Wanted) -> None:
    """Keep a requirement of the project itself where it means its extras, or has a source."""
    requirement = Requirement(row.text)
    extras = {canonicalize_name(extra) for extra in requirement.extras}
    known = {each.name for each in draft.parts if each.kind == "extra"}
    is_include = bool(extras) and extras <= known and not requirement.specifier
    if canonicalize_name(requirement.name) in draft.sources or is_include:
        return
    rows.remove(row)
    advice = "it is the project itself, for which no index is asked"
    draft.leave(row.origin, f"{row.text} in {_list(part)}", advice)


def _list(part: Part) -> str:
    return "dependencies" if part.kind == "base" else str(part)


def _settle_package(draft: Draft, own: str) -> None:
    """Let the project itself be installed, where a file says that it is a package."""
    if draft.is_package is None:
        return
    name, origin = canonicalize_name(own), draft.is_package.origin
    if name not in draft.sources:
        draft.send(name, {"path": ".", "editable": True}, origin)
    draft.require(Part("base", NormalizedName("")), name, origin)


def _settle_members(draft: Draft) -> None:
    """Leave out members of a workspace that env.toml doesn't have: an index is not to be asked."""
    if ("workspace", "members") in draft.lists:
        return
    for name in sorted(_take_out(draft, draft.members.keys() - draft.sources.keys())):
        advice = f'say where it is: {name} = {{ path = "...", editable = true }} in [sources]'
        draft.leave(draft.members[name], f"{name}, a member of the workspace", advice)
