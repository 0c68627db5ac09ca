"""env.toml and the lock change with the environment, or not at all."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.environment import journal, transaction
from envsync.environment.change import Change
from envsync.errors import EnvsyncError, StorageFailed
from envsync.project.texts import Text
from tests.environment.test_transaction import NEW, OLD
from tests.support.environments_on_disk import SEAL, make, prepare_change, prepare_new, tree

KINDS = pytest.mark.parametrize("kind", ["update", "replacement"])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / ".venv"
    make(path, OLD)
    (tmp_path / "env.toml").write_text("old")
    return path


def prepared(root: Path, kind: str) -> Change:
    return prepare_change(root, NEW) if kind == "update" else prepare_new(root, NEW)


def companions(root: Path) -> list[Text]:
    """An env.toml that is there, and a lock that is not."""
    spec, lock = root.parent / "env.toml", root.parent / "pylock.toml"
    return [Text(str(spec), b"new", made_from=b"old"), Text(str(lock), b"new")]


def texts(root: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in root.parent.glob("*.toml")}


def is_as_before(root: Path) -> None:
    assert texts(root) == {"env.toml": "old"}
    assert tree(root) == OLD
    assert sorted(os.listdir(root / ".envsync")) == ["id", "manifest"]
    assert sorted(os.listdir(root.parent)) == [".venv", "env.toml"]


@KINDS
def test_they_are_written_before_the_commit(root: Path, kind: str) -> None:
    change = prepared(root, kind)
    wanted = companions(root)
    committed = transaction.commit(change, wanted)
    assert committed.written == {text.path for text in wanted}
    assert texts(root) == {"env.toml": "new", "pylock.toml": "new"}
    assert tree(root) == NEW
    assert max(os.stat(text.path).st_mtime_ns for text in wanted) <= committed.began_ns


@KINDS
def test_what_they_hold_already_is_not_written(root: Path, kind: str) -> None:
    same = Text(str(root.parent / "env.toml"), b"old")
    assert transaction.commit(prepared(root, kind), [same]).written == set()


@KINDS
def test_a_commit_that_fails_puts_them_back(
    root: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    change = prepared(root, kind)
    refused: list[str] = []

    def guarded(real: Callable[..., None]) -> Callable[..., None]:
        def fail(old: str, new: str, **options: object) -> None:
            if os.path.basename(old) in (".venv", "journal") or os.path.basename(new) == "journal":
                assert texts(root) == {"env.toml": "new", "pylock.toml": "new"}
                refused.append(new)
                raise OSError(errno.EIO, os.strerror(errno.EIO), new)
            real(old, new, **options)

        return fail

    with monkeypatch.context() as patched:
        for call in ("rename", "replace"):
            patched.setattr(os, call, guarded(getattr(os, call)))
        with pytest.raises(StorageFailed):
            transaction.commit(change, companions(root))
    assert refused
    is_as_before(root)


def test_a_failure_after_the_journal_is_written_keeps_them(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = prepared(root, "update")
    with monkeypatch.context() as patched:
        patched.setattr(journal, "finish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            transaction.commit(change, companions(root))
    assert texts(root) == {"env.toml": "new", "pylock.toml": "new"}
    assert transaction.recover(str(root), SEAL)
    assert tree(root) == NEW


@KINDS
def test_an_env_toml_that_was_edited_meanwhile_stops_all_of_it(root: Path, kind: str) -> None:
    change = prepared(root, kind)
    (root.parent / "env.toml").write_text("mine")
    with pytest.raises(EnvsyncError, match=r"env\.toml was changed while this command ran"):
        transaction.commit(change, companions(root))
    assert (root.parent / "env.toml").read_text() == "mine"
    (root.parent / "env.toml").write_text("old")
    is_as_before(root)


@KINDS
def test_one_that_cannot_be_written_takes_the_others_back(root: Path, kind: str) -> None:
    wanted = [*companions(root), Text(str(root.parent / "missing/lock"), b"")]
    with pytest.raises(StorageFailed):
        transaction.commit(prepared(root, kind), wanted)
    is_as_before(root)
