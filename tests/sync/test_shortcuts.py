"""The stamp that a sync leaves says what decided the environment, and no longer."""

import os
from pathlib import Path

from packaging.pylock import Pylock
from packaging.version import Version

from envsync.environment import stamp
from envsync.operations.desired import with_inputs
from envsync.operations.lock_file import LockOutcome
from envsync.sync.desired import DesiredEnvironment
from tests.support.synced import SyncedProject


def is_current(synced: SyncedProject) -> bool:
    root, cache_dir = str(synced.environment), synced.settings.cache_dir
    return stamp.is_current(cache_dir, root, "default", files=True)


def with_all_inputs(synced: SyncedProject, desired: DesiredEnvironment) -> DesiredEnvironment:
    """What a sync of the project would give, with all that decided it."""
    path = Path(synced.project.lock_path)
    pylock = Pylock(lock_version=Version("1.0"), created_by="test", packages=[])
    lock = LockOutcome(str(path), pylock, path.read_bytes(), fresh=True)
    text = Path(synced.project.spec_path).read_text()
    return with_inputs(desired._replace(inputs=()), synced.project, text, lock)


def test_an_environment_that_was_just_made_is_current(synced: SyncedProject) -> None:
    assert synced.sync(synced.desired(synced.pin("a", "1"))).created
    assert is_current(synced)
    (synced.environment / "lib/python3.12/site-packages/stray.py").write_text("")
    assert not is_current(synced)


def test_a_folder_that_nobody_asked_for_has_no_stamp(synced: SyncedProject) -> None:
    desired = synced.desired(synced.pin("a", "1"))
    synced.sync(desired)
    assert is_current(synced)
    synced.sync(desired._replace(inputs=()))
    assert not is_current(synced)


def test_pyproject_toml_of_an_editable_is_an_input(synced: SyncedProject) -> None:
    """Its dependencies and entry points may change there, and no other file with them."""
    desired = with_all_inputs(synced, synced.desired(synced.editable("mine", "mine")))
    synced.sync(desired)
    assert is_current(synced)
    path = synced.root / "mine/pyproject.toml"
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert not is_current(synced)


def test_any_file_of_a_folder_that_is_no_editable_counts_so_there_is_no_stamp(
    synced: SyncedProject,
) -> None:
    pin = synced.editable("mine", "mine")._replace(editable=False)
    desired = with_all_inputs(synced, synced.desired(pin))
    synced.sync(desired)
    assert not is_current(synced)
