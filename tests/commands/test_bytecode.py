"""Compiled files: made once for each wheel and interpreter, linked from then on."""

import marshal
import os
import py_compile
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.conftest import publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_wheel

TAG = sys.implementation.cache_tag
SPEC = """\
[env]
requires-python = ">=3.11"
dependencies = ["webby"]

[dependency-groups]
dev = ["checker"]
"""
ON = SPEC + "[sync]\ncompile-bytecode = true\n"


@pytest.fixture
def server() -> Iterator[IndexServer]:
    with IndexServer() as running:
        publish(
            running,
            make_wheel("base", "1.0", {"base.py": "VERSION = 1\n"}),
            make_wheel(
                "webby",
                "1.5",
                {
                    "webby/__init__.py": "def where():\n    raise ValueError('here')\n",
                    "webby/template.py": "class {{ name }}:\n",
                    "webby/odd-name.v2.py": "x = 1\n",
                    "webby/nul.py": "x = '\0'\n",
                    "webby/deep/inner.py": "y = {'a', 'b', 'c'}\nz = 'a' in {'a', 'b', 'c'}\n",
                },
                requires=["base"],
                data={"purelib/extra.py": "E = 1\n", "scripts/tool.py": "#!python\nprint(1)\n"},
            ),
            make_wheel("checker", "7.0", {"checker.py": "CHECK = 1\n"}),
            make_wheel("empty", "1.0", {"empty.txt": "no sources"}),
        )
        yield running


@pytest.fixture
def project(place: Workplace) -> Workplace:
    place.write(SPEC)
    return place


def compiled(place: Workplace) -> list[str]:
    """The compiled files in site-packages."""
    return sorted(path.relative_to(place.site).as_posix() for path in place.site.rglob("*.pyc"))


ALL = [
    f"__pycache__/base.{TAG}.pyc",
    f"__pycache__/checker.{TAG}.pyc",
    f"__pycache__/extra.{TAG}.pyc",
    f"webby/__pycache__/__init__.{TAG}.pyc",
    f"webby/deep/__pycache__/inner.{TAG}.pyc",
]


def test_without_being_asked_nothing_is_compiled(project: Workplace) -> None:
    project.ok("sync")
    assert compiled(project) == []
    assert not (project.cache / "bytecode-v1").exists()


@pytest.mark.parametrize("way", ["flag", "variable", "env.toml"])
def test_what_can_be_compiled_is(project: Workplace, way: str) -> None:
    if way == "env.toml":
        project.write(ON)
    environ = {"ENVSYNC_COMPILE_BYTECODE": "1"} if way == "variable" else {}
    ran = project.run("sync", *(["--compile-bytecode"] if way == "flag" else []), environ=environ)
    assert (ran.code, compiled(project)) == (0, ALL), ran.err
    assert "SyntaxError" not in ran.err
    project.ok("sync", "--check")
    project.ok("verify")


@pytest.mark.parametrize("environ", [{}, {"ENVSYNC_COMPILE_BYTECODE": "0"}])
def test_the_flag_wins_over_env_toml(project: Workplace, environ: dict[str, str]) -> None:
    project.write(ON)
    arguments = [] if environ else ["--no-compile-bytecode"]
    assert project.run("sync", *arguments, environ=environ).code == 0
    assert compiled(project) == []
    assert project.run("sync", "--check").code == 3
    project.ok("sync")
    assert compiled(project) == ALL


def test_python_uses_them_and_shows_true_paths(project: Workplace) -> None:
    project.ok("sync", "--compile-bytecode")
    before = {path: path.stat().st_ino for path in project.site.rglob("*.pyc")}
    text = project.python(
        "import webby, webby.deep.inner, base, checker, traceback\n"
        "try: webby.where()\n"
        "except ValueError: print(traceback.format_exc())\n"
        "print(webby.__cached__)"
    )
    assert f'File "{project.site}/webby/__init__.py", line 2, in where' in text
    assert "raise ValueError('here')" in text
    assert {path: path.stat().st_ino for path in project.site.rglob("*.pyc")} == before
    project.ok("sync", "--check")


def test_they_are_linked_into_the_next_environment(project: Workplace) -> None:
    project.given("sync", "--compile-bytecode")
    entries = set(os.listdir(project.cache / "bytecode-v1"))
    assert len(entries) == 3
    shutil.rmtree(project.venv)
    project.ok("sync")
    assert compiled(project) == ALL
    stored = {path.stat().st_ino for path in (project.cache / "bytecode-v1").rglob("tree/**/*.pyc")}
    assert {path.stat().st_ino for path in project.site.rglob("*.pyc")} == stored
    assert set(os.listdir(project.cache / "bytecode-v1")) == entries


def test_an_environment_gets_them_later_and_keeps_them(project: Workplace) -> None:
    project.given("sync")
    inode = (project.site / "base.py").stat().st_ino
    project.python("import webby")  # Python's own, in the places of ours
    project.ok("sync", "--compile-bytecode")
    assert compiled(project) == ALL
    assert (project.site / "base.py").stat().st_ino == inode
    assert "Nothing to do" in project.ok("sync").err
    assert "Nothing to do" in project.ok("sync", "--compile-bytecode").err
    assert compiled(project) == ALL
    assert not (project.venv / ".envsync/quarantine").exists()


def test_bytes_depend_on_source_and_interpreter_only(project: Workplace, tmp_path: Path) -> None:
    project.given("sync", "--compile-bytecode")
    first = {name: (project.site / name).read_bytes() for name in ALL}
    times = {name: (project.site / name).stat().st_mtime_ns for name in ALL}
    shutil.rmtree(project.cache)
    shutil.rmtree(project.venv)
    for seed in ("1", "2"):
        project.environ["PYTHONHASHSEED"] = seed
        project.ok("sync", "--compile-bytecode")
        assert {name: (project.site / name).read_bytes() for name in ALL} == first
        assert {name: (project.site / name).stat().st_mtime_ns for name in ALL} == times
    text = b"".join(first.values())
    assert str(tmp_path).encode() not in text
    code = marshal.loads(first[ALL[3]][16:])
    assert code.co_filename == "webby/__init__.py"


def test_record_is_the_same_with_and_without(project: Workplace) -> None:
    project.given("sync")
    before = (project.site / "webby-1.5.dist-info/RECORD").read_bytes()
    project.ok("sync", "--compile-bytecode")
    assert (project.site / "webby-1.5.dist-info/RECORD").read_bytes() == before


def test_an_upgrade_brings_its_own(project: Workplace, server: IndexServer) -> None:
    project.write(ON)
    project.given("sync")
    publish(server, make_wheel("base", "2.0", {"base.py": "VERSION = 2\n"}))  # of the same size
    project.ok("sync", "--upgrade")
    assert compiled(project) == ALL
    assert project.python("import base; print(base.VERSION)") == "2"
    # Without leave to compile what is not compiled yet has none, and no old one stays.
    publish(server, make_wheel("base", "3.0", {"base.py": "VERSION = 3\n"}))
    project.ok("sync", "--upgrade", "--no-compile-bytecode")
    assert compiled(project) == ALL[1:]
    assert project.python("import base; print(base.VERSION)") == "3"


def forge(path: Path, source: Path) -> None:
    """Put other code in a compiled file, with the header that it had."""
    header = path.read_bytes()[:16]
    code = compile("VERSION = 666\n", str(source), "exec")
    path.unlink()
    path.write_bytes(header + marshal.dumps(code))


def test_placed_bytecode_that_was_edited_is_set_aside(project: Workplace) -> None:
    project.given("sync", "--compile-bytecode")
    forge(project.site / ALL[0], project.site / "base.py")
    assert project.run("sync", "--check").code == 3
    project.ok("sync")
    assert project.python("import base; print(base.VERSION)") == "1"
    (kept,) = (project.venv / ".envsync/quarantine").rglob("*.pyc")
    assert kept.name == f"base.{TAG}.pyc"


def test_placed_bytecode_forged_without_a_trace_is_found_by_its_bytes(project: Workplace) -> None:
    project.given("sync", "--compile-bytecode")
    path = project.site / ALL[0]
    good = path.read_bytes()
    status = path.stat()
    path.chmod(0o644)
    path.write_bytes(good.replace(b"VERSION", b"VERSIOM"))  # in the store, too: they are linked
    path.chmod(0o444)
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
    assert project.run("verify").code == 3
    project.ok("sync", "--verify")
    assert path.read_bytes() == good
    assert project.run("cache", "verify").code == 0
    project.ok("verify")


def test_damaged_bytecode_in_the_store_is_never_linked(project: Workplace) -> None:
    project.write(ON)
    project.given("sync")
    good = {name: (project.site / name).read_bytes() for name in ALL}
    shutil.rmtree(project.venv)
    for path in (project.cache / "bytecode-v1").rglob("base*.pyc"):
        path.chmod(0o644)
        path.write_bytes(b"poison")
    project.ok("sync")
    assert {name: (project.site / name).read_bytes() for name in ALL} == good


def test_bytecode_is_never_made_of_a_poisoned_source(project: Workplace) -> None:
    project.given("sync")
    (source,) = (project.cache / "wheels-v1").glob("*/tree/base.py")
    status = source.stat()
    source.chmod(0o644)
    source.write_text("VERSION = 6\n")
    source.chmod(0o444)
    os.utime(source, ns=(status.st_mtime_ns, status.st_mtime_ns))
    shutil.rmtree(project.venv)
    project.ok("sync", "--compile-bytecode", "--verify")
    assert project.python("import base; print(base.VERSION)") == "1"
    text = b"".join(path.read_bytes() for path in project.cache.rglob("bytecode-v1/**/base*.pyc"))
    assert b"VERSION" in text
    code = marshal.loads((project.site / ALL[0]).read_bytes()[16:])
    assert 6 not in code.co_consts


def test_what_python_adds_beside_is_allowed_and_strays_are_not(project: Workplace) -> None:
    project.given("sync", "--compile-bytecode")
    py_compile.compile(str(project.site / "base.py"), optimize=1)
    assert "Nothing to do" in project.ok("sync").err
    (project.site / f"__pycache__/stranger.{TAG}.pyc").write_bytes(b"x")
    ran = project.run("sync", "--check")
    assert ran.code == 3
    assert f"__pycache__/stranger.{TAG}.pyc is not from the lock" in ran.err
    project.ok("sync")
    assert (project.site / f"__pycache__/base.{TAG}.opt-1.pyc").exists()


def test_an_edited_source_is_what_python_runs(project: Workplace) -> None:
    project.given("sync", "--compile-bytecode")
    path = project.site / "base.py"
    path.unlink()
    path.write_text("VERSION = 5\n")
    assert project.python("import base; print(base.VERSION)") == "5"
    project.ok("sync")
    assert project.python("import base; print(base.VERSION)") == "1"
    project.ok("sync", "--check")


def test_a_wheel_without_sources_needs_nothing(project: Workplace) -> None:
    project.write(ON.replace('["webby"]', '["empty"]'))
    project.given("sync")
    assert "Nothing to do" in project.ok("sync").err


@pytest.mark.parametrize("mode", ["copy", "symlink"])
def test_other_link_modes(project: Workplace, mode: str) -> None:
    project.write(ON + f'link-mode = "{mode}"\n')
    project.given("sync")
    assert compiled(project) == ALL
    assert project.python("import webby.deep.inner as i; print(i.z)") == "True"
    project.ok("sync", "--check")
    project.ok("verify")


def test_a_source_that_takes_the_compiler_down_costs_only_itself(
    project: Workplace, server: IndexServer
) -> None:
    """What kills or fails the worker is left out; all others are compiled."""
    deep = "x = " + "-" * 200_000 + "1\n"
    files = {"hard/__init__.py": "A = 1\n", "hard/a.py": deep, "hard/b.py": "B = 1\n"}
    publish(server, make_wheel("hard", "1.0", files))
    project.write(ON.replace('["webby"]', '["hard"]'))
    started = time.monotonic()
    project.ok("sync")
    assert time.monotonic() - started < 60
    assert {f"hard/__pycache__/{name}.{TAG}.pyc" for name in ("__init__", "b")} <= set(
        compiled(project)
    )


def test_the_manifest_of_a_removed_package_takes_its_bytecode_along(project: Workplace) -> None:
    project.write(ON)
    project.given("sync")
    project.write(ON.replace('["webby"]', '["base"]'))
    project.ok("sync")
    assert compiled(project) == ALL[:2]
    assert not (project.site / "webby").exists()


# --- what Python writes -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["timestamp", "unchecked hash", "junk"])
def test_bytecode_forged_beside_a_source_is_found_by_verify(project: Workplace, kind: str) -> None:
    project.given("sync")
    project.python("import webby.deep.inner, base, checker")
    project.ok("verify")
    path = project.site / ALL[0]
    forge(path, project.site / "base.py")
    if kind == "unchecked hash":
        path.write_bytes(path.read_bytes()[:4] + b"\x01" + b"\0" * 11 + path.read_bytes()[16:])
    elif kind == "junk":
        path.write_bytes(path.read_bytes()[:16] + b"\xff\xff")
    ran = project.run("verify")
    assert ran.code == 3
    assert ALL[0] in ran.err
    assert ALL[1] not in ran.err
    project.ok("sync", "--verify")
    assert project.python("import base; print(base.VERSION)") == "1"
    project.ok("verify")


def test_what_python_and_its_tools_compile_is_no_alarm(project: Workplace) -> None:
    project.given("sync")
    project.python(
        "from compileall import compile_dir; compile_dir('.venv', quiet=2, optimize=[0, 1, 2])"
    )
    project.ok("sync", "--check")
    project.ok("verify")
    source = project.site / "base.py"
    for mode in py_compile.PycInvalidationMode:
        py_compile.compile(str(source), invalidation_mode=mode)
        project.ok("verify")
