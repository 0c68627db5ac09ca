"""What is done to the cache: measured, trimmed, emptied."""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from envsync.build import room
from envsync.cache.bucket import VALUES, Bucket
from envsync.cache.folder import check_ours
from envsync.cache.inventory import Item, delete, items
from envsync.cache.sizes import Inodes, Size, measure
from envsync.catalog import decisions, direct, memory
from envsync.environment import stamp
from envsync.events import Reporter, Stage, during
from envsync.git import clones
from envsync.index import artifacts, http_cache, metadata_source
from envsync.operations import completion_table, look
from envsync.platform.files import storage_errors
from envsync.project import answered, refuted, script, workspace_mark
from envsync.python import ask
from envsync.store import built, bytecode, entries
from envsync.store import users as environments
from envsync.store.users import User, entries_of, present, users
from envsync.sync import remembered
from envsync.sync.wheel_files import SYMLINK

STAMPS, ANSWERED = Bucket(stamp.BUCKET, VALUES), Bucket(answered.BUCKET, VALUES)
"""Declared here: their owners import nothing, on the shortest paths of the program."""
BUCKETS: tuple[Bucket, ...] = (
    *(entries.BUCKET, bytecode.BUCKET, built.BUCKET, clones.BUCKET, script.BUCKET),
    *(http_cache.BUCKET, metadata_source.BUCKET, memory.BUCKET, direct.BUCKET),
    *(refuted.BUCKET, ask.BUCKET, remembered.BUCKET, ANSWERED, STAMPS, decisions.BUCKET),
    *(room.REQUIRES, workspace_mark.BUCKET, completion_table.BUCKET, look.BUCKET),
    environments.BUCKET,
    *(artifacts.DOWNLOADS, artifacts.PARTIAL, room.BUILDS),
)
"""Every bucket of the cache, in the order in which they are shown."""

GRACE_DAYS = 30.0
_DAY = 86_400.0
_MOMENT = 60.0
"""What was made this many seconds ago is about to be linked."""


class BucketSize(NamedTuple):
    """One bucket of the cache."""

    name: str
    entries: int
    size: Size


class Removal(NamedTuple):
    """What was deleted, or would be."""

    removed: tuple[Item, ...] = ()
    freed: int = 0
    """Bytes on the disk; what environments hold by links stays theirs and isn't counted."""
    kept: int = 0
    """Bytes that stay in the cache, where that was counted."""
    running: int = 0
    """Folders left alone because processes are at work in them."""


def sizes(cache_dir: str) -> list[BucketSize]:
    """Measure every bucket that is there. Raises `StorageFailed`."""
    measured = []
    with storage_errors(cache_dir):
        counts: dict[str, int] = {}
        for item in items(cache_dir, BUCKETS):
            counts[item.bucket.name] = counts.get(item.bucket.name, 0) + 1
        for bucket in BUCKETS:
            size = measure(bucket.folder(cache_dir))
            if size.bytes:
                count = counts.get(bucket.name, size.files)
                measured.append(BucketSize(bucket.name, count, size))
    return measured


class Pruning(NamedTuple):
    """What is to be pruned."""

    unused_days: float = GRACE_DAYS
    """Entries that no environment uses go when nobody asked for them in this time."""
    max_bytes: int | None = None
    """Then the cache is cut down to this size, least recently used first."""
    dry_run: bool = False


def prune(cache_dir: str, wanted: Pruning, reporter: Reporter) -> Removal:
    """Delete what is left over, outdated, damaged, or unused for long; keep to a size.

    An entry that a registered, still existing environment uses stays, unless the size asks for
    it; if the environment consists of symbolic links into the store, it always stays.
    Raises `UsageError` for a folder that isn't a cache of envsync's, `StorageFailed`.
    """
    if not check_ours(cache_dir, BUCKETS):
        return Removal()
    with storage_errors(cache_dir):
        every = list(items(cache_dir, BUCKETS))
        oldest = time.time() - wanted.unused_days * _DAY
        # After the entries: whoever registers meanwhile keeps what it uses (H58).
        known = list(users(cache_dir))
        gone = [*_gone(known, oldest), *_orphaned(cache_dir)]
        there = present(known)
        used = entries_of(there)
        due = [*gone, *(item for item in every if _is_due(item, used, oldest))]
        # Some are due twice: a record that can't be read, and is old as well.
        chosen = list({item.path: item for item in due}.values())
        kept = 0
        if wanted.max_bytes is not None:
            pinned = entries_of(user for user in there if user.link_mode == SYMLINK)
            rest = _rest(every, chosen, pinned)
            more, kept = _over(rest, used, wanted.max_bytes, _stays(every, rest, chosen))
            chosen += more
        running = sum(item.kind == "running" for item in every)
        return _removal(chosen, cache_dir, reporter, dry_run=wanted.dry_run)._replace(
            kept=kept, running=running
        )


def _gone(known: Iterable[tuple[str, User | None]], oldest: float) -> Iterator[Item]:
    """Give the records of environments that are no more, or that can't be read."""
    for path, user in known:
        with suppress(FileNotFoundError):
            if user is None or (not user.is_there() and os.lstat(path).st_mtime < oldest):
                yield _record(path)


def _record(path: str) -> Item:
    return Item(environments.BUCKET, path, "value", 0.0)


def _orphaned(cache_dir: str) -> Iterator[Item]:
    """Give the no-op marks of environments that are no more."""
    for path in stamp.orphans(cache_dir):
        yield Item(STAMPS, path, "value", 0.0)


def _is_due(item: Item, used: set[str], oldest: float) -> bool:
    if item.kind in ("left", "damaged", "outdated"):
        return True
    if item.kind == "running":
        return False
    return item.used < min(oldest, time.time() - _MOMENT) and item.name not in used


def _rest(every: Sequence[Item], chosen: Sequence[Item], pinned: set[str]) -> list[Item]:
    """Give what may be deleted to keep to a size."""
    going = {item.path for item in chosen}
    newest = time.time() - _MOMENT
    return [
        item
        for item in every
        if item.kind in ("entry", "value")
        and item.path not in going
        and item.name not in pinned
        and item.used < newest
    ]


def _stays(every: Sequence[Item], rest: Sequence[Item], chosen: Sequence[Item]) -> int:
    """Give the size of what is not to be deleted, whatever the size of the cache."""
    movable = {item.path for item in (*rest, *chosen)}
    inodes = Inodes()
    for item in every:
        if item.path not in movable:
            inodes.add(item.path)
    return inodes.size().bytes


def _over(rest: Sequence[Item], used: set[str], limit: int, total: int) -> tuple[list[Item], int]:
    """Give what is too much, and the size of what is kept: newest and most used first."""
    order = sorted(rest, key=lambda item: (item.name in used, item.used), reverse=True)
    over: list[Item] = []
    for item in order:
        size = measure(item.path).bytes
        if over or total + size > limit:  # nothing older is kept in place of something newer
            over.append(item)
        else:
            total += size
    return over, total


def clean(
    cache_dir: str, packages: frozenset[str], reporter: Reporter, *, dry_run: bool = False
) -> Removal:
    """Delete all of the cache, or what it holds of some packages (normalised names).

    What running processes work in stays. Raises as `prune` does.
    """
    if not check_ours(cache_dir, BUCKETS):
        return Removal()
    with storage_errors(cache_dir):
        every = list(items(cache_dir, BUCKETS))
        if packages:
            chosen = [item for item in every if _belongs_to(item, packages)]
        else:
            chosen = [item for item in every if item.kind != "running"]
            chosen += [_record(path) for path, _ in users(cache_dir)]
        running = 0 if packages else sum(item.kind == "running" for item in every)
        removal = _removal(chosen, cache_dir, reporter, dry_run=dry_run)
    return removal._replace(running=running)


def _removal(
    chosen: Sequence[Item], cache_dir: str, reporter: Reporter, *, dry_run: bool
) -> Removal:
    """Delete items; says what that frees."""
    inodes = Inodes()
    with during(Stage.DELETING, reporter, len(chosen)):
        for item in chosen:
            inodes.add(item.path)
            if not dry_run:
                delete(item, cache_dir)
            reporter.advance(Stage.DELETING, 1, item.name)
    size = inodes.size()
    return Removal(tuple(chosen), size.bytes - size.shared)


def _belongs_to(item: Item, packages: frozenset[str]) -> bool:
    """Say whether an item is one of some packages'."""
    package_of = item.bucket.package
    if item.kind not in ("entry", "value") or package_of is None:
        return False
    with suppress(OSError, ValueError):
        return _normal(package_of(item.path)) in packages
    return False


def _normal(name: str) -> str:
    from packaging.utils import canonicalize_name  # noqa: PLC0415

    return canonicalize_name(name)
