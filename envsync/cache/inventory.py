"""What lies in a cache folder, and how it is deleted without harm to others.

Only buckets that are declared are looked into, and nothing is followed out of them: a symbolic
link counts as itself. What is deleted is renamed away first, so that another process sees an entry
whole or not at all; one that has lost an entry makes it anew.
"""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from envsync.cache.bucket import (
    DAMAGED,
    ENTRIES,
    RECORDS,
    REMOVED,
    SCRATCH,
    STAGING,
    VALUES,
    Bucket,
    declared,
    parse_name,
)
from envsync.cache.scratch import is_abandoned
from envsync.platform.files import make_private_directory, remove_tree


class Item(NamedTuple):
    """One thing in a cache that is kept or deleted as a whole."""

    bucket: Bucket
    path: str
    kind: str
    """"entry", "value", "left" (by a process that is gone), "running" (it is at work),
    "damaged" or "outdated"."""
    used: float
    """Seconds since the epoch, when it was last made or used, to the day."""

    @property
    def name(self) -> str:
        """BUCKET/KEY."""
        return f"{self.bucket.name}/{os.path.basename(self.path)}"


def items(cache_dir: str, buckets: Sequence[Bucket]) -> Iterator[Item]:
    """Give all that may be deleted, bucket by bucket. Raises `OSError`.

    A bucket that is a symbolic link is left alone, and so is one of a newer format.
    """
    for name in sorted(_names(cache_dir)):
        bucket, path = declared(name, buckets), f"{cache_dir}/{name}"
        if bucket is None or not _is_folder(path):
            continue
        if _version(name) < _version(bucket.name):
            yield Item(bucket._replace(name=name), path, "outdated", 0.0)
        elif name == bucket.name:
            yield from _ITEMS[bucket.keeps](bucket, path)


def _version(name: str) -> int:
    parsed = parse_name(name)
    return parsed[1] if parsed else 0


def _entries(bucket: Bucket, folder: str) -> Iterator[Item]:
    for name in sorted(_names(folder)):
        path = f"{folder}/{name}"
        if name.startswith(DAMAGED):
            yield Item(bucket, path, "damaged", 0.0)
        elif name.startswith(REMOVED):
            yield Item(bucket, path, "left", 0.0)
        elif name.startswith(STAGING):
            yield from _scratch_item(bucket, path)
        elif not name.startswith("."):
            manifest = f"{path}/manifest"
            yield from _item(bucket, path, "entry", manifest if os.path.isfile(manifest) else path)


def _values(bucket: Bucket, folder: str) -> Iterator[Item]:
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        for name in sorted(_names(current)):
            path = f"{current}/{name}"
            if name.startswith(REMOVED):
                yield Item(bucket, path, "left", 0.0)
            elif _is_folder(path):
                waiting.append(path)
            else:
                yield from _item(bucket, path, "value", path)


def _records(*_: object) -> Iterator[Item]:
    return iter(())  # they are judged by what they name


def _scratch(bucket: Bucket, folder: str) -> Iterator[Item]:
    for name in sorted(_names(folder)):
        yield from _scratch_item(bucket, f"{folder}/{name}")


_ITEMS: dict[str, Callable[[Bucket, str], Iterator[Item]]] = {
    ENTRIES: _entries,
    VALUES: _values,
    RECORDS: _records,
    SCRATCH: _scratch,
}


def _scratch_item(bucket: Bucket, path: str) -> Iterator[Item]:
    with suppress(FileNotFoundError):
        kind = "left" if is_abandoned(path) else "running"
        yield Item(bucket, path, kind, os.lstat(path).st_mtime)


def _item(bucket: Bucket, path: str, kind: str, dated: str) -> Iterator[Item]:
    """Give an item whose last use shows in the times of a file: of writing, or else of reading."""
    with suppress(FileNotFoundError):
        try:
            status = os.lstat(dated)
        except (FileNotFoundError, NotADirectoryError):
            status = os.lstat(path)
        used = status.st_mtime if kind == "entry" else max(status.st_mtime, status.st_atime)
        yield Item(bucket, path, kind, used)


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


def delete(item: Item, cache_dir: str) -> None:
    """Delete an item; one that is gone by now is fine. Raises `OSError`, `StorageFailed`."""
    if os.path.basename(item.path).startswith(REMOVED):
        _remove(item.path)
        return
    if item.kind == "value":
        with suppress(FileNotFoundError):
            os.unlink(item.path)
        return
    parent = cache_dir if item.kind == "outdated" else item.bucket.folder(cache_dir)
    away = make_private_directory(parent, REMOVED)
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
