"""Shortcuts that a sync leaves for the next one: the stamp, and times of last change.

With them the next sync looks at less; any of it may be lost.
"""

import os
import stat
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from itertools import repeat

from envsync.environment import stamp
from envsync.environment.drift import expected_mtime, holds_only
from envsync.environment.manifest import Manifest, Owner
from envsync.environment.on_disk import written_in
from envsync.environment.paths import owned, parents
from envsync.environment.placing import ChangeTimes
from envsync.environment.seal import Seal
from envsync.environment.times import add_times, keep_times
from envsync.platform.files import content_times
from envsync.store.manifest import FileTable, StoredWheel
from envsync.store.times import learn
from envsync.sync.desired import DesiredEnvironment, owned_folders
from envsync.sync.in_part import Part
from envsync.sync.observe import ObservedEnvironment

_SECOND = 1_000_000_000
_RECENT_NS = 100_000_000
"""So long ago a folder is said to have changed that was changed just now."""


def entry_of(wheel: StoredWheel) -> str:
    """Give the folder of a stored wheel's entry."""
    return os.path.dirname(wheel.tree)


def note_times(
    root: str,
    manifest: Manifest,
    seal: Seal,
    times: ChangeTimes,
    stored: Sequence[StoredWheel],
    *,
    in_part: bool,
) -> None:
    """Keep when files last changed that are right since then; else they are compared by bytes.

    `stored` are the entries that were linked: their own times changed by that. Those of the rest
    stay as they are known where the environment changed only `in_part`.
    """
    keep = add_times if in_part else keep_times
    keep(root, manifest.environment_id, times.placed, seal)
    for wheel in stored if times.stored else ():
        learn(entry_of(wheel), times.stored, FileTable.of(wheel.files).paths)


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
    above, always = parents(manifest.placed()), owned_folders(desired.target)
    # What is placed has its folders; of the others some need not be there.
    there = {folder for folder in owned((), always) if os.path.isdir(f"{desired.root}/{folder}")}
    folders = sorted(above | there)
    base = desired.target.purelib
    with suppress(OSError):  # an input that is gone by now
        rows = stamp.settled(desired.root, folders, as_of_ns)
        parts = [_part(owner, times, base) for owner in manifest.owners]
        _keep(desired, cache_dir, manifest, rows, parts, as_of_ns)


def renew_stamp(
    desired: DesiredEnvironment,
    cache_dir: str | None,
    manifest: Manifest,
    observed: ObservedEnvironment,
    part: Part | None,
    times: Mapping[str, int],
) -> None:
    """Write the no-op mark from the one that was there, where a part of the environment changed.

    Nothing else did, by that mark, but what was looked at. Inputs are trusted as of that look.
    `times` say when files last changed of the part, and of the owners that were looked at.
    """
    mark = observed.mark
    if cache_dir is None or mark is None:
        return
    known = {each[0]: each for each in mark.parts}
    new = observed.differing_owners.union(part.names if part else ())
    base = desired.target.purelib  # as the mark has it: it is about this very interpreter
    with suppress(OSError):  # an input that is gone by now
        rows = _folders_after(desired, observed, mark, part, manifest)
        parts = [
            _part(owner, times, base) if owner.name in new else known[owner.name]
            for owner in manifest.owners
        ]
        _keep(desired, cache_dir, manifest, rows, parts, observed.looked_ns)


def _keep(
    desired: DesiredEnvironment,
    cache_dir: str,
    manifest: Manifest,
    folders: list[tuple[str, int]],
    parts: "list[stamp.Part]",
    as_of_ns: int,
) -> None:
    run = written_in(desired.folder, manifest)
    root, selection, inputs = desired.root, desired.selection, desired.inputs
    base = desired.target.purelib
    data = stamp.render(root, selection, inputs, folders, parts, as_of_ns, run, base)
    stamp.keep(cache_dir, root, data)


def _folders_after(
    desired: DesiredEnvironment,
    observed: ObservedEnvironment,
    mark: stamp.Mark,
    part: Part | None,
    manifest: Manifest,
) -> list[tuple[str, int]]:
    """Give the folders' rows of a mark; those in which this sync changed something are dated back.

    What is changed in one from here on shows by its time, and what was before by its entries.
    """
    differing = observed.differing_folders
    if part is None:
        seen = dict(stamp.settled(desired.root, differing, observed.looked_ns))
        return [(folder, seen.get(folder, time)) for folder, time in mark.folders()]
    new = [
        file.path for owner in manifest.owners if owner.name in part.names for file in owner.files
    ]
    ours = part.others.folders | owned(new, owned_folders(desired.target))
    rows = dict(mark.folders())
    for folder in rows.keys() - ours:
        del rows[folder]
    touched = differing | parents(part.before.placed()) | parents(new)
    paths = part.others.beside(touched).union(new)
    for folder in sorted(touched & ours):
        if rows.get(folder) != os.lstat(f"{desired.root}/{folder}").st_mtime_ns:
            rows[folder] = _dated_back(desired.root, folder, paths, ours)
    return list(rows.items())


def _dated_back(root: str, folder: str, paths: Collection[str], folders: Collection[str]) -> int:
    moment = time.time_ns()
    recent = moment - _RECENT_NS
    os.utime(f"{root}/{folder}", ns=(recent, recent), follow_symlinks=False)
    # In this order: what is added after the look moves the time again.
    is_known = holds_only(root, folder, paths, folders)
    ((_, changed),) = stamp.settled(root, [folder], moment if is_known else 0)
    return changed


def _part(owner: Owner, times: Mapping[str, int], base: str) -> "stamp.Part":
    # By columns: all files of an environment come through here. Only a link's time isn't that of
    # its content, and packages have links where all of it is linked.
    paths, modes, sizes, contents = zip(*owner.files, strict=True) if owner.files else ((),) * 4
    if any(map(stat.S_ISLNK, set(modes))):
        moments = [expected_mtime(file) * _SECOND for file in owner.files]
    else:
        moments = content_times(contents)
    changes = map(times.get, paths, repeat(0))
    rows = list(zip(paths, modes, sizes, moments, changes, strict=False))
    return stamp.part_of(owner.name, rows, base)
