import os
import stat
from pathlib import Path

import pytest

from envsync import trust
from envsync.errors import StorageFailed, UsageError
from envsync.platform import files, user
from envsync.platform.files import make_folders
from envsync.settings import read_settings

STRANGER = 4321
"""The number of a user and a group that this machine has no name for."""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache with two buckets, as envsync makes it."""
    for bucket in ("goals-v1", "wheels-v1"):
        make_folders(str(tmp_path / "top/cache" / bucket))
    return tmp_path / "top/cache"


def refuse(cache: Path) -> None:
    trust.refuse_shared_cache(str(cache))


def test_a_cache_of_our_own_is_fine_and_so_is_one_that_is_not_there(cache: Path) -> None:
    refuse(cache)
    refuse(cache / "deep/er")
    refuse(cache.parent / "other")


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757, 0o702, 0o1777])
@pytest.mark.parametrize("place", ["", "goals-v1", "wheels-v1"])
def test_a_cache_that_others_write_to_is_refused_whole(cache: Path, place: str, mode: int) -> None:
    (cache / place).chmod(mode)
    with pytest.raises(StorageFailed, match=r"other users can write there") as caught:
        refuse(cache)
    assert caught.value.path == str(cache / place)
    assert "--cache-dir" in (caught.value.hint or "")


def test_the_hint_leads_out(cache: Path) -> None:
    cache.chmod(0o777)
    with pytest.raises(StorageFailed, match=r"mode 0777.*: a cache") as caught:
        refuse(cache)
    assert f"`chmod go-w {cache}`" in (caught.value.hint or "")
    cache.chmod(0o755)
    refuse(cache)


def test_what_is_no_bucket_is_nobodys_concern(cache: Path) -> None:
    (cache / "Public").mkdir(0o777)
    (cache / "Public").chmod(0o777)
    refuse(cache)


@needs_root
@pytest.mark.parametrize("place", ["", "goals-v1", "..", "../.."])
def test_a_cache_of_somebody_else_is_refused(cache: Path, place: str) -> None:
    os.chown(cache / place, STRANGER, STRANGER)
    with pytest.raises(StorageFailed, match=f"or own it .owner {STRANGER}"):
        refuse(cache)


def test_what_cannot_be_reached_is_no_danger(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.lstat

    def closed(path: str) -> os.stat_result:
        if path == str(cache):
            raise PermissionError(13, "permission denied", path)
        return real(path)

    (cache / "goals-v1").chmod(0o777)
    monkeypatch.setattr(os, "lstat", closed)
    monkeypatch.setattr(os, "listdir", closed)
    refuse(cache)


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_folder_on_the_way_that_others_write_to(cache: Path, mode: int) -> None:
    cache.parent.chmod(mode)
    for path in (cache, cache.parent / "not-there"):
        with pytest.raises(StorageFailed, match="other users can write there"):
            refuse(path)
    cache.parent.chmod(mode | stat.S_ISVTX)  # as /tmp: nobody takes away what isn't theirs
    refuse(cache)


def test_a_link_is_followed_to_where_it_leads(cache: Path, tmp_path: Path) -> None:
    inner, shared = tmp_path / "inner", tmp_path / "shared"
    shared.mkdir()
    (shared / "link").symlink_to(cache)
    inner.symlink_to("shared/link")
    refuse(inner)
    shared.chmod(0o777)
    with pytest.raises(StorageFailed, match=str(shared)):
        refuse(inner)
    shared.chmod(0o1777)
    refuse(inner)
    if os.geteuid() == 0:
        os.lchown(shared / "link", STRANGER, STRANGER)
        with pytest.raises(StorageFailed, match="shared/link"):
            refuse(inner)


def test_links_without_end(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(StorageFailed, match="too many levels"):
        refuse(tmp_path / "loop")


def test_what_the_home_folder_depends_on_is_the_machines_affair(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.parent.chmod(0o777)
    home = cache.parent / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    refuse(home / ".cache/envsync")
    home.chmod(0o777)
    with pytest.raises(StorageFailed, match=str(home)):
        refuse(home / ".cache/envsync")


def as_mine(status: os.stat_result) -> os.stat_result:
    """The status of a file that belongs to the user who is seemed to be."""
    found = list(status)
    found[4] = os.geteuid()
    return os.stat_result(found)


def as_user(monkeypatch: pytest.MonkeyPatch, group: str, members: list[str], name: str) -> None:
    """Seem to be a user who isn't root, in a world where the group of `cache` is as said."""
    import grp
    import pwd

    mine = os.geteuid()
    own = pwd.struct_passwd((name, "x", mine + 1, os.getgid(), "", "/nowhere", "/bin/sh"))
    named = grp.struct_group((group, "x", os.getgid(), members))
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    monkeypatch.setattr(pwd, "getpwuid", lambda _: own)
    monkeypatch.setattr(grp, "getgrgid", lambda _: named)
    real = os.lstat

    monkeypatch.setattr(os, "lstat", lambda path: as_mine(real(path)))


@pytest.mark.parametrize(
    ("group", "members", "fine"),
    [("ada", [], True), ("ada", ["ada"], True), ("ada", ["bob"], False), ("staff", [], False)],
)
def test_the_private_group_of_a_user_is_no_other_user(
    cache: Path, monkeypatch: pytest.MonkeyPatch, group: str, members: list[str], fine: bool
) -> None:
    for folder in (cache.parent, cache, cache / "goals-v1"):
        folder.chmod(0o775)  # as a umask of 002 leaves them
    as_user(monkeypatch, group, members, "ada")
    if fine:
        refuse(cache)
        assert not (cache.lstat().st_mode | (cache / "goals-v1").lstat().st_mode) & 0o020
        for folder in (cache, cache / "goals-v1"):
            folder.chmod(0o775)
        monkeypatch.setattr(user, "_attributes", lambda _: ["system.posix_acl_access"])
    with pytest.raises(StorageFailed, match="other users can write there"):
        refuse(cache)


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o077])
def test_folders_that_envsync_makes_are_its_users_alone(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        make_folders(str(tmp_path / "a/b/c"))
        folder = files.make_private_directory(str(tmp_path / "d/e-v1"), "x-")
    finally:
        os.umask(before)
    refuse(tmp_path / "a/b/c")
    refuse(tmp_path / "d")
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700


def test_make_folders_takes_what_is_there_and_refuses_a_file(tmp_path: Path) -> None:
    make_folders(str(tmp_path / "a"))
    make_folders(str(tmp_path / "a"))
    (tmp_path / "file").write_text("")
    for path in ("file", "file/below"):
        with pytest.raises(FileExistsError):
            make_folders(str(tmp_path / path))


# --- where the user's folders are ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "cache_dir", "state_dir"),
    [
        ({"HOME": "/h"}, "/h/.cache/envsync", "/h/.local/state/envsync"),
        (
            {"HOME": "/h", "XDG_CACHE_HOME": "/c", "XDG_STATE_HOME": "/s"},
            "/c/envsync",
            "/s/envsync",
        ),
        (
            {"HOME": "/h/", "XDG_CACHE_HOME": "c", "XDG_STATE_HOME": ""},
            "/h/.cache/envsync",
            "/h/.local/state/envsync",
        ),
        ({"HOME": "rel", "ENVSYNC_CACHE_DIR": "/x/../y"}, "/y", ""),
        ({"HOME": "rel"}, "", ""),
    ],
)
def test_variables_lead_to_the_folders(
    environ: dict[str, str], cache_dir: str, state_dir: str
) -> None:
    assert user.cache_dir(environ) == cache_dir
    assert user.state_dir(environ) == state_dir
    assert read_settings(environ).cache_dir == cache_dir


def test_without_home_the_users_database_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    assert user.cache_dir({}) == os.path.expanduser("~/.cache/envsync")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # an unknown user
    assert user.cache_dir({}) == ""
    with pytest.raises(UsageError, match="HOME") as caught:
        trust.refuse_shared_cache("")
    assert "--cache-dir" in (caught.value.hint or "")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state/envsync"


def test_state_is_kept_in_a_private_folder(cache: Path, state: Path) -> None:
    assert trust.state_folder(str(cache), "locks") == str(state / "locks")
    assert stat.S_IMODE((state / "locks").stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_state_that_others_write_to_is_not_used(cache: Path, state: Path, mode: int) -> None:
    (state / "locks").mkdir(parents=True)
    state.chmod(mode)
    assert trust.state_folder(str(cache), "locks") == f"{cache}/state/locks"
    assert trust.state_folder("", "locks") is None


def test_without_a_place_for_state_it_is_in_the_cache(
    cache: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.parent.write_text("in the way")
    assert trust.state_folder(str(cache), "locks") == f"{cache}/state/locks"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "nowhere")
    assert trust.state_folder(str(cache), "locks") == f"{cache}/state/locks"
