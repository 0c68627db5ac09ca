"""An environment is replaced inside a folder that stays: whole after any death, and nothing of the
user's is lost.
"""

import os
import shutil
from pathlib import Path

import pytest

from envsync.environment import in_place, journal, transaction
from envsync.environment.belief import examine, holds_nothing, read_manifest
from envsync.environment.change import Contents, Means
from envsync.environment.update import Update
from envsync.platform import mounts
from envsync.platform.links import Placer
from tests.environment.test_transaction import NEW, OLD
from tests.support.environments_on_disk import (
    OWNED,
    SEAL,
    SITE,
    files_of,
    finish_and_die,
    make,
    one_owner,
    quarantined,
    tree,
)


def prepare_inside(root: Path, files: dict[str, bytes]) -> Update:
    """Make everything ready for `files` to be all that envsync has in the folder."""
    contents = Contents(one_owner(files, "1" * 32), files_of(files), OWNED)
    return in_place.prepare_inside(str(root), OWNED, contents, Means(SEAL, Placer()))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / ".venv"
    make(path, OLD)
    (path / SITE / "notes.txt").write_text("notes")
    (path / "top.txt").write_text("top")
    return path


def is_whole(root: Path) -> None:
    found = tree(root)
    assert found.pop("top.txt") == b"top"  # the root is nobody's
    assert found == NEW
    assert read_manifest(str(root), SEAL) is not None
    assert "notes.txt" in {path.rpartition("/")[2] for path in quarantined(root)}


def test_one_that_is_believed_keeps_its_identity(root: Path) -> None:
    before = examine(str(root), SEAL).manifest
    prepared = prepare_inside(root, NEW)
    assert examine(str(root), SEAL).manifest == before
    transaction.commit(prepared)
    is_whole(root)
    assert quarantined(root) == {f"{SITE}/notes.txt": b"notes"}
    assert before is not None
    assert (root / ".envsync/id").read_text().strip() == before.environment_id


@pytest.mark.parametrize("believed", [True, False])
def test_death_after_each_step(root: Path, believed: bool) -> None:
    if not believed:
        (root / ".envsync/manifest").unlink()
    saved = root.with_name("saved")
    root.rename(saved)
    after = 0
    while True:
        shutil.copytree(saved, root, symlinks=True)
        prepared = prepare_inside(root, NEW)
        journal.write_journal(str(root), prepared.manifest.environment_id, prepared.steps, SEAL)
        if after < len(prepared.steps):
            finish_and_die(root, prepared.steps, after)
            assert transaction.is_interrupted(str(root), SEAL)
        assert transaction.recover(str(root), SEAL)
        is_whole(root)
        if after == len(prepared.steps):
            break
        shutil.rmtree(root)
        after += 1
    assert after > 5


def test_state_of_a_stranger_s_is_not_followed(root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "ssh"
    secret.mkdir()
    (secret / "id").write_text("secret")
    state = root / ".envsync"
    shutil.rmtree(state)
    state.mkdir()
    (root / "pyvenv.cfg").write_text("envsync = 1\n")
    for name in ("stage", "trash", "quarantine", "manifest", "id", "other"):
        (state / name).symlink_to(secret)
    transaction.commit(prepare_inside(root, {**NEW, "pyvenv.cfg": b"right\n"}))
    assert [path.name for path in secret.iterdir()] == ["id"]
    assert tree(root) == {**NEW, "pyvenv.cfg": b"right\n", "top.txt": b"top"}
    assert sorted(path.name for path in state.iterdir()) == ["id", "manifest", "quarantine"]
    links = [path.name for path in state.rglob("*") if path.is_symlink()]
    assert sorted(links) == ["other", "quarantine"]


def test_compiled_files_of_a_stranger_s_never_stay(root: Path) -> None:
    """A source may be right by its bytes, and what Python runs in its place is not."""
    (root / ".envsync/manifest").unlink()
    cache = root / SITE / "__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "same.cpython-311.pyc").write_bytes(b"evil")
    transaction.commit(prepare_inside(root, NEW))
    assert not (cache / "same.cpython-311.pyc").exists()


def test_a_bind_mount_of_the_same_file_system_is_a_mount_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a b").mkdir()
    root = str(tmp_path / "a b")
    table = tmp_path / "mountinfo"
    monkeypatch.setattr(mounts, "_MOUNTS", str(table))
    table.write_text("36 25 8:1 /x /other rw - ext4 /dev/sda1 rw\n")
    assert not in_place.is_fixed(root, is_linked=False)
    assert in_place.is_fixed(root, is_linked=True)
    table.write_text(f"36 25 8:1 /x {root.replace(' ', chr(92) + '040')} rw - ext4 /dev/sda1 rw\n")
    assert in_place.is_fixed(root, is_linked=False)


def test_a_first_sync_that_died_at_once_left_nothing(tmp_path: Path) -> None:
    (tmp_path / ".envsync").mkdir()
    (tmp_path / ".envsync/.id-unfinished").write_text("")
    assert holds_nothing(str(tmp_path))
    (tmp_path / "mine").write_text("")
    assert not holds_nothing(str(tmp_path))


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_state_that_is_no_folder_is_kept_as_it_is(tmp_path: Path, kind: str) -> None:
    root, state = tmp_path / ".venv", tmp_path / ".venv/.envsync"
    root.mkdir()
    if kind == "file":
        state.write_text("mine")
    else:
        state.symlink_to("elsewhere")
    transaction.commit(prepare_inside(root, NEW))
    assert tree(root) == NEW
    (kept,) = (state / "quarantine").iterdir()
    if kind == "file":
        assert (kept / ".envsync").read_text() == "mine"
    else:
        assert (kept / ".envsync").readlink() == Path("elsewhere")
    assert sorted(path.name for path in state.iterdir()) == ["id", "manifest", "quarantine"]
    assert [path.name for path in root.iterdir() if "envsync-" in path.name] == []


def test_a_folder_of_nobody_s_becomes_an_environment_with_a_new_identity(tmp_path: Path) -> None:
    root = tmp_path / ".venv"
    root.mkdir()
    transaction.commit(prepare_inside(root, NEW))
    assert (root / ".envsync/id").read_text() == "1" * 32 + "\n"
    assert tree(root) == NEW
    assert sorted(path.name for path in (root / ".envsync").iterdir()) == ["id", "manifest"]


def test_what_envsync_can_do_without_goes_and_the_rest_of_a_state_is_kept(root: Path) -> None:
    """An environment that isn't believed any more, with what earlier versions and others left."""
    state = root / ".envsync"
    (state / "manifest").unlink()
    for name in ("stage", "trash", "id"):
        if (state / name).exists():
            (state / name).unlink()
        (state / name).mkdir()
        (state / name / "x").write_text("ours")
    for name in ("stamp", "times", "shell", "journal", "manifest.next"):
        (state / name).write_text("ours")
    (state / "mine.txt").write_text("mine")
    (state / "quarantine/20200101T000000Z").mkdir(parents=True)
    (state / "quarantine/20200101T000000Z/early.txt").write_text("early")
    transaction.commit(prepare_inside(root, NEW))
    assert sorted(path.name for path in state.iterdir()) == ["id", "manifest", "quarantine"]
    kept = quarantined(root)
    assert kept["early.txt"] == b"early"
    assert kept[".envsync/mine.txt"] == b"mine"
    assert b"ours" not in kept.values()


def test_of_a_stranger_s_folder_what_is_wanted_by_its_bytes_is_no_loss(tmp_path: Path) -> None:
    root = tmp_path / ".venv"
    for path, data in {"lib/same.py": b"same", "lib/other.py": b"mine", "top": b"top"}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    wanted = {"lib/same.py": b"same", "lib/other.py": b"ours"}
    transaction.commit(prepare_inside(root, wanted))
    assert tree(root) == {**wanted, "top": b"top"}
    assert quarantined(root) == {"lib/other.py": b"mine"}


def test_an_edit_with_its_time_put_back_is_kept(root: Path) -> None:
    path = root / SITE / "same.py"
    before = path.stat()
    path.write_bytes(b"same = 2\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    transaction.commit(prepare_inside(root, NEW))
    assert quarantined(root)[f"{SITE}/same.py"] == b"same = 2\n"


def test_what_lies_where_the_new_one_begins_a_folder_is_kept(root: Path) -> None:
    """`share` is new to the environment, which is believed; its root is nobody's."""
    (root / "share").mkdir()
    (root / "share/mine.txt").write_text("mine")
    transaction.commit(prepare_inside(root, NEW))
    assert quarantined(root)["share/mine.txt"] == b"mine"


def test_only_a_folder_is_fixed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    for name, expected in (("file", False), ("link", False), ("none", False), ("folder", True)):
        assert in_place.is_fixed(str(tmp_path / name), is_linked=True) is expected


def test_a_folder_in_one_that_cannot_be_written_to_is_fixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "shut/folder"
    folder.mkdir(parents=True)
    assert not in_place.is_fixed(str(folder), is_linked=False)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK | os.X_OK)
    assert in_place.is_fixed(str(folder), is_linked=False)
