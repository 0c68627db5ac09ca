"""Shortcuts that a sync leaves for the next one: the stamp, and times of last change.

With them the next sync looks at less; any of it may be lost.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress

from envsync.environment import stamp
from envsync.environment.drift import expected_mtime
from envsync.environment.manifest import Manifest, Owner
from envsync.environment.on_disk import written_in
from envsync.environment.paths import owned
from envsync.environment.placing import ChangeTimes
from envsync.environment.seal import Seal
from envsync.environment.times import keep_times
from envsync.store.manifest import StoredWheel
from envsync.store.times import learn
from envsync.sync.desired import DesiredEnvironment, owned_folders

_SECOND = 1_000_000_000


def entry_of(wheel: StoredWheel) -> str:
    """Give the folder of a stored wheel's entry."""
    return os.path.dirname(wheel.tree)


def note_times(
    root: str, manifest: Manifest, seal: Seal, times: ChangeTimes, stored: Sequence[StoredWheel]
) -> None:
    """Keep when files last changed that are right since then; else they are compared by bytes.

    `stored` are the entries that were linked: their own times changed by that.
    """
    keep_times(root, manifest.environment_id, times.placed, seal)
    for wheel in stored if times.stored else ():
        learn(entry_of(wheel), times.stored, [file.path for file in wheel.files])


def write_stamp(
    desired: DesiredEnvironment,
    cache_dir: str | None,
    manifest: Manifest,
    as_of_ns: int,
    times: Mapping[str, int],
) -> None:
    """Write the no-op mark; an environment without one is only slower to look at.

    `as_of_ns` is the moment up to which all that happened to the folders was seen; `times` say when
    files last changed that are right since then.
    """
    if cache_dir is None:
        return
    if not desired.inputs:
        # What can't be named in a mark must not be vouched for by the one of before.
        stamp.drop(cache_dir, desired.root)
        return
    ours = owned(manifest.placed(), owned_folders(desired.target))
    folders = sorted(folder for folder in ours if os.path.isdir(f"{desired.root}/{folder}"))
    with suppress(OSError):  # an input that is gone by now
        rows = stamp.settled(desired.root, folders, as_of_ns)
        parts = [_part(owner, times) for owner in manifest.owners]
        run = written_in(desired.folder, manifest)
        data = stamp.render(
            desired.root, desired.selection, desired.inputs, rows, parts, as_of_ns, run
        )
        stamp.keep(cache_dir, desired.root, data)


def _part(owner: Owner, times: Mapping[str, int]) -> tuple[str, int, bytes]:
    rows = [
        (file.path, file.mode, file.size, expected_mtime(file) * _SECOND, times.get(file.path, 0))
        for file in owner.files
    ]
    return stamp.part_of(owner.name, rows)
