"""`fetch` and `sync --from`: a folder of files by hash, and an environment from it, offline."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.test_indexes import CODE, HEAD, empty_store, wheel
from tests.support.command import SECONDS, Workplace
from tests.support.index_server import IndexServer, Reply
from tests.support.interpreters import installed_interpreters
from tests.support.wheels import make_sdist, make_wheel

TAGS = (
    *(f"cp3{minor}-cp3{minor}-manylinux_2_17_x86_64" for minor in (11, 12)),
    *(f"cp3{minor}-cp3{minor}-win_amd64" for minor in (11, 12)),
    "cp311-cp311-macosx_11_0_arm64",
    "cp39-abi3-musllinux_1_1_aarch64",
    f"cp3{max(13, sys.version_info[1])}-none-any",
)
NATIVE = tuple(f"native-1.0-{tag}.whl" for tag in TAGS)


@pytest.fixture
def server() -> Iterator[IndexServer]:
    with IndexServer() as running:
        running.add("alpha", *wheel("alpha", "1.0", "native", "winner; sys_platform == 'win32'"))
        running.add("winner", *wheel("winner", "1.0"))
        running.add("extra-one", *wheel("extra_one", "1.0"))
        for tag in TAGS:
            running.add(
                "native", *make_wheel("native", "1.0", {"native.py": f"T = '{tag}'\n"}, tag=tag)
            )
        yield running


@pytest.fixture
def locked(tmp_path: Path, server: IndexServer) -> Workplace:
    place = Workplace(tmp_path, server.url)
    place.write(HEAD + '[env.optional-dependencies]\nmore = ["extra-one"]\n')
    place.given("lock")
    server.forget()
    return place


def house(place: Workplace) -> dict[str, str]:
    """The files of the wheelhouse, with their hashes."""
    folder = place.project / "house"
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


FOUR = ("--platform", "linux", "--platform", "windows", "-p", "3.11", "-p", "3.12")


def test_two_platforms_and_two_pythons(locked: Workplace, server: IndexServer) -> None:
    lock = locked.lock()

    ran = locked.ok("fetch", "-o", "house", *FOUR)

    alpha, winner = "alpha-1.0-py3-none-any.whl", "winner-1.0-py3-none-any.whl"
    first = house(locked)
    assert set(first) == {alpha, winner, *NATIVE[:4], "index.html", "pylock.toml"}
    assert "Fetched 6 files" in ran.err
    page = (locked.project / "house" / "index.html").read_text()
    assert all(f"#sha256={first[name]}" in page for name in first if name.endswith(".whl"))
    assert locked.lock() == lock

    # Once more: nothing is asked, and what isn't ours stays.
    server.forget()
    (locked.project / "house" / "notes.txt").write_text("mine")
    unfinished = locked.project / "house" / ".envsync-fetch"
    unfinished.mkdir()
    (unfinished / "x.part").write_text("of one that was killed")
    ran = locked.ok("fetch", "-o", "house", *FOUR)
    assert "Nothing to fetch: house has all of 6 files" in ran.err
    assert server.requests == []
    assert {**first, "notes.txt": hashlib.sha256(b"mine").hexdigest()} == house(locked)
    assert not unfinished.exists()

    # More platforms join those that are there.
    locked.given("fetch", "-o", "house", "--platform", "aarch64-musllinux_1_2", "--all-extras")
    assert set(first) < set(house(locked))
    assert {NATIVE[5], "extra_one-1.0-py3-none-any.whl"} <= set(house(locked))


def tree(venv: Path) -> dict[str, bytes]:
    """Every file of an environment but envsync's own state, and what links lead to."""
    return {
        str(path.relative_to(venv)): os.fsencode(os.readlink(path))
        if path.is_symlink()
        else path.read_bytes()
        for path in sorted(venv.rglob("*"))
        if ".envsync" not in path.parts and (path.is_symlink() or path.is_file())
    }


def cut_off() -> list[str]:
    """A command's beginning that leaves it nothing but an unused loopback."""
    alone = ["unshare", "-rn", "--"]
    try:
        if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode == 0:
            return alone
    except FileNotFoundError:
        pass
    pytest.skip("no network namespaces here: `unshare -rn` is not allowed")


def interpreter(minor: int) -> str:
    """An interpreter of the machine."""
    if sys.version_info[1] == minor:
        return sys.executable
    there = {one.minor: one.executable for one in installed_interpreters()}
    return there.get(f"3.{minor}") or pytest.skip(f"no Python 3.{minor} here")


@pytest.mark.parametrize("minor", [11, 12])
def test_the_air_gap(locked: Workplace, server: IndexServer, minor: int) -> None:
    """An empty store, no network: byte for byte what an online sync makes."""
    beginning = cut_off()
    locked.environ["ENVSYNC_PYTHON"] = interpreter(minor)
    locked.given("sync")
    online, lock = tree(locked.venv), locked.lock()
    locked.given("fetch", "-o", "house", *FOUR)
    empty_store(locked)

    command = [*beginning, sys.executable, "-m", "envsync", "sync", "--from", "house"]
    done = subprocess.run(
        command,
        cwd=locked.project,
        env=locked.environ,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stderr.decode()
    assert tree(locked.venv) == online
    assert locked.lock() == lock
    assert "native.py" in {Path(name).name for name in online}


def test_the_lock_comes_with_the_folder(locked: Workplace, server: IndexServer) -> None:
    locked.given("fetch", "-o", "house")
    lock = locked.lock()
    empty_store(locked)
    (locked.project / "pylock.toml").unlink()
    server.forget()

    alpha = locked.project / "house" / "alpha-1.0-py3-none-any.whl"
    content = alpha.read_bytes()
    alpha.write_bytes(b"")
    assert locked.here("sync", "--from", "house").code == 1
    assert not (locked.project / "pylock.toml").exists()
    alpha.write_bytes(content)
    ran = locked.ok("sync", "--from", "house")

    assert "pylock.toml is that of house" in ran.err
    assert locked.lock() == lock
    assert server.requests == []
    assert locked.here("sync", "--check").code == 0
    # One that doesn't answer env.toml is not taken.
    (locked.project / "pylock.toml").unlink()
    locked.write(HEAD.replace('"alpha"', '"alpha", "winner"'))
    assert locked.here("sync", "--from", "house").code == 3


def test_a_fetch_that_is_killed_is_finished_by_the_next(
    locked: Workplace, server: IndexServer
) -> None:
    slow = f"/files/native/{NATIVE[1]}"
    server.on(slow, lambda _: Reply(body=b"x" * 10, cut=5, hang=SECONDS))
    command = [sys.executable, "-m", "envsync", "fetch", "-o", "house", "--frozen", *FOUR]
    with subprocess.Popen(
        command, cwd=locked.project, env=locked.environ, stderr=subprocess.DEVNULL
    ) as running:
        until = time.monotonic() + SECONDS
        while slow not in server.paths() and time.monotonic() < until:
            time.sleep(0.02)
        running.kill()
    assert "index.html" not in house(locked)
    server.on(slow, lambda _: None)

    locked.ok("fetch", "-o", "house", *FOUR)

    assert not (locked.project / "house" / ".envsync-fetch").exists()
    assert {*NATIVE[:4], "index.html"} < set(house(locked))


def test_archives_sources_and_files_of_one_name(locked: Workplace, server: IndexServer) -> None:
    with IndexServer() as other:
        server.add("built", *make_sdist("built", "1.0", build_requires=["alpha"]))
        server.add("helper", *make_sdist("helper", "1.0"))
        for version, running in (("one", server), ("two", other)):
            module = {"same.py": CODE.format(version)}
            running.add("same", *make_wheel("same", "1.0", module))
        other.add("direct", "main.zip", make_sdist("direct", "1.0")[1])
        name, content = make_wheel("direct", "2.0", {"direct.py": CODE.format("2.0")})
        other.add("direct", name, content)
        locked.write(
            HEAD.replace('["alpha"]', '["built", "direct", "helper", "same"]')
            + f'[[index]]\nname = "other"\nurl = "{other.url}"\nexplicit = true\n'
            + '[dependency-groups]\nelse = ["same"]\n'
            + '[build]\nallow = ["built", "helper"]\n[sources]\n'
            + f'direct = {{ url = "{other.file_url("direct", name)}" }}\n'
            + 'same = { index = "other", group = "else" }\n'
        )
        locked.given("lock")

        ran = locked.ok("fetch", "-o", "house")
        hint = locked.here("fetch", "-o", "house", "--group", "else").err.partition("hint: ")[2]
        assert hint.startswith("`envsync sync --group else --from house` installs from there")

        # What the build of the one requires is locked, and fetched with it.
        assert "helper will be built from source, and the lock has nothing" in ran.err
        assert {"alpha-1.0-py3-none-any.whl", NATIVE[0]} < set(house(locked))
        same = [name for name in house(locked) if name.endswith("same-1.0-py3-none-any.whl")]
        assert len(same) == 2
    server.forget()
    for options, expected in (((), "one"), (("--group", "else"), "two")):
        empty_store(locked)
        locked.ok("sync", "--from", "house", *options)
        assert locked.python("import same, direct, built, helper; print(same.VERSION)") == expected
    assert server.requests == []


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("gone", "has no alpha-1.0-py3-none-any.whl"),
        ("bytes", "alpha-1.0-py3-none-any.whl: expected "),
        ("empty", "project/house: has no "),
        ("page", "house/index.html: the answer is not a project page"),
    ],
)
def test_a_folder_that_lacks_something(
    locked: Workplace, server: IndexServer, fault: str, expected: str
) -> None:
    locked.given("fetch", "-o", "house")
    folder = locked.project / "house"
    alpha = folder / "alpha-1.0-py3-none-any.whl"
    if fault == "gone":
        alpha.unlink()
        (folder / "index.html").unlink()
    if fault == "bytes":
        alpha.write_bytes(alpha.read_bytes()[:-1] + b"x")
    if fault == "empty":
        shutil.rmtree(folder)
        folder.mkdir()
    if fault == "page":
        (folder / "index.html").write_text("not a page")
    server.forget()
    before = locked.files()

    ran = locked.here("sync", "--from", "house")

    assert (ran.code, expected in ran.err, "hint: " in ran.err) == (1, True, True), ran.err
    assert server.requests == []
    assert locked.files() == before


def test_an_outdated_lock_is_not_made_anew_from_a_folder(locked: Workplace) -> None:
    locked.given("fetch", "-o", "house")
    locked.write(HEAD.replace('"alpha"', '"alpha", "beta"'))
    ran = locked.here("sync", "--from", "house")
    assert (ran.code, "beta was added" in ran.err) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("-o", "house", "--platform", "beos"), 2, "--platform beos: it is no platform"),
        (("-o", "house", "-p", "pypy3.10"), 2, "--python pypy3.10: it is no version of CPython"),
        (("-o", "house", "-p", "3.10"), 2, "Python 3.10.0 is not in requires-python"),
        (("-o", "house", "--platform", "win_arm64"), 1, "native"),
        (("-o", "env.toml"), 1, "env.toml"),
        (("-o", "taken"), 1, "taken/index.html: it is not a page of this folder's"),
        (("-o", "other"), 1, "other/pylock.toml: it is not a lock of this folder's"),
        (("-o", "way"), 1, "way/alpha-1.0-py3-none-any.whl: expected sha256:"),
        ((), 2, "-o/--output"),
    ],
)
def test_what_can_not_be_fetched(
    locked: Workplace, server: IndexServer, arguments: tuple[str, ...], code: int, expected: str
) -> None:
    for folder, name in (
        ("taken", "index.html"),
        ("other", "pylock.toml"),
        ("way", "alpha-1.0-py3-none-any.whl"),
    ):
        (locked.project / folder).mkdir()
        (locked.project / folder / name).write_text("mine")
    before = locked.files()

    ran = locked.here("fetch", *arguments)

    assert (ran.code, expected in ran.err) == (code, True), ran.err
    assert locked.files() == before
    assert [path for path in server.paths() if path.startswith("/files/")] == []
