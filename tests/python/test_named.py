"""What a path out of a stranger's file, folder or environment makes run: nothing, unasked."""

import json
import os
from pathlib import Path

import pytest

from envsync.errors import EnvsyncError, InterpreterNotFound, InterpreterRefused
from envsync.python.ask import remember
from envsync.python.base import base_of
from envsync.python.find import list_interpreters
from envsync.python.trust import is_inside, is_interpreter, own_environment
from tests.support.interpreters import Fake, World, fake_python, script


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World.made(tmp_path, monkeypatch)
    (tmp_path / "clone").mkdir()
    monkeypatch.chdir(tmp_path / "clone")
    return made


def clone(world: World) -> Path:
    return world.root / "clone"


def ran(*programs: Fake) -> list[str]:
    return [program.path for program in programs if program.times_asked]


# A path in a file


@pytest.mark.parametrize(
    "name", ["make", "awk", "env", "sh", "python3-config", "xpython3", "python3.sh", "python3;"]
)
def test_a_program_that_is_no_interpreter_is_not_run(name: str, world: World) -> None:
    evil = script(str(world.bin / name), "exit 1")

    with pytest.raises(InterpreterRefused, match="not named as an interpreter is") as raised:
        world.find(evil.path, never_inside=str(clone(world)))

    assert ran(evil) == []
    assert "correct `python` in env.toml" in str(raised.value.hint)


@pytest.mark.parametrize("name", ["python3", "python", "pypy3", "python3.48"])
def test_a_link_under_an_interpreters_name_is_not_run(name: str, world: World) -> None:
    evil = script(str(world.root / "tools" / "make"), "exit 1")
    (world.bin / name).symlink_to(evil.path)

    with pytest.raises(InterpreterRefused):
        world.find(str(world.bin / name), never_inside=str(clone(world)))
    with pytest.raises(InterpreterNotFound):
        world.find(None, never_inside=str(clone(world)))
    assert ran(evil) == []


def test_what_no_search_finds_is_not_run_because_a_file_says_so(world: World) -> None:
    outside = fake_python(str(world.root / "elsewhere" / "python3"), "3.48.0")

    with pytest.raises(InterpreterNotFound, match="no search of this machine finds it") as raised:
        world.find(outside.path, never_inside=str(clone(world)))

    assert ran(outside) == []
    assert f"`--python {outside.path}`" in str(raised.value.hint)
    assert f'allow = ["{outside.path}"]' in str(raised.value.hint)


def test_what_the_search_finds_may_be_named(world: World) -> None:
    real = fake_python(str(world.bin / "python3.48"), "3.48.0")
    (world.root / "other").mkdir()
    (world.root / "other" / "python3").symlink_to(real.path)

    for named in (real.path, str(world.root / "other"), str(world.root / "other" / "python3")):
        target = world.find(named, never_inside=str(clone(world)))
        assert target.executable == real.path


def test_a_found_interpreter_is_called_by_the_name_that_the_search_knows(world: World) -> None:
    """Python takes its library from the `pyvenv.cfg` beside the path that it is called by."""
    real = fake_python(str(world.bin / "python3.48"), "3.48.0")
    evil = script(str(world.root / "evil" / "home" / "python3"), "exit 1")
    other = world.root / "evil" / "bin"
    other.mkdir()
    (other / "python3").symlink_to(real.path)
    large = f"home = {world.root}/evil/home\n" + "# \n" * 40_000
    (world.root / "evil" / "pyvenv.cfg").write_text(large)

    assert world.find(str(other / "python3"), never_inside=str(clone(world)))[0] == real.path
    assert ran(evil) == []


@pytest.mark.parametrize("allow", ["path", "folder", "link"])
def test_what_the_user_allowed_may_be_named(allow: str, world: World) -> None:
    outside = fake_python(str(world.root / "elsewhere" / "bin" / "python3"), "3.48.0")
    (world.root / "link").symlink_to(outside.path)
    named = {"folder": str(world.root / "elsewhere")}.get(allow, outside.path)
    allowed = str(world.root / "link") if allow == "link" else named

    target = world.find(named, never_inside=str(clone(world)), allowed=[allowed])

    assert (target.version, outside.times_asked) == ("3.48.0", 1)


def test_what_the_user_allowed_may_lie_in_the_clone_and_have_any_name(world: World) -> None:
    own = fake_python(str(clone(world) / "tools" / "interpreter"), "3.48.0")
    other = script(str(clone(world) / "tools" / "python3"), "exit 1")

    assert world.find(own.path, never_inside=str(clone(world)), allowed=[own.path])[0] == own.path
    with pytest.raises(InterpreterRefused):
        world.find(other.path, never_inside=str(clone(world)), allowed=[own.path])
    assert ran(other) == []


def test_a_path_that_is_not_there_is_told_so(world: World) -> None:
    for name in ("python3", "make"):
        with pytest.raises(InterpreterNotFound, match="no such file or directory"):
            world.find(f"/nowhere/{name}", never_inside=str(clone(world)))


# The user's own word


def test_the_user_may_name_any_file(world: World) -> None:
    for path in (clone(world) / "python3", world.root / "elsewhere" / "mine"):
        own = fake_python(str(path), "3.48.0")
        target = world.find(own.path, never_inside=str(clone(world)), by_user=True)
        assert target.executable == own.path


@pytest.mark.parametrize("key", ["home", "base-executable", "executable"])
@pytest.mark.parametrize("name", ["python", "make"])
def test_what_an_environment_in_the_clone_says_is_a_strangers_word(
    name: str, key: str, world: World
) -> None:
    evil = script(str(world.root / "elsewhere" / name), "exit 1")
    root = clone(world) / ".venv"
    inside = script(str(root / "bin" / "python"), "exit 1")
    where = os.path.dirname(evil.path) if key == "home" else evil.path
    (root / "pyvenv.cfg").write_text(f"{key} = {where}\n")

    for named in (str(root), inside.path, ".venv", "./.venv/bin/python"):
        with pytest.raises(InterpreterNotFound):
            world.find(named, never_inside=str(clone(world)), by_user=True)
    assert ran(evil, inside) == []


def test_an_environment_in_the_clone_leads_to_an_interpreter_that_is_found(world: World) -> None:
    real = fake_python(str(world.bin / "python3.48"), "3.48.0")
    root = clone(world) / ".venv"
    inside = script(str(root / "bin" / "python"), "exit 1")
    (root / "pyvenv.cfg").write_text(f"home = {world.bin}\nversion = 3.48.0\n")

    target = world.find(".venv", never_inside=str(clone(world)), by_user=True)

    assert target.executable == real.path
    assert ran(inside) == []


def test_a_base_is_an_interpreter_by_name(tmp_path: Path) -> None:
    """The name of what the link leads to is looked for beside `home`."""
    evil = script(str(tmp_path / "tools" / "make"), "exit 1")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(evil.path)
    configured = f"home = {tmp_path}/tools\nexecutable = {evil.path}\n"
    (tmp_path / "pyvenv.cfg").write_text(configured)

    with pytest.raises(InterpreterNotFound, match="where its base interpreter was"):
        base_of(str(tmp_path / "bin" / "python"))

    real = fake_python(str(tmp_path / "tools" / "python3"), "3.48.0")
    assert base_of(str(tmp_path / "bin" / "python")) == real.path


# Searching


HOSTILE_PATHS = ("bin", ".venv/bin", "tools/../bin", "link", "HOME/to-clone", "HOME/through")


@pytest.mark.parametrize("entry", HOSTILE_PATHS)
def test_no_folder_of_path_that_leads_into_the_clone_is_searched(
    entry: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = clone(world)
    evil = [script(str(top / part / "python3.48"), "exit 1") for part in ("bin", ".venv/bin")]
    outside = fake_python(str(world.root / "elsewhere" / "python3.48"), "3.48.0")
    (top / ".venv" / "pyvenv.cfg").write_text(f"home = {os.path.dirname(outside.path)}\n")
    (top / "link").symlink_to(world.root / "elsewhere")
    (world.root / "home").mkdir()
    (world.root / "home" / "to-clone").symlink_to(top / "bin")
    (world.root / "home" / "through").symlink_to(top / "link")
    path = entry.replace("HOME", str(world.root / "home"))
    monkeypatch.setenv("PATH", os.path.join(top, path))

    with pytest.raises(InterpreterNotFound):
        world.find("3.48", never_inside=str(top))
    versions = [one.version for one in list_interpreters(world.cache, never_inside=str(top))]
    assert "3.48.0" not in versions
    assert ran(*evil, outside) == []


def test_links_that_lead_into_the_clone_are_not_candidates(world: World) -> None:
    top = clone(world)
    evil = fake_python(str(top / "python3.49"), "3.49.0")
    good = fake_python(str(world.root / "opt" / "python3.48"), "3.48.0")
    (top / "hop").symlink_to(good.path)
    (world.bin / "python3.49").symlink_to(evil.path)
    (world.bin / "python3.48").symlink_to(top / "hop")

    with pytest.raises(InterpreterNotFound):
        world.find(None, never_inside=str(top))
    assert ran(evil, good) == []


@pytest.mark.parametrize("key", ["home", "base-executable"])
def test_an_environment_elsewhere_does_not_lead_into_the_clone(
    key: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = fake_python(str(clone(world) / "python3.48"), "3.48.0")
    env = world.root / "env"
    script(str(env / "bin" / "python3.48"), "exit 1")
    where = os.path.dirname(evil.path) if key == "home" else evil.path
    (env / "pyvenv.cfg").write_text(f"{key} = {where}\n")
    monkeypatch.setenv("PATH", str(env / "bin"))

    with pytest.raises(InterpreterNotFound):
        world.find("3.48", never_inside=str(clone(world)))
    with pytest.raises(InterpreterNotFound):
        world.find(str(env), never_inside=str(clone(world)), by_user=True)
    assert ran(evil) == []


@pytest.mark.parametrize("value", [".", "pyenv", "./pyenv", "FULL"])
@pytest.mark.parametrize("variable", ["PYENV_ROOT", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME"])
def test_no_variable_leads_the_search_into_the_clone(
    variable: str, value: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = clone(world)
    evil = [
        fake_python(str(top / base / versions / name / "bin" / "python3.48"), "3.48.0")
        for base in ("", "pyenv")
        for versions, name in (
            ("versions", "3.48.0"),
            ("", "cpython-3.48.0-linux-x86_64-gnu"),
            ("uv/python", "cpython-3.48.0-linux-x86_64-gnu"),
        )
    ]
    monkeypatch.delenv("UV_PYTHON_INSTALL_DIR")
    monkeypatch.setenv(variable, str(top / "pyenv") if value == "FULL" else value)

    with pytest.raises(InterpreterNotFound):
        world.find("3.48", never_inside=str(top))
    assert ran(*evil) == []


def test_what_was_remembered_is_judged_again(world: World) -> None:
    top = clone(world)
    good = fake_python(str(world.root / "opt" / "python3.48"), "3.48.0")
    hop = world.root / "opt" / "hop"
    hop.symlink_to(good.path)
    (world.bin / "python3.48").symlink_to(hop)
    assert world.find("3.48", never_inside=str(top)).version == "3.48.0"
    evil = fake_python(str(top / "python3.48"), "3.48.0")

    hop.unlink()
    hop.symlink_to(evil.path)

    with pytest.raises(InterpreterNotFound):
        world.find("3.48", never_inside=str(top))
    assert ran(evil) == []


@pytest.mark.parametrize("name", ["python3.48", "make"])
def test_a_memory_names_no_other_program(name: str, world: World) -> None:
    good = fake_python(str(world.bin / "python3.48"), "3.48.0")
    evil = script(str(world.root / "elsewhere" / name), "exit 1")
    assert world.find("3.48").executable == good.path
    forged = 0
    for entry in (path for path in Path(world.cache, "pythons-v2").rglob("*") if path.is_file()):
        data = entry.read_bytes()
        kept = json.loads(data[: data.rindex(b"checksum ")])
        is_answer = isinstance(kept["value"], dict)
        if is_answer:
            kept["value"]["executable"] = evil.path
        elif name == "make":
            kept["value"] = evil.path
        label = kept["key"][0] if is_answer else "find\n3.48\n>=3.40\nNone"
        remember(world.cache, label, kept["key"], kept["value"])
        forged += entry.read_bytes() != data
    assert forged == (2 if name == "make" else 1)

    assert world.find("3.48").executable == good.path
    assert ran(evil) == []


def test_a_shim_does_not_lead_into_the_clone(world: World) -> None:
    evil = fake_python(str(clone(world) / "python3.48"), "3.48.0")
    other = fake_python(str(world.root / "tools" / "make"), "3.48.0")
    for target in (evil, other):
        base = {"executable": target.path, "base_executable": target.path}
        fake_python(str(world.bin / "python3.48"), "3.48.0", **base)
        with pytest.raises(InterpreterNotFound):
            world.find("3.48", never_inside=str(clone(world)))
        assert ran(target) == []


# How it is asked


def test_it_is_asked_in_the_root_folder_with_few_variables(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = clone(world)
    seen = world.root / "seen"
    script(str(world.bin / "python3.48"), f'{{ pwd; echo "$@"; env; }} > "{seen}"; exit 1')
    hostile = {
        "PYTHONPATH": str(top),
        "PYTHONHOME": str(top),
        "LD_PRELOAD": str(top / "x.so"),
        "LD_AUDIT": str(top / "x.so"),
        "LD_LIBRARY_PATH": f":.:lib;{top}/lib:/opt/lib;/usr/lib",
        "DYLD_INSERT_LIBRARIES": str(top / "x"),
        "GCONV_PATH": str(top),
        "BASH_ENV": str(top / "x"),
        "ENV": str(top / "x"),
        "MAKEFLAGS": "-f x",
        "PYENV_ROOT": str(top / "pyenv"),
        "XDG_DATA_HOME": "share",
        "TMPDIR": str(top),
        "VIRTUAL_ENV": str(top / ".venv"),
        "PATH": f"{world.bin}:.::{top}/bin:/bin:/usr/bin",
    }
    honest = {"LANG": "C", "LC_ALL": "C", "MISE_DATA_DIR": "/opt/mise", "USER": "me"}
    for name, value in (hostile | honest).items():
        monkeypatch.setenv(name, value)

    with pytest.raises(InterpreterNotFound):
        world.find("3.48", never_inside=str(top))

    folder, words, *lines = seen.read_text().splitlines()
    variables = dict(line.partition("=")[::2] for line in lines)
    assert folder == "/"
    assert words.split()[:3] == ["-I", "-S", "-B"]
    assert {name: variables.get(name) for name in honest} == honest
    assert variables["PATH"] == f"{world.bin}:/bin:/usr/bin"
    assert variables["LD_LIBRARY_PATH"] == "/opt/lib:/usr/lib"
    assert set(hostile) & set(variables) == {"PATH", "LD_LIBRARY_PATH"}
    assert not any(str(top) in value for value in variables.values())


def test_own_variables_of_a_shared_interpreter_stay() -> None:
    environ = {"LD_LIBRARY_PATH": "/opt/python/lib", "HOME": "/home/me", "TZ": "UTC", "X": "1"}
    expected = {**environ, "PATH": os.defpath, "SYSTEM_VERSION_COMPAT": "0"}
    del expected["X"]
    assert own_environment(environ) == expected


# Names and folders


@pytest.mark.parametrize(
    ("name", "target", "good"),
    [
        ("python3", "python3.12", True),
        ("python3", "python3.13t", True),
        ("python3.12", "python3.12-dbg", True),
        ("python3", ".python3.12-wrapped", True),
        ("pypy3", "pypy3.10", True),
        ("PYTHON.EXE", "Python", True),
        ("python3", "mise", True),
        ("python3", "make", False),
        ("python3", "python3-config", False),
        ("python3", "evil.py", False),
        ("make", "python3.12", False),
        ("python3\n", "python3", False),
    ],
)
def test_is_interpreter(name: str, target: str, good: bool, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / target).touch()
    (tmp_path / name).symlink_to(tmp_path / "real" / target)

    assert is_interpreter(str(tmp_path / name)) is good


def test_is_inside_follows_every_link_on_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top, other = tmp_path / "top", tmp_path / "other"
    (top / "sub").mkdir(parents=True)
    other.mkdir()
    (top / "out").symlink_to(other)
    (other / "hop").symlink_to("../top/out/../other/x")
    (other / "in").symlink_to(top)
    (other / "deep").symlink_to(top / "sub")
    (other / "loop").symlink_to("loop")
    (tmp_path / "alias").symlink_to(top)
    monkeypatch.chdir(tmp_path)

    inside = ("top", "top/x", "top/out/x", "other/hop", "other/in/sub", "alias/nothing")
    for path in (*inside, "other/deep/../x", "other/in/../top/sub"):
        assert is_inside(str(tmp_path / path), str(top)), path
        assert is_inside(str(tmp_path / path), str(tmp_path / "alias")), path
        assert is_inside(path, "alias"), path
    for path in ("other", "other/x", "topper", "other/loop/x", "top/../other", "other/in/../other"):
        assert not is_inside(str(tmp_path / path), str(top)), path
    assert is_inside("/proc/self/cwd/x", str(tmp_path)) or not os.path.exists("/proc/self/cwd")


def test_every_refusal_has_a_hint(world: World) -> None:
    (clone(world) / ".venv").mkdir()
    for named in ("/bin/sh", str(clone(world) / "python3"), "/nowhere/python3", str(world.root)):
        with pytest.raises(EnvsyncError) as raised:
            world.find(named, never_inside=str(clone(world)))
        assert raised.value.hint
