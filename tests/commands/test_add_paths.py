"""`add` with paths: names and sources written together, or nothing at all."""

from pathlib import Path

import pytest

from tests.commands.test_local_files import made
from tests.commands.test_local_sources import write_shop
from tests.commands.test_workspaces import below, installed, monorepo, package
from tests.support.command import Workplace

START = '# mine\n[env]\nrequires-python = ">=3.11"\ndependencies = [] # none yet\n'


EXTRA = "optional-dependencies.x = ['winner']\n"
CFG = "[metadata]\nname = b%c\n[metadata]\nname = b\n"
BROKEN = {"pyproject.toml": "[", "setup.cfg": "x", "setup.py": "setup(name='d')"}


@pytest.fixture
def started(place: Workplace) -> Workplace:
    place.write(START)
    return place


def test_a_folder_inside_and_one_outside(started: Workplace) -> None:
    write_shop(started, "base<2")
    package(started.project.parent / "beside", "beside", more=EXTRA)
    ran = started.ok("add", "./lib/")
    assert "+ shop" in ran.err
    assert 'shop = { path = "lib" }' in started.read()
    started.given("add", "--editable", "../beside[x]", "--dev")
    text = started.read()
    assert 'beside = { path = "../beside", editable = true, outside = true }' in text
    assert '"beside[x]"' in text
    assert text.startswith("# mine\n[env]\n")
    assert installed(started) == {"base", "shop", "beside", "winner"}
    started.given("add", str(started.project / "lib"), "--editable")
    assert 'shop = { path = "lib", editable = true }' in started.read()
    started.given("add", str(started.project.parent / "beside"))
    assert (
        f'beside = {{ path = "{started.project.parent}/beside", outside = true }}' in started.read()
    )
    before = started.read()
    started.given("add", str(started.project.parent / "beside"))
    assert started.read() == before
    started.given("remove", "shop")
    assert "shop" not in installed(started)


@pytest.mark.parametrize("kind", ["wheel", "archive"])
def test_a_file(started: Workplace, kind: str) -> None:
    filename, content = made(kind, "honest")
    (started.project / filename).write_bytes(content)
    started.given("add", filename)
    assert f'sd = {{ path = "{filename}" }}' in started.read()
    assert started.python("import sd; print(sd.VALUE)") == "honest"


def test_members_are_added_by_name_and_a_members_paths_start_from_its_folder(
    place: Workplace,
) -> None:
    mono = monorepo(place)
    mono.given("add", "./packages/lib")
    assert "[sources]" not in mono.read()
    assert {"lib", "core"} <= installed(mono)
    package(mono.project / "tools" / "helper", "helper")
    package(mono.project.parent / "beside", "beside")
    for path in ("../packages/core", "../tools/helper", "../../beside"):
        assert below(mono, "web", "add", "--editable", path).code == 0
    text = mono.read("web/env.toml")
    assert 'helper = { path = "../tools/helper", editable = true, outside = true }' in text
    assert 'beside = { path = "../../beside", editable = true, outside = true }' in text
    assert "core = {" not in text
    assert {"beside", "helper", "core"} <= installed(mono)


NAMES = {
    "project": ({"pyproject.toml": "[project]\nname = 'The.Name'\n"}, "the-name"),
    "poetry": ({"pyproject.toml": "[tool.poetry]\nname = 'a'\n", "setup.py": ""}, "a"),
    "setup.cfg": (
        {"setup.cfg": "[metadata]\nname = b%c\n[metadata]\nname = b\n", "setup.py": ""},
        "b",
    ),
    "setup.py": ({"setup.py": "import x\nx.setup(1, name='c', version=x.y())\n"}, "c"),
    "broken files": (BROKEN, "d"),
}


@pytest.mark.parametrize("kind", NAMES)
def test_the_name_is_read_and_nothing_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    from envsync.project.local_addition import local_addition

    files, name = NAMES[kind]
    (tmp_path / "it").mkdir()
    for path, text in files.items():
        (tmp_path / "it" / path).write_text(text)
    monkeypatch.chdir(tmp_path)
    assert local_addition("./it", str(tmp_path), editable=False).name == name


ODD = {
    "nothing there": (["./nowhere"], "./nowhere: there is no such file or folder"),
    "an empty folder": (["./empty"], "./empty: has neither pyproject.toml nor setup.py"),
    "a computed name": (["./computed"], "its files don't say what it is called"),
    "a text": (["./notes.txt"], "is neither a wheel"),
    "a bad wheel name": (["./x.whl"], "./x.whl: Invalid wheel filename"),
    "an editable wheel": (["--editable", "./x.whl"], "only a folder can be editable"),
    "editable without a folder": (["--editable", "base"], "--editable is for local folders"),
    "a file URL": (["file:///x"], "write the path itself"),
    "a home": (["~/x"], "write the path itself"),
    "another name": (["./lying"], "is the project"),
    "itself": (["."], ".: has neither pyproject.toml nor setup.py"),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_paths_change_nothing(started: Workplace, kind: str) -> None:
    for name in ("empty", "computed", "lying"):
        (started.project / name).mkdir()
    (started.project / "computed" / "setup.py").write_text("setup(name=str(1))\n")
    package(started.project / "lying", "lying")
    (started.project / "lying" / "setup.cfg").write_text("")
    pyproject = started.project / "lying" / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("version =", "dynamic = ['version']\nx ="))
    pyproject.write_text(pyproject.read_text().replace('name = "lying"', 'name = "other"'))
    for name in ("notes.txt", "x.whl"):
        (started.project / name).write_text("")
    before = started.files()
    arguments, message = ODD[kind]
    ran = started.here("add", *arguments)
    assert ran.code in (1, 2)
    assert message in ran.err, ran.err
    assert started.files() == before
