"""[project], [tool.uv], [tool.pdm], [tool.hatch.envs], Pipfile, setup.* and conda's files."""

import pytest

from envsync.errors import SpecInvalid
from tests.adopt.support import PUBLIC, adopted, draft_of, env_of, missing

PROJECT = '[project]\nname = "shop"\n'


def test_project_groups_and_extras() -> None:
    text = """\
[project]
name = "Shop"
requires-python = ">=3.11"
dependencies = ["flask>=3"]
[project.optional-dependencies]
cli = ["click"]
all = ["shop[cli]", "rich"]
[dependency-groups]
dev = ["pytest", {include-group = "lint"}]
lint = ["ruff"]
"""
    assert adopted({"pyproject.toml": text}) == {
        "env": {
            "name": "Shop",
            "requires-python": ">=3.11",
            "dependencies": ["flask>=3"],
            "optional-dependencies": {"cli": ["click"], "all": ["shop[cli]", "rich"]},
        },
        "dependency-groups": {"dev": ["pytest", {"include-group": "lint"}], "lint": ["ruff"]},
    }


def test_what_setuptools_reads_from_files_is_read() -> None:
    text = """\
[project]
name = "shop"
dynamic = ["dependencies", "optional-dependencies", "version"]
[tool.setuptools.dynamic]
dependencies = { file = ["requirements.txt"] }
optional-dependencies.test = { file = "requirements-test.txt" }
"""
    files = {
        "pyproject.toml": text,
        "requirements.txt": "a\n",
        "requirements-test.txt": "pytest\n",
    }
    env = adopted(files)["env"]
    assert (env["dependencies"], env["optional-dependencies"]) == (["a"], {"test": ["pytest"]})


@pytest.mark.parametrize(
    "text",
    [
        f'{PROJECT}dynamic = ["dependencies"]\n',
        f'{PROJECT}dependencies = "flask"\n',
        f"{PROJECT}dependencies = [1]\n",
        f'{PROJECT}dependencies = ["flask=1"]\n',
        f'{PROJECT}dependencies = ["shop"]\n',
        f'{PROJECT}requires-python = "three"\n',
        f"{PROJECT}[dependency-groups]\ndev = [{{include = 1}}]\n",
        f'{PROJECT}[dependency-groups]\ndev = [{{include-group = "gone"}}]\n',
        f'{PROJECT}[dependency-groups]\n"-" = []\n',
    ],
)
def test_a_mistake_of_pyproject_is_listed(text: str) -> None:
    draft = draft_of({"pyproject.toml": text})
    env_of(draft)
    assert any(left.matters for left in draft.left)


def test_uv() -> None:
    text = f"""\
{PROJECT}dependencies = ["torch", "gitty", "near", "plain"]
[project.optional-dependencies]
cpu = []
gpu = []
[tool.uv]
dev-dependencies = ["pytest"]
default-groups = []
constraint-dependencies = ["werkzeug<4"]
override-dependencies = ["six==1.16"]
environments = ["sys_platform == 'linux'"]
required-environments = ["sys_platform == 'linux'"]
conflicts = [[{{ extra = "cpu" }}, {{ extra = "gpu" }}]]
prerelease = "allow"
resolution = "lowest-direct"
exclude-newer = "2026-01-01T00:00:00Z"
no-binary-package = ["Lxml"]
link-mode = "copy"
compile-bytecode = true
no-build-isolation-package = ["flash"]
[tool.uv.extra-build-dependencies]
flash = ["torch"]
[tool.uv.config-settings-package]
num = {{ editable_mode = "compat" }}
[[tool.uv.index]]
name = "pytorch_cpu"
url = "https://torch.example/cpu"
explicit = true
[[tool.uv.index]]
name = "mirror"
url = "https://mirror.example/simple"
default = true
[[tool.uv.index]]
url = "{PUBLIC}"
[tool.uv.sources]
torch = [
  {{ index = "pytorch_cpu", marker = "sys_platform != 'darwin'" }},
  {{ index = "mirror", marker = "sys_platform == 'darwin'" }},
]
gitty = {{ git = "https://git.example/g", rev = "abc123", subdirectory = "py" }}
near = {{ path = "libs/near", editable = true }}
plain = {{ url = "https://files.example/plain-1.zip" }}
"""
    found = adopted({"pyproject.toml": text})
    assert found["dependency-groups"] == {"dev": ["pytest"]}
    assert found["env"]["default-groups"] == []
    assert found["lock"] == {
        "constraints": ["werkzeug<4"],
        "overrides": ["six==1.16"],
        "environments": ["sys_platform == 'linux'"],
        "required-environments": ["sys_platform == 'linux'"],
        "conflicts": [["cpu", "gpu"]],
        "no-binary": ["lxml"],
        "prereleases": "allow",
        "resolution": "lowest-direct",
        "exclude-newer": "2026-01-01T00:00:00Z",
    }
    assert found["sync"] == {"link-mode": "copy", "compile-bytecode": True}
    assert found["build"] == {
        "no-isolation": ["flash"],
        "extra-build-requires": {"flash": ["torch"]},
        "config-settings": {"num": {"editable_mode": "compat"}},
    }
    assert [one["name"] for one in found["index"]] == ["pytorch-cpu", "mirror", "public-example"]
    assert found["sources"] == {
        "gitty": {"git": "https://git.example/g", "rev": "abc123", "subdirectory": "py"},
        "near": {"path": "libs/near", "editable": True},
        "plain": {"url": "https://files.example/plain-1.zip"},
        "torch": [
            {"index": "pytorch-cpu", "marker": "sys_platform != 'darwin'"},
            {"index": "mirror", "marker": "sys_platform == 'darwin'"},
        ],
    }


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('index-strategy = "unsafe-best-match"', 5),
        ('exclude-dependencies = ["a"]', 5),
        ('conflicts = [[{ package = "a" }, { extra = "b" }]]', 5),
        ('conflicts = [[{ extra = "gone" }, { extra = "b" }]]', 5),
        ('prerelease = "explicit"', 5),
        ('environments = ["nonsense"]', 5),
        ('[tool.uv.sources]\na = { index = "gone" }', 6),
        ('[tool.uv.sources]\na = { path = "a", extra = "x" }', 6),
        ("[tool.uv.sources]\na = { }", 6),
        ('[[tool.uv.index]]\nname = "x"\nurl = "ftp://x.example/"', 5),
        ('[[tool.uv.index]]\nname = "x"\nurl = "https://x.example/"\nauthenticate = "always"', 5),
    ],
)  # fmt: skip
def test_what_uv_has_and_env_toml_has_not_is_listed(text: str, line: int) -> None:
    source = f'{PROJECT}dependencies = ["a"]\n[tool.uv]\n{text}\n'
    draft = draft_of({"pyproject.toml": source})
    env_of(draft)
    assert {one.origin.line for one in draft.left if one.matters} == {line}


def test_a_member_of_a_workspace_is_asked_of_no_index() -> None:
    text = f"""\
{PROJECT}dependencies = ["member", "a"]
[tool.uv.workspace]
members = ["packages/*"]
[tool.uv.sources]
member = {{ workspace = true }}
"""
    draft = draft_of({"pyproject.toml": text})
    found = env_of(draft)
    assert "member" not in found["env"]["dependencies"] or "workspace" in found


def test_pdm() -> None:
    text = f"""\
{PROJECT}dependencies = ["corpy"]
[tool.pdm]
distribution = false
[tool.pdm.dev-dependencies]
test = ["pytest", "-e file:///${{PROJECT_ROOT}}/libs/near#egg=near"]
[[tool.pdm.source]]
name = "pypi"
url = "https://mirror.example/simple"
[[tool.pdm.source]]
name = "corp"
url = "https://corp.example/simple"
include_packages = ["corpy"]
[tool.pdm.resolution]
allow-prereleases = true
[tool.pdm.resolution.overrides]
six = "1.16"
attrs = ">=22"
[tool.pdm.scripts]
test = "pytest -q"
lint = {{ cmd = ["ruff", "check"] }}
all = {{ composite = ["lint", "test"], help = "everything" }}
"""
    found = adopted({"pyproject.toml": text})
    assert found["dependency-groups"] == {"test": ["pytest", "near"]}
    assert found["env"]["default-groups"] == ["test"]
    assert found["sources"] == {
        "corpy": {"index": "corp"},
        "near": {"path": "libs/near", "editable": True},
    }
    assert found["lock"] == {"overrides": ["six==1.16", "attrs>=22"], "prereleases": "allow"}
    assert found["tasks"] == {"test": "pytest -q", "lint": "ruff check", "all": ["lint", "test"]}
    assert [one.get("default") for one in found["index"]] == [True, None]


@pytest.mark.parametrize(
    "line",
    [
        'scripts.a = { shell = "a | b" }',
        'scripts.a = "a | b"',
        'scripts.a = { call = "m:f" }',
        'scripts._ = { env_file = ".env" }',
        'scripts."a b" = "x"',
        'scripts.a = "echo $HOME"',
        'resolution.excludes = ["a"]',
        'options.lock = ["--no-hashes"]',
    ],
)
def test_what_pdm_has_and_env_toml_has_not_is_listed(line: str) -> None:
    draft = draft_of({"pyproject.toml": f"{PROJECT}[tool.pdm]\n{line}\n"})
    env_of(draft)
    assert [one.origin.line for one in draft.left if one.matters] == [4]


def test_hatch_environments_are_groups() -> None:
    text = f"""\
{PROJECT}[project.optional-dependencies]
cli = ["click"]
[tool.hatch.envs.default]
dependencies = ["pytest"]
features = ["cli"]
[tool.hatch.envs.default.scripts]
test = "pytest {{args}}"
[tool.hatch.envs.docs]
dependencies = ["mkdocs"]
[tool.hatch.envs.docs.scripts]
build = "mkdocs build"
cov = "coverage {{args:report}}"
[[tool.hatch.envs.docs.matrix]]
python = ["3.11"]
"""
    draft = draft_of({"pyproject.toml": text})
    found = env_of(draft)
    assert found["dependency-groups"] == {"default": ["pytest", "shop[cli]"], "docs": ["mkdocs"]}
    assert found["env"]["default-groups"] == ["default"]
    assert found["tasks"] == {"test": "pytest", "docs:build": "mkdocs build"}
    assert missing(draft) == ["14: script docs:cov", "15: matrix of environment docs"]


def test_pipfile() -> None:
    text = f"""\
[[source]]
name = "pypi"
url = "{PUBLIC}"
verify_ssl = true
[[source]]
name = "corp"
url = "https://corp.example/simple"
[packages]
flask = "*"
requests = {{ version = ">=2", extras = ["socks"] }}
pinned = "1.0"
corpy = {{ version = "*", index = "corp" }}
gitty = {{ git = "https://git.example/g.git", ref = "v1", editable = true }}
near = {{ path = "./libs/near", editable = true }}
e1839a8 = {{ path = ".", editable = true }}
winny = {{ version = "*", sys_platform = "== 'win32'", markers = "python_version < '3.13'" }}
[dev-packages]
pytest = "~=8.0"
[docs]
sphinx = "*"
[requires]
python_version = "3.11"
[scripts]
serve = "flask run"
[pipenv]
allow_prereleases = true
"""
    assert adopted({"Pipfile": text, "setup.cfg": "[metadata]\nname = own\n"}) == {
        "env": {
            "requires-python": "==3.11.*",
            "dependencies": [
                *("flask", "requests[socks]>=2", "pinned==1.0", "corpy", "gitty", "near", "own"),
                "winny; python_version < '3.13' and sys_platform == 'win32'",
            ],
        },
        "dependency-groups": {"dev": ["pytest~=8.0"], "docs": ["sphinx"]},
        "index": [{"name": "corp", "url": "https://corp.example/simple", "explicit": True}],
        "sources": {
            "corpy": {"index": "corp"},
            "gitty": {"git": "https://git.example/g.git", "rev": "v1"},
            "near": {"path": "libs/near", "editable": True},
            "own": {"path": ".", "editable": True},
        },
        "lock": {"prereleases": "allow"},
        "tasks": {"serve": "flask run"},
    }


def test_setup_cfg() -> None:
    text = """\
[metadata]
name = shop
[options]
python_requires = >=3.11
install_requires =
    flask>=3  # web
    tomli; python_version < "3.11"
tests_require = pytest
[options.extras_require]
cli = click; rich
files = file: requirements.txt
[flake8]
max-line-length = 100
"""
    found = adopted({"setup.cfg": text, "requirements.txt": "a\n"})
    assert found == {
        "env": {
            "name": "shop",
            "requires-python": ">=3.11",
            "dependencies": ["flask>=3", 'tomli; python_version < "3.11"'],
            "optional-dependencies": {"cli": ["click", "rich"], "files": ["a"]},
        },
        "dependency-groups": {"test": ["pytest"]},
    }


def test_setup_py_is_read_and_never_run(tmp_path: object) -> None:
    text = f"""\
import os, setuptools
open({str(tmp_path)!r} + "/ran", "w")
BASE = ["flask>=3"]
TEST = ["pytest"]
extras = {{"cli": ["click"], "test": TEST, "all": [*TEST, "rich"]}}
computed = []
computed.append("x")
setuptools.setup(
    name="shop",
    python_requires=">=3" ".11",
    install_requires=BASE + ["rich"],
    extras_require=dict(extras, more=computed) if False else extras,
    tests_require=open("requirements.txt").read().split(),
    dependency_links=["https://links.example/"],
)
"""
    draft = draft_of({"setup.py": text})
    assert env_of(draft)["env"] == {
        "name": "shop",
        "requires-python": ">=3.11",
        "dependencies": ["flask>=3", "rich"],
    }
    assert missing(draft) == [
        "12: extras_require",
        "13: tests_require",
        "14: dependency_links",
        "1: the project itself",
    ]
    assert "envsync import FILE" in draft.left[1].advice
    assert not any(__import__("pathlib").Path(str(tmp_path)).iterdir())


@pytest.mark.parametrize(
    ("expression", "listed"),
    [
        ('["a", "b"]', ["a", "b"]),
        ('("a", "b")', ["a", "b"]),
        ('"a\\nb\\n# c\\n"', ["a", "b"]),
        ('"a b".split()', ["a", "b"]),
        ('list(("a",)) + ["b"]', ["a", "b"]),
        ('GROUPS["x"]', ["a"]),
        ("NAMES", ["n"]),
        ("CHANGED", None),
        ("TWICE", None),
        ("[x for x in NAMES]", None),
        ("read()", None),
        ('["a" if True else "b"]', None),
        ("[f'a{1}']", None),
        ("SELF", None),
        ("NAMES * 2", None),
    ],
)
def test_literals_of_setup_py(expression: str, listed: list[str] | None) -> None:
    text = f"""\
from setuptools import setup
NAMES = ["n"]
GROUPS = {{"x": ["a"]}}
CHANGED = ["c"]
CHANGED += ["d"]
TWICE = ["t"]
if NAMES:
    TWICE = ["u"]
SELF = SELF
setup(install_requires={expression})
"""
    draft = draft_of({"setup.py": text})
    assert env_of(draft)["env"]["dependencies"] == (listed or [])
    assert (listed is None) == any("install_requires" in one for one in missing(draft))


def test_conda() -> None:
    text = """\
name: sci
channels: [conda-forge]
dependencies:
  - python=3.11
  - numpy=1.26
  - pandas >=2,<3
  - scipy=1.11.4=py311_0
  - conda-forge::matplotlib==3.8.0
  - pytorch::pytorch=2.1
  - cudatoolkit
  - somebodys-tool=1.10
  - r-base
  - pip
  - pip:
    - flask==3.0
    - -r more.txt
    - git+https://git.example/a.git
prefix: /home/me/x
"""
    draft = draft_of({"environment.yml": text, "more.txt": "six\n"})
    assert env_of(draft) == {
        "env": {
            "name": "sci",
            "requires-python": "==3.11.*",
            "dependencies": [
                *("numpy==1.26.*", "pandas>=2,<3", "scipy==1.11.4.*", "matplotlib==3.8.0"),
                *("flask==3.0", "six"),
            ],
        }
    }
    assert missing(draft) == [
        "9: 'pytorch::pytorch=2.1'",
        "10: 'cudatoolkit'",
        "11: 'somebodys-tool=1.10'",
        "12: 'r-base'",
        "17: 'git+https://git.example/a.git'",
    ]
    advice = {left.origin.line: left.advice for left in draft.left}
    assert "`envsync add 'torch==2.1.*'`" in advice[9]
    assert "`envsync add 'somebodys-tool==1.10.*'`" in advice[11]


@pytest.mark.parametrize(
    ("path", "data", "says"),
    [
        ("environment.yml", b"a: &x [1]\nb: *x\n", "line 2: aliases"),
        ("environment.yml", b"a: [\n", "line 2"),
        ("environment.yml", b"", "line 1: the file is empty"),
        ("environment.yml", b"- a\n", "line 1: expected keys"),
        ("environment.yml", b"dependencies: {a: 1}\n", "line 1: dependencies: expected a list"),
        ("environment.yml", b"\xff\n", "line 1: the text is not UTF-8"),
        ("environment.yml", b"a: " + b"[" * 500, "nested too deeply"),
        ("environment.yml", b"a: !!python/object:os.system {}\nb: \x00", "line"),
        ("environment.yml", b"#" * (2 << 20), "larger than 256 KiB"),
        ("Pipfile", b"[packages\n", "line 1"),
        ("Pipfile", b"\xff\xfe[", "UTF-16"),
        ("pyproject.toml", b"a = \n", "line 1"),
        ("setup.cfg", b"no section = 1\n", "line 1"),
        ("setup.cfg", b"[a]\n\xff\n", "line 2: the text is not UTF-8"),
        ("setup.py", b"setup(\n", "line 1"),
        ("setup.py", b"x = " + b"(" * 3000, "not Python"),
        ("setup.py", b"\x00", "not Python"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_an_error(
    path: str, data: bytes, says: str
) -> None:
    with pytest.raises(SpecInvalid) as error:
        draft_of({path: data})
    assert error.value.path == path
    assert says in str(error.value)
