"""Files written whole or not at all, and put in place."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from envsync.errors import StorageFailed
from envsync.platform.files import (
    Placer,
    content_mtime,
    remove_tree,
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


@pytest.mark.parametrize("mode", ["auto", "clone", "hardlink", "copy"])
def test_placed_file_is_like_the_stored_one(tmp_path: Path, mode: str) -> None:
    stored = tmp_path / "stored"
    stored.write_bytes(b"x" * 3_000_000)
    stored.chmod(0o555)
    os.utime(stored, (1_234_567_890, 1_234_567_890))
    Placer(mode).place(str(stored), str(tmp_path / "placed"))
    placed = tmp_path / "placed"
    assert placed.read_bytes() == stored.read_bytes()
    assert placed.stat().st_mode == stored.stat().st_mode
    assert placed.stat().st_mtime_ns == stored.stat().st_mtime_ns
    if mode == "copy":
        assert placed.stat().st_ino != stored.stat().st_ino


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP])
def test_where_a_link_is_impossible_the_file_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    stored = tmp_path / "stored"
    stored.write_bytes(b"x")

    def refuse(source: str, destination: str) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    placer = Placer("hardlink")
    for name in ("a", "b"):
        placer.place(str(stored), str(tmp_path / name))
        assert (tmp_path / name).read_bytes() == b"x"


def test_place_and_write_new_never_overwrite(tmp_path: Path) -> None:
    for name in ("stored", "there"):
        (tmp_path / name).write_text(name)
    for mode in ("auto", "copy", "hardlink"):
        with pytest.raises(FileExistsError):
            Placer(mode).place(str(tmp_path / "stored"), str(tmp_path / "there"))
    with pytest.raises(FileExistsError):
        write_new(str(tmp_path / "there"), b"", mode=0o644, mtime=0)
    assert (tmp_path / "there").read_text() == "there"


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
