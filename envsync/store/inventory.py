"""What lies in a cache folder, how large it is, and how it is deleted without harm to others.

Only buckets that envsync knows are looked into, and nothing is followed out of them: a symbolic
link counts as itself. What is deleted is renamed away first, so that another process sees an entry
whole or not at all; one that has lost an entry makes it anew.
"""

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from envsync.cache.scratch import DAY, is_abandoned
from envsync.errors import StorageFailed, UsageError
from envsync.platform.files import make_private_directory, remove_tree, storage_errors
from envsync.store.entries import DAMAGED
from envsync.store.writer import STAGING, TAG
from envsync.trust import IN_CACHE

ENTRIES, VALUES, SCRATCH, USERS = "entries", "values", "scratch", "users"

BUCKETS = {
    "wheels-v1": ENTRIES,
    "bytecode-v1": ENTRIES,
    "built-v2": ENTRIES,
    "git-v1": ENTRIES,
    "scripts-v1": ENTRIES,
    "http-v2": VALUES,
    "metadata-v2": VALUES,
    "core-v2": VALUES,
    "direct-v2": VALUES,
    "refuted-v1": VALUES,
    "pythons-v1": VALUES,
    "goals-v2": VALUES,
    "fresh-v1": VALUES,
    "stamps-v1": VALUES,
    "environments-v1": USERS,
    "downloads-v1": SCRATCH,
    "partial-v1": SCRATCH,
    "builds-v1": SCRATCH,
}
"""Every bucket in its present format, and what is in it: folders that are one thing each, files
that are one value each (perhaps in folders), private folders of running processes, records of
environments."""

_REMOVED = ".removed-"
_BLOCK = 512


class Item(NamedTuple):
    """One thing in a cache that is kept or deleted as a whole."""

    bucket: str
    path: str
    kind: str
    """"entry", "value", "left" (by a process that is gone), "running" (it is at work),
    "damaged" or "outdated"."""
    used: float
    """Seconds since the epoch, when it was last made or used, to the day."""

    @property
    def name(self) -> str:
        """BUCKET/KEY."""
        return f"{self.bucket}/{os.path.basename(self.path)}"


def check_ours(cache_dir: str) -> bool:
    """See that a folder is a cache of envsync's; False when there is none.

    Raises `UsageError` for a folder of something else, `StorageFailed` for another user's.
    """
    with storage_errors(cache_dir):
        try:
            status = os.stat(cache_dir)
            names = os.listdir(cache_dir)
        except FileNotFoundError:
            return False
        tag = _read_tag(f"{cache_dir}/{TAG}")
    if status.st_uid != os.geteuid():
        raise StorageFailed(cache_dir, "it belongs to another user")
    ours = {name for name in names if bucket_version(name) or name in (TAG, IN_CACHE)}
    if b"envsync" not in tag and ours != set(names):
        raise UsageError(
            f"{cache_dir} is not a cache of envsync: other things lie there, and no {TAG} says so",
            hint="`envsync cache dir` shows which folder is meant; --cache-dir names another one",
        )
    return True


def _read_tag(path: str) -> bytes:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            return file.read(4096)
    except OSError:
        return b""


def bucket_version(name: str) -> tuple[str, int] | None:
    """Take the name of a bucket apart: `wheels-v1` is ("wheels", 1); None for any other name."""
    stem, _, version = name.rpartition("-v")
    known = {bucket.rpartition("-v")[0] for bucket in BUCKETS}
    if stem not in known or not (version.isascii() and version.isdecimal() and len(version) < 5):
        return None
    return stem, int(version)


def items(cache_dir: str) -> Iterator[Item]:
    """Give all that may be deleted, bucket by bucket. Raises `OSError`.

    A bucket that is a symbolic link is left alone, and so is one of a newer format.
    """
    present = {stem: int(number) for stem, _, number in (b.rpartition("-v") for b in BUCKETS)}
    for name in sorted(_names(cache_dir)):
        found = bucket_version(name)
        path = f"{cache_dir}/{name}"
        if found is None or not _is_folder(path):
            continue
        stem, version = found
        if version < present[stem]:
            yield Item(name, path, "outdated", 0.0)
        elif version == present[stem]:
            yield from _ITEMS[BUCKETS[name]](name, path)


def _entries(bucket: str, folder: str) -> Iterator[Item]:
    for name in sorted(_names(folder)):
        path = f"{folder}/{name}"
        if name.startswith(DAMAGED):
            yield Item(bucket, path, "damaged", 0.0)
        elif name.startswith(_REMOVED):
            yield Item(bucket, path, "left", 0.0)
        elif name.startswith(STAGING):
            yield from _scratch_item(bucket, path)
        elif not name.startswith("."):
            manifest = f"{path}/manifest"
            yield from _item(bucket, path, "entry", manifest if os.path.isfile(manifest) else path)


def _values(bucket: str, folder: str) -> Iterator[Item]:
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        for name in sorted(_names(current)):
            path = f"{current}/{name}"
            if name.startswith(_REMOVED):
                yield Item(bucket, path, "left", 0.0)
            elif _is_folder(path):
                waiting.append(path)
            else:
                yield from _item(bucket, path, "value", path)


def _users(*_: str) -> Iterator[Item]:
    return iter(())  # they are judged by what they name


def _scratch(bucket: str, folder: str) -> Iterator[Item]:
    for name in sorted(_names(folder)):
        yield from _scratch_item(bucket, f"{folder}/{name}")


_ITEMS: dict[str, Callable[[str, str], Iterator[Item]]] = {
    ENTRIES: _entries,
    VALUES: _values,
    USERS: _users,
    SCRATCH: _scratch,
}


def _scratch_item(bucket: str, path: str) -> Iterator[Item]:
    with suppress(FileNotFoundError):
        status = os.lstat(path)
        if bucket.startswith(("builds-", "partial-")) or not stat.S_ISDIR(status.st_mode):
            running = _newest(path) > time.time() - DAY  # their makers hold no lock
        else:
            running = not is_abandoned(path)
        yield Item(bucket, path, "running" if running else "left", status.st_mtime)


def _item(bucket: str, path: str, kind: str, dated: str) -> Iterator[Item]:
    """Give an item whose last use shows in the times of a file: of writing, or else of reading."""
    with suppress(FileNotFoundError):
        try:
            status = os.lstat(dated)
        except (FileNotFoundError, NotADirectoryError):
            status = os.lstat(path)
        used = status.st_mtime if kind == "entry" else max(status.st_mtime, status.st_atime)
        yield Item(bucket, path, kind, used)


def _newest(path: str) -> float:
    found = os.lstat(path).st_mtime
    for folder, _, names in os.walk(path):
        for name in (".", *names):
            with suppress(FileNotFoundError):
                found = max(found, os.lstat(f"{folder}/{name}").st_mtime)
    return found


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


class Size(NamedTuple):
    """What some folders take on the disk."""

    files: int = 0
    bytes: int = 0
    """Blocks really used; of several links to one file, once."""
    shared: int = 0
    """The part of it that links from elsewhere, environments above all, keep alive anyway."""

    def __add__(self, other: object) -> "Size":
        if not isinstance(other, Size):
            return NotImplemented
        return Size(*(a + b for a, b in zip(self, other, strict=True)))


class Inodes:
    """Counts the blocks of files once, and knows which of them deleting links would free."""

    def __init__(self) -> None:
        self._links: dict[tuple[int, int], list[int]] = {}
        self.files = 0

    def add(self, path: str) -> None:
        """Count a file, or all that lies in a folder, the folders themselves included."""
        waiting = [path]
        while waiting:
            current = waiting.pop()
            try:
                status = os.lstat(current)
                if stat.S_ISDIR(status.st_mode):
                    waiting += (entry.path for entry in os.scandir(current))
            except (FileNotFoundError, NotADirectoryError):
                continue
            is_folder = stat.S_ISDIR(status.st_mode)
            self.files += not is_folder
            links = 1 if is_folder else status.st_nlink
            key = (status.st_dev, status.st_ino)
            known = self._links.setdefault(key, [0, links, status.st_blocks * _BLOCK])
            known[0] += 1

    def size(self) -> Size:
        """Give what was counted."""
        total = sum(blocks for _, _, blocks in self._links.values())
        shared = sum(blocks for seen, links, blocks in self._links.values() if seen < links)
        return Size(self.files, total, shared)


def measure(path: str) -> Size:
    """Give the size of a file or folder. Raises `OSError`."""
    inodes = Inodes()
    inodes.add(path)
    return inodes.size()


def delete(item: Item, cache_dir: str) -> None:
    """Delete an item; one that is gone by now is fine. Raises `OSError`, `StorageFailed`."""
    if os.path.basename(item.path).startswith(_REMOVED):
        _remove(item.path)
        return
    if item.kind == "value":
        with suppress(FileNotFoundError):
            os.unlink(item.path)
        return
    parent = cache_dir if item.kind == "outdated" else f"{cache_dir}/{item.bucket}"
    away = make_private_directory(parent, _REMOVED)
    try:
        with suppress(FileNotFoundError):
            os.rename(item.path, f"{away}/{os.path.basename(item.path)}")
    finally:
        _remove(away)


def _remove(path: str) -> None:
    """Remove a tree that somebody else may be removing, too."""
    for _ in range(3):
        with suppress(FileNotFoundError):
            remove_tree(path)
            return
