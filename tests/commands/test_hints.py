"""Hints are typed as they stand, and lead out of what they follow."""

import re
import shlex

from tests.commands.conftest import publish
from tests.support.command import Ran, Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_sdist, make_wheel


def typed(place: Workplace, ran: Ran) -> Ran:
    """Type the last command of a hint."""
    *_, command = re.findall(r"`envsync ([^`]+)`", ran.err.partition("\nhint: ")[2])
    return place.run(*shlex.split(command))


def test_leave_to_build_what_is_added(place: Workplace, server: IndexServer) -> None:
    server.add("sourced", *make_sdist("sourced", "1.0"))
    place.ok("-e", "gpu", "init")
    ran = place.run("-e", "gpu", "add", "--no-sync", "--group", "dev", "sourced>=1")
    assert ran.code == 1
    assert typed(place, ran).code == 0
    assert 'allow = ["sourced"]' in place.read("env.gpu.toml")


def test_what_comes_with_others_goes_with_them(place: Workplace, server: IndexServer) -> None:
    publish(server, make_wheel("shopping", "1.0", {"shopping.py": ""}, requires=["webby"]))
    place.ok("init")
    place.ok("add", "--no-sync", "--group", "web", "shopping")
    ran = place.run("remove", "base")
    assert "base is not in env.dependencies: webby needs it" in ran.err
    assert typed(place, ran).code == 0
    assert '"base"' not in place.lock()


def test_without_a_lock_it_is_that_what_is_missing(project: Workplace) -> None:
    ran = project.run("status")
    assert "there is no pylock.toml" in ran.err
    assert "--frozen" not in ran.err
    assert typed(project, ran).code == 0


def test_a_command_of_a_group_that_is_left_out(place: Workplace, server: IndexServer) -> None:
    command = {"console_scripts": {"lintr": "linter:main"}}
    code = {"linter.py": "def main():\n    print('lints')\n"}
    publish(server, make_wheel("linter", "1.0", code, entry_points=command))
    place.ok("init")
    place.ok("add", "--group", "lint", "linter")
    before = place.files()

    ran = place.run("run", "lintr", "-x")
    assert "lintr is of linter" in ran.err
    assert place.files() == before
    assert typed(place, ran).out == "lints\n"

    place.ok("sync")
    ran = place.run("run", "lintr")
    assert "linter has it: `envsync run --group lint lintr`" in ran.err
