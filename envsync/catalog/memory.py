"""Remember core metadata by who said it (`index.witness`), in a form that is read back quickly.

Requirements are kept as text: `parse_requirement` knows most of them already when they come back.
"""

from collections.abc import Iterable

import orjson
from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.cache.bucket import VALUES, Bucket
from envsync.cache.values import ValueCache, beginning, first_text
from envsync.catalog.decisions import forget_decisions
from envsync.index import metadata_source
from envsync.index.witness import of_bytes
from envsync.model.candidate import CoreMetadata
from envsync.model.resolution import ResolvedPackage
from envsync.wheel.facts import facts_digest
from envsync.wheel.requirement import parse_requirement, parse_specifiers


def _package(path: str) -> str:
    return first_text(beginning(path))


BUCKET = Bucket("core-v3", VALUES, _package)
_LOCKED = "locked "
"""Begins the keys of what locks were made from; a digest follows."""


class MetadataMemory:
    """Core metadata on disk; what is damaged or missing is simply not there."""

    def __init__(self, cache_dir: str) -> None:
        self._values = ValueCache(BUCKET.folder(cache_dir))

    def get(self, key: str, group: str = "") -> CoreMetadata | None:
        """What was put under a witness, which for bytes that were read is their sha256; or None."""
        data = self._values.get(key, group)
        return None if data is None else unpack_metadata(data)

    def put(self, key: str, metadata: CoreMetadata, group: str = "") -> None:
        """Keep metadata under a witness; a disk that refuses is no error."""
        self._values.put(key, pack_metadata(metadata), group)

    def has(self, key: str) -> bool:
        """Say whether something is kept under a key, without reading what it means."""
        return self._values.get(key) is not None

    def locked(self, facts: str) -> CoreMetadata | None:
        """The metadata that a lock was made from, by the digest that it has (`lock.evidence`)."""
        metadata = self.get(_LOCKED + facts)
        return metadata if metadata is not None and facts_digest(metadata) == facts else None


def keep_locked(cache_dir: str, packages: Iterable[ResolvedPackage]) -> None:
    """Keep what a lock is made from, so that a sync can say how a wheel differs from it."""
    memory = MetadataMemory(cache_dir)
    for package in packages:
        key = _LOCKED + package.facts
        # Most are there since the lock of before: looking is cheaper than writing.
        if package.metadata is not None and not memory.has(key):
            memory.put(key, package.metadata)


def believe_bytes(cache_dir: str, sha256: str, metadata: CoreMetadata, said: Iterable[str]) -> None:
    """Forget all that was said of the files called `said`, with what was decided by that, and keep
    what a file's bytes say.

    `sha256` is that of the file, "" for metadata that is not a listed file's.
    """
    forget_decisions(cache_dir)
    for bucket in (BUCKET, metadata_source.BUCKET):
        cache = ValueCache(bucket.folder(cache_dir))
        for filename in said:
            cache.forget(filename)
    if sha256:
        MetadataMemory(cache_dir).put(of_bytes(sha256).key, metadata)


def pack_metadata(metadata: CoreMetadata) -> bytes:
    """Write metadata in the compact form that `unpack_metadata` reads."""
    return orjson.dumps(
        (
            metadata.name,
            str(metadata.version),
            [str(requirement) for requirement in metadata.requires_dist],
            None if metadata.requires_python is None else str(metadata.requires_python),
            sorted(metadata.provides_extra),
        )
    )


def unpack_metadata(data: bytes) -> CoreMetadata | None:
    """Read what `pack_metadata` wrote; None when it is something else."""
    try:
        name, version, requires, requires_python, extras = orjson.loads(data)
        return CoreMetadata(
            name=canonicalize_name(name, validate=True),
            version=Version(version),
            requires_dist=tuple(map(parse_requirement, requires)),
            requires_python=None if requires_python is None else parse_specifiers(requires_python),
            provides_extra=frozenset(map(canonicalize_name, extras)),
        )
    except (ValueError, TypeError, AttributeError):
        return None
