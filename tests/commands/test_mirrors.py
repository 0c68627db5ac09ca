"""Mirrors serve the files that a lock names: whole commands. They decide nothing of the lock."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.test_indexes import ALPHA, HEAD, empty_store, fill, index, wheel
from tests.support.command import Workplace
from tests.support.index_server import IndexServer, Reply
from tests.support.wheels import make_wheel

WHEELS = (wheel("alpha", "1.0", "beta"), wheel("beta", "2.0"))


def serving() -> IndexServer:
    running = IndexServer()
    for filename, content in WHEELS:
        running.add(filename.split("-")[0], filename, content)
    return running


@pytest.fixture
def origin() -> Iterator[IndexServer]:
    with serving() as running:
        yield running


@pytest.fixture
def near() -> Iterator[IndexServer]:
    with serving() as running:
        yield running


@pytest.fixture
def locked(tmp_path: Path, origin: IndexServer) -> Workplace:
    """A project that was locked without a mirror, and whose store is empty."""
    place = Workplace(tmp_path, "http://127.0.0.1:1/")
    place.environ["ENVSYNC_CONFIG_FILE"] = str(tmp_path / "config.toml")
    (tmp_path / "config.toml").write_text("")
    place.write(HEAD + corp(origin))
    place.given("lock")
    empty_store(place)
    origin.forget()
    return place


def corp(origin: IndexServer) -> str:
    return index(origin.url, "default = true", name="corp")


def mirror(url: str, *lines: str) -> str:
    return index(url, 'mirror-of = "corp"', *lines, name="near")


@pytest.mark.parametrize("kind", ["index", "url", "page", "folder", "config", "config folder"])
def test_files_come_from_the_mirror_and_the_lock_stays(
    locked: Workplace, origin: IndexServer, near: IndexServer, kind: str
) -> None:
    lock = locked.lock()
    folder = locked.project.parent / "house"
    fill(folder, *WHEELS)
    config = Path(locked.environ["ENVSYNC_CONFIG_FILE"])
    more = ""
    if kind == "index":
        more = mirror(near.url)
    if kind == "url":
        more = index(near.url, f'mirror-of = "{origin.url}"', name="near")
    if kind == "page":
        links = "".join(f'<a href="{near.file_url("x", name)}">{name}</a>' for name, _ in WHEELS)
        page = Reply(headers=(("Content-Type", "text/html"),), body=links.encode())
        near.on("/links.html", lambda _: page)
        near.projects["x"] = dict(WHEELS)
        more = mirror(f"{near.root}/links.html", 'format = "flat"')
    if kind == "folder":
        more = mirror("../house", 'format = "flat"', "outside = true")
    if kind == "config":
        config.write_text(f'[index.any]\nurl = "{origin.url}"\nmirror = "{near.url}"\n')
    if kind == "config folder":
        table = f'{{ url = "{folder}", format = "flat", fallback = false }}'
        config.write_text(f'[index.any]\nurl = "{origin.url}"\nmirror = {table}\n')
    locked.write(HEAD + corp(origin) + more)

    ran = locked.run("sync", *(("--offline",) if "folder" in kind else ()))

    assert ran.code == 0, ran.err
    assert "Wrote" not in ran.err
    assert origin.requests == []
    assert locked.lock() == lock
    assert locked.here("verify").code == 0
    locked.given("lock", "--upgrade")
    assert locked.lock() == lock


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Reply(404), f"has no {ALPHA}"),
        (Reply(401), "answered with status 401"),
        (Reply(403), "answered with status 403"),
        (Reply(body=b"<input type=password>"), "the answer is a login form"),
    ],
)
def test_what_a_mirror_does_not_give(
    locked: Workplace, origin: IndexServer, near: IndexServer, fault: Reply, reason: str
) -> None:
    near.on("/simple/alpha/", lambda _: fault)
    before = locked.files()
    locked.write(HEAD + corp(origin) + mirror(near.url, "fallback = false"))

    ran = locked.here("sync")

    assert (ran.code, reason in ran.err) == (1, True), ran.err
    assert f"error: {near.url}" in ran.err
    assert origin.requests == []
    assert locked.files()["pylock.toml"] == before["pylock.toml"]
    assert not locked.venv.exists()

    locked.write(HEAD + corp(origin) + mirror(near.url))
    ran = locked.here("sync")
    assert ran.code == 0, ran.err
    assert f"warning: {near.url}" in ran.err
    assert origin.paths() == [f"/files/alpha/{ALPHA}"]


@pytest.mark.parametrize("fallback", ["true", "false"])
def test_a_mirror_with_other_bytes_is_an_error_all_the_same(
    locked: Workplace, origin: IndexServer, near: IndexServer, fallback: str
) -> None:
    near.add("alpha", *make_wheel("alpha", "1.0", {"alpha.py": "EVIL = 1\n"}))
    locked.write(HEAD + corp(origin) + mirror(near.url, f"fallback = {fallback}"))

    ran = locked.here("sync")

    assert ran.code == 1
    assert f"error: {ALPHA}: expected " in ran.err
    assert f"hint: {near.url} (near) is a mirror that serves other bytes" in ran.err
    assert not locked.venv.exists()


def test_a_mirror_that_is_gone(locked: Workplace, origin: IndexServer) -> None:
    locked.write(HEAD + corp(origin) + mirror("gone", 'format = "flat"'))
    ran = locked.here("sync")
    assert ran.code == 0
    assert "warning: gone: there is no such file or folder (index near)" in ran.err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('mirror-of = "corpo"', "mirror-of: there is no [[index]] named 'corpo'; did you mean"),
        ('mirror-of = "near"', "mirror-of: there is no [[index]] named 'near'"),
        ('mirror-of = "corp"\nexplicit = true', "explicit: a mirror decides nothing"),
        ("fallback = false", "fallback: goes with mirror-of only"),
        ('mirror-of = "ftp://x/"', "mirror-of: a URL must begin with https://"),
        ('mirror-of = "corp"\n[sources]\nalpha = { index = "near" }', "no [[index]] named 'near'"),
    ],
)
def test_mirrors_that_can_be_none(
    locked: Workplace, origin: IndexServer, near: IndexServer, text: str, expected: str
) -> None:
    locked.write(HEAD + corp(origin) + index(near.url, text, name="near"))
    ran = locked.here("lock")
    assert (ran.code, expected in ran.err) == (2, True), ran.err
