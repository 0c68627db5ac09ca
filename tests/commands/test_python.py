"""`python list` and `python find`, seeds, and ranges of Python, as whole commands."""

import json
import sys
from pathlib import Path

import pytest

from envsync.environment import stamp
from tests.commands.conftest import SPEC, publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.interpreters import installed_interpreters
from tests.support.wheels import make_wheel

OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_list_marks_the_one_that_is_taken(place: Workplace) -> None:
    place.environ.pop("ENVSYNC_PYTHON", None)
    lines = place.ok("python", "list").out.splitlines()
    taken = place.ok("python", "find").out.strip()
    assert [line.split()[-1] for line in lines if line.startswith("*")] == [taken]
    assert all(line[2:].startswith(("cpython 3.", "pypy 3.")) for line in lines)
    found = json.loads(place.ok("--json", "python", "list").out)["interpreters"]
    assert [row["path"] for row in found] == [line.split()[-1] for line in lines]


def test_list_has_every_interpreter_of_this_machine(place: Workplace) -> None:
    out = place.ok("python", "list").out
    for installed in installed_interpreters():
        assert f"cpython {installed.minor}." in out


def test_list_of_some(place: Workplace) -> None:
    lines = place.ok("python", "list", OWN).out.splitlines()
    assert lines
    assert all(f"cpython {OWN}." in line for line in lines)


def test_find_heeds_the_project_unless_asked_for_another(place: Workplace) -> None:
    place.environ.pop("ENVSYNC_PYTHON", None)
    place.write(f'[env]\nrequires-python = "=={OWN}.*"\n')
    assert f"{OWN}" in place.ok("python", "find").out
    for installed in installed_interpreters():
        found = place.ok("python", "find", installed.minor).out
        assert json.loads(place.ok("--json", "python", "find", installed.minor).out)[
            "version"
        ].startswith(f"{installed.minor}.")
        assert found.startswith("/")


@pytest.mark.parametrize("action", ["list", "find"])
def test_what_is_not_there(place: Workplace, action: str) -> None:
    ran = place.run("python", action, "3.99")
    assert ran.code == 1
    assert "no Python interpreter for 3.99; found:" in ran.err
    assert OWN in ran.err
    assert place.run("python", action, "no such thing").code == 2


def test_seeds_are_locked_and_installed(place: Workplace, server: IndexServer) -> None:
    publish(server, make_wheel("pip", "99.0", {"pip/__init__.py": "SEED = 1\n"}))
    place.write(SPEC.replace("[env]", '[env]\nseed = ["pip"]', 1))
    place.ok("sync", "--no-dev")
    assert place.python("import pip; print(pip.SEED)") == "1"
    assert 'requirement = "pip"' in place.lock()
    place.write(SPEC)
    ran = place.run("lock", "--check")
    assert ran.code == 3
    assert "pip was removed" in ran.err
    place.ok("sync")
    place.ok("sync", "--check")


def selected(project: Workplace) -> bytes:
    """What the no-op mark of the project's environment is about."""
    data = Path(stamp.place(str(project.cache), str(project.venv))).read_bytes()
    return next(line for line in data.split(b"\n") if line.startswith(b"selection "))


def test_interpreter_given_by_flag_does_not_stick(project: Workplace) -> None:
    del project.environ["ENVSYNC_PYTHON"]
    project.write(SPEC.replace("[env]", f'[env]\npython = "{sys.executable}"', 1))
    project.given("sync")
    project.ok("sync", "--python", sys.executable)
    assert "Nothing to do" in project.ok("sync").err
    selection = selected(project)
    assert selection == b"selection default"
    project.ok("sync", "--python", sys.executable)
    selection = selected(project)
    assert b"python=" in selection


@pytest.mark.parametrize("wanted", ["<3.13", "!=3.9.*"])
def test_range_of_python_without_a_lower_end_can_be_locked(project: Workplace, wanted: str) -> None:
    project.write(f'[env]\nrequires-python = "{wanted}"\ndependencies = ["base"]\n')
    project.ok("lock")
    assert 'name = "base"' in project.lock()


def test_range_below_every_python_is_a_mistake_of_env_toml(project: Workplace) -> None:
    project.write('[env]\nrequires-python = "<3.7"\ndependencies = ["base"]\n')
    ran = project.run("lock")
    assert ran.code == 2
    assert "requires-python" in ran.err
