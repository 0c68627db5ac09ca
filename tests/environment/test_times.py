import os
from pathlib import Path

import pytest

from envsync.environment.seal import NOBODY, Seal
from envsync.environment.times import keep_times, read_times

SEAL, ID = Seal(b"k" * 32), "5f" * 16
TIMES = {"lib/a.py": 1_790_000_000_123_456_789, "bin/ü\udcff": 0}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".envsync").mkdir()
    keep_times(str(tmp_path), ID, TIMES, SEAL)
    return tmp_path


def read(root: Path, name: str = ID, seal: Seal = SEAL, *, trusted: bool = False) -> object:
    return read_times(str(root), name, seal, trusted=trusted)


def test_times_are_read_back(root: Path) -> None:
    assert read(root) == TIMES
    keep_times(str(root), ID, {}, SEAL)
    assert read(root) == {"": 0} or read(root) == {}


def test_times_of_others_are_not_believed(root: Path) -> None:
    assert read(root, "6f" * 16) == {}
    assert read(root, seal=Seal(b"o" * 32)) == {}
    assert read(root, seal=Seal(b"o" * 32), trusted=True) == TIMES  # root's, where only root writes


def test_damaged_and_missing_times_are_none(root: Path) -> None:
    path = root / ".envsync/times"
    data = path.read_bytes()
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        assert read(root) == {}
    path.unlink()
    assert read(root) == {}
    keep_times(str(root / "nowhere"), ID, TIMES, SEAL)  # is no error


def test_nobody_who_has_no_key_keeps_times(tmp_path: Path) -> None:
    (tmp_path / ".envsync").mkdir()
    keep_times(str(tmp_path), ID, TIMES, NOBODY)
    assert os.listdir(tmp_path / ".envsync") == []


def test_times_cost_no_flush(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are taken anew where they are lost."""
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    keep_times(str(root), ID, TIMES, SEAL)
    assert read(root) == TIMES
    assert flushed == []
