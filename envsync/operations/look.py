"""What those read who only look: a lock as a graph.

A lock is read and judged once; its graph is kept under the hash of the lock's bytes.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import orjson

from envsync import __version__
from envsync.cache.bucket import VALUES, Bucket
from envsync.cache.values import ValueCache
from envsync.errors import EnvsyncError, LockInvalid, UsageError
from envsync.events import Reporter
from envsync.lock.graph import Graph, as_values, from_values
from envsync.platform.files import read_limited, storage_errors
from envsync.project.paths import Project
from envsync.settings import Settings

if TYPE_CHECKING:
    from packaging.pylock import Package
    from packaging.requirements import Requirement

BUCKET = Bucket("graphs-v1", VALUES)
FORMAT = __version__
"""What is kept is in the form in which Python keeps code: read without importing anything, by the
same Python."""
MAX_BYTES = 16 * 1024 * 1024
"""Of a lock, as `lock.read` has it, which costs too much to import here."""


def read_graph(
    path: str, project: Project | None, settings: Settings, reporter: Reporter, *, shown: str = ""
) -> Graph:
    """Read a lock as a graph; `shown` is what messages call it, `project` the one that it is of.

    Raises `UsageError` where there is none, `LockInvalid`, `StorageFailed`.
    """
    shown = shown or os.path.basename(path)
    with storage_errors(path):
        try:
            data = read_limited(path, MAX_BYTES)
        except FileNotFoundError:
            raise UsageError(f"there is no {shown}", hint="`envsync lock` makes it") from None
        except ValueError as error:
            raise LockInvalid(shown, str(error)) from error
    return graph_of_bytes(data, project, settings, reporter, shown=shown)


def graph_of_bytes(
    data: bytes, project: Project | None, settings: Settings, reporter: Reporter, *, shown: str
) -> Graph:
    """Give the graph of a lock's text. Raises `LockInvalid`."""
    kept = ValueCache(BUCKET.folder(settings.cache_dir)) if settings.cache_dir else None
    sha256 = hashlib.sha256(data).hexdigest()
    key = f"{FORMAT} {sha256}"
    known = kept.get(key) if kept is not None else None
    if known is not None and (graph := _unpacked(known)) is not None:
        return graph
    graph = _read(data, project, settings, reporter, shown)._replace(sha256=sha256)
    # What isn't known today may be after the next sync.
    if kept is not None and graph.is_whole:
        kept.put(key, orjson.dumps(as_values(graph)))
    return graph


def _unpacked(data: bytes) -> Graph | None:
    try:
        return from_values(orjson.loads(data))
    except (ValueError, TypeError, IndexError):
        return None


def _read(
    data: bytes, project: Project | None, settings: Settings, reporter: Reporter, shown: str
) -> Graph:
    from envsync.lock.graph_of import graph_of  # noqa: PLC0415
    from envsync.lock.read import parse_lock  # noqa: PLC0415
    from envsync.lock.reading import ReadingPolicy, reading_policy  # noqa: PLC0415
    from envsync.project.env_toml import read_spec  # noqa: PLC0415

    # Nothing is fetched from where it says.
    policy = ReadingPolicy(settings.insecure_hosts, file_urls=True)
    if project is not None and project.spec_path:
        # An env.toml with mistakes is no reason to say nothing of its lock.
        with suppress(EnvsyncError):
            spec = read_spec(project)[0]
            policy = reading_policy(spec, settings.insecure_hosts, settings.default_index)
    policy = policy._replace(file_urls=True)
    try:
        pylock = parse_lock(data, path=shown, policy=policy, reporter=reporter)
    except LockInvalid as error:
        if project is None or project.named_lock or shown != os.path.basename(project.lock_path):
            error.hint = "any tool's pylock.toml will do; this one isn't read in part"
        raise
    return graph_of(pylock, _Known(settings).requires)


class _Known:
    """What packages require, as far as it is known on this machine."""

    def __init__(self, settings: Settings) -> None:
        from envsync.catalog.memory import MetadataMemory  # noqa: PLC0415
        from envsync.store.entries import StoreReader  # noqa: PLC0415

        self._memory = MetadataMemory(settings.cache_dir)
        self._store = StoreReader(settings.cache_dir)

    def requires(self, package: "Package") -> "Sequence[Requirement] | None":
        """Give it by what the lock was made from, else by the METADATA of a stored wheel."""
        from envsync.lock.evidence import evidence_of  # noqa: PLC0415

        if not package.dependencies:
            return ()
        facts = evidence_of(package).facts
        known = self._memory.locked(facts) if facts else None
        return self._stored(package) if known is None else known.requires_dist

    def _stored(self, package: "Package") -> "Sequence[Requirement] | None":
        from envsync.environment.placing import Tampered  # noqa: PLC0415
        from envsync.sync.metadata_check import read_metadata  # noqa: PLC0415

        for wheel in package.wheels or ():
            digest = wheel.hashes.get("sha256", "")
            if not digest or not os.path.isdir(self._store.entry(digest)):
                continue
            try:
                stored = self._store.get(digest)
                return read_metadata(stored).requires_dist if stored else None
            except (EnvsyncError, Tampered, OSError):
                return None
        return None


def normal(name: str) -> str:
    """Give the normalised name."""
    return re.sub(r"[-_.]+", "-", name).lower()
