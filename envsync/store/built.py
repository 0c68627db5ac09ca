"""Keep wheels that were built from source, whole or not at all.

    built-v3/KEY/shop-1.0-py3-none-any.whl      KEY names all that went into the build
    built-v3/KEY/manifest                       file name, size, sha256, and a checksum of these

An entry appears by one rename and never changes. Whatever is not as its manifest says counts as
absent, and the next `put` replaces it.
"""

import hashlib
import os
import re
import time
from contextlib import suppress
from typing import NamedTuple

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from envsync.cache.bucket import ENTRIES, STAGING, Bucket
from envsync.cache.folder import prepare_cache
from envsync.cache.scratch import DAY, scratch
from envsync.cache.values import with_checksum, without_checksum
from envsync.errors import StorageFailed
from envsync.platform.file_lock import FileLock
from envsync.platform.files import (
    read_limited,
    set_mode,
    sha256_file,
    storage_errors,
    sync_directory,
    write_atomic,
)

_LOCK = ".lock"
_LOCK_SECONDS = 60.0
_HEAD = "envsync built 1"
_MAX_MANIFEST_BYTES = 4096
_KEY = re.compile(r"[0-9a-f]{64}")


class BuiltWheel(NamedTuple):
    """A wheel in the store."""

    path: str
    filename: str
    sha256: str
    size: int


class BuiltStore:
    """Wheels built from source, below `cache_dir`; any number of processes may share it."""

    def __init__(self, cache_dir: str) -> None:
        self._bucket = BUCKET.folder(cache_dir)

    def get(self, key: str) -> BuiltWheel | None:
        """Give the wheel built as `key` (64 hexadecimal digits); None when there is no sound one.

        The wheel's bytes are compared with the manifest. Raises `StorageFailed` when the disk
        refuses.
        """
        entry = self._entry(key)
        with storage_errors(entry):
            try:
                wheel = read_built(entry)
                if wheel is None or os.path.islink(wheel.path):
                    return None
                _note_use(entry)
                is_sound = (
                    os.path.getsize(wheel.path) == wheel.size
                    and sha256_file(wheel.path) == wheel.sha256
                )
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None
        return wheel if is_sound else None

    def put(self, key: str, wheel_path: str) -> BuiltWheel:
        """Copy a wheel in as `key`, under its own file name, and give the entry.

        When another process was faster, its wheel is given. `ValueError` for a file name that is
        no wheel's; raises `StorageFailed`.
        """
        filename = os.path.basename(wheel_path)
        try:
            parse_wheel_filename(filename)
        except InvalidWheelFilename as error:
            raise ValueError(str(error)) from error
        entry = self._entry(key)
        with storage_errors(self._bucket):
            prepare_cache(os.path.dirname(self._bucket))
            with scratch(self._bucket, STAGING) as staged:
                _fill(staged, wheel_path, filename)
                return self._publish(staged, key, entry)

    def _publish(self, staged: str, key: str, entry: str) -> BuiltWheel:
        """Rename the staged entry into place, unless a sound one stands there."""
        # Readers take no lock. Writers do, or one could set aside what another just put in place
        # of an unsound entry.
        with FileLock(os.path.join(self._bucket, _LOCK), timeout=_LOCK_SECONDS):
            present = self.get(key)
            if present is not None:
                return present
            if os.path.lexists(entry):
                self._set_aside(entry)
            os.rename(staged, entry)
            sync_directory(self._bucket)
        wheel = self.get(key)
        if wheel is None:
            raise StorageFailed(entry, "what was written there is not what is read back")
        return wheel

    def _set_aside(self, entry: str) -> None:
        """Take an unsound entry away; renamed first, so that nobody sees half of it."""
        with scratch(self._bucket, STAGING) as aside:
            os.rename(entry, os.path.join(aside, "entry"))

    def _entry(self, key: str) -> str:
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is not a key")
        return os.path.join(self._bucket, key)


def _fill(folder: str, wheel_path: str, filename: str) -> None:
    """Write wheel and manifest into a new entry, and make them durable."""
    destination = os.path.join(folder, filename)
    digest = hashlib.sha256()
    with open(wheel_path, "rb") as source, open(destination, "xb") as copy:
        while piece := source.read(1 << 20):
            digest.update(piece)
            copy.write(piece)
        size = copy.tell()
        copy.flush()
        set_mode(copy.fileno(), 0o444)
        os.fsync(copy.fileno())
    text = f"{_HEAD}\n{filename}\n{size}\n{digest.hexdigest()}\n"
    write_atomic(os.path.join(folder, "manifest"), with_checksum(text.encode()))
    os.chmod(folder, 0o755)


def _note_use(entry: str) -> None:
    """Keep, once a day, that an entry is in use: the time of its manifest says so."""
    path = os.path.join(entry, "manifest")
    if os.stat(path).st_mtime < time.time() - DAY:
        with suppress(OSError):  # a store that is read-only
            os.utime(path)


def read_built(entry: str) -> BuiltWheel | None:
    """Read the manifest of an entry, a folder; None when it is not one of ours, whole.

    The wheel itself is not looked at. Raises `OSError`.
    """
    try:
        data = read_limited(os.path.join(entry, "manifest"), _MAX_MANIFEST_BYTES)
        head, filename, size, sha256, end = without_checksum(data).decode().split("\n")
    except ValueError:
        return None
    if head != _HEAD or end:
        return None
    return BuiltWheel(os.path.join(entry, filename), filename, sha256, int(size))


def _package(entry: str) -> str:
    wheel = read_built(entry)
    return wheel.filename.split("-")[0] if wheel else ""


BUCKET = Bucket("built-v3", ENTRIES, _package)
