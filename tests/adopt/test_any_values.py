"""Whatever stands in other tools' files: an env.toml that can be read, or an error with a place."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envsync.adopt.draft import TooMuch
from envsync.adopt.toml_text import dumps, toml_key, toml_value
from envsync.errors import SpecInvalid
from tests.adopt.support import draft_of, env_of

SCALARS = st.sampled_from(
    [
        *("", "a", "*", "^1", "a>=1", "a; extra == 'x'", "a @ git+https://git.example/a.git"),
        *("../x", "./x", "https://u:p@h.example/s", "${X}", "dev", "shop", "-e .", "shop[dev]"),
        *(1, True, 1.5, "\u2028", "a" * 300),
    ]
)
WORDS = st.sampled_from(
    [
        *("a", "dev", "shop", "name", "version", "path", "git", "url", "index", "marker", "extra"),
        *("group", "python", "markers", "optional", "extras", "editable", "workspace", "members"),
        *("dependencies", "file", "cmd", "shell", "overrides", "include-group", "a b", "default"),
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
PLACES = [
    *("project", "dependency-groups", "project.optional-dependencies", "project.dependencies"),
    *("tool.uv", "tool.uv.sources", "tool.uv.index", "tool.uv.conflicts", "tool.uv.workspace"),
    *("tool.uv.extra-build-dependencies", "tool.uv.config-settings-package"),
    *("tool.poetry", "tool.poetry.dependencies", "tool.poetry.group", "tool.poetry.source"),
    *("tool.poetry.extras", "tool.poetry.dev-dependencies", "tool.setuptools.dynamic"),
    *("tool.pdm", "tool.pdm.source", "tool.pdm.dev-dependencies", "tool.pdm.resolution"),
    *("tool.pdm.scripts", "tool.hatch.envs"),
]
PIPFILE = ["source", "packages", "dev-packages", "requires", "scripts", "pipenv", "docs"]


def text_of(places: dict[str, Any]) -> str:
    """Write values at key paths, as inline values of dotted keys; clashes are left out."""
    kept: dict[str, Any] = {}
    for place, value in places.items():
        if not any(place.startswith(f"{one}.") or one.startswith(f"{place}.") for one in kept):
            kept[place] = value
    lines = (".".join(map(toml_key, place.split("."))) for place in kept)
    return "".join(f"{key} = {toml_value(kept[at])}\n" for at, key in zip(kept, lines, strict=True))


def is_read(name: str, text: str) -> None:
    with suppress(SpecInvalid, TooMuch):
        env_of(draft_of({name: text}))


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(PLACES), VALUES, min_size=1, max_size=3))
def test_pyproject_with_any_values(places: dict[str, Any]) -> None:
    is_read("pyproject.toml", text_of(places))


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(PIPFILE), VALUES, min_size=1, max_size=3))
def test_a_pipfile_with_any_values(places: dict[str, Any]) -> None:
    is_read("Pipfile", text_of(places))


LINES = st.lists(
    st.text(st.sampled_from("a-r=[]@#;:/.>1 \\'\"$\u00e4"), max_size=12)
    | st.sampled_from(["-e .", "-r x", "--hash=sha256:0", "a==1 \\", "-i", "a; os_name=='nt'"]),
    max_size=6,
).map("\n".join)


@settings(max_examples=80, deadline=None)
@given(LINES)
def test_any_lines_of_requirements(text: str) -> None:
    is_read("requirements.txt", text)


@settings(max_examples=30, deadline=None)
@given(LINES)
def test_any_lines_of_other_files(text: str) -> None:
    for name in ("setup.cfg", "setup.py", "environment.yml"):
        is_read(name, text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", '"a"'),
        ('say "a"', "'say \"a\"'"),
        ('it\'s "a"', '"it\'s \\"a\\""'),
        ("\u2028\n", '"\\u2028\\n"'),
        (True, "true"),
        ({"a b": [1, "x"]}, '{ "a b" = [1, "x"] }'),
        ([], "[]"),
    ],
)
def test_values_are_written_as_toml(value: object, text: str) -> None:
    assert toml_value(value) == text


def test_a_document_is_written_with_its_tables_in_order() -> None:
    document = {
        "env": {"dependencies": ["a" * 90], "optional-dependencies": {"x": []}},
        "index": [{"name": "a"}],
    }
    assert dumps(document) == (
        '[env]\ndependencies = [\n    "' + "a" * 90 + '",\n]\n\n'
        '[env.optional-dependencies]\nx = []\n\n[[index]]\nname = "a"\n'
    )
