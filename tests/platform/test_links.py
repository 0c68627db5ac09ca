"""Stored files are put in place in every way that file systems allow, and never over another."""

import errno
import os
from pathlib import Path

import pytest

from envsync.platform.links import Placer, make_link


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


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EAGAIN])
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


def test_nothing_is_put_over_what_is_there(tmp_path: Path) -> None:
    for name in ("stored", "there"):
        (tmp_path / name).write_text(name)
    for mode in ("auto", "copy", "hardlink"):
        with pytest.raises(FileExistsError):
            Placer(mode).place(str(tmp_path / "stored"), str(tmp_path / "there"))
    with pytest.raises(FileExistsError):
        make_link(b"stored", str(tmp_path / "there"), 0)
    assert (tmp_path / "there").read_text() == "there"


def test_a_link_has_a_time_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "stored").write_text("x")
    before = (tmp_path / "stored").stat().st_mtime_ns
    make_link(b"stored", str(tmp_path / "link"), 1_234_567_890)
    assert os.readlink(tmp_path / "link") == "stored"
    assert (tmp_path / "link").lstat().st_mtime_ns == 1_234_567_890 * 10**9
    assert (tmp_path / "stored").stat().st_mtime_ns == before
