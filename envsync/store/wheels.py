"""The store of unpacked wheels, shared by all projects and processes of a user.

An entry is a folder named by the wheel's sha256, `wheels-v1/<sha256>/`:

    manifest     the files with size, hash and mode; written last
    tree/        the files themselves, read-only, laid out as in the wheel
    verified     empty; there once the entry has been read back after a restart of the system

It is built aside in a private folder and renamed, so it is there whole or not at all, and it
never changes. Nobody waits for anybody: of two processes that make one entry the slower one drops
its own. Manifest and files never share a folder, so no wheel can bring a manifest of its own.

Files are not flushed one by one. After a crash of the system some may be empty or missing though
the manifest is there, so an entry that was written before the last start of the system is hashed
once before it is used.
"""

import errno
import hashlib
import mmap
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.errors import HashMismatch, StorageFailed, WheelInvalid
from envsync.files import (
    make_private_directory,
    remove_tree,
    storage_errors,
    sync_directory,
)
from envsync.store.entries import FOLDER_MODE, SYNCED, StoreReader
from envsync.store.manifest import StoredFile, StoredWheel, render_manifest
from envsync.store.unpack import (
    set_folder_mode,
    unpack,
    write_all,
)
from envsync.wheel.archive import WheelArchive, open_wheel
from envsync.wheel.zip_directory import Data

__all__ = ["StoredFile", "StoredWheel", "WheelStore"]

_STAGING = ".staging-"
_STALE_SECONDS = 86_400
_TRIES = 5
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


class WheelStore(StoreReader):
    """The store, with what it takes to add to it."""

    _tidied = False

    def add(
        self,
        archive_path: str,
        *,
        sha256: str,
        filename: str,
        name: str | None = None,
        version: Version | None = None,
    ) -> StoredWheel:
        """Read, judge and unpack a wheel, unless it is there already.

        The file at `archive_path` must not change meanwhile: give a private copy of one that
        others may write to. `filename` is its real name; `name` and `version`, where given, are
        what it must be. Raises `HashMismatch` when it hasn't this sha256, `WheelInvalid`, and
        `StorageFailed`.
        """
        present = self.get(sha256)
        if present is not None:
            _check_identity(present, filename, name, version)
            return present
        with storage_errors(self.root), _mapped(archive_path) as data:
            found = hashlib.sha256(data).hexdigest()
            if found != sha256:
                raise HashMismatch(filename, f"sha256 {sha256}", f"sha256 {found}")
            archive = open_wheel(data, filename=filename, name=name, version=version)
            self._prepare()
            staging = make_private_directory(self.root, _STAGING)
            try:
                wheel = self._build(staging, archive, data, sha256)
                return self._publish(staging, wheel)
            finally:
                remove_tree(staging)

    def _prepare(self) -> None:
        """Make the bucket, and remove what killed processes left in it a day ago or earlier."""
        os.makedirs(os.path.dirname(self.root), exist_ok=True)
        with suppress(FileExistsError):
            os.mkdir(self.root, FOLDER_MODE)
        self.check_trust()
        if self._tidied:
            return
        self._tidied = True
        oldest = time.time() - _STALE_SECONDS
        for name in os.listdir(self.root):
            path = f"{self.root}/{name}"
            with suppress(FileNotFoundError):  # its owner has just finished
                if name.startswith(_STAGING) and os.lstat(path).st_mtime < oldest:
                    remove_tree(path)

    def _build(self, staging: str, archive: WheelArchive, data: Data, sha256: str) -> StoredWheel:
        """Make a whole entry in `staging`, manifest last."""
        sync = not self.boot
        files, folders = unpack(archive, data, f"{staging}/tree", sync=sync)
        wheel = StoredWheel(
            sha256=sha256,
            tree=f"{self.entry(sha256)}/tree",
            name=archive.name,
            version=str(archive.version),
            dist_info=archive.dist_info,
            purelib=archive.purelib,
            files=files,
            entry_points=archive.entry_points,
            folders=folders,
            fold_collisions=archive.fold_collisions,
        )
        if sync:
            for folder in ("", *(f"/{folder}" for folder in folders)):
                sync_directory(f"{staging}/tree{folder}")
        manifest = render_manifest(wheel, boot=self.boot or SYNCED)
        _write_manifest(f"{staging}/manifest", manifest, sync=sync)
        set_folder_mode(staging)
        if sync:
            sync_directory(staging)
        return wheel

    def _publish(self, staging: str, wheel: StoredWheel) -> StoredWheel:
        """Rename the finished entry into place, unless another whole one got there first."""
        entry = self.entry(wheel.sha256)
        for _ in range(_TRIES):
            try:
                os.rename(staging, entry)
            except OSError as error:
                if error.errno not in _TAKEN:
                    raise
            else:
                return wheel
            winner = self.get(wheel.sha256)
            if winner is not None:
                return winner
            self.set_entry_aside(entry)
        raise StorageFailed(entry, "something else is put there again and again")


def _check_identity(
    wheel: StoredWheel, filename: str, name: str | None, version: Version | None
) -> None:
    """See that an entry is what was asked for, as `open_wheel` does for a wheel."""
    if name is not None and canonicalize_name(name) != wheel.name:
        raise WheelInvalid(filename, f"it is {wheel.name}, not {canonicalize_name(name)}")
    if version is not None and version != Version(wheel.version):
        raise WheelInvalid(filename, f"it is version {wheel.version}, not {version}")


@contextmanager
def _mapped(path: str) -> Iterator[Data]:
    """Map a file into memory for reading."""
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data


def _write_manifest(path: str, data: bytes, *, sync: bool) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o444)
    try:
        write_all(descriptor, data)
        os.fchmod(descriptor, 0o444)
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
