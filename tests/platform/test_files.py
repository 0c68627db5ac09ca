"""Files written whole or not at all."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from envsync.errors import StorageFailed
from envsync.platform.files import (
    content_mtime,
    remove_tree,
    set_folder_mode,
    storage_failed,
    write_atomic,
    write_new,
)


def test_content_time_is_a_function_of_the_hash_and_fits_into_bytecode() -> None:
    assert content_mtime("0" * 64) == 1_000_000_000
    assert content_mtime("f" * 64) == content_mtime("f" * 64)
    assert content_mtime("f" * 64) < 2**31
    assert content_mtime("ab" * 32) != content_mtime("ba" * 32)


def test_atomic_write_replaces_content_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for data in (b"one", b"two"):
        write_atomic(str(path), data)
        assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["x"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_atomic_write_replaces_a_link_and_never_writes_through_it(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "x").symlink_to(tmp_path / "precious")
    write_atomic(str(tmp_path / "x"), b"new")
    assert (tmp_path / "precious").read_text() == "mine"
    assert not (tmp_path / "x").is_symlink()


def test_failing_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    path.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFailed, match="no space left") as caught:
        write_atomic(str(path), b"new")
    assert caught.value.hint is not None
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x"]


def test_write_new_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("there")
    with pytest.raises(FileExistsError):
        write_new(str(tmp_path / "there"), b"", mode=0o644, mtime=0)
    assert (tmp_path / "there").read_text() == "there"


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_a_folder_gets_its_mode_whatever_the_umask_and_a_link_to_one_none(
    tmp_path: Path, umask: int
) -> None:
    before = os.umask(umask)
    try:
        (tmp_path / "folder").mkdir(mode=0o700)
        set_folder_mode(str(tmp_path / "folder"), 0o755)
    finally:
        os.umask(before)
    assert (tmp_path / "folder").stat().st_mode & 0o7777 == 0o755
    (tmp_path / "link").symlink_to("folder")
    with pytest.raises(OSError, match=r"link|directory"):
        set_folder_mode(str(tmp_path / "link"), 0o700)
    assert (tmp_path / "folder").stat().st_mode & 0o7777 == 0o755


def test_removing_a_tree_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("mine")
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    (tmp_path / "tree" / "deep" / "link").symlink_to(tmp_path / "precious")
    (tmp_path / "other").symlink_to(tmp_path / "precious")
    remove_tree(str(tmp_path / "tree"))
    remove_tree(str(tmp_path / "other"))
    remove_tree(str(tmp_path / "never was there"))
    assert os.listdir(tmp_path) == ["precious"]
    assert (tmp_path / "precious" / "file").read_text() == "mine"


def test_a_tree_deeper_than_any_path_is_removed_and_no_link_in_it_followed(tmp_path: Path) -> None:
    """A build may make one: Python's own removal calls itself for each folder."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").write_text("mine")
    (tmp_path / "tree").mkdir()
    at = os.open(tmp_path / "tree", os.O_RDONLY)
    for _ in range(1000):
        os.mkdir("folder", dir_fd=at)
        below = os.open("folder", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.symlink(tmp_path / "precious", "link", dir_fd=at)
    os.close(at)
    try:
        remove_tree(str(tmp_path / "tree"))
        assert os.listdir(tmp_path) == ["precious"]
    finally:  # Python can't, and pytest would try to
        subprocess.run(["rm", "-rf", tmp_path / "tree"], check=True)
    assert (tmp_path / "precious/file").read_text() == "mine"


def test_errors_name_the_place_and_what_to_do(tmp_path: Path) -> None:
    error = storage_failed("/x", OSError(errno.EROFS, os.strerror(errno.EROFS)))
    assert str(error) == "/x: read-only file system"
    assert error.hint is not None
