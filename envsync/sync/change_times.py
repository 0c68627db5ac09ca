"""Judge files by their times of last change, and by their bytes where times leave that open.

An environment knows when its files last changed while they were right (`environment.times`), and so
does the store of its own (`store.times`). Environments share files with the store by hard links, so
that a link that one of them makes moves the time in all: the store's row explains it, since whoever
links notes it there. What nothing explains (an edit that put the time of modification back, a link
that somebody else made or removed) is compared by bytes, once.
"""

import os
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from envsync.environment.drift import Drift, is_dated
from envsync.environment.manifest import Placed
from envsync.errors import StorageFailed
from envsync.store.entries import refuse_shared
from envsync.store.times import changed, is_settled, known, learn
from envsync.store.users import recall_user


class Judged(NamedTuple):
    """An environment's differences, and since when the rest of its files is known to be right."""

    drift: Drift
    times: Mapping[str, int]
    """Time of last change, by path."""
    times_changed: bool = False
    """They are other ones than were known before."""


def judge(
    root: str,
    placed: Mapping[str, Placed],
    drift: Drift,
    times: Mapping[str, int],
    cache_dir: str | None,
    *,
    closely: bool,
    owners: Collection[str] | None = None,
) -> Judged:
    """Settle what a scan left open: by what the store knows, else by bytes; `closely`: all files.

    `times` are those with which it was scanned. All files may be those of some `owners` alone. What
    was compared here and is the store's own file as well is noted there. Raises `OSError` for a
    file that can't be read.
    """
    wrong = {*drift.missing, *drift.edited}
    if not (drift.unsure or wrong or closely):
        return Judged(drift, times)
    entries = _entries(root, cache_dir, owners)
    rows = known(entries)
    paths = [path for path in placed if path not in wrong] if closely else drift.unsure
    moment = time.time_ns()  # what is edited from here on may not have been read any more
    fresh: dict[str, int] = {}
    compared: dict[str, os.stat_result] = {}
    for path in paths:
        with suppress(FileNotFoundError, NotADirectoryError):
            status = os.lstat(f"{root}/{path}")
            is_explained = rows.get(status.st_ino) == changed(status)
            if is_explained and not closely and is_dated(placed[path], status):
                fresh[path] = changed(status)
                continue
            compared[path] = status
    other = _other({path: placed[path] for path in paths if path not in fresh}, root)
    for path in compared.keys() - other:
        # An edit in the tick of the clock in which it was read would have the same time (H75): such
        # a file is compared again.
        if is_settled(changed(compared[path]), moment):
            fresh[path] = changed(compared[path])
    _teach(entries, {compared[path].st_ino: fresh[path] for path in fresh.keys() & compared.keys()})
    dated = (
        p for p, status in compared.items() if p not in other and not is_dated(placed[p], status)
    )
    judged = drift._replace(
        edited=tuple(sorted({*drift.edited, *other})), times=tuple(sorted(dated)), unsure=()
    )
    gone = {*wrong, *paths}
    kept = {path: change for path, change in times.items() if path not in gone}
    return Judged(judged, kept | fresh, times_changed=True)


def _other(placed: Mapping[str, Placed], root: str) -> set[str]:
    """Give the paths that have other bytes than were placed there."""
    if not placed:
        return set()
    from envsync.environment.every_byte import altered  # noqa: PLC0415  (threads: 15 ms)

    return set(altered(root, placed, ()))


def _entries(root: str, cache_dir: str | None, owners: Collection[str] | None) -> list[str]:
    """Give the folders of the entries that files of an environment's owners may be links to."""
    user = recall_user(cache_dir, root) if cache_dir is not None else None
    used = user.entries if user else {}
    names = {
        entry
        for owner, entries in used.items()
        if owners is None or owner in owners
        for entry in entries
    }
    trusted: dict[str, bool] = {}
    for name in names:
        bucket = name.partition("/")[0]
        # Once for each bucket, not for each of the hundreds of entries in it.
        if bucket not in trusted:
            trusted[bucket] = _is_trusted(f"{cache_dir}", bucket)
    return [f"{cache_dir}/{name}" for name in sorted(names) if trusted[name.partition("/")[0]]]


def _is_trusted(cache_dir: str, bucket: str) -> bool:
    """Say whether nobody else can have written what a bucket says."""
    try:
        refuse_shared(f"{cache_dir}/{bucket}")
    except (OSError, StorageFailed):
        return False
    return True


def _teach(entries: Iterable[str], learned: Mapping[int, int]) -> None:
    if learned:
        for entry in entries:
            learn(entry, learned)
