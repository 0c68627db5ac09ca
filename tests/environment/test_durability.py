"""What reaches the disk in which order, so that a power failure leaves old or new."""

import os
import shutil
from pathlib import Path

import pytest

from envsync.environment import journal, on_disk, transaction
from envsync.environment.belief import read_manifest
from envsync.environment.replace import Replacement
from envsync.platform import durable
from envsync.platform.files import write_atomic
from tests.environment.test_transaction import NEW, OLD
from tests.support.environments_on_disk import (
    OWNED,
    SEAL,
    SITE,
    make,
    prepare_change,
    prepare_new,
    quarantined,
    tree,
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every flush and rename that is made from here on, by the name of what it is about."""
    found: list[str] = []
    fsync, rename, replace, unlink = os.fsync, os.rename, os.replace, os.unlink

    def name(path: object) -> str:
        return os.path.basename(str(path))

    def flush(descriptor: int) -> None:
        found.append(f"flush {name(os.readlink(f'/proc/self/fd/{descriptor}'))}")
        fsync(descriptor)

    def renaming(call: object, old: object, new: object, **folders: int) -> None:
        found.append(f"rename {name(new)}")
        call(old, new, **folders)  # type: ignore[operator]

    def removing(path: object, **folders: int) -> None:
        found.append(f"remove {name(path)}")
        unlink(path, **folders)  # type: ignore[arg-type]

    def flush_all(descriptor: int) -> bool:
        found.append("flush all")
        return True

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(durable, "_syncfs", flush_all)
    monkeypatch.setattr(os, "rename", lambda *a, **k: renaming(rename, *a, **k))
    monkeypatch.setattr(os, "replace", lambda *a, **k: renaming(replace, *a, **k))
    monkeypatch.setattr(os, "unlink", removing)
    return found


def test_an_atomic_write_is_flushed_before_and_after_its_rename(
    tmp_path: Path, calls: list[str]
) -> None:
    write_atomic(str(tmp_path / "file"), b"x")
    assert calls[0].startswith("flush .file.")
    assert calls[1:] == ["rename file", f"flush {tmp_path.name}"]


def test_the_journal_is_on_disk_before_the_first_step_and_goes_after_all_are(
    tmp_path: Path, calls: list[str]
) -> None:
    root = tmp_path / "env"
    make(root, OLD)
    prepared = prepare_change(root, NEW)
    calls.clear()
    transaction.commit(prepared)
    at = calls.index("rename journal")
    assert calls[at - 1].startswith("flush .journal.")
    assert calls[at + 1] == "flush .envsync"
    assert [call for call in calls[:at] if call.startswith(("rename", "remove"))] == []
    manifest = calls.index("rename manifest")
    last = calls[manifest + 1 : manifest + 4]
    assert last == ["flush all", "remove journal", "flush .envsync"]
    placed = [i for i, call in enumerate(calls) if call.startswith("rename") and i != at]
    assert max(placed) == manifest


def test_what_is_staged_and_the_next_manifest_are_on_disk_before_the_journal(
    tmp_path: Path, calls: list[str]
) -> None:
    root = tmp_path / "env"
    make(root, OLD)
    calls.clear()
    prepare_change(root, NEW)
    assert calls[-2:] == ["rename manifest.next", "flush all"]


def test_what_is_the_users_is_moved_into_folders_that_are_on_disk(
    tmp_path: Path, calls: list[str]
) -> None:
    root = tmp_path / "env"
    make(root, OLD)
    (root / SITE / "mine.txt").write_bytes(b"notes")
    prepared = prepare_change(root, OLD)
    calls.clear()
    transaction.commit(prepared)
    moved = calls.index("rename mine.txt")
    assert calls[moved - 1] == "flush all"
    assert calls[moved + 1 : moved + 4] == ["flush all", "rename manifest", "flush all"]


def new(root: Path) -> Replacement:
    return prepare_new(root, NEW, folders=OWNED)


def test_a_first_environment_is_on_disk_by_its_name_with_what_it_says_of_itself(
    tmp_path: Path, calls: list[str]
) -> None:
    root = tmp_path / "env"
    prepared = new(root)
    names = [call.partition(".id.")[0].partition(".manifest.")[0] for call in calls]
    state = "flush .envsync"
    assert names == [
        *("flush ", "rename id", state, "flush ", "rename manifest", state),
        f"flush {os.path.basename(prepared.built)}",
    ]
    calls.clear()
    transaction.commit(prepared)
    assert calls == ["rename env", f"flush {tmp_path.name}"]


def test_a_first_environment_names_the_run_of_the_system_that_wrote_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot = tmp_path / "boot"
    boot.write_text("this-run\n")
    monkeypatch.setattr(durable, "_BOOT_ID", str(boot))
    root = tmp_path / "env"
    transaction.commit(new(root))
    manifest = read_manifest(str(root), SEAL)
    assert manifest is not None
    assert manifest.written == f"this-run {root.stat().st_ino}"
    assert on_disk.written_in(str(root), manifest) == "this-run"
    shutil.copytree(root, tmp_path / "copy", symlinks=True)
    assert on_disk.written_in(str(tmp_path / "copy"), manifest) == durable.SYNCED
    confirmed = on_disk.confirm(str(root), manifest, SEAL)
    assert read_manifest(str(root), SEAL) == confirmed
    assert on_disk.written_in(str(root), confirmed) == durable.SYNCED


def test_an_update_leaves_nothing_to_doubt(tmp_path: Path, calls: list[str]) -> None:
    root = tmp_path / "env"
    make(root, OLD)
    transaction.commit(prepare_change(root, NEW))
    manifest = read_manifest(str(root), SEAL)
    assert manifest is not None
    assert manifest.written == durable.SYNCED


def test_without_a_name_for_the_run_of_the_system_a_first_environment_is_flushed(
    tmp_path: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable, "_BOOT_ID", str(tmp_path / "missing"))
    prepared = new(tmp_path / "env")
    assert calls[-1] == "flush all"
    assert prepared.manifest.written == durable.SYNCED


def test_a_replacement_is_on_disk_before_the_old_one_goes(tmp_path: Path, calls: list[str]) -> None:
    root = tmp_path / "env"
    make(root, OLD)
    (root / "mine.txt").write_bytes(b"notes")
    calls.clear()
    prepared = new(root)
    assert calls[-1] == "flush all"
    calls.clear()
    transaction.commit(prepared)
    parent = f"flush {tmp_path.name}"
    assert calls[0].startswith("rename env.envsync-old-")
    assert calls[1:7] == [
        *(parent, "rename env", parent),
        *("flush all", "rename mine.txt", "flush all"),
    ]
    assert calls[7].startswith("rename env.envsync-new-")
    assert quarantined(root) == {"mine.txt": b"notes"}


def test_a_file_that_has_both_names_after_a_loss_of_power_keeps_one(tmp_path: Path) -> None:
    root = tmp_path / "env"
    make(root, OLD)
    (root / SITE / "mine.txt").write_bytes(b"notes")
    prepared = prepare_change(root, NEW)
    journal.write_journal(str(root), prepared.manifest.environment_id, prepared.steps, SEAL)
    for step in prepared.steps:
        if step.action in ("trash", "keep"):
            top = "trash" if step.action == "trash" else f"quarantine/{step.store}"
            name = step.store if step.action == "trash" else step.path
            other = root / ".envsync" / top / name
            other.parent.mkdir(parents=True, exist_ok=True)
            os.link(root / step.path, other)
    assert transaction.recover(str(root), SEAL)
    assert tree(root) == NEW
    assert quarantined(root) == {f"{SITE}/mine.txt": b"notes"}
