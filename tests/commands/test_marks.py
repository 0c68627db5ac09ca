"""What saves work is believed only where nobody else writes, and may be lost at any time."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from envsync.environment import stamp
from envsync.operations.cache import BUCKETS
from tests.campaigns import full_disk
from tests.commands.conftest import SPEC
from tests.support.command import Workplace


@pytest.fixture
def synced(project: Workplace) -> Workplace:
    """A synced project that `sync` and `run` answer for from the mark."""
    del project.environ["ENVSYNC_PYTHON"]
    project.write(SPEC.replace("[env]", f'[env]\npython = "{sys.executable}"', 1))
    project.given("lock")
    time.sleep(0.1)  # a lock written in the same moment as the mark is hashed once more
    project.given("sync")
    assert mark_of(project).is_file()
    return project


def mark_of(place: Workplace) -> Path:
    return Path(stamp.place(str(place.cache), str(place.venv)))


def answers_from_mark(place: Workplace) -> bool:
    """Say whether `sync` ends before it reads anything else: the lock may be garbage then."""
    lock = place.project / "pylock.toml"
    before, status = lock.read_bytes(), lock.stat()
    lock.write_bytes(b"#" * len(before))
    os.utime(lock, ns=(status.st_atime_ns, status.st_mtime_ns))
    try:
        ran = place.run("sync")
    finally:
        lock.write_bytes(before)
        os.utime(lock, ns=(status.st_atime_ns, status.st_mtime_ns))
    return ran.code == 0


def test_the_mark_answers_and_lies_in_the_cache(synced: Workplace) -> None:
    assert answers_from_mark(synced)
    assert not (synced.venv / ".envsync/stamp").exists()
    synced.ok("cache", "clean")
    assert not mark_of(synced).exists()
    assert not answers_from_mark(synced)
    synced.ok("sync")
    assert answers_from_mark(synced)


def test_the_mark_answers_beside_the_interpreter_that_it_is_about(
    project: Workplace, tmp_path: Path
) -> None:
    """ENVSYNC_PYTHON names it in full; what a relative path means depends on the folder."""
    assert Path(project.environ["ENVSYNC_PYTHON"]).is_absolute()
    project.given("lock")
    time.sleep(0.1)
    project.given("sync")
    assert answers_from_mark(project)
    other = tmp_path / "other"
    other.symlink_to(sys.executable)
    for python in (str(other), os.path.relpath(sys.executable, project.project), ""):
        project.environ["ENVSYNC_PYTHON"] = python
        assert not answers_from_mark(project), python


def clone_of(synced: Workplace, tmp_path: Path, server_url: str) -> Workplace:
    """All of a project as a stranger packed it, with a mark of every form, unpacked elsewhere."""
    (tmp_path / "theirs").mkdir()
    theirs = Workplace(tmp_path / "theirs", server_url)
    theirs.environ = {**synced.environ, "ENVSYNC_CACHE_DIR": str(theirs.cache)}
    theirs.environ["XDG_STATE_HOME"] = str(theirs.cache.parent / "state")
    os.rmdir(theirs.project)
    subprocess.run(["cp", "-a", synced.project, theirs.project], check=True)
    text = mark_of(synced).read_bytes().replace(bytes(synced.project), bytes(theirs.project))
    for name in ("stamp", "stamps-v1"):
        (theirs.venv / ".envsync" / name).write_bytes(text)
    evil = theirs.venv / "bin/webby"
    status, mark = evil.stat(), theirs.venv / "ran"
    evil.write_text(f"#!/bin/sh\ntouch {mark}\n")
    evil.chmod(0o755)
    os.utime(evil, ns=(status.st_atime_ns, status.st_mtime_ns))
    return theirs


@pytest.mark.parametrize("header", [b"envsync-stamp 2", stamp.HEADER])
def test_a_mark_that_came_with_a_clone_is_not_believed(
    synced: Workplace, tmp_path: Path, header: bytes
) -> None:
    theirs = clone_of(synced, tmp_path, synced.environ["ENVSYNC_DEFAULT_INDEX"])
    path = theirs.venv / ".envsync/stamp"
    path.write_bytes(path.read_bytes().replace(stamp.HEADER, header, 1))
    lock = theirs.project / "pylock.toml"
    good, status = lock.read_bytes(), lock.stat()
    lock.write_bytes(b"#" * len(good))
    os.utime(lock, ns=(status.st_atime_ns, status.st_mtime_ns))
    for command in (["sync"], ["run", "webby"], ["sync", "--check"]):
        ran = theirs.run(*command)
        assert ran.code != 0
        assert "matches the lock" not in ran.err
        assert not (theirs.venv / "ran").exists()
    lock.write_bytes(good)
    assert theirs.ok("run", "webby").out == "webby runs\n"
    assert not (theirs.venv / "ran").exists()
    assert not path.exists()


def test_a_folder_put_in_the_place_of_the_environment_is_looked_at(synced: Workplace) -> None:
    """Same path, same bytes, same times: `git stash`, a backup, a stranger's archive."""
    subprocess.run(["cp", "-a", synced.venv, f"{synced.venv}-copy"], check=True)
    synced.venv.rename(f"{synced.venv}-old")
    Path(f"{synced.venv}-copy").rename(synced.venv)
    assert not answers_from_mark(synced)


@pytest.mark.parametrize("shared", ["", "stamps-v1"])
def test_a_cache_that_others_write_to_answers_nothing(synced: Workplace, shared: str) -> None:
    (synced.cache / shared).chmod(0o777)
    for command in (["sync"], ["run", "true"]):
        ran = synced.run(*command)
        assert ran.code == 1
        assert "other users can write there" in ran.err
    (synced.cache / shared).chmod(0o755)
    assert answers_from_mark(synced)


def test_marks_that_cannot_be_written_fail_no_sync(synced: Workplace) -> None:
    marks = [
        b.name for b in BUCKETS if b.name.startswith(("stamps", "goals", "fresh", "environments"))
    ]
    assert len(marks) == 4
    for bucket in marks:
        shutil.rmtree(synced.cache / bucket, ignore_errors=True)
        (synced.cache / bucket).write_text("in the way")
    (synced.site / "base.py").unlink()
    ran = synced.ok("sync")
    assert "in the way" not in ran.err
    assert (synced.site / "base.py").exists()
    synced.ok("sync")
    synced.ok("lock", "-U")
    synced.ok("run", "true")


def test_the_entry_and_the_commands_agree_on_the_cache(synced: Workplace, tmp_path: Path) -> None:
    home = tmp_path / "home"
    for variables in (
        {"HOME": str(home)},
        {"HOME": str(home), "XDG_CACHE_HOME": str(tmp_path / "xdg")},
        {"HOME": str(home), "XDG_CACHE_HOME": "relative"},
        {"HOME": str(home), "ENVSYNC_CACHE_DIR": "../by/path"},
    ):
        shutil.rmtree(synced.venv)
        synced.environ.pop("ENVSYNC_CACHE_DIR", None)
        synced.environ.pop("XDG_CACHE_HOME", None)
        synced.environ |= variables
        synced.given("sync")
        assert answers_from_mark(synced)


def test_prune_drops_the_marks_of_environments_that_are_gone(synced: Workplace) -> None:
    mark = mark_of(synced)
    synced.ok("cache", "prune")
    assert mark.exists()
    synced.venv.rename(f"{synced.venv}-moved")
    synced.ok("cache", "prune", "--dry-run")
    assert mark.exists()
    synced.ok("cache", "prune")
    assert not mark.exists()


@pytest.mark.parametrize("name", ["id", "manifest"])
def test_an_emptied_state_is_never_nothing_to_do(synced: Workplace, name: str) -> None:
    (synced.venv / ".envsync" / name).write_text("")
    assert synced.run("sync", "--check").code == 3
    assert "Nothing to do" not in synced.ok("sync").err
    synced.ok("sync", "--check")


# --- what may only be read ----------------------------------------------------------------------

LOOKING = (
    *(["sync"], ["sync", "--check"], ["sync", "--locked"], ["sync", "--frozen"], ["status"]),
    *(["verify"], ["run", "webby"], ["run", "--no-sync", "webby"], ["lock"], ["lock", "--check"]),
    ["activate", "--shell", "sh"],
)


def read_only(
    place: Workplace, *command: str, top: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command where a folder is read-only; without `top`, all of project, cache and home."""
    script = 'mount --bind "$TOP" "$TOP" && mount -o remount,ro,bind "$TOP" && cd "$AT" && "$@"'
    top = top or place.project.parent
    return subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", sys.executable, "-m", "envsync", *command],
        env={**place.environ, "TOP": str(top), "AT": str(place.project), "HOME": f"{top}/home"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not full_disk.can_mount(), reason="unshare -rm is not possible here")
@pytest.mark.parametrize("lost", ["", "stamps-v*", "*-v*"])
def test_what_is_right_is_used_where_nothing_can_be_written(synced: Workplace, lost: str) -> None:
    for bucket in synced.cache.glob(lost) if lost else ():
        shutil.rmtree(bucket)
        (synced.venv / ".envsync/times").unlink(missing_ok=True)  # as in a layer: all are new
    for command in LOOKING:
        ran = read_only(synced, *command)
        assert ran.returncode == 0, ran.stderr
        assert "read-only" not in ran.stderr
        assert "Waiting" not in ran.stderr
    (synced.site / "base.py").unlink()
    ran = read_only(synced, "sync")
    assert ran.returncode == 1
    assert "read-only file system" in ran.stderr


@pytest.mark.skipif(not full_disk.can_mount(), reason="unshare -rm is not possible here")
def test_a_cache_that_is_needed_and_read_only_is_named_with_a_way_out(synced: Workplace) -> None:
    shutil.rmtree(synced.venv)
    shutil.rmtree(synced.cache / "wheels-v1")
    ran = read_only(synced, "sync", top=synced.cache)
    assert ran.returncode == 1
    assert f"error: {synced.cache}" in ran.stderr
    assert "`--cache-dir DIR` names another folder" in ran.stderr
    synced.ok("sync", "--cache-dir", f"{synced.cache}-2")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("lost", ["", "stamps-v*"])
def test_an_environment_of_another_owner_that_is_right_is_used(
    synced: Workplace, lost: str
) -> None:
    for bucket in synced.cache.glob(lost) if lost else ():
        shutil.rmtree(bucket)
    subprocess.run(["chown", "-hR", "4321:4321", synced.venv], check=True)
    for command in LOOKING:
        synced.ok(*command)
