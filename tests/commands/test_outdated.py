"""`outdated`, as a whole command against a served index."""

import pytest

from tests.commands.conftest import publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer, Listed
from tests.support.schemas import valid
from tests.support.wheels import make_wheel

SPEC = """\
[env]
requires-python = ">=3.11"
dependencies = ["webby", "direct<2"]

[lock]
constraints = ["checker<8"]

[dependency-groups]
dev = ["checker"]
"""


def later(server: IndexServer) -> None:
    """What is published after the lock was made."""
    publish(
        server,
        make_wheel("base", "2.5"),
        make_wheel("base", "4.0rc1"),
        make_wheel("direct", "2.0"),
        make_wheel("checker", "8.0"),
        make_wheel("checker", "7.1"),
    )
    filename, content = make_wheel("webby", "2.0")
    server.add("webby", filename, content, Listed(yanked="broken"))
    filename, content = make_wheel("webby", "1.9")
    server.add("webby", filename, content, Listed(requires_python=">=3.12"))


@pytest.fixture
def locked(place: Workplace, server: IndexServer) -> Workplace:
    publish(server, make_wheel("direct", "1.0"), make_wheel("direct", "0.9"))
    place.write(SPEC)
    place.given("sync")
    return place


def test_nothing_is_newer(locked: Workplace) -> None:
    ran = locked.here("outdated", "--check")
    assert (ran.code, ran.out) == (0, "")
    assert "Nothing newer for 5 packages" in ran.err
    assert valid(locked.here("outdated", "--json").out)["current"] == 5


def test_what_is_newer_and_what_stands_in_the_way(locked: Workplace, server: IndexServer) -> None:
    later(server)
    before = locked.files()
    ran = locked.ok("outdated")
    rows = {line.split()[0]: line.split("  ") for line in ran.out.splitlines()[1:]}
    shown = {name: [cell.strip() for cell in row if cell.strip()] for name, row in rows.items()}
    assert shown == {
        "base": ["base", "2.0", "2.0", "2.5", "2.5 (4.0rc1 is a pre-release)"],
        "checker": ["checker", "7.0", "7.0", "7.1", "8.0",
                    "env.toml (lock.constraints) requires checker<8"],
        "direct": ["direct", "1.0", "1.0", "1.0", "2.0", "env.toml requires direct<2"],
        "webby": ["webby", "1.5", "1.5", "1.9", "2.0", "yanked (broken)"],
    }  # fmt: skip
    assert "envsync lock --upgrade" in ran.err
    assert locked.files() == before
    assert locked.here("outdated", "--check").code == 3
    document = valid(locked.here("outdated", "--json").out)
    direct = next(one for one in document["packages"] if one["name"] == "direct")
    assert direct["in_the_way"] == [
        {"kind": "requirement", "text": "env.toml requires direct<2"}
    ]  # fmt: skip
    alone = locked.here("outdated", "--direct").out
    assert "base" not in alone
    assert "direct" in alone
    assert locked.here("outdated", "Base").out.splitlines()[1].startswith("base")


def test_what_is_too_new_or_for_other_pythons(locked: Workplace, server: IndexServer) -> None:
    filename, content = make_wheel("base", "3.0")
    server.add("base", filename, content, Listed(upload_time="2030-01-01T00:00:00Z"))
    filename, content = make_wheel("direct", "1.5")
    server.add("direct", filename, content, Listed(requires_python="<3"))
    locked.write(SPEC.replace("[lock]", '[lock]\nexclude-newer = "2025-01-01"'))
    out = locked.here("outdated").out
    assert "not uploaded before exclude-newer" in out
    assert "needs Python <3" in out
    document = valid(locked.here("outdated", "--json").out)
    kinds = {one["name"]: one["in_the_way"][0]["kind"] for one in document["packages"]}
    assert kinds == {"base": "file", "direct": "python"}


def test_an_index_with_a_time_of_its_own(place: Workplace) -> None:
    with IndexServer() as corp:
        for version, year in (("1.0", 2020), ("2.0", 2030)):
            filename, content = make_wheel("base", version)
            corp.add("base", filename, content, Listed(upload_time=f"{year}-01-01T00:00:00Z"))
        place.write(
            '[env]\nname = "x"\nrequires-python = ">=3.11"\ndependencies = ["base"]\n'
            f'[[index]]\nname = "corp"\nurl = "{corp.url}"\nexclude-newer = "2025-01-01"\n'
        )
        place.given("lock")
        document = valid(place.here("outdated", "--json").out)
        (base,) = document["packages"]
        assert (base["allowed"], base["in_the_way"][0]["kind"]) == ("1.0", "file")
        assert 'version = "1.0"' in place.lock()


def test_it_needs_the_index(locked: Workplace, server: IndexServer) -> None:
    locked.environ["ENVSYNC_CACHE_DIR"] = str(locked.cache / "another")
    ran = locked.here("outdated", "--offline")
    assert ran.code == 1
    assert "offline" in ran.err
    ran = locked.here("outdated", "bsae")
    assert ran.code == 2
    assert "did you mean base?" in ran.err


def test_each_package_is_asked_of_its_own_index(place: Workplace, server: IndexServer) -> None:
    with IndexServer() as corp:
        publish(corp, make_wheel("base", "1.0"))
        place.write(
            '[env]\nrequires-python = ">=3.11"\ndependencies = ["base", "checker", "local"]\n'
            f'[[index]]\nname = "corp"\nurl = "{corp.url}"\nexplicit = true\n'
            '[sources]\nbase = { index = "corp" }\n'
            'local = { path = "local-1.0-py3-none-any.whl" }\n'
        )
        filename, content = make_wheel("local", "1.0")
        (place.project / filename).write_bytes(content)
        place.given("lock")
        assert "Nothing newer for 2 packages" in place.here("outdated").err
        publish(corp, make_wheel("base", "1.1"))
        ran = place.here("outdated", "--json")
        document = valid(ran.out)
        assert [(one["name"], one["newest"]) for one in document["packages"]] == [("base", "1.1")]
        assert document["packages"][0]["installed"] is None
        assert document["not_asked"] == ["local"]
        assert not any("local" in path for path in (*server.paths(), *corp.paths()))
