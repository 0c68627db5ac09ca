"""Whole commands on bad input: what is said, the exit code, and that nothing changed."""

import json
import os
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from tests.commands.conftest import SPEC, publish
from tests.support.command import Ran, Workplace
from tests.support.index_server import IndexServer, Reply
from tests.support.wheels import make_sdist, make_wheel, pack_zip


@pytest.fixture
def synced(project: Workplace) -> Workplace:
    """A project whose lock and environment are in order."""
    project.given("sync")
    return project


def refused(place: Workplace, code: int, *arguments: str) -> Ran:
    """Run a command that must fail in good manners and change nothing."""
    return refuses(place, code, place.run, *arguments)


def refused_here(place: Workplace, code: int, *arguments: str) -> Ran:
    """The same without a process of its own, but for `run`: for one mistake of many."""
    command = place.run if "run" in arguments else place.here
    return refuses(place, code, command, *arguments)


def refuses(place: Workplace, code: int, command: Callable[..., Ran], *arguments: str) -> Ran:
    before = place.files()
    ran = command(*arguments)
    assert ran.code == code, ran.err
    assert ran.out == ""
    assert "error: " in ran.err
    assert "hint: " in ran.err, ran.err
    assert place.files() == before
    return ran


def requiring(*requirements: str) -> str:
    listed = ", ".join(f'"{requirement}"' for requirement in requirements)
    return f'[env]\nrequires-python = ">=3.11"\ndependencies = [{listed}]\n'


def test_no_env_toml(place: Workplace) -> None:
    for command in (["lock"], ["sync"], ["run", "python"], ["add", "base"], ["remove", "base"]):
        assert "no env.toml" in refused_here(place, 2, *command).err


def test_all_mistakes_of_env_toml_are_told_together(synced: Workplace) -> None:
    synced.write('[env]\ndependencys = ["a"]\npath = 3\n[lock]\nresolution = "best"\n')
    ran = synced.run("sync")
    assert ran.code == 2
    for part in ("dependencys", "dependencies", "env.path", "lock.resolution", "line 2"):
        assert part in ran.err, part


@pytest.mark.parametrize("text", ["[env", "a = 1\na = 2\n", "\x00", "[env]\nname = 'ü\n"])
def test_env_toml_that_is_no_toml(synced: Workplace, text: str) -> None:
    synced.write(text)
    ran = synced.here("sync")
    assert ran.code == 2
    assert "env.toml" in ran.err


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("packages", "pakages"),
        lambda text: text.replace("sha256 = ", "md5 = "),
        lambda text: text.replace('lock-version = "1.0"', 'lock-version = "9.0"'),
        lambda text: "<<<<<<< ours\n" + text,
        lambda text: "",
    ],
    ids=["truncated", "no packages", "md5 only", "other version", "merge conflict", "empty"],
)
def test_lock_that_cannot_be_used_changes_nothing(
    synced: Workplace, damage: Callable[[str], str]
) -> None:
    synced.write(damage(synced.lock()), "pylock.toml")
    ran = refused_here(synced, 2, "sync", "--frozen")
    assert "pylock.toml" in ran.err
    refused_here(synced, 2, "sync", "--check")


def test_damaged_lock_is_made_anew_by_lock(synced: Workplace) -> None:
    good = synced.lock()
    synced.write(good[:200], "pylock.toml")
    ran = synced.ok("lock")
    assert "warning: " in ran.err
    assert synced.lock() == good


def test_missing_lock_with_frozen(project: Workplace) -> None:
    assert "pylock.toml" in refused(project, 2, "sync", "--frozen").err


def test_unknown_package(synced: Workplace) -> None:
    synced.write(requiring("no-such-thing"))
    ran = refused(synced, 1, "sync")
    assert "no-such-thing" in ran.err
    assert "env.toml" in ran.err


def test_unknown_package_of_a_dependency_names_the_chain(
    synced: Workplace, server: IndexServer
) -> None:
    publish(server, make_wheel("top", "1.0", requires=["vanished"]))
    synced.write(requiring("top"))
    ran = refused(synced, 1, "lock")
    assert "vanished" in ran.err
    assert "top" in ran.err


def test_no_matching_version(synced: Workplace) -> None:
    synced.write(requiring("base>=9"))
    ran = refused(synced, 1, "lock")
    assert "base" in ran.err
    assert ">=9" in ran.err


def test_requirements_that_collide_are_named_in_plain_words(
    synced: Workplace, server: IndexServer
) -> None:
    publish(server, make_wheel("needy", "1.0", requires=["base>=2"]))
    synced.write(requiring("needy", "base<2"))
    ran = refused(synced, 1, "lock")
    for part in ("needy", "base>=2", "base<2", "env.toml"):
        assert part in ran.err, ran.err


def test_no_matching_file_for_this_platform(synced: Workplace, server: IndexServer) -> None:
    publish(server, make_wheel("native", "1.0", tag="cp311-cp311-win_amd64"))
    synced.write(requiring("native"))
    ran = refused(synced, 1, "sync")
    assert "native" in ran.err
    assert "win_amd64" in ran.err


def test_source_distribution_without_leave_to_build(synced: Workplace, server: IndexServer) -> None:
    filename, content = make_sdist("sourced", "1.0")
    server.add("sourced", filename, content)
    synced.write(requiring("sourced"))
    ran = refused(synced, 1, "sync")
    assert "--allow-build sourced" in ran.err


def test_unreachable_index(project: Workplace) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/simple/"
    before = project.files()
    ran = project.run("lock", environ={"ENVSYNC_DEFAULT_INDEX": url})
    assert ran.code == 1
    assert "127.0.0.1" in ran.err
    assert project.files() == before


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_index_that_refuses(project: Workplace, server: IndexServer, status: int) -> None:
    server.on("/simple/webby/", lambda seen: Reply(status))
    before = project.files()
    ran = project.run("lock")
    assert ran.code == 1
    assert str(status) in ran.err
    assert project.files() == before


def test_offline_with_an_empty_cache(project: Workplace) -> None:
    ran = refused(project, 1, "lock", "--offline")
    assert "offline" in ran.err


def wheel_path(server: IndexServer, name: str) -> str:
    (filename,) = server.projects[name]
    return f"/files/{name}/{filename}"


def serve_instead(server: IndexServer, name: str, content: bytes) -> None:
    """Let the file of a project have other bytes than its page says."""
    server.on(wheel_path(server, name), lambda seen: Reply(body=content))


def test_wrong_hash(project: Workplace, server: IndexServer) -> None:
    project.given("lock")
    _, other = make_wheel("webby", "1.5", {"webby/__init__.py": "evil = 1\n"})
    serve_instead(server, "webby", other)
    ran = refused(project, 1, "sync")
    assert "webby-1.5" in ran.err
    assert "sha256" in ran.err or "size" in ran.err or "bytes" in ran.err
    assert not project.venv.exists()


def test_truncated_download(project: Workplace, server: IndexServer) -> None:
    project.given("lock")
    content = next(iter(server.projects["webby"].values()))
    server.on(wheel_path(server, "webby"), lambda seen: Reply(body=content, cut=100))
    before = project.files()
    ran = project.run("sync")
    assert ran.code == 1
    assert "webby-1.5" in ran.err
    assert project.files() == before


def test_failing_download_of_the_last_wheel_leaves_the_environment_as_it_was(
    synced: Workplace, server: IndexServer
) -> None:
    publish(server, make_wheel("late", "1.0"), make_wheel("early", "1.0"))
    synced.write(SPEC.replace('"webby"', '"early", "late"'))
    synced.given("lock")
    serve_instead(server, "late", b"not the wheel")
    refused(synced, 1, "sync")
    server.on(wheel_path(server, "late"), lambda seen: None)
    synced.ok("sync")
    synced.python("import early, late")


def with_member(path: str) -> bytes:
    """A wheel with one more member, listed in RECORD as it should be."""
    return make_wheel("hostile", "1.0", {"hostile.py": "", path: "x = 1\n"})[1]


def without_record_row() -> bytes:
    _, good = make_wheel("hostile", "1.0")
    with zipfile.ZipFile(BytesIO(good)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    return pack_zip({**members, "unlisted.py": b"x = 1\n"})


@pytest.mark.parametrize(
    "content",
    [
        with_member("../../../../escaped.py"),
        with_member("/tmp/escaped.py"),
        with_member("hostile-1.0.data/scripts/python"),
        with_member("hostile-1.0.data/data/pyvenv.cfg"),
        with_member("hostile-1.0.data/nowhere/x.py"),
        without_record_row(),
        b"this is no wheel",
        make_wheel("another", "1.0")[1],
    ],
    ids=["dots", "absolute", "python", "pyvenv.cfg", "scheme", "unlisted", "no zip", "other name"],
)
def test_hostile_wheel(synced: Workplace, server: IndexServer, content: bytes) -> None:
    server.add("hostile", "hostile-1.0-py3-none-any.whl", content)
    server.listed.clear()
    synced.write(requiring("hostile"))
    before = synced.files()
    ran = synced.here("sync")
    assert ran.code == 1, ran.err
    assert "hostile-1.0-py3-none-any.whl" in ran.err
    after = synced.files()
    after.pop("pylock.toml", None)
    before.pop("pylock.toml", None)
    assert after == before
    assert not list(synced.project.parent.rglob("escaped.py"))


def test_two_packages_with_one_path(synced: Workplace, server: IndexServer) -> None:
    publish(
        server,
        make_wheel("first", "1.0", {"shared.py": "first = 1\n"}),
        make_wheel("second", "1.0", {"shared.py": "second = 1\n"}),
    )
    synced.write(requiring("first", "second"))
    before = synced.files()
    ran = synced.run("sync")
    assert ran.code == 1
    for part in ("first 1.0", "second 1.0", "shared.py"):
        assert part in ran.err
    assert {**synced.files(), "pylock.toml": b""} == {**before, "pylock.toml": b""}


@pytest.mark.parametrize("wanted", ["3.99", "/nowhere/python", "pypy2.0", ">=4,<5"])
def test_interpreter_that_is_not_there(synced: Workplace, wanted: str) -> None:
    ran = refused_here(synced, 1, "sync", "--python", wanted)
    assert wanted in ran.err


def test_folder_that_envsync_did_not_make(project: Workplace) -> None:
    project.venv.mkdir()
    (project.venv / "precious.txt").write_text("mine")
    project.given("lock")
    ran = refused(project, 1, "sync")
    assert "--force" in ran.err
    project.ok("sync", "--force")
    (kept,) = project.venv.rglob("precious.txt")
    assert kept.read_text() == "mine"


def test_unusable_options(project: Workplace) -> None:
    for arguments, part in (
        (["snyc"], "sync"),
        (["install"], "envsync sync"),
        (["sync", "--nonsense"], "--nonsense"),
        (["sync", "--locked", "--frozen"], "--frozen"),
        (["sync", "-C", "nowhere"], "nowhere"),
        (["run"], "envsync run"),
        (["add"], "REQUIREMENT"),
        (["add", "flask=3"], "flask=3"),
        (["remove", "not-there"], "not-there"),
        (["-e", "../x", "sync"], "../x"),
        (["sync", "--python", "no-such-python"], "no-such-python"),
    ):
        assert part in refused_here(project, 2, *arguments).err, arguments


def test_unusable_variable(project: Workplace) -> None:
    ran = project.run("lock", environ={"ENVSYNC_OFFLINE": "perhaps"})
    assert ran.code == 2
    assert "ENVSYNC_OFFLINE" in ran.err


def in_small_disk(place: Workplace, size: str, *arguments: str) -> Ran:
    """Run envsync with the project's folder on a file system of this size."""
    script = (
        'mount -t tmpfs -o "size=$1" none "$2" && cp -a "$3/." "$2" && cd "$2" && shift 3 && '
        '"$@"; code=$?; find . -not -path "*/.envsync/*" -type f | sort | xargs sha256sum >&2; '
        "exit $code"
    )
    small = place.project.parent / "small"
    small.mkdir(exist_ok=True)
    done = subprocess.run(
        [
            *("unshare", "-rm", "sh", "-c", script, "sh"),
            *(size, str(small), str(place.project)),
            *(sys.executable, "-m", "envsync", *arguments),
        ],
        env=place.environ,
        capture_output=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    probe = "mount -t tmpfs none /mnt"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", probe], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.skipif(not can_mount(), reason="unshare -rm with a tmpfs is not possible here")
def test_full_disk(project: Workplace, server: IndexServer) -> None:
    big = os.urandom(600_000)
    publish(server, make_wheel("big", "1.0", {"big.bin": big, "big.py": "x = 1\n"}))
    project.write(requiring("big", "base"))
    project.given("lock")
    ran = in_small_disk(project, "256k", "sync")
    assert ran.code == 1, ran.err
    assert "Traceback" not in ran.err
    assert "no space left" in ran.err
    assert "hint: free some space" in ran.err
    assert ".venv" not in ran.err.split("hint:")[1]


def test_folder_that_cannot_be_written(project: Workplace, tmp_path: Path) -> None:
    """Permission checks don't bind root, so a file stands where a folder must go."""
    project.given("lock")
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    ran = project.run("sync", "--cache-dir", str(blocked))
    assert ran.code == 1
    assert "blocked" in ran.err
    assert not project.venv.exists()


def test_failures_have_a_json_document_too(project: Workplace) -> None:
    project.given("sync")
    (project.site / "base.py").unlink()
    ran = project.run("sync", "--check", "--json")
    assert ran.code == 3
    found = json.loads(ran.out)
    assert found["exit_code"] == 3
    assert any("base.py is missing" in line for line in found["differences"])
    project.write("[env")
    ran = project.run("lock", "--json")
    assert json.loads(ran.out)["exit_code"] == 2


def test_cache_that_cannot_be_made_is_named(project: Workplace) -> None:
    ran = project.run("sync", "--cache-dir", "/proc/nowhere/cache")
    assert ran.code == 1
    assert "--cache-dir" in ran.err
