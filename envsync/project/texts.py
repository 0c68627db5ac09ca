"""Write files of the user's, env.toml and the lock: only what changed, and what belongs together
as nearly at once as renames allow.
"""

import os
import time
from collections.abc import Iterable
from contextlib import suppress

from envsync.platform.files import (
    open_regular,
    remove_tree,
    storage_errors,
    storage_failed,
    sync_directory,
    unguessable,
    write_beside,
)


def write_if_changed(path: str, data: bytes) -> bool:
    """Write `data` to `path` unless that is what stands there; True when it was written.

    The permissions of an existing file are kept, and what a killed process left of an earlier
    writing goes. Raises `StorageFailed`.
    """
    return bool(write_together([(path, data)]))


def write_together(texts: Iterable[tuple[str, bytes]]) -> set[str]:
    """Write files that belong together as `write_if_changed` does; gives the paths of those.

    All are on disk before the first takes its name, so that next to nothing lies between their
    renames. Raises `StorageFailed`; some may have been written then.
    """
    beside: dict[str, str] = {}
    try:
        for path, data in texts:
            mode = _mode_if_other(path, data)
            if mode is not None:
                _drop_unfinished(path)
                with storage_errors(path):
                    beside[path] = write_beside(path, data, mode, sync=True)
        for path, temporary in beside.items():
            with storage_errors(path):
                os.replace(temporary, path)
        for folder in sorted({os.path.dirname(path) or "." for path in beside}):
            with storage_errors(folder):
                sync_directory(folder)
    except BaseException:
        for temporary in beside.values():
            remove_tree(temporary)
        raise
    return set(beside)


def _mode_if_other(path: str, data: bytes) -> int | None:
    """Give the permissions for a file that is to hold `data`; None where it does."""
    try:
        with open_regular(path) as file:
            if file.read(len(data) + 1) == data:
                return None
            return os.fstat(file.fileno()).st_mode & 0o777
    except FileNotFoundError:
        return 0o644
    except OSError as error:
        raise storage_failed(path, error) from error


def _drop_unfinished(path: str) -> None:
    """Remove temporary files of earlier writings of a file, an hour old."""
    folder, name = os.path.split(path)
    begin, length = f".{name}.", len(name) + 2 + len(unguessable())
    oldest = time.time() - 3600
    with suppress(OSError):
        for found in os.listdir(folder or "."):
            temporary = os.path.join(folder, found)
            if found.startswith(begin) and len(found) == length:
                with suppress(OSError):
                    if os.lstat(temporary).st_mtime < oldest:
                        os.unlink(temporary)
