import os
from pathlib import Path

import pytest

from envsync.environment import times
from envsync.environment.seal import NOBODY, Seal
from envsync.environment.times import add_times, keep_times, read_times

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


def test_times_that_are_added_stand_for_those_before(root: Path) -> None:
    add_times(str(root), ID, {"lib/a.py": 5, "lib/b.py": 6}, SEAL)
    assert read(root) == {**TIMES, "lib/a.py": 5, "lib/b.py": 6}
    add_times(str(root), ID, {"lib/b.py": 7}, SEAL)
    assert read(root) == {**TIMES, "lib/a.py": 5, "lib/b.py": 7}
    keep_times(str(root), ID, TIMES, SEAL)
    assert read(root) == TIMES


def test_of_added_times_only_whole_ones_count(root: Path) -> None:
    path = root / ".envsync/times"
    first = path.read_bytes()
    add_times(str(root), ID, {"lib/a.py": 5}, SEAL)
    data = path.read_bytes()
    for length in range(len(first), len(data), 7):
        path.write_bytes(data[:length])
        assert read(root) == TIMES
    path.write_bytes(data[: len(first) + 9])
    add_times(str(root), ID, {"lib/a.py": 6}, SEAL)
    assert read(root) == TIMES


def test_what_cannot_be_added_is_no_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = root / ".envsync/times"
    first = path.read_bytes()
    add_times(str(root), ID, {"lib/a.py": 5}, Seal(b""))
    monkeypatch.setattr(times, "_MOST", len(first))
    add_times(str(root), ID, {"lib/a.py": 5}, SEAL)
    assert path.read_bytes() == first
    path.unlink()
    add_times(str(root), ID, {"lib/a.py": 5}, SEAL)
    path.symlink_to(root / "elsewhere")
    (root / "elsewhere").write_bytes(b"")
    add_times(str(root), ID, {"lib/a.py": 5}, SEAL)
    assert (root / "elsewhere").read_bytes() == b""
