"""What is seen of an environment before a sync, and what is believed without looking."""

import os
from pathlib import Path

import pytest

from envsync.environment.belief import read_manifest
from envsync.environment.key import UserKey
from envsync.environment.times import keep_times, read_times
from envsync.platform import durable
from envsync.sync.desired import DesiredEnvironment
from envsync.sync.observe import ObservedEnvironment, observe
from tests.support.synced import SyncedProject

EDITED = "lib/python3.12/site-packages/a.py"


@pytest.fixture
def boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that names the run of the system."""
    path = tmp_path / "boot"
    path.write_text("this-run\n")
    monkeypatch.setattr(durable, "_BOOT_ID", str(path))
    return path


@pytest.fixture
def desired(boot: Path, synced: SyncedProject) -> DesiredEnvironment:
    """A first environment that was made in this run of the system."""
    desired = synced.desired(synced.pin("a", "1", {"a.py": "right"}))
    synced.sync(desired._replace(link_mode="copy"))
    return desired._replace(link_mode="copy")


def seen(synced: SyncedProject, desired: DesiredEnvironment) -> ObservedEnvironment:
    seal = UserKey(synced.settings).seal()
    return observe(desired, seal, synced.settings.cache_dir, force=False)


def tear(synced: SyncedProject) -> None:
    """Let a file hold other bytes, of which nothing tells: the disk lost what was written."""
    path = synced.environment / EDITED
    before = path.stat()
    path.chmod(0o644)
    path.write_text("wrong")
    path.chmod(before.st_mode & 0o7777)
    os.utime(path, ns=(before.st_mtime_ns, before.st_mtime_ns))
    root, seal = str(synced.environment), UserKey(synced.settings).seal()
    manifest = read_manifest(root, seal)
    assert manifest is not None
    times = read_times(root, manifest.environment_id, seal, trusted=False)
    assert EDITED in times
    times[EDITED] = path.stat().st_ctime_ns
    keep_times(root, manifest.environment_id, times, seal)


def test_what_a_power_failure_may_have_torn_is_compared_by_bytes(
    synced: SyncedProject, desired: DesiredEnvironment, boot: Path
) -> None:
    tear(synced)
    observed = seen(synced, desired)
    assert (observed.torn, observed.drift.edited) == (False, ())
    boot.write_text("another-run\n")
    observed = seen(synced, desired)
    assert (observed.torn, observed.drift.edited) == (True, (EDITED,))


def test_it_is_compared_once(
    synced: SyncedProject, desired: DesiredEnvironment, boot: Path
) -> None:
    boot.write_text("another-run\n")
    assert seen(synced, desired).torn
    assert synced.sync(desired).comparison.is_empty()
    assert not seen(synced, desired).torn


def test_an_update_is_on_disk(
    synced: SyncedProject, desired: DesiredEnvironment, boot: Path
) -> None:
    synced.sync(desired._replace(pins=(*desired.pins, synced.pin("b", "1"))))
    boot.write_text("another-run\n")
    assert not seen(synced, desired).torn
