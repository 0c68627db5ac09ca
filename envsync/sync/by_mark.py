"""Observe an environment by the no-op mark: what it says to differ is looked at, and nothing else.

One look at every folder and file says which owners and folders aren't as they were. Of those owners
each file is judged, and those folders are listed; all else is as it was.
"""

import os
import time
from collections.abc import Collection
from itertools import chain

from envsync.environment import stamp
from envsync.environment.belief import examine
from envsync.environment.change import Others
from envsync.environment.drift import Drift, around, scan_part
from envsync.environment.paths import owned
from envsync.environment.seal import Seal
from envsync.platform.files import storage_errors
from envsync.sync.change_times import judge
from envsync.sync.desired import DesiredEnvironment, owned_folders, target_line
from envsync.sync.observe import ObservedEnvironment
from envsync.sync.wheel_files import SYMLINK


def observe_by_mark(
    desired: DesiredEnvironment, seal: Seal, cache_dir: str | None, *, glance: bool
) -> ObservedEnvironment | None:
    """See what differs, at a `glance` no time of last change; None: all of it is to be looked at.

    Raises `ManifestInvalid`, `StorageFailed`.
    """
    root = desired.root
    if cache_dir is None or not desired.inputs or desired.keep or desired.link_end:
        return None
    if desired.link_mode == SYMLINK or not os.path.lexists(root):
        return None
    looked_ns = time.time_ns()
    manifest = examine(root, seal, packed=True).manifest
    if manifest is None or manifest.target != target_line(desired):
        return None
    mark = stamp.read(cache_dir, root)  # after the manifest: it names that very file
    differences = mark.differences() if mark is not None else None
    if mark is None or differences is None:
        return None
    folders, names = differences
    observed = ObservedEnvironment(
        manifest,
        Drift(),
        looked_ns=looked_ns,
        mark=mark,
        differing_folders=frozenset(folders),
        differing_owners=frozenset(names),
    )
    if not folders and not names:
        return observed
    return _looked_closer(desired, observed, mark, cache_dir, glance=glance)


def _looked_closer(
    desired: DesiredEnvironment,
    observed: ObservedEnvironment,
    mark: stamp.Mark,
    cache_dir: str,
    *,
    glance: bool,
) -> ObservedEnvironment | None:
    """Judge what differs; None where that is most of it, or more than files and what is stray."""
    root, differing = desired.root, observed.differing_owners
    parts = [part for part in mark.parts if part[0] in differing]
    if 2 * _files(parts) > _files(mark.parts):
        return None
    placed = {file.path: file for owner in observed.looked_at() for file in owner.files}
    times = dict(chain.from_iterable(mark.times_of(part).items() for part in parts))
    listed = observed.differing_folders
    all_placed = Others([(mark.folders_of(part), part) for part in mark.parts], mark.paths_of)
    folders = all_placed.folders.union(owned((), owned_folders(desired.target)))
    with storage_errors(root):
        paths = all_placed.beside(around(listed))
        drift = scan_part(root, placed, None if glance else times, listed, paths, folders)
        if drift is None:
            return None
        judged = judge(root, placed, drift, times, cache_dir, closely=False, owners=differing)
    if judged.drift.times:
        return None  # those of files whose packages stay as they are
    return observed._replace(
        drift=judged.drift, times=judged.times, times_changed=judged.times_changed
    )


def _files(parts: Collection[tuple[str, int, bytes, bytes]]) -> int:
    return sum(count for _, count, *_ in parts)
