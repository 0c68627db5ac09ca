"""What moved a time of last change: a row of the store explains it, or the bytes are read."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from envsync.environment.drift import scan
from envsync.environment.manifest import Placed
from envsync.platform.files import content_mtime
from envsync.store.times import known, write_rows
from envsync.store.users import User, register
from envsync.sync import change_times
from envsync.sync.change_times import Judged, judge

NAMES = [f"m{number}.py" for number in range(3)]


class Shared:
    """An environment whose files are hard links to an entry of the store."""

    def __init__(self, folder: Path) -> None:
        self.root, self.cache = folder / "venv", folder / "cache"
        self.entry = self.cache / "wheels-v1" / ("ab" * 32)
        tree = self.entry / "tree"
        tree.mkdir(parents=True)
        (self.root / "lib").mkdir(parents=True)
        for made in (self.root, self.root / "lib"):
            made.chmod(0o755)
        self.placed: dict[str, Placed] = {}
        for name in NAMES:
            data = name.encode()
            sha256 = hashlib.sha256(data).hexdigest()
            (tree / name).write_bytes(data)
            (tree / name).chmod(0o444)
            os.utime(tree / name, (content_mtime(sha256),) * 2)
            os.link(tree / name, self.root / "lib" / name)
            self.placed[f"lib/{name}"] = Placed(f"lib/{name}", 0o100444, len(data), sha256)
        self.times = {path: (self.root / path).stat().st_ctime_ns for path in self.placed}
        write_rows(str(self.entry), str(tree), NAMES)
        names = (f"wheels-v1/{self.entry.name}",)
        register(str(self.cache), User(str(self.root), "hardlink", {"demo": names}))
        time.sleep(0.03)  # within a tick of the clock nobody could tell what happened

    def look(self) -> Judged:
        drift = scan(str(self.root), self.placed, ["lib"], self.times)
        cache = str(self.cache)
        judged = judge(str(self.root), self.placed, drift, self.times, cache, closely=False)
        self.times = dict(judged.times)
        return judged

    def rows_fit(self) -> bool:
        rows = known([str(self.entry)])
        status = [(self.root / path).stat() for path in self.placed]
        return all(rows[found.st_ino] == found.st_ctime_ns for found in status)


@pytest.fixture
def shared(tmp_path: Path) -> Shared:
    return Shared(tmp_path)


def refuse_to_read(placed: dict[str, Placed], _: str) -> set[str]:
    assert not placed, "files were read"
    return set()


def test_what_nothing_happened_to_is_no_news(shared: Shared) -> None:
    assert not shared.look().times_changed


def test_a_link_that_the_store_knows_of_needs_no_look(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        os.link(shared.entry / "tree" / name, shared.cache / name)
    write_rows(str(shared.entry), str(shared.entry / "tree"), NAMES)
    monkeypatch.setattr(change_times, "_other", refuse_to_read)
    found = shared.look()
    assert (found.times_changed, found.drift.is_clean()) == (True, True)
    assert not shared.look().times_changed


def test_what_nothing_explains_is_read_once_for_all_environments(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        os.link(shared.entry / "tree" / name, shared.cache / name)
    assert not shared.rows_fit()
    time.sleep(0.03)
    assert shared.look().drift.is_clean()
    assert shared.rows_fit()
    monkeypatch.setattr(change_times, "_other", refuse_to_read)
    shared.times.clear()  # as in another environment that shares them
    assert shared.look().drift.is_clean()


def test_an_edit_is_never_noted_however_its_time_is_set(shared: Shared) -> None:
    path = shared.entry / "tree" / NAMES[1]
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(b"x" * before.st_size)
    path.chmod(0o444)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    for _ in range(2):
        assert shared.look().drift.edited == (f"lib/{NAMES[1]}",)
        assert not shared.rows_fit()


def test_what_changed_a_moment_ago_is_read_again(shared: Shared) -> None:
    """An edit in the same tick of the clock would have the same time."""
    shared.times.clear()
    for name in NAMES:
        os.link(shared.entry / "tree" / name, shared.cache / name)
    if time.time_ns() - (shared.root / "lib" / NAMES[-1]).stat().st_ctime_ns > 10_000_000:
        pytest.skip("the machine is too slow for this")
    assert shared.look().drift.is_clean()
    assert len(shared.times) < len(NAMES) or not shared.rows_fit()


def test_without_its_modification_time_only_that_is_told(shared: Shared) -> None:
    os.utime(shared.root / "lib" / NAMES[0])
    found = shared.look().drift
    assert (found.times, found.edited, found.unsure) == ((f"lib/{NAMES[0]}",), (), ())
