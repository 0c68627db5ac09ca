"""Which folders nobody but this user writes to: what lies there is believed and run (hazard H61).

Such a folder belongs to this user or to root, and neither its group nor everybody may write there.
The same holds for the folders on the way to it, which may be sticky instead, as /tmp is: there
nobody takes away what isn't theirs. What the home folder itself depends on is the machine's affair
and isn't looked at.

A group counts as nobody else when it is the private group of a user who isn't root (of the same
name, and without other members: its usual umask is 002), or one of this user's that the machine
has no name for, as containers are given.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress

from envsync.errors import StorageFailed, UsageError
from envsync.platform.files import make_folders, storage_errors
from envsync.platform.user import (
    home_dir,
    is_mine,
    is_mine_or_roots,
    only_owner_writes,
    owner_name,
    state_dir,
)

IN_CACHE = "state"
"""The folder of a cache for what is kept of a user without a home: no bucket, never cleaned."""

_HINT = "`--cache-dir DIR` (or ENVSYNC_CACHE_DIR) names a folder of yours"
_MOST_LINKS = 40


def refuse_shared_cache(cache_dir: str) -> None:
    """Refuse a cache in which another user could put what envsync would run or believe.

    Looks at the folder, its buckets, and the way to it; what is missing is fine. Raises
    `StorageFailed`, and `UsageError` where there is no place for a cache.
    """
    if not cache_dir:
        raise UsageError("there is no place for a cache: HOME has no absolute path", hint=_HINT)
    with storage_errors(cache_dir):
        for folder, status in _shared(cache_dir):
            how = f"owner {owner_name(status)}, mode {stat.S_IMODE(status.st_mode):04o}"
            mine = is_mine(status) and not stat.S_ISLNK(status.st_mode)
            mend = f"`chmod go-w {folder}` if nobody else used it; else {_HINT}"
            raise StorageFailed(
                folder,
                f"other users can write there, or own it ({how}): a cache there can't be trusted",
                hint=mend if mine else _HINT,
            )
        for folder in (os.path.realpath(cache_dir), *_buckets(cache_dir)):
            _close_to_group(folder)


def _close_to_group(folder: str) -> None:
    """Take a private group's leave to write: on the short ways groups aren't looked up."""
    with suppress(OSError):
        status = os.lstat(folder)
        if is_mine(status) and status.st_mode & stat.S_IWGRP:
            os.chmod(folder, stat.S_IMODE(status.st_mode) & ~stat.S_IWGRP)


def state_folder(cache_dir: str, name: str) -> str | None:
    """Give a private folder for what envsync keeps of this user's and no cleaning takes away.

    It is made below the user's place for state, or, where that can't be written to or isn't the
    user's alone, in the cache. None where neither will do.
    """
    for place in state_places(state_dir(os.environ), cache_dir):
        folder = f"{place}/{name}"
        with suppress(OSError):
            make_folders(folder, 0o700)
            if os.access(folder, os.W_OK) and is_private(folder):
                return folder
    return None


def state_places(state_dir: str, cache_dir: str) -> list[str]:
    """Give where state of this user's may lie, the better place first; "" is no place."""
    in_cache = cache_dir and f"{cache_dir}/{IN_CACHE}"
    return [place for place in (state_dir, in_cache) if place]


def is_private(folder: str) -> bool:
    """Say whether nobody but this user and root writes to a folder. Raises `OSError`."""
    return not any(_shared(folder))


def _shared(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Give what others can write to, or own, of a folder, its buckets and the way to it."""
    way, end = _way(folder)
    home = home_dir(os.environ)
    homes = {place for place in (home, os.path.realpath(home)) if home}
    for path, status in way:
        if path == end or not any(place.startswith(f"{path.rstrip('/')}/") for place in homes):
            is_sticky = path != end and status.st_mode & stat.S_ISVTX
            is_safe = stat.S_ISLNK(status.st_mode) or is_sticky or only_owner_writes(path, status)
            if not (is_safe and is_mine_or_roots(status)):
                yield path, status
    for path in _buckets(end):
        with suppress(FileNotFoundError):
            status = os.lstat(path)
            if not (is_mine_or_roots(status) and only_owner_writes(path, status)):
                yield path, status


def _way(path: str) -> tuple[list[tuple[str, os.stat_result]], str]:
    """Give the folders and links on the way to a path, as far as it exists, and where it ends."""
    way = [("/", os.stat("/"))]
    at, names, links = "/", path.split("/")[::-1], 0
    while names:
        name = names.pop()
        if name in ("", "."):
            continue
        here = os.path.dirname(at) if name == ".." else os.path.join(at, name)
        try:
            status = os.lstat(here)
        except (FileNotFoundError, PermissionError):  # what can't be reached isn't believed either
            return way, os.path.join(here, *reversed(names))
        way.append((here, status))
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            names += os.readlink(here).split("/")[::-1]
            at = "/" if os.readlink(here).startswith("/") else at
        else:
            at = here
    return way, at


def _buckets(cache_dir: str) -> list[str]:
    """Give the folders of a cache that envsync made; what else lies there is never read."""
    try:
        names = os.listdir(cache_dir)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []
    named = (name for name in names if name.rpartition("-v")[2].isdecimal())
    return [f"{cache_dir}/{name}" for name in named if os.path.isdir(f"{cache_dir}/{name}")]
