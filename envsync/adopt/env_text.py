"""Write a draft as the text of an env.toml."""

from collections.abc import Sequence

from packaging.utils import canonicalize_name

from envsync.adopt.draft import Draft, Included, Wanted
from envsync.adopt.settle import Document, put_at, sources_value
from envsync.adopt.toml_text import dumps
from envsync.spec.model import BASE, Part
from envsync.spec.read import parse_spec

_HEAD = """\
# What this project needs. `{envsync} add NAME` writes a package here, `{envsync} sync`
# makes {venv} match it.

"""
_TABLES = ("lock", "sync", "build", "workspace", "tasks")


def env_text(
    draft: Draft,
    *,
    folder_name: str,
    environment: str | None = None,
    live: Sequence[object] = (),
) -> str:
    """Give the text of an env.toml that says what a settled draft does.

    `live` are the items of its `from`, for what the draft doesn't have. Raises `SpecInvalid` where
    parts of the draft can't stand together.
    """
    envsync = f"envsync -e {environment}" if environment else "envsync"
    venv = f".venv-{environment}" if environment else ".venv"
    text = _HEAD.format(envsync=envsync, venv=venv) + dumps(document_of(draft, live))
    if not live:
        parse_spec(text, folder_name=folder_name)
    return text


def document_of(draft: Draft, live: Sequence[object] = ()) -> Document:
    """Give what a draft says as the values of an env.toml."""
    document: Document = {"env": {"from": list(live)} if live else {}}
    for key, given in (("name", draft.name), ("requires-python", draft.requires_python)):
        if given is not None:
            put_at(document, ("env", key), given.value)
    for part, rows in sorted(draft.parts.items(), key=lambda each: each[0].kind != "base"):
        if rows or not live:
            put_at(document, _path(part), list(map(_item, rows)))
    if draft.indexes:
        document["index"] = [row.table() for row in draft.indexes]
    if draft.sources:
        values = {name: sources_value(rows) for name, rows in sorted(draft.sources.items())}
        document["sources"] = values
    for path, listed in draft.lists.items():
        put_at(document, path, [row.value for row in listed])
    for path, value in draft.values.items():
        put_at(document, path, value.value)
    return _ordered(document)


def _item(row: Wanted | Included) -> object:
    return row.text if isinstance(row, Wanted) else {"include-group": row.group}


def _path(part: Part) -> tuple[str, ...]:
    if part == BASE:
        return ("env", "dependencies")
    table = ("env", "optional-dependencies") if part.kind == "extra" else ("dependency-groups",)
    return (*table, canonicalize_name(part.name))


def _ordered(document: Document) -> Document:
    """Put the tables in the order in which people read them, keys of [env] too."""
    env = document["env"]
    keys = ("name", "requires-python", "from", "package", "dependencies", "default-groups")
    if isinstance(env, dict):
        known = {key: env[key] for key in keys if key in env}
        document["env"] = {**known, **env}
    first = ("env", "dependency-groups", "index", "sources", *_TABLES)
    return {key: document[key] for key in first if key in document}
