"""Whole commands where env.toml, the folder or PATH offers a program in place of an interpreter."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.conftest import SPEC
from tests.support.command import Workplace
from tests.support.interpreters import fake_python, script

LOOKING = (
    *(("status",), ("sync", "--check"), ("verify",), ("lock", "--check"), ("sync", "--dry-run")),
    *(("python", "list"), ("python", "find")),
)
CHANGING = (
    *(("lock", "--upgrade"), ("sync",), ("sync", "--frozen"), ("run", "true")),
    *(("add", "base"), ("remove", "webby"), ("shell", "--shell", "sh")),
)


@pytest.fixture
def clone(project: Workplace, server: object) -> Iterator[Workplace]:
    """A locked and synced project; afterwards nothing of it may have been run."""
    del project.environ["ENVSYNC_PYTHON"]
    project.write(SPEC.replace(">=3.11", f"=={sys.version_info[0]}.{sys.version_info[1]}.*"))
    project.given("sync")
    yield project
    assert not canary(project).exists()


def asking(clone: Workplace, python: Path | str) -> None:
    """Have env.toml ask for an interpreter, with a lock that answers all the rest."""
    text = clone.read()
    clone.write(text.replace("[env]", f'[env]\npython = "{python}"', 1))


def canary(place: Workplace) -> Path:
    return place.project.parent / "canary"


def evil(path: Path, place: Workplace) -> Path:
    """A program that tells that it ran, and then behaves as an interpreter."""
    fake = fake_python(str(path), "{}.{}.{}".format(*sys.version_info))
    path.write_text(path.read_text().replace(f"{fake.path}.asked", str(canary(place))))
    return path


@pytest.mark.parametrize("program", ["make", "awk", "env", "sh"])
def test_a_program_that_runs_what_lies_in_the_clone_is_not_an_interpreter(
    clone: Workplace, program: str
) -> None:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    (clone.project / "Makefile").write_text(f"x := $(shell touch '{canary(clone)}')\n%:\n")
    asking(clone, path)
    for command in (*LOOKING, *CHANGING) if program == "make" else LOOKING[:2]:
        ran = clone.run(*command)
        if command in (("python", "list"), ("lock", "--check"), ("lock", "--upgrade")):
            assert ran.code == 0  # these need no interpreter of the project's
            continue
        assert (ran.code, "not named as an interpreter is" in ran.err) == (2, True), (command, ran)
        assert "hint: correct `python` in env.toml" in ran.err
    assert clone.run("-p", sys.executable, "sync").code == 0


def test_what_lies_in_the_clone_or_leads_there_is_not_run(clone: Workplace) -> None:
    outside = clone.project.parent / "outside"
    outside.mkdir()
    inside = evil(clone.project / "tools" / "python3", clone)
    (outside / "python3").symlink_to(inside)
    (outside / "tools").symlink_to(inside.parent)
    before = clone.read()
    for path in (inside, inside.parent, outside / "python3", outside / "tools" / "python3"):
        clone.write(before)
        asking(clone, path)
        for command in (*LOOKING[:3], ("sync",), ("run", "true"), ("add", "base")):
            ran = clone.run(*command)
            assert (ran.code, "inside the project is not run" in ran.err) == (2, True), ran
            assert f"--python {path}" in ran.err


@pytest.mark.parametrize("path", ["~/python3", "python3", "./python3", "file:///bin/sh", "tools/"])
def test_a_path_that_is_not_written_in_full_is_not_run(clone: Workplace, path: str) -> None:
    evil(clone.project / "python3", clone)
    evil(clone.project / "tools" / "python3", clone)
    clone.environ["HOME"] = str(clone.project)
    asking(clone, path)
    for command in (("status",), ("sync", "--check"), ("python", "find"), ("lock", "--upgrade")):
        clone.run(*command)


def test_an_interpreter_elsewhere_is_run_when_the_user_allows_it(clone: Workplace) -> None:
    outside = clone.project.parent / "outside" / "python3"
    evil(outside, clone)
    asking(clone, outside)
    ran = clone.run("sync")
    assert ran.code == 1
    assert "no search of this machine finds it" in ran.err
    assert not canary(clone).exists()
    config = clone.project.parent / "config.toml"
    config.write_text(f'[python]\nallow = ["{outside}"]\n')
    clone.environ["ENVSYNC_CONFIG_FILE"] = str(config)
    assert clone.run("python", "find").out == f"{outside}\n"
    canary(clone).unlink()
    # A settings file that came with the clone is not the user's.
    shutil.copy(config, clone.project / "config.toml")
    del clone.environ["ENVSYNC_CONFIG_FILE"]
    (clone.project / "envsync").mkdir()
    (clone.project / "config.toml").rename(clone.project / "envsync" / "config.toml")
    clone.environ["XDG_CONFIG_HOME"] = str(clone.project)
    shutil.rmtree(clone.cache / "pythons-v2")
    assert clone.run("python", "find").code == 1


@pytest.mark.parametrize("written", ["relative", "in full"])
@pytest.mark.parametrize("mark", ["env.toml", ".git"])
def test_the_search_takes_nothing_from_the_clone(place: Workplace, mark: str, written: str) -> None:
    """Not of the whole clone, be it larger than the project, or without a project yet."""
    del place.environ["ENVSYNC_PYTHON"]
    top, project = place.project, place.project / "services" / "shop"
    project.mkdir(parents=True)
    (top / ".git").mkdir()
    for folder in (top, project):
        for path in (
            *("python3.99", "bin/python3.99", ".venv/bin/python3.99", "home/python3.99"),
            "versions/3.99.0/bin/python3.99",
            "uv/python/cpython-3.99.0-linux-x86_64-gnu/bin/python3.99",
        ):
            evil(folder / path, place)
        (folder / ".venv" / "pyvenv.cfg").write_text(f"home = {folder}/home\nversion = 3.99.0\n")
    (top / "hop").symlink_to("/usr/bin")
    (top.parent / "out").symlink_to(top / "bin")
    (top.parent / "through").symlink_to(top / "hop")
    if mark == "env.toml":
        (project / "env.toml").write_text("[env]\nrequires-python = '>=3.8'\n")

    folders = ["", "."] if written == "relative" else [str(top), str(project)]
    entries = [f"{folder}/{part}" for folder in folders for part in ("", "bin", ".venv/bin")]
    entries += [str(top.parent / "out"), str(top.parent / "through"), "", ".", "bin"]
    place.environ["PATH"] = os.pathsep.join([*entries, place.environ["PATH"]])
    place.environ["PYENV_ROOT"] = place.environ["XDG_DATA_HOME"] = folders[-1]
    place.environ["UV_PYTHON_INSTALL_DIR"] = os.path.join(folders[-1], "uv", "python")
    for command in (
        ("python", "list"),
        ("python", "find"),
        ("init" if mark == ".git" else "lock",),
    ):
        ran = place.run("-C", str(project), *command)
        assert (ran.code, "3.99" in ran.out + ran.err) == (0, False), (command, ran)
    assert not canary(place).exists()


def test_files_that_choose_versions_are_not_heard(clone: Workplace) -> None:
    """Neither `.python-version`, nor what a shim of a version manager would read in the folder."""
    chosen = clone.ok("python", "find").out
    (clone.project / ".python-version").write_text("3.99\n")
    (clone.project / ".tool-versions").write_text("python 3.99\n")
    bin_folder = clone.project.parent / "shims"
    fake = script(str(bin_folder / "python3.98"), f"cat .python-version && touch {canary(clone)}")
    clone.environ["PATH"] = f"{bin_folder}{os.pathsep}{clone.environ['PATH']}"
    assert clone.ok("python", "find").out == chosen
    clone.ok("python", "list")
    assert fake.times_asked == 1


def test_an_environment_of_the_clone_that_the_user_names_leads_to_no_stranger(
    clone: Workplace,
) -> None:
    shutil.rmtree(clone.venv)
    evil(clone.project / "home" / "python3", clone)
    evil(clone.venv / "bin" / "python", clone)
    (clone.venv / "pyvenv.cfg").write_text(f"home = {clone.project}/home\n")
    for named in (".venv", ".venv/bin/python", str(clone.venv)):
        ran = clone.run("-p", named, "python", "find")
        assert ran.code in (1, 2)
        assert "hint: " in ran.err


def test_an_honest_environment_may_be_named(clone: Workplace) -> None:
    chosen = clone.ok("python", "find").out
    assert clone.ok("-p", ".venv", "python", "find").out == chosen
    assert "Nothing" not in clone.ok("-p", ".venv", "sync", "--check").out


def test_a_script_takes_nothing_from_the_clone_that_it_lies_in(clone: Workplace) -> None:
    """Its project lies in the cache, and so says nothing of whose folder it is."""
    evil(clone.project / "bin" / "python3.99", clone)
    (clone.project / "tool.py").write_text("# /// script\n# ///\nprint('ran')\n")
    clone.environ["PATH"] = f"{clone.project}/bin{os.pathsep}{clone.environ['PATH']}"
    clone.environ["ENVSYNC_COMPILE_BYTECODE"] = "1"
    assert clone.ok("run", "tool.py").out == "ran\n"


@pytest.mark.parametrize("folder", [".", "", "bin", "HERE/bin"])
def test_the_shell_that_is_started_is_not_the_clones(clone: Workplace, folder: str) -> None:
    for name in ("dash", "ps", "bin/dash", "bin/ps"):
        evil(clone.project / name, clone)
    path = folder.replace("HERE", str(clone.project))
    clone.environ["PATH"] = f"{path}{os.pathsep}{clone.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "envsync", "shell", "--shell", "dash"],
        cwd=clone.project,
        env=clone.environ,
        input=b"echo inside $VIRTUAL_ENV\n",
        capture_output=True,
        check=False,
    )
    if shutil.which("dash") is None:
        assert b"there is no dash on PATH" in done.stderr
    else:
        assert done.stdout.decode() == f"inside {clone.venv}\n"
