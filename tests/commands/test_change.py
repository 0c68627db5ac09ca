"""init, add and remove: env.toml, lock and environment change together or not at all."""

import json
import tomllib

import pytest

from tests.commands.conftest import publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer, Reply
from tests.support.wheels import make_wheel

COMMENTED = """\
# the shop's environment
[env]
name = "shop"
requires-python = ">=3.11"
dependencies = [
    "webby",  # the web part
]

[dependency-groups]
# for developers
dev = ["checker>=7"]
"""


def dependencies(place: Workplace) -> list[str]:
    found: list[str] = tomllib.loads(place.read())["env"]["dependencies"]
    return found


def has(place: Workplace, module: str) -> bool:
    return (place.site / f"{module}.py").exists() or (place.site / module).exists()


def test_init_writes_an_env_toml_that_locks(place: Workplace) -> None:
    place.ok("init", "shop")
    assert tomllib.loads(place.read())["env"]["name"] == "shop"
    place.ok("sync")
    assert list(place.site.iterdir()) == []


def test_init_never_overwrites(place: Workplace) -> None:
    place.write(COMMENTED)
    ran = place.run("init")
    assert ran.code == 2
    assert place.read() == COMMENTED


def test_add_writes_env_toml_lock_and_environment(place: Workplace) -> None:
    place.ok("init")
    ran = place.ok("add", "base")
    assert dependencies(place) == ["base>=2.0"]
    assert 'name = "base"' in place.lock()
    assert has(place, "base")
    assert ran.err.count("base") == 1  # the lock and the environment change alike
    assert "Resolved 1 package in" in ran.err
    assert "up to date" in place.ok("lock").err
    assert "Nothing to do" in place.ok("sync").err


def test_programs_are_told_what_changed(place: Workplace) -> None:
    assert json.loads(place.ok("--json", "init").out) == {"command": "init", "env": "env.toml"}
    added = json.loads(place.ok("add", "--json", "base").out)
    assert added["env_edited"]
    assert added["changes"][0]["name"] == added["packages_changed"][0]["name"] == "base"
    removed = json.loads(place.ok("remove", "--json", "--no-sync", "base").out)
    assert (removed["command"], removed["changes"][0]["kind"]) == ("remove", "removed")


def test_add_keeps_comments_order_and_bounds_that_were_given(place: Workplace) -> None:
    place.write(COMMENTED)
    place.ok("add", "base<2", "--raw")
    place.ok("add", "speedups", "--dev")
    text = place.read()
    for comment in ("# the shop's environment", "# the web part", "# for developers"):
        assert comment in text
    assert set(dependencies(place)) == {"base<2", "webby"}
    assert tomllib.loads(text)["dependency-groups"]["dev"] == ["checker>=7", "speedups>=0.9"]
    assert has(place, "speedups")


def test_add_to_an_extra_installs_it_and_a_plain_sync_takes_it_away(place: Workplace) -> None:
    place.write(COMMENTED)
    place.ok("add", "speedups", "--extra", "fast")
    assert tomllib.loads(place.read())["env"]["optional-dependencies"]["fast"] == ["speedups>=0.9"]
    assert has(place, "speedups")
    place.ok("sync")
    assert not has(place, "speedups")
    place.ok("sync", "--extra", "fast")
    assert has(place, "speedups")


def test_add_without_sync_leaves_the_environment(place: Workplace) -> None:
    place.write(COMMENTED)
    place.ok("add", "base", "--no-sync")
    assert "base>=2.0" in dependencies(place)
    assert not place.venv.exists()


def test_remove_takes_it_out_of_all_three(place: Workplace) -> None:
    place.write(COMMENTED)
    place.ok("add", "speedups")
    place.ok("remove", "speedups")
    assert place.read() == COMMENTED
    assert "speedups" not in place.lock()
    assert not has(place, "speedups")


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "no-such-package"),
        ("add", "base>=99"),
        ("add", "clashing"),
        ("add", "not a requirement"),
        ("remove", "nothing-like-it"),
    ],
)
def test_failing_change_changes_none_of_the_three(
    place: Workplace, server: IndexServer, arguments: tuple[str, ...]
) -> None:
    publish(server, make_wheel("clashing", "1.0", requires=["base<2", "webby<1"]))
    place.write(COMMENTED)
    place.given("sync")
    before = place.files()
    ran = place.run(*arguments)
    assert ran.code in (1, 2)
    assert "error: " in ran.err
    assert place.files() == before
    assert "Nothing to do" in place.ok("sync").err


def test_failing_download_changes_none_of_the_three(place: Workplace, server: IndexServer) -> None:
    place.write(COMMENTED)
    place.given("sync")
    before = place.files()
    filename = "speedups-0.9-py3-none-any.whl"
    server.on(
        f"/files/speedups/{filename}",
        lambda seen: None if "range" in seen.headers else Reply(404),
    )
    ran = place.run("add", "speedups")
    assert ran.code == 1
    assert filename in ran.err
    assert place.files() == before
