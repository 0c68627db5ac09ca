"""The stamp that a sync leaves says what decided the environment, and no longer."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import Pylock
from packaging.version import Version

from envsync.environment import stamp
from envsync.environment.drift import expected_mtime
from envsync.environment.manifest import UNNAMED, Placed
from envsync.operations.desired import with_inputs
from envsync.operations.lock_file import LockOutcome
from envsync.sync.desired import DesiredEnvironment
from envsync.sync.shortcuts import _part
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


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0o100444, 0o100755, 0o120777]),
            st.integers(0, 9),
            st.text("0123456789abcdef", min_size=64, max_size=64),
            st.none() | st.integers(1, 9),
        ),
        max_size=6,
    )
)
def test_a_mark_s_rows_are_those_that_each_file_gives(
    files: list[tuple[int, int, str, int | None]],
) -> None:
    placed = [
        Placed(f"p{at}", mode, size, content) for at, (mode, size, content, _) in enumerate(files)
    ]
    times = {f"p{at}": row[3] for at, row in enumerate(files) if row[3] is not None}
    slowly = [
        (file.path, file.mode, file.size, expected_mtime(file) * 10**9, times.get(file.path, 0))
        for file in placed
    ]
    owner = UNNAMED._replace(name="owner", files=tuple(placed))
    assert _part(owner, times, "") == stamp.part_of("owner", slowly)
