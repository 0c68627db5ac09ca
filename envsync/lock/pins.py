"""What one environment gets from a lock, as values that can be remembered in a compact form."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import orjson

PinKind = Literal["wheel", "sdist", "archive", "directory", "vcs"]

_FORMAT = 1


class Pinned(NamedTuple):
    """One package of a lock with the one source that an environment takes it from (PEP 751)."""

    name: str
    version: str | None
    """None where the lock gives none: a source tree may change its version."""
    kind: PinKind
    """"archive" is a direct reference to a wheel or source archive: see `filename`."""
    filename: str
    """Plain file name; empty for directories and version control."""
    url: str | None
    path: str | None
    """Relative to the lock's folder, with forward slashes."""
    sha256: str
    """Hexadecimal; empty where the lock has only other secure hashes, or none is possible."""
    hashes: Mapping[str, str]
    """Every secure hash that the lock gives; the bytes must match all of them."""
    size: int | None = None
    """Bytes."""
    subdirectory: str | None = None
    editable: bool = False
    vcs: str | None = None
    commit: str | None = None
    requested_revision: str | None = None
    index_url: str | None = None
    """Base URL of the index that had the file."""

    @property
    def is_wheel(self) -> bool:
        """The artifact can be installed as it is, without a build."""
        return self.filename.endswith(".whl")


def pack_pins(pins: Iterable[Pinned]) -> bytes:
    """Write pins in the compact form that `unpack_pins` reads."""
    return orjson.dumps([_FORMAT, [tuple(pin) for pin in pins]])


def unpack_pins(data: bytes) -> tuple[Pinned, ...] | None:
    """Read what `pack_pins` wrote; None when it is something else, damaged or of another format."""
    try:
        version, rows = orjson.loads(data)
        pins = tuple(map(Pinned._make, rows))
    except (ValueError, TypeError):
        return None
    return pins if version == _FORMAT and all(map(_looks_right, rows)) else None


def _looks_right(row: list[object]) -> bool:
    """The fields that everything goes by have their types."""
    pin = Pinned._make(row)
    texts: tuple[object, ...] = (pin.name, pin.kind, pin.filename, pin.sha256)
    hashes: object = pin.hashes
    return all(isinstance(text, str) for text in texts) and isinstance(hashes, dict)
