"""Private folders for work in progress, of which others can tell whether their maker still lives.

The maker holds a lock on the folder itself, which goes with the process: a folder that can be
locked is nobody's any more. Where the file system has no locks, age decides.
"""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from envsync.cache.bucket import Bucket
from envsync.platform.file_lock import in_use, is_in_use
from envsync.platform.files import make_private_directory, remove_tree, storage_errors

DAY = 86_400.0
_MOMENT = 60.0


@contextmanager
def scratch(parent: str, prefix: str) -> Iterator[str]:
    """Make a private folder below `parent` for the time of a `with` block, and remove it then.

    What was renamed out of it, or the folder itself when it was renamed, stays. Raises `OSError`.
    """
    folder = make_private_directory(parent, prefix)
    try:
        with in_use(folder):
            yield folder
    finally:
        remove_tree(folder)


@contextmanager
def scratch_in(bucket: Bucket, cache_dir: str, prefix: str) -> Iterator[str]:
    """Make one in a bucket of them, once those are gone that dead processes left a day ago.

    Raises `StorageFailed`, also for what the system refuses inside the `with` block.
    """
    parent = bucket.folder(cache_dir)
    sweep_abandoned(parent, "")
    with storage_errors(parent), scratch(parent, prefix) as folder:
        yield folder


def is_abandoned(folder: str) -> bool:
    """Say whether the process that made a scratch folder is gone. Raises `OSError`.

    What is no folder was made by no envsync of today, and is judged by its age.
    """
    status = os.lstat(folder)
    age = time.time() - status.st_mtime
    if not stat.S_ISDIR(status.st_mode):
        return age > DAY
    if age < _MOMENT:  # its lock may be taken in the next moment
        return False
    used = is_in_use(folder)
    return age > DAY if used is None else not used


def sweep_abandoned(parent: str, prefix: str) -> None:
    """Remove the scratch folders of dead processes that are a day old.

    What can't be looked at or removed is left for another time.
    """
    oldest = time.time() - DAY
    with suppress(OSError):
        for name in os.listdir(parent):
            path = f"{parent}/{name}"
            with suppress(OSError):
                if (
                    name.startswith(prefix)
                    and os.lstat(path).st_mtime < oldest
                    and is_abandoned(path)
                ):
                    remove_tree(path)
