"""A cache in which another user could put something is refused by every command that reads it."""

import os
import stat

import pytest

from tests.support.command import Workplace

BUCKETS = ["goals", "http", "pythons", "metadata", "core", "wheels", "environments", "stamps"]


@pytest.mark.matrix(4)
@pytest.mark.parametrize("bucket", ["", *BUCKETS])
def test_a_shared_cache_is_refused_whole(project: Workplace, bucket: str) -> None:
    project.given("sync")
    before = project.files()
    (folder,) = project.cache.glob(f"{bucket}-v*") if bucket else [project.cache]
    folder.chmod(0o777)
    for command in (["sync", "--verify"], ["lock", "-U"], ["add", "checker"], ["cache", "clean"]):
        ran = project.run(*command)
        assert ran.code == 1
        assert f"{folder}: other users can write there" in ran.err
        assert "chmod go-w" in ran.err
        assert "--cache-dir" in ran.err
    assert project.files() == before
    assert project.ok("cache", "dir").out.strip() == str(project.cache)
    folder.chmod(0o755)
    project.ok("sync", "--verify")


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o077])
def test_what_a_sync_makes_is_its_users_alone(project: Workplace, umask: int) -> None:
    before = os.umask(umask)
    try:
        project.ok("sync")
    finally:
        os.umask(before)
    for folder in [project.cache, *project.cache.iterdir()]:
        assert not stat.S_IMODE(folder.stat().st_mode) & 0o022, folder
    project.ok("sync", "--verify")


def test_a_cache_that_holds_the_state_too_is_still_a_cache(project: Workplace) -> None:
    """Where there is no other place for it; cleaning leaves what is no cache."""
    nowhere = {"HOME": "nowhere", "XDG_STATE_HOME": ""}
    assert project.run("lock", environ=nowhere).code == 0
    assert (project.cache / "state/locks").is_dir()
    for command in (["cache", "prune"], ["cache", "size"], ["cache", "clean"]):
        ran = project.run(*command, environ=nowhere)
        assert ran.code == 0, ran.err
    assert (project.cache / "state/locks").is_dir()
    assert not [*project.cache.glob("pythons-v*/*")]


def test_without_a_home_the_hint_names_the_cache(project: Workplace) -> None:
    del project.environ["ENVSYNC_CACHE_DIR"]
    ran = project.run("lock", environ={"HOME": "somewhere"})
    assert ran.code == 2
    assert "HOME" in ran.err
    assert "--cache-dir" in ran.err
    assert not (project.project / "somewhere").exists()
    project.ok("lock", "--cache-dir", str(project.cache))
