"""Which extra or group that a selection leaves out would bring a command."""

import pytest

from envsync.operations.commands import Bringer, left_out
from envsync.project.request import Selection, SyncRequest
from tests.operations.conftest import Bench

PLAIN = Selection()
SPEC = """\
[env.optional-dependencies]
fast = ["speeder"]
empty = []

[dependency-groups]
dev = []
lint = ["linter"]
"""


def entry(name: str) -> dict[str, dict[str, str]]:
    return {"console_scripts": {name: "some:main"}}


@pytest.fixture
def project(bench: Bench) -> Bench:
    """Commands: `base` of a dependency, `lint` of a group, `speed` and `speed.sh` of an extra."""
    bench.publish("base", "1.0", entry_points=entry("base-run"))
    bench.publish("linter", "1.0", entry_points=entry("lint"))
    scripts = {"scripts/speed.sh": "#!/bin/sh\n"}
    bench.publish("speeder", "1.0", entry_points=entry("speed"), data=scripts)
    bench.write('"base"', SPEC)
    bench.lock()
    return bench


def ask(bench: Bench, command: str, selection: Selection = PLAIN) -> Bringer | None:
    return left_out(command, bench.project, selection, bench.settings)


def synced(bench: Bench) -> Bench:
    """The store has all of them."""
    bench.sync(SyncRequest(Selection(all_groups=True, all_extras=True)))
    return bench


def test_a_bringer_says_how_to_take_it_in() -> None:
    assert Bringer("group", "lint", "linter").option == "--group lint"


def test_a_group_or_extra_is_found_by_the_entry_points_and_scripts_of_its_packages(
    project: Bench,
) -> None:
    synced(project)
    assert ask(project, "lint") == Bringer("group", "lint", "linter")
    assert ask(project, "speed") == Bringer("extra", "fast", "speeder")
    assert ask(project, "speed.sh") == Bringer("extra", "fast", "speeder")
    assert ask(project, "linter") is None  # a package's name is no command of it
    assert ask(project, "nobody") is None


def test_what_is_selected_already_is_not_left_out(project: Bench) -> None:
    synced(project)
    assert ask(project, "base-run") is None
    assert ask(project, "lint", Selection(groups=("lint",))) is None
    assert ask(project, "speed", Selection(groups=("lint",))) == Bringer("extra", "fast", "speeder")


def test_what_the_user_refuses_is_not_proposed(project: Bench) -> None:
    synced(project)
    assert ask(project, "lint", Selection(no_groups=("Lint",))) is None
    assert ask(project, "speed", Selection(no_extras=("Fast",))) is None


def test_what_is_selected_stays_beside_what_is_proposed(project: Bench) -> None:
    """A conflict shows only beside what was asked for."""
    synced(project)
    project.write('"base"', SPEC + '[lock]\nconflicts = [["fast", "lint"]]\n')
    project.lock()
    assert ask(project, "speed") == Bringer("extra", "fast", "speeder")
    assert ask(project, "lint") == Bringer("group", "lint", "linter")
    assert ask(project, "speed", Selection(groups=("lint",))) is None
    assert ask(project, "lint", Selection(extras=("fast",))) is None
    assert ask(project, "lint", Selection(extras=("empty",))) is not None
    assert ask(project, "speed", Selection(groups=("dev",))) is not None


def test_a_package_that_the_store_lacks_is_asked_by_its_name(project: Bench) -> None:
    assert ask(project, "Linter") == Bringer("group", "lint", "linter")
    assert ask(project, "speeder") == Bringer("extra", "fast", "speeder")
    assert ask(project, "lint") is None
    assert ask(project, "base") is None


def test_nothing_is_told_where_lock_and_env_toml_do_not_tell(bench: Bench) -> None:
    assert ask(bench, "lint") is None
    bench.publish("linter", "1.0")
    bench.write("", '[dependency-groups]\nlint = ["linter"]\n')
    assert ask(bench, "linter") is None
    bench.lock()
    assert ask(bench, "linter") == Bringer("group", "lint", "linter")
    bench.write('"linter"', '[dependency-groups]\nlint = ["linter"]\n')
    assert ask(bench, "linter") is None
