"""Documents of `--json`, compared with the JSON Schemas that ship."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator


@cache
def validator(command: str) -> Draft202012Validator:
    """What judges the documents of a command; its schema is judged first."""
    schema = json.loads((files("envsync") / "schemas" / f"{command}.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def valid(text: str) -> dict[str, Any]:
    """Give the document of a text, if it fits the schema of the command that it names."""
    document: dict[str, Any] = json.loads(text)
    validator(document["command"]).validate(document)
    return document
