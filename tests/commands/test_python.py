"""`python list` and `python find`, and seeds, as whole commands."""

import json
import sys

import pytest

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
