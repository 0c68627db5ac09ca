"""The steps of a journal, one by one: what each does, and what is known of times afterwards."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from envsync.environment import journal
from envsync.environment.journal import Step, finish, id_in
from envsync.environment.tree import Tree
from tests.support.environments_on_disk import SEAL, quarantined


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """An environment with two files, and a third that is staged."""
    for path in ("lib/a.py", "lib/b.py", ".envsync/stage/0"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    (tmp_path / ".envsync/id").write_text("abc\n")
    (tmp_path / ".envsync/manifest.next").write_text("what is there")
    yield tmp_path
    assert (tmp_path / ".envsync/manifest").read_text() == "what is there"
    assert set(os.listdir(tmp_path / ".envsync")) <= {"id", "manifest", "quarantine"}


def change(root: Path, path: str) -> int:
    return (root / path).lstat().st_ctime_ns


def test_what_went_has_no_time_any_more(root: Path) -> None:
    times = {"lib/a.py": change(root, "lib/a.py"), "lib/b.py": change(root, "lib/b.py")}
    steps = [Step("keep", "lib/a.py", "T"), Step("trash", "lib/b.py", "0")]
    assert finish(str(root), steps, times) == {}
    assert quarantined(root) == {"lib/a.py": b"lib/a.py"}
    assert os.listdir(root / "lib") == []


def test_the_time_of_what_stays_is_carried(root: Path) -> None:
    times = {
        "lib/a.py": change(root, "lib/a.py"),
        "lib/b.py": 1,  # somebody changed it since
        journal.staged(0): change(root, ".envsync/stage/0"),
    }
    steps = [
        Step("date", "lib/a.py", "1500000000"),
        Step("date", "lib/b.py", "1500000000"),
        Step("place", "lib/c.py", "0"),
    ]
    known = finish(str(root), steps, times)
    assert known == {path: change(root, path) for path in ("lib/a.py", "lib/c.py")}
    assert (root / "lib/a.py").stat().st_mtime == 1_500_000_000
    assert (root / "lib/c.py").read_text() == ".envsync/stage/0"


def test_a_time_is_not_that_of_the_file_that_was_replaced(root: Path) -> None:
    times = {"lib/a.py": change(root, "lib/a.py"), "lib/b.py": change(root, "lib/b.py")}
    known = finish(str(root), [Step("place", "lib/a.py", "0")], times)
    assert known == {"lib/b.py": change(root, "lib/b.py")}


def test_obstacles_at_one_path_are_kept_apart(root: Path) -> None:
    earlier = root / ".envsync/quarantine/obstacle-0/lib/new"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("earlier")
    (root / "lib/new").write_text("in the way")
    finish(str(root), [Step("mkdir", "lib/new")], {})
    assert (root / "lib/new").is_dir()
    assert earlier.read_text() == "earlier"
    kept = root / ".envsync/quarantine/obstacle-1/lib/new"
    assert kept.read_text() == "in the way"


def test_a_folder_stays_with_what_is_in_it_and_a_missing_one_is_no_fault(root: Path) -> None:
    (root / "empty").mkdir()
    (root / "link").symlink_to("lib")
    steps = [
        Step("rmdir", path) for path in ("lib", "empty", "gone", "gone/deep", "link", "lib/a.py")
    ]
    finish(str(root), steps, {})
    assert sorted(os.listdir(root)) == [".envsync", "lib", "link"]
    assert sorted(os.listdir(root / "lib")) == ["a.py", "b.py"]


def test_what_is_given_a_time_or_goes_may_be_gone_already(root: Path) -> None:
    steps = [
        Step("date", "lib/gone", "1"),
        Step("trash", "lib/gone", "0"),
        Step("keep", "lib/gone", "T"),
        Step("chmod", "lib/gone"),
        Step("place", "lib/gone", "7"),
    ]
    finish(str(root), steps, {})
    assert sorted(os.listdir(root / "lib")) == ["a.py", "b.py"]
    assert not (root / ".envsync/quarantine").exists()


def test_an_identity_is_a_short_line(root: Path) -> None:
    path = root / ".envsync/id"
    with Tree(str(root)) as tree:
        for text, identity in ((b" abc \n", "abc"), (b"\n", None), (b"x" * 201, None)):
            path.write_bytes(text)
            assert id_in(tree) == identity
        path.unlink()
        assert id_in(tree) is None
    finish(str(root), [], {})


@pytest.mark.parametrize("time", ["", "-1", "x", "1.5", "\u0661"])
def test_a_time_that_is_no_number_is_refused(root: Path, time: str) -> None:
    journal.write_journal(str(root), "abc", [Step("date", "lib/a.py", time)], SEAL)
    with Tree(str(root)) as tree, pytest.raises(journal.JournalInvalid, match="malformed line"):
        journal.read_journal(tree, SEAL)
    finish(str(root), [], {})


def test_a_journal_reads_back_as_written(root: Path) -> None:
    steps = [
        Step("chmod", ""),
        Step("date", "lib/a.py", "0"),
        Step("trash", "lib/b.py", "0"),
        Step("mkdir", "lib/ü"),
    ]
    with Tree(str(root)) as tree:
        assert journal.read_journal(tree, SEAL) is None
        assert not journal.is_committed(str(root), SEAL)
        journal.write_journal(str(root), "abc", steps, SEAL)
        assert journal.read_journal(tree, SEAL) == steps
    assert journal.is_committed(str(root), SEAL)
    finish(str(root), [], {})


def test_a_disk_that_fails_is_no_folder_that_stays(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(tree: Tree, path: str) -> None:
        raise OSError(errno.EIO, "ill", path)

    with monkeypatch.context() as patched:
        patched.setattr(Tree, "remove_folder", fail)
        with pytest.raises(Exception, match="ill"):
            finish(str(root), [Step("rmdir", "lib")], {})
    finish(str(root), [], {})
