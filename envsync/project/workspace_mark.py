"""Remember that a workspace's lock answers all its files, by their sizes and times.

    workspaces-v1/<key>     lines: the sha256 of env.toml and of the lock; then of each file and
                            folder that decides what members need size, time and path

The bytes of env.toml don't say what members do, so what rests on these bytes alone (`answered`,
`sync.remembered`) rests on this as well. Nothing is kept about what changed since the command
began that read it, or just before: clocks of file systems tick coarsely.
"""

import hashlib
import os
from collections.abc import Iterable
from typing import NamedTuple

from envsync import __version__
from envsync.cache.bucket import VALUES, Bucket
from envsync.cache.values import ValueCache, key_of
from envsync.platform.files import sha256_file
from envsync.project.paths import Project
from envsync.settings import Settings

BUCKET = Bucket("workspaces-v1", VALUES)
_GROUP = "all"
_TICK_NS = 20_000_000


class Answer(NamedTuple):
    """An env.toml and a lock that answers it, by their bytes."""

    spec: bytes
    lock: bytes
    begun_ns: int
    """The time before anything was read of what decided it."""


def keep(project: Project, answer: Answer, paths: Iterable[str], settings: Settings) -> None:
    """Keep that env.toml, the lock and what lies at `paths`, absolute, belong together."""
    try:
        rows = [_status(path) for path in sorted(set(paths))]
    except OSError:
        return
    if all(time_ns < answer.begun_ns - _TICK_NS for _, time_ns, _ in rows):
        files = [hashlib.sha256(data).hexdigest() for data in (answer.spec, answer.lock)]
        lines = [*files, *(f"{size} {time_ns} {path}" for size, time_ns, path in rows)]
        value = "\n".join(lines).encode("utf-8", "surrogateescape")
        _values(settings.cache_dir).put(_key(project, settings), value, _GROUP)


def known(project: Project, settings: Settings) -> str | None:
    """Give a digest of all that was kept where it still is so; None: look closer."""
    value = _values(settings.cache_dir).get(_key(project, settings), _GROUP)
    if value is None:
        return None
    try:
        spec, lock, *rows = value.decode("utf-8", "surrogateescape").split("\n")
        if spec != sha256_file(project.spec_path) or lock != sha256_file(project.lock_path):
            return None
        for row in rows:
            size, time_ns, path = row.split(" ", 2)
            if _status(path) != (int(size), int(time_ns), path):
                return None
    except (OSError, ValueError):
        return None
    return hashlib.sha256(value).hexdigest()


def forget(cache_dir: str) -> None:
    """Drop what is known of every workspace: a build showed one of its folders to be otherwise."""
    _values(cache_dir).forget(_GROUP)


def _status(path: str) -> tuple[int, int, str]:
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns, path


def _values(cache_dir: str) -> ValueCache:
    return ValueCache(BUCKET.folder(cache_dir))


def _key(project: Project, settings: Settings) -> str:
    return key_of((__version__, settings.default_index or "", project.spec_path))
