"""Remember core metadata by who said it (`index.witness`), in a form that is read back quickly.

Requirements are kept as text: `parse_requirement` knows most of them already when they come back.
"""

import os

import orjson
from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.index.cache import ValueCache
from envsync.model.candidate import CoreMetadata
from envsync.wheel.requirement import parse_requirement, parse_specifiers

BUCKET = "core-v2"


class MetadataMemory:
    """Core metadata on disk; what is damaged or missing is simply not there."""

    def __init__(self, cache_dir: str) -> None:
        self._values = ValueCache(os.path.join(cache_dir, BUCKET))

    def get(self, key: str, group: str = "") -> CoreMetadata | None:
        """What was put under a witness, which for bytes that were read is their sha256; or None."""
        data = self._values.get(key, group)
        return None if data is None else unpack_metadata(data)

    def put(self, key: str, metadata: CoreMetadata, group: str = "") -> None:
        """Keep metadata under a witness; a disk that refuses is no error."""
        self._values.put(key, pack_metadata(metadata), group)


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
