"""The JSON Schemas that ship: of env.toml, of pylock.toml, and of what each command prints."""

import json
import os
from collections.abc import Mapping

from envsync.errors import UsageError

_FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "schemas")
FILES = {"env.toml": "env-toml", "pylock": "pylock"}
"""By what is asked for; everything else in the folder is a document of `--json`."""
ERROR = "error"


def file_schema(what: str) -> str:
    """Give the text of the schema of env.toml or pylock.toml."""
    return _read(FILES[what])


def documents() -> tuple[str, ...]:
    """Give the names of all documents of `--json`: commands, with `error` last."""
    names = {name.removesuffix(".json") for name in os.listdir(_FOLDER) if name.endswith(".json")}
    return (*sorted(names - {*FILES.values(), ERROR}), ERROR)


def document_schema(words: tuple[str, ...]) -> str:
    """Give the schema of what a command prints. Raises `UsageError` where it prints none."""
    name = "-".join(words)
    if name not in documents():
        known = ", ".join(one.replace("-", " ") for one in documents())
        raise UsageError(
            f"nothing is printed by `envsync {' '.join(words)} --json`", hint=f"there are: {known}"
        )
    return _read(name)


def all_documents() -> Mapping[str, object]:
    """Give one schema for whatever `--json` prints."""
    known = {name: json.loads(_read(name)) for name in documents()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "envsync --json",
        "description": "The one document on standard output; `command` says which it is",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in known],
        "$defs": {
            name: {key: value for key, value in schema.items() if key != "$schema"}
            for name, schema in known.items()
        },
    }


def _read(name: str) -> str:
    with open(os.path.join(_FOLDER, f"{name}.json"), encoding="utf-8") as file:
        return file.read()
