"""The schema of env.toml says what its reader does: the same keys, types, words and defaults."""

import copy
import json
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any
from unittest import mock

import pytest
from jsonschema import Draft7Validator

from envsync.errors import SpecInvalid
from envsync.spec.fields import Table
from envsync.spec.inputs import Taken
from envsync.spec.read import parse_spec

SCHEMA = json.loads((files("envsync") / "schemas" / "env-toml.json").read_text())
JUDGE = Draft7Validator(SCHEMA)

EVERYTHING = """\
[env]
name = "shop"
requires-python = ">=3.11"
python = "3.12"
dependencies = ["flask>=3"]
default-groups = ["dev"]
path = ".venv"
system-site-packages = false
seed = ["pip"]
from = ["requirements.txt", { file = "dev.txt", group = "dev" }]
package = false

[env.optional-dependencies]
fast = ["orjson"]
slow = ["attrs"]

[dependency-groups]
dev = ["pytest", { include-group = "lint" }]
lint = []

[[index]]
name = "corp"
url = "https://index.example/simple/"
default = true
explicit = false
format = "simple"
exclude-newer = false
ignore-error-codes = [403]
outside = false

[[index]]
name = "near"
url = "https://near.example/simple/"
mirror-of = "corp"
fallback = false

[sources]
a = { path = "a", editable = true, subdirectory = "b" }
b = { git = "https://git.example/b.git", tag = "v1", submodules = true, lfs = true }
c = [
    { index = "corp", marker = "sys_platform == 'linux'" },
    { url = "https://files.example/c-1.0-py3-none-any.whl", marker = "sys_platform == 'win32'" },
]

[lock]
environments = ["sys_platform == 'linux'"]
required-environments = ["sys_platform == 'linux'"]
resolution = "highest"
prereleases = "allow"
exclude-newer = "2026-01-01"
constraints = ["x<2"]
overrides = ["y==1"]
ignore-requires-python = ["z"]
no-binary = [":all:"]
conflicts = [["fast", "slow"]]
trust-record = ["old==1.0"]

[sync]
link-mode = "copy"
compile-bytecode = true
keep = ["pkg/cache/*"]
winners = { "pkg/x.py" = "pkg" }

[build]
allow = ["made"]
config-settings = { made = { key = "value", other = ["a", "b"] } }
extra-build-requires = { made = ["cython"] }
environment = { made = { FLAG = "1" } }
pass = ["CC"]
no-isolation = ["torchy"]
constraints = ["setuptools<80"]
unconfined = ["made"]

[tasks]
one = "python -V"
all = ["one", "python -m x"]

[workspace]
members = ["packages/*"]
exclude = ["packages/old"]
"""


def read(text: str) -> None:
    parse_spec(text, folder_name="x", take=lambda _: Taken())


def nodes(path: tuple[str | int, ...]) -> Iterator[Mapping[str, Any]]:
    """The schema of the table at a path, with the alternatives that are tables."""
    found = [SCHEMA]
    for key in path:
        below: list[Any] = []
        for node in found:
            if isinstance(key, int):
                below.append(node.get("items", {}))
            else:
                below.append(node.get("properties", {}).get(key, node.get("additionalProperties")))
        found = [
            one for each in below if isinstance(each, dict) for one in each.get("anyOf", [each])
        ]
    yield from (node for node in found if node.get("type") == "object")


def asked() -> dict[tuple[str | int, ...], dict[str, str]]:
    """What the reader asks each table for, and how."""
    found: dict[tuple[str | int, ...], dict[str, str]] = {}

    def noting(how: str) -> Any:
        real = getattr(Table, how)

        def note(self: Table, key: str, *given: Any, **named: Any) -> Any:
            keys = found.setdefault(self.path, {})
            if how != "value" or key not in keys:
                keys[key] = how
            return real(self, key, *given, **named)

        return mock.patch.object(Table, how, note)

    with noting("value"), noting("flag"), noting("convert"), noting("items"), noting("choice"):
        read(EVERYTHING)
    return found


def test_the_reader_asks_for_what_the_schema_has() -> None:
    tables = asked()
    met = set()
    for path, keys in tables.items():
        for node in nodes(path):
            if "properties" not in node:
                continue  # its keys are anybody's
            assert set(keys) == set(node["properties"]), path
            met.add(json.dumps(node))
    # Root, env, from, groups' includes, index, source, lock, sync, build, workspace.
    assert len(met) == 10


def test_types_are_those_that_the_reader_wants() -> None:
    kinds = {"flag": "boolean", "items": "array", "choice": "string", "convert": "string"}
    for path, keys in asked().items():
        for node in nodes(path):
            for key, how in keys.items():
                schema = node.get("properties", {}).get(key)
                if schema is not None and how in kinds and "type" in schema:
                    assert schema["type"] == kinds[how], (*path, key)


def test_everything_is_right_to_both() -> None:
    JUDGE.validate(tomllib.loads(EVERYTHING))
    read(EVERYTHING)


@pytest.mark.parametrize("key", ["resolution", "prereleases", "link-mode", "format"])
def test_words_that_can_be_chosen_are_the_readers_with_its_default(key: str) -> None:
    offered: dict[str, tuple[str, ...]] = {}
    real = Table.choice

    def note(self: Table, name: str, options: Any) -> Any:
        offered[name] = options
        return real(self, name, options)

    with mock.patch.object(Table, "choice", note):
        read(EVERYTHING)
    places = (SCHEMA["properties"][table] for table in ("lock", "sync"))
    known = {**SCHEMA["properties"]["index"]["items"]["properties"]}
    for place in places:
        known |= place["properties"]
    assert (known[key]["enum"], known[key]["default"]) == ([*offered[key]], offered[key][0])


def wrong(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    content: Any = copy.deepcopy(tomllib.loads(EVERYTHING))
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return dict(content)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("unknown",), 1),
        (("env", "version"), "1.0"),
        (("env", "dependencies"), "flask"),
        (("env", "package"), "yes"),
        (("env", "from"), [{"group": "dev"}]),
        (("index", 0, "name"), "Corp!"),
        (("index", 0, "format"), "json"),
        (("index", 0, "ignore-error-codes"), [200]),
        (("sources", "a"), {"editable": True}),
        (("sources", "a"), {"path": "a", "url": "https://x.example/a.whl"}),
        (("sources", "a"), []),
        (("lock", "resolution"), "newest"),
        (("lock", "conflicts"), [["fast"]]),
        (("sync", "link-mode"), "move"),
        (("build", "environment"), {"made": {"FLAG": 1}}),
        (("tasks", "one"), 3),
        (("tasks", "all"), []),
        (("workspace", "members"), "packages/*"),
        (("workspace",), {"exclude": []}),
    ],
)
def test_what_one_refuses_the_other_does(path: tuple[str | int, ...], value: object) -> None:
    import tomlkit

    content = wrong(path, value)
    assert list(JUDGE.iter_errors(content))
    with pytest.raises(SpecInvalid):
        read(tomlkit.dumps(content))


def test_every_key_is_explained() -> None:
    def silent(node: Any, path: str) -> Iterator[str]:
        for key, one in node.get("properties", {}).items():
            if "description" not in one and key not in ("file",):
                yield f"{path}.{key}"
            yield from silent(one, f"{path}.{key}")
        for inner in (node.get("items"), node.get("additionalProperties"), *node.get("anyOf", ())):
            if isinstance(inner, dict):
                yield from silent(inner, path)

    assert [one for one in silent(SCHEMA, "") if "include-group" not in one] == []
