"""Files of the user's: only what changed is written, and what belongs together at once."""

import errno
import os
from pathlib import Path

import pytest

from envsync.errors import StorageFailed
from envsync.project.texts import Text, write_if_changed, write_or_put_back, write_together


def test_equal_content_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert write_if_changed(str(path), b"a")
    path.chmod(0o600)
    before = path.stat()
    assert not write_if_changed(str(path), b"a")
    assert path.stat().st_ino == before.st_ino
    assert write_if_changed(str(path), b"b")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_is_replaced_and_never_written_through(tmp_path: Path) -> None:
    """A lock that came with a clone may be one; of env.toml its place is asked before."""
    (tmp_path / "mine").write_text("precious")
    path = tmp_path / "lock"
    path.symlink_to("mine")
    assert write_if_changed(str(path), b"data")
    assert (path.is_symlink(), path.read_bytes()) == (False, b"data")
    assert (tmp_path / "mine").read_text() == "precious"


def test_what_a_killed_writer_left_goes_with_the_next_writing(tmp_path: Path) -> None:
    old, new = tmp_path / f".lock.{'0a' * 8}", tmp_path / f".lock.{'0b' * 8}"
    mine = tmp_path / ".lock.notes"
    for path in (old, new, mine):
        path.write_text("x")
        os.utime(path, (1, 1))
    os.utime(new)
    write_if_changed(str(tmp_path / "lock"), b"data")
    assert sorted(os.listdir(tmp_path)) == sorted([new.name, mine.name, "lock"])


def test_files_that_belong_together_are_all_on_disk_before_the_first_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def flush(descriptor: int) -> None:
        name = os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))
        calls.append("flush " + ".".join(name.split(".")[:3]))
        fsync(descriptor)

    def rename(old: str, new: str) -> None:
        calls.append(f"rename {os.path.basename(new)}")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(os, "replace", rename)
    (tmp_path / "same").write_bytes(b"s")
    texts = [Text(str(tmp_path / name), name.encode()) for name in ("env.toml", "lock.toml")]
    assert write_together([*texts, Text(str(tmp_path / "same"), b"s")]) == {
        text.path for text in texts
    }
    assert calls == [
        *("flush .env.toml", "flush .lock.toml", "rename env.toml", "rename lock.toml"),
        f"flush {tmp_path.name}",
    ]


def test_where_one_cannot_be_written_none_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync
    left = 1

    def flush(descriptor: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", flush)
    with pytest.raises(StorageFailed, match="no space left"):
        write_together([Text(str(tmp_path / "one"), b"1"), Text(str(tmp_path / "two"), b"2")])
    assert os.listdir(tmp_path) == []


def test_what_took_its_name_before_the_failure_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that were not there are gone again."""
    texts = [Text(str(tmp_path / name), b"new") for name in ("env.toml", "new", "lock")]
    (tmp_path / "env.toml").write_bytes(b"old")
    replace = os.replace

    def rename(old: str, new: str) -> None:
        if os.path.basename(new) == "lock":
            assert (tmp_path / "env.toml").read_bytes() == b"new"
            raise OSError(errno.EIO, os.strerror(errno.EIO), new)
        replace(old, new)

    monkeypatch.setattr(os, "replace", rename)
    with pytest.raises(StorageFailed):
        write_or_put_back(texts)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"env.toml": b"old"}
