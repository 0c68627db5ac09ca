"""What env.toml can have is carried over, what it can't have is listed, by its own reader."""

import tomllib
from collections.abc import Mapping

import pytest

from envsync.errors import SpecInvalid
from envsync.spec.read import parse_spec
from tests.adopt.support import draft_of, env_of, missing

UV = '[project]\nname = "shop"\ndependencies = ["lib"]\n[tool.uv]\n'
FORMS: list[tuple[str, Mapping[str, str], str, str]] = [
    (
        "a folder outside",
        {"requirements.txt": "-e ../lib#egg=lib\n"},
        '[sources]\nlib = { path = "../lib", editable = true, outside = true }\n',
        "requirements.txt",
    ),
    (
        "a folder outside, of poetry",
        {"pyproject.toml": '[tool.poetry.dependencies]\nlib = { path = "../lib" }\n'},
        '[sources]\nlib = { path = "../lib", outside = true }\n',
        "pyproject.toml",
    ),
    (
        "a page of links",
        {"requirements.txt": "-f https://l.example/a.html\n"},
        '[[index]]\nname = "l-example"\nurl = "https://l.example/a.html"\nformat = "flat"\n',
        "requirements.txt",
    ),
    (
        "a folder of wheels",
        {"requirements.txt": "--find-links=wheels\n"},
        '[[index]]\nname = "links"\nurl = "wheels"\nformat = "flat"\n',
        "requirements.txt",
    ),
    (
        "a folder of wheels outside",
        {"requirements.txt": "--find-links ../wheels\n"},
        '[[index]]\nname = "links"\nurl = "../wheels"\nformat = "flat"\noutside = true\n',
        "requirements.txt",
    ),
    (
        "large files",
        {"pyproject.toml": f"{UV}sources.lib = {{ git = 'https://git.example/l', lfs = true }}\n"},
        '[sources]\nlib = { git = "https://git.example/l", lfs = true }\n',
        "pyproject.toml",
    ),
    (
        "error codes of an index",
        {
            "pyproject.toml": f"{UV}[[tool.uv.index]]\nname = 'i'\nurl = 'https://i.example/s'\n"
            "ignore-error-codes = [403]\n"
        },
        '[[index]]\nname = "i"\nurl = "https://i.example/s"\nignore-error-codes = [403]\n',
        "pyproject.toml",
    ),
    (
        "a workspace",
        {"pyproject.toml": f"{UV}workspace.members = ['packages/*']\n"},
        '[workspace]\nmembers = ["packages/*"]\n',
        "pyproject.toml",
    ),
]


@pytest.mark.parametrize(("files", "form", "file"), [row[1:] for row in FORMS])
def test_a_form_is_carried_over_where_env_toml_has_it(
    files: Mapping[str, str], form: str, file: str
) -> None:
    try:
        parse_spec(f"[env]\n{form}", folder_name="folder")
        is_known = True
    except SpecInvalid:
        is_known = False
    draft = draft_of(files, file)
    found = env_of(draft)
    if is_known:
        assert missing(draft) == []
    else:
        assert len(missing(draft)) == 1
    for table, value in tomllib.loads(form).items():
        assert (found.get(table) == value) == is_known


@pytest.mark.parametrize(
    "source",
    [
        '{ git = "ftp://git.example/lib.git" }',
        '{ index = "gone" }',
        '{ path = "a\\u2028b" }',
        '{ url = "https://files.example/lib.exe" }',
        "{ }",
    ],
)
def test_what_lost_its_source_is_asked_of_no_index(source: str) -> None:
    text = f"""\
[project]
name = "shop"
dependencies = ["a", "lib>=1"]
[dependency-groups]
dev = ["Lib[x]", "b"]
[tool.uv.sources]
lib = {source}
"""
    draft = draft_of({"pyproject.toml": text})
    found = env_of(draft)
    assert found["env"]["dependencies"] == ["a"]
    assert found["dependency-groups"]["dev"] == ["b"]
    assert any("the source of lib" in one for one in missing(draft))


def test_an_address_that_is_refused_leaves_no_package_of_that_name_to_an_index() -> None:
    draft = draft_of(
        {"r.txt": "lib @ git+ftp://git.example/lib.git\na\n", "s.txt": "lib\n"}, "r.txt", "s.txt"
    )
    assert env_of(draft)["env"]["dependencies"] == ["a"]
    egg = {"r.txt": "-e git+ftp://git.example/lib.git#egg=lib\nlib>=1\na\n"}
    assert env_of(draft_of(egg))["env"]["dependencies"] == ["a"]


def test_the_project_itself_is_asked_of_no_index() -> None:
    files = {"pyproject.toml": '[project]\nname = "shop"\n', "r.txt": "shop\nshop[x]\na\n"}
    draft = draft_of(files, "pyproject.toml", "r.txt")
    assert env_of(draft)["env"]["dependencies"] == ["a"]
    assert missing(draft) == ["1: shop in dependencies", "2: shop[x] in dependencies"]
