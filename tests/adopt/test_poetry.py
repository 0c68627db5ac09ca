"""[tool.poetry] as an env.toml."""

import pytest

from envsync.adopt.poetry_versions import specifier_of
from tests.adopt.support import PUBLIC, adopted, draft_of, env_of, missing

HEAD = '[tool.poetry]\nname = "poe"\npackage-mode = false\n'


@pytest.mark.parametrize(
    ("written", "specifier"),
    [
        ("*", ""),
        ("", ""),
        ("1.2.3", "==1.2.3"),
        ("=1.2.3", "==1.2.3"),
        ("==1.2.3", "==1.2.3"),
        ("^1.2.3", ">=1.2.3,<2.0"),
        ("^1", ">=1,<2.0"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0.0", ">=0.0,<0.1"),
        ("^0", ">=0,<1.0"),
        ("^1.0b1", ">=1.0b1,<2.0"),
        ("^1!2.0", ">=1!2.0,<1!3.0"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1.2", ">=1.2,<1.3"),
        ("~1", ">=1,<2"),
        ("~=1.4.2", "~=1.4.2"),
        ("1.*", "==1.*"),
        ("1.2.*", "==1.2.*"),
        ("==5.*", "==5.*"),
        ("!=1.5.*", "!=1.5.*"),
        (">=1.2.*", ">=1.2"),
        (">1.2.*", ">=1.3"),
        (">=1,<2", ">=1,<2"),
        (">=1 <2", ">=1,<2"),
        (">= 1.0, < 2.0", ">=1.0,<2.0"),
        ("^1.0,!=1.3", ">=1.0,<2.0,!=1.3"),
        ("^1.0 || ^2.0", ">=1.0,<3.0"),
        ("^1.0 | ^3.0", ">=1.0,!=2.*,<4.0"),
        ("2.7.* || >=3.4", None),
        ("~3.9 || ~3.11", ">=3.9,!=3.10.*,<3.12"),
        (">=1,<2 || >=2", ">=1"),
        (">=3.8,<3.9.0||>3.9.1,<4", ">=3.8,!=3.9.0.*,!=3.9.1,<4"),
        (">1 || >3", ">1"),
        ("1.0 || 2.0", None),
        ("latest", None),
        ("^", None),
        ("1.2.3 ^", None),
        ("x" * 2000, None),
    ],
)
def test_versions(written: str, specifier: str | None) -> None:
    if specifier is None:
        with pytest.raises(ValueError, match=r"."):
            specifier_of(written)
    else:
        assert specifier_of(written) == specifier


def test_tables_extras_groups_and_sources() -> None:
    text = f"""{HEAD}
[tool.poetry.dependencies]
python = "^3.9"
requests = {{ version = "^2.28", extras = ["socks"], optional = true }}
flask = [{{ version = "^2.0", python = "<3.10" }}, {{ version = "^3.0", python = ">=3.10" }}]
gitty = {{ git = "https://git.example/g.git", tag = "v1", subdirectory = "py" }}
branchy = {{ git = "https://git.example/b.git", branch = "main", extras = ["x"] }}
local = {{ path = "libs/local", develop = true }}
wheel = {{ file = "vendor/wheel-1-py3-none-any.whl" }}
remote = {{ url = "https://files.example/remote-1.0.tar.gz" }}
corpy = {{ version = "~1.2", source = "Corp Index" }}
public = {{ version = "*", source = "PyPI" }}
winny = {{ version = "*", platform = "win32", markers = "python_version < '3.13'" }}

[tool.poetry.extras]
net = ["requests"]

[tool.poetry.group.test.dependencies]
pytest = "^8"
[tool.poetry.group.docs]
optional = true
[tool.poetry.group.docs.dependencies]
sphinx = "*"
[tool.poetry.group.all]
include-groups = ["test", "docs"]

[[tool.poetry.source]]
name = "Corp Index"
url = "https://corp.example/simple/"
priority = "explicit"
"""
    assert adopted({"pyproject.toml": text}) == {
        "env": {
            "name": "poe",
            "requires-python": ">=3.9,<4.0",
            "dependencies": [
                "flask>=2.0,<3.0; python_version < '3.10'",
                "flask>=3.0,<4.0; python_version >= '3.10'",
                *("gitty", "branchy[x]", "local", "wheel", "remote", "corpy>=1.2,<1.3", "public"),
                "winny; python_version < '3.13' and sys_platform == 'win32'",
            ],
            "default-groups": ["test", "all"],
            "optional-dependencies": {"net": ["requests[socks]>=2.28,<3.0"]},
        },
        "dependency-groups": {
            "test": ["pytest>=8,<9.0"],
            "docs": ["sphinx"],
            "all": [{"include-group": "test"}, {"include-group": "docs"}],
        },
        "index": [{"name": "corp-index", "url": "https://corp.example/simple/", "explicit": True}],
        "sources": {
            "branchy": {"git": "https://git.example/b.git", "branch": "main"},
            "corpy": {"index": "corp-index"},
            "gitty": {"git": "https://git.example/g.git", "tag": "v1", "subdirectory": "py"},
            "local": {"path": "libs/local", "editable": True},
            "remote": {"url": "https://files.example/remote-1.0.tar.gz"},
            "wheel": {"path": "vendor/wheel-1-py3-none-any.whl"},
        },
    }


def test_old_development_dependencies_are_the_group_dev() -> None:
    text = f'{HEAD}[tool.poetry.dev-dependencies]\nblack = "^22.3"\n'
    assert adopted({"pyproject.toml": text})["dependency-groups"] == {"dev": ["black>=22.3,<23.0"]}


def test_a_package_is_installed_itself() -> None:
    text = f"{HEAD.replace('false', 'true')}[build-system]\nrequires = []\n"
    found = adopted({"pyproject.toml": text})
    assert found["env"]["dependencies"] == ["poe"]
    assert found["sources"] == {"poe": {"path": ".", "editable": True}}


@pytest.mark.parametrize(
    ("rows", "index"),
    [
        ([("corp", "https://c.example/s", "primary")], [("corp", "default")]),
        ([("corp", "https://c.example/s", None), ("PyPI", None, "primary")], [("corp", None)]),
        (
            [("a", "https://a.example/s", None), ("b", "https://b.example/s", None)],
            [("a", None), ("b", "default")],
        ),
        ([("pypi", PUBLIC, "default")], []),
        ([("old", "https://o.example/s", "default")], [("old", "default")]),
    ],
)
def test_priorities_of_sources(
    rows: list[tuple[str, str | None, str | None]], index: list[tuple[str, str | None]]
) -> None:
    text = HEAD
    for name, url, priority in rows:
        text += f'[[tool.poetry.source]]\nname = "{name}"\n' + (f'url = "{url}"\n' if url else "")
        text += f'priority = "{priority}"\n' if priority else ""
    found = adopted({"pyproject.toml": text}).get("index", [])
    assert [(one["name"], "default" if one.get("default") else None) for one in found] == index


def test_beside_project_only_sources_are_taken() -> None:
    text = """\
[project]
name = "poe"
dependencies = ["corpy>=1"]
[tool.poetry.dependencies]
corpy = { source = "corp" }
other = "^1"
[[tool.poetry.source]]
name = "corp"
url = "https://corp.example/simple/"
priority = "explicit"
"""
    draft = draft_of({"pyproject.toml": text})
    assert env_of(draft)["env"]["dependencies"] == ["corpy>=1"]
    assert env_of(draft)["sources"] == {"corpy": {"index": "corp"}}
    assert missing(draft) == ["6: other"]


@pytest.mark.parametrize(
    "line",
    [
        'a = "1.0 || 2.0"',
        'a = { version = "*", allow-prereleases = true }',
        'a = { version = "*", source = "nowhere" }',
        'a = { git = "ftp://git.example/a.git" }',
        'a = { git = "https://me:secret@git.example/a.git" }',
        "a = 3",
        'a = { version = "*", frob = 1 }',
        'python = "1.0 || 3.0"',
        'a = { version = "*", markers = "extra == \'x\'" }',
    ],
)
def test_what_cannot_be_carried_over_is_listed_with_its_line(line: str) -> None:
    draft = draft_of({"pyproject.toml": f"{HEAD}[tool.poetry.dependencies]\n{line}\n"})
    assert [one.origin.line for one in draft.left if one.matters] == [5]
    assert "secret" not in env_of(draft).__repr__()
