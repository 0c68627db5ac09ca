"""What a transaction does when the system refuses: nothing is believed that can't be known."""

import errno
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from envsync.environment import transaction
from envsync.environment.belief import examine
from envsync.errors import StorageFailed
from envsync.sync.wheel_files import _row
from tests.support.environments_on_disk import (
    SEAL,
    SITE,
    make,
    placed_file,
    prepare_change,
    quarantined,
    tree,
)

OLD = {f"{SITE}/pkg/a.py": b"a = 1\n", f"{SITE}/pkg/b.py": b"b = 1\n", f"{SITE}/gone/c.py": b"c\n"}
NEW = {f"{SITE}/pkg/a.py": b"a = 2\n", f"{SITE}/pkg/b.py": b"b = 1\n"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "project" / ".venv"
    path.parent.mkdir()
    make(path, OLD)
    return path


@contextmanager
def refusing(calls: str, names: Collection[str], code: int) -> Iterator[None]:
    """Let functions of `os` fail for paths that end in one of the names; one of them must be."""
    refused: list[str] = []

    def guarded(real: Callable[..., object]) -> Callable[..., object]:
        def fail(path: object, *rest: object, **options: object) -> object:
            if isinstance(path, str) and os.path.basename(path) in names:
                refused.append(path)
                raise OSError(code, os.strerror(code), path)
            return real(path, *rest, **options)

        return fail

    with pytest.MonkeyPatch.context() as patched:
        for call in calls.split():
            patched.setattr(os, call, guarded(getattr(os, call)))
        yield
    assert refused


def commit_refused(root: Path, calls: str, name: str, code: int) -> None:
    prepared = prepare_change(root, NEW)
    with refusing(calls, [name], code), pytest.raises(StorageFailed):
        transaction.commit(prepared)
    assert transaction.is_interrupted(str(root), SEAL)
    assert transaction.recover(str(root), SEAL)
    assert tree(root) == NEW


def test_folder_that_cannot_be_removed_is_no_success(root: Path) -> None:
    commit_refused(root, "rmdir", "gone", errno.EIO)


def test_staged_file_that_cannot_be_seen_is_not_taken_for_placed(root: Path) -> None:
    commit_refused(root, "stat lstat", "0", errno.EIO)


def test_manifest_that_cannot_be_replaced_keeps_the_journal(root: Path) -> None:
    commit_refused(root, "rename replace", "manifest.next", errno.EIO)


def test_quarantined_file_that_cannot_be_seen_is_not_overwritten(root: Path) -> None:
    (root / SITE / "pkg" / "a.py").write_bytes(b"mine\n")
    commit_refused(root, "stat lstat", "a.py", errno.EACCES)
    assert quarantined(root) == {f"{SITE}/pkg/a.py": b"mine\n"}


def test_folder_that_cannot_be_seen_is_not_set_aside(root: Path) -> None:
    commit_refused(root, "stat lstat", "pkg", errno.EIO)
    assert quarantined(root) == {}


def test_leftovers_that_cannot_be_removed_are_no_failure(root: Path) -> None:
    """The sync is done: env.toml and the lock must not be put back."""
    prepared = prepare_change(root, NEW)
    with refusing("rmdir unlink", ["trash", "stage"], errno.EIO):
        transaction.commit(prepared)
    assert tree(root) == NEW
    transaction.recover(str(root), SEAL)
    assert sorted(os.listdir(root / ".envsync")) == ["id", "manifest"]


def test_discarding_that_fails_hides_no_other_error(root: Path) -> None:
    prepared = prepare_change(root, NEW)
    with (
        refusing("open", ["stage"], errno.EMFILE),
        refusing("unlink", ["manifest.next"], errno.EROFS),
    ):
        prepared.discard()
    assert tree(root) == OLD
    transaction.recover(str(root), SEAL)
    assert sorted(os.listdir(root / ".envsync")) == ["id", "manifest"]


def test_environment_that_cannot_be_looked_at_may_be_interrupted(root: Path) -> None:
    assert not transaction.is_interrupted(str(root), SEAL)
    with refusing("stat lstat", ["journal"], errno.EIO):
        assert transaction.is_interrupted(str(root), SEAL)


@pytest.mark.parametrize("name", ["id", "manifest", "journal"])
def test_state_that_cannot_be_read_is_an_error_not_an_answer(root: Path, name: str) -> None:
    if name == "journal":
        (root / ".envsync/journal").touch()
    with refusing("open", [name], errno.EIO), pytest.raises(StorageFailed):
        examine(str(root), SEAL)


def test_record_needs_no_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    row = _row(placed_file("bin/tool", b"x"), "lib/python3.11/site-packages")
    assert row.path == "../../../bin/tool"
