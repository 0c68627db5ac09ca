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
import stat
import string
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.errors import HashMismatch, StorageFailed, WheelInvalid
from envsync.files import (
    content_mtime,
    make_private_directory,
    remove_tree,
    sha256_file,
    storage_errors,
    sync_directory,
)
from envsync.store.manifest import StoredFile, StoredWheel, parse_manifest, render_manifest
from envsync.store.unpack import (
    EXECUTABLE_MODE,
    FILE_MODE,
    FOLDER_MODE,
    set_folder_mode,
    unpack,
    write_all,
)
from envsync.wheel.archive import WheelArchive, open_wheel
from envsync.wheel.zip_directory import Data

__all__ = ["StoredFile", "StoredWheel", "WheelStore"]

BUCKET = "wheels-v1"

_STAGING, _DAMAGED = ".staging-", ".damaged-"
_STALE_SECONDS = 86_400
_TRIES = 5
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)
_HEX = frozenset(string.hexdigits.lower())
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_SYNCED = "synced"


class WheelStore:
    """Unpacked wheels by the sha256 of the wheel. Every method may be called from any thread."""

    def __init__(self, cache_dir: str) -> None:
        """Use the bucket below `cache_dir`, an absolute path; it is made when it is needed."""
        self.root = f"{cache_dir}/{BUCKET}"
        self._boot = _boot_id()
        self._trusted = False
        self._tidied = False

    def get(self, sha256: str) -> StoredWheel | None:
        """Give the entry of a wheel, None when there is none, or none that is whole.

        Reads the manifest only, and for an entry from before the last start of the system, once,
        all its files. Raises `StorageFailed`.
        """
        entry = self._entry(sha256)
        with storage_errors(entry):
            try:
                self._check_trust()
                with open(f"{entry}/manifest", "rb") as file:
                    data = file.read()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None
            try:
                wheel, boot = parse_manifest(data, tree=f"{entry}/tree")
            except (ValueError, IndexError, StopIteration):
                return None
            if wheel.sha256 != sha256 or not self._survived(entry, wheel, boot):
                return None
        return wheel

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

    def intact(self, wheel: StoredWheel) -> bool:
        """Say whether every file of an entry has the size, time and mode it was given."""
        return not self.damaged(wheel)

    def damaged(self, wheel: StoredWheel, *, hashed: bool = False) -> tuple[str, ...]:
        """Give the paths of files that are not as they were made, by size, time and mode.

        `hashed`: their content is read and compared, too. Raises `StorageFailed`.
        """
        with storage_errors(wheel.tree):
            try:
                tree = os.open(wheel.tree, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            except (FileNotFoundError, NotADirectoryError):
                return tuple(file.path for file in wheel.files)
            try:
                found = list(_altered(tree, wheel.files))
            finally:
                os.close(tree)
            if hashed:
                known = {file.path for file in found}
                found += [
                    file
                    for file in wheel.files
                    if file.path not in known
                    and sha256_file(f"{wheel.tree}/{file.path}") != file.sha256
                ]
        return tuple(file.path for file in found)

    def set_aside(self, wheel: StoredWheel) -> str:
        """Move an entry out of the way, for `add` to make it anew; give where it is now.

        Environments that hold links to its files keep them. Raises `StorageFailed`.
        """
        return self._set_aside(self._entry(wheel.sha256))

    def _set_aside(self, entry: str) -> str:
        with storage_errors(entry):
            aside = tempfile.mkdtemp(prefix=_DAMAGED, dir=self.root)
            with suppress(FileNotFoundError):  # somebody else was faster
                os.rename(entry, f"{aside}/{os.path.basename(entry)}")
        return aside

    def _entry(self, sha256: str) -> str:
        if len(sha256) != 64 or not _HEX.issuperset(sha256):
            raise ValueError(f"not a sha256 in lower-case hexadecimal: {sha256!a}")
        return f"{self.root}/{sha256}"

    def _survived(self, entry: str, wheel: StoredWheel, boot: str) -> bool:
        """Make sure that an entry from before the last start of the system reached the disk."""
        if boot in (self._boot, _SYNCED) or os.path.lexists(f"{entry}/verified"):
            return True
        if self.damaged(wheel, hashed=True):
            self._set_aside(entry)
            return False
        with suppress(OSError):  # a store that is read-only is read again next time
            os.close(os.open(f"{entry}/verified", os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o444))
        return True

    def _check_trust(self) -> None:
        """Refuse a store in which somebody else can write: what lies there is run as it is."""
        if self._trusted:
            return
        status = os.lstat(self.root)
        if not stat.S_ISDIR(status.st_mode):
            raise StorageFailed(self.root, "it is not a folder")
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            raise StorageFailed(
                self.root,
                "other users can write there, or own it",
                hint="take their write permission, or set ENVSYNC_CACHE_DIR to a folder of yours",
            )
        self._trusted = True

    def _prepare(self) -> None:
        """Make the bucket, and remove what killed processes left in it a day ago or earlier."""
        os.makedirs(os.path.dirname(self.root), exist_ok=True)
        with suppress(FileExistsError):
            os.mkdir(self.root, FOLDER_MODE)
        self._check_trust()
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
        sync = not self._boot
        files, folders = unpack(archive, data, f"{staging}/tree", sync=sync)
        wheel = StoredWheel(
            sha256=sha256,
            tree=f"{self._entry(sha256)}/tree",
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
        manifest = render_manifest(wheel, boot=self._boot or _SYNCED)
        _write_manifest(f"{staging}/manifest", manifest, sync=sync)
        set_folder_mode(staging)
        if sync:
            sync_directory(staging)
        return wheel

    def _publish(self, staging: str, wheel: StoredWheel) -> StoredWheel:
        """Rename the finished entry into place, unless another whole one got there first."""
        entry = self._entry(wheel.sha256)
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
            self._set_aside(entry)
        raise StorageFailed(entry, "something else is put there again and again")


def _check_identity(
    wheel: StoredWheel, filename: str, name: str | None, version: Version | None
) -> None:
    """See that an entry is what was asked for, as `open_wheel` does for a wheel."""
    if name is not None and canonicalize_name(name) != wheel.name:
        raise WheelInvalid(filename, f"it is {wheel.name}, not {canonicalize_name(name)}")
    if version is not None and version != Version(wheel.version):
        raise WheelInvalid(filename, f"it is version {wheel.version}, not {version}")


def _altered(tree: int, files: Iterable[StoredFile]) -> Iterator[StoredFile]:
    """Give the files whose type, mode, size or time is not what they were made with."""
    for file in files:
        path, size, sha256, executable = file
        try:
            status = os.stat(path, dir_fd=tree, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            yield file
            continue
        if (
            status.st_size != size
            or status.st_mtime_ns != content_mtime(sha256) * 1_000_000_000
            or status.st_mode != stat.S_IFREG | (EXECUTABLE_MODE if executable else FILE_MODE)
        ):
            yield file


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


def _boot_id() -> str:
    """Name this run of the system; empty where it can't be told from another."""
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except (OSError, ValueError):
        return ""
