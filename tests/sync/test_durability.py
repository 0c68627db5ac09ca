"""What reaches the disk in which order, so that a power failure leaves old or new."""

import os
from pathlib import Path

import pytest

from envsync.files import write_atomic
from envsync.sync import transaction
from tests.support.environments_on_disk import make, prepare_change
from tests.sync.test_transaction import NEW, OLD


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

    monkeypatch.setattr(os, "fsync", flush)
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


def test_the_journal_is_on_disk_before_the_first_step_and_gone_after_the_last(
    tmp_path: Path, calls: list[str]
) -> None:
    root = tmp_path / "env"
    make(root, OLD)
    prepared = prepare_change(root, NEW)
    calls.clear()
    transaction.commit(prepared)
    journal = calls.index("rename journal")
    assert calls[journal - 1].startswith("flush .journal.")
    assert calls[journal + 1] == "flush .envsync"
    steps = [call for call in calls[:journal] if call.startswith(("rename", "remove"))]
    assert steps == []
    manifest = calls.index("rename manifest")
    last = calls[manifest + 1 : manifest + 4]
    assert last == ["flush .envsync", "remove journal", "flush .envsync"]
    placed = [at for at, call in enumerate(calls) if call.startswith("rename") and at != journal]
    assert max(placed) == manifest


def test_the_next_manifest_is_on_disk_before_the_journal(tmp_path: Path, calls: list[str]) -> None:
    root = tmp_path / "env"
    make(root, OLD)
    calls.clear()
    prepare_change(root, NEW)
    at = calls.index("rename manifest.next")
    assert calls[at - 1].startswith("flush .manifest.next.")
    assert calls[at + 1] == "flush .envsync"


def test_a_new_environment_is_on_disk_by_its_name(tmp_path: Path, calls: list[str]) -> None:
    root = tmp_path / "env"
    make(root, OLD)
    assert calls[-1] == f"flush {tmp_path.name}"
    assert calls[-2] == "rename env"
