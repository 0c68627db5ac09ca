"""What builds require is in the lock, and builds repeat with the same."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer, Reply
from tests.support.wheels import BACKEND, make_sdist, make_wheel, source_files

HEAD = '[env]\nname = "shop"\nrequires-python = ">=3.11"\ndependencies = ["made"]\n'
LEAVE = '[build]\nallow = ["made"]\n'
SAYS = "import tool; print('built with tool', tool.VERSION, flush=True)"


def tool(version: str, *requires: str) -> tuple[str, bytes]:
    return make_wheel("tool", version, {"tool.py": f"VERSION = {version!r}\n"}, requires=requires)


@pytest.fixture
def made(place: Workplace, server: IndexServer) -> Workplace:
    """A project with a source that asks for a tool, which asks for another by platform."""
    publish(
        server,
        make_sdist("made", "1.0", backend_source=f"{SAYS}\n{BACKEND}", build_requires=["tool>=1"]),
        tool("1.0", "base", "winner; sys_platform == 'win32'"),
    )
    place.write(HEAD + LEAVE)
    return place


def builds(place: Workplace) -> list[dict[str, Any]]:
    return list(tomllib.loads(place.lock())["tool"]["envsync"].get("builds", []))


def built_with(err: str) -> list[str]:
    return sorted(set(re.findall(r"built with tool (\S+)", err)))


def test_the_lock_has_every_file_of_every_platform(made: Workplace) -> None:
    made.ok("lock")
    (build,) = builds(made)
    assert (build["for"], build["requires"]) == (["made"], ["tool>=1"])
    rows = {row["name"]: row for row in build["packages"]}
    assert rows.keys() == {"tool", "base", "winner"}
    assert rows["winner"]["marker"] == 'sys_platform == "win32"'
    assert all(wheel["hashes"]["sha256"] for row in rows.values() for wheel in row["wheels"])
    assert [row["name"] for row in tomllib.loads(made.lock())["packages"]] == ["made"]
    text = made.lock()
    made.ok("lock")
    made.ok("lock", "--check")
    assert made.lock() == text


def test_builds_repeat_with_the_same_until_they_are_upgraded(
    made: Workplace, server: IndexServer
) -> None:
    assert built_with(made.ok("sync", "-v").err) == ["1.0"]
    publish(server, tool("2.0"))
    for cache in ("other", "third"):
        made.environ["ENVSYNC_CACHE_DIR"] = str(made.cache.parent / cache)
        (made.project / ".venv").rename(made.project.parent / f"venv-{cache}")
        assert built_with(made.ok("sync", "-v").err) == ["1.0"]
    made.write(made.read().replace('["made"]', '["made", "base"]', 1))
    assert built_with(made.ok("sync", "-v").err) == [], "another dependency moves no build pin"
    assert {row["version"] for row in builds(made)[0]["packages"]} == {"1.0", "2.0"}
    assert built_with(made.ok("sync", "-U", "-v").err) == ["2.0"], "an upgrade builds anew"
    assert "Nothing to do" in made.ok("sync").err


def test_a_named_upgrade_reaches_build_requirements(made: Workplace, server: IndexServer) -> None:
    made.given("lock")
    publish(server, tool("2.0"))
    made.ok("lock", "-P", "tool")
    assert {row["name"]: row["version"] for row in builds(made)[0]["packages"]} == {"tool": "2.0"}


def test_what_was_locked_is_compared_byte_by_byte(made: Workplace, server: IndexServer) -> None:
    made.given("lock")
    (wheel,) = builds(made)[0]["packages"][-2]["wheels"]
    assert "tool-1.0" in wheel["url"]
    digest = wheel["hashes"]["sha256"]
    made.write(made.lock().replace(digest, "0123456789abcdef" * 4), "pylock.toml")
    ran = made.run("sync", "--frozen", "--allow-build", "made")
    assert ran.code == 1
    assert "tool-1.0" in ran.err
    assert not made.venv.exists()
    del server


def test_a_local_project_is_locked_as_well(place: Workplace, server: IndexServer) -> None:
    publish(server, tool("1.0"), tool("2.0"))
    tree = source_files(
        "made", "1.0", backend_source=f"{SAYS}\n{BACKEND}", build_requires=["tool<2"]
    )
    for path, data in tree.items():
        file = place.project / "made" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    place.write(HEAD + '[sources]\nmade = { path = "made", editable = true }\n')
    assert built_with(place.ok("sync", "-v").err) == ["1.0"]
    assert builds(place)[0]["requires"] == ["tool<2"]
    pyproject = place.project / "made" / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("tool<2", "tool>=2"))
    assert place.run("sync", "--check").code == 3
    assert built_with(place.ok("sync", "-v").err) == ["2.0"]
    assert builds(place)[0]["requires"] == ["tool>=2"]


def test_a_lock_without_them_stays_and_still_builds(made: Workplace) -> None:
    made.given("lock")
    older = made.lock().split("\n[[tool.envsync.builds]]")[0]
    made.write(older, "pylock.toml")
    assert built_with(made.ok("sync", "-v").err) == ["1.0"]
    assert made.lock() == older


def test_where_no_index_can_be_asked_the_rows_stay(made: Workplace, server: IndexServer) -> None:
    made.given("lock")
    before = builds(made)
    made.write(made.read().replace('["made"]', '["made==1.0"]', 1))
    server.on("/simple/tool/", lambda _seen: Reply(500))
    made.ok("--offline", "lock")
    assert builds(made) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('for = ["made"]', 'for = "made"'),
        ('requires = ["tool>=1"]', "requires = 3"),
        ("[[tool.envsync.builds]]", "[tool.envsync.builds]"),
        ('url = "http://127.0.0.1', 'url = "http://files.example'),
        ('sha256 = "', 'md5 = "'),
    ],
)
def test_odd_rows_are_refused(made: Workplace, old: str, new: str) -> None:
    made.given("lock")
    head, mark, rows = made.lock().partition("[[tool.envsync.builds]]")
    bad = head + (mark + rows).replace(old, new)
    made.write(bad, "pylock.toml")
    before = made.files()
    ran = made.here("sync", "--frozen")
    assert ran.code == 2, ran.err
    assert "builds" in ran.err
    assert made.files() == before


def test_a_source_is_opened_but_once_for_it(made: Workplace, server: IndexServer) -> None:
    made.ok("lock")
    (made.project / "pylock.toml").unlink()
    source = "/files/made/made-1.0.tar.gz"
    assert source in server.paths()
    server.forget()
    made.ok("lock")
    assert source not in server.paths()
    assert len(builds(made)) == 1
    assert Path(made.cache / "requires-v1").is_dir()
