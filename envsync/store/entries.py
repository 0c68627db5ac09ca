"""Read and check entries of the store of unpacked wheels; see `store.wheels` for its layout.

On the path of every sync: it imports nothing that only unpacking needs.
"""

import os
import stat
import time
from collections.abc import Mapping
from contextlib import suppress

from envsync.cache.bucket import DAMAGED, ENTRIES, Bucket
from envsync.errors import StorageFailed
from envsync.platform.durable import SYNCED, boot_id
from envsync.platform.files import content_mtime, make_private_directory, storage_errors
from envsync.platform.flags import TOUCH
from envsync.platform.user import is_mine
from envsync.store.manifest import StoredFile, StoredWheel, parse_manifest
from envsync.store.times import known, learn, restored, write_rows

_PAGE = 8192
_USE_SECONDS = 86_400.0
_HEX = frozenset("0123456789abcdef")


def package_in_manifest(entry: str) -> str:
    """Give the name of the package that an entry says it holds, unchecked. Raises `OSError`."""
    with open(f"{entry}/manifest", "rb") as file:
        for line in file.read(_PAGE).decode("utf-8", "replace").split("\n"):
            if line.startswith("name "):
                return line.removeprefix("name ")
    return ""


BUCKET = Bucket("wheels-v1", ENTRIES, package_in_manifest)
FILE_MODE, EXECUTABLE_MODE, FOLDER_MODE = 0o444, 0o555, 0o755


class StoreReader:
    """Unpacked wheels by the sha256 of the wheel. Every method may be called from any thread."""

    def __init__(self, cache_dir: str, bucket: Bucket = BUCKET, label: str = "") -> None:
        """Use a bucket below `cache_dir`, an absolute path; it is made when it is needed.

        `label` names what an entry was made for, where a wheel has several (`store.bytecode`).
        """
        self.root = bucket.folder(cache_dir)
        self.boot = boot_id()
        self.label = label
        self._trusted = False
        self._now = time.time()

    def get(self, sha256: str) -> StoredWheel | None:
        """Give the entry of a wheel, None when there is none, or none that is whole.

        Reads the manifest only, and for an entry from before the last start of the system, once,
        all its files. The manifest's time says, to the day, when the entry was last asked for.
        Raises `StorageFailed`.
        """
        entry = self.entry(sha256)
        with storage_errors(entry):
            try:
                self.check_trust()
                with open(f"{entry}/manifest", "rb") as file:
                    data = file.read()
                    self._note_use(file.fileno())
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None
            try:
                wheel, boot = self.parse(data, sha256)
            except ValueError:
                return None
            if not self._survived(entry, wheel, boot):
                return None
        return wheel

    def exists(self) -> bool:
        """Say whether there may be any entry."""
        return os.path.lexists(self.root)

    def parse(self, data: bytes, sha256: str) -> tuple[StoredWheel, str]:
        """Read the manifest of a wheel's entry: the wheel, and the boot it was written in.

        Raises `ValueError` for one that is damaged, or another entry's.
        """
        try:
            wheel, boot = parse_manifest(data, tree=f"{self.entry(sha256)}/tree")
        except (IndexError, StopIteration) as error:
            raise ValueError("it is cut") from error
        if wheel.sha256 != sha256 or (self.label and wheel.dist_info != self.label):
            raise ValueError("it is another entry's")
        return wheel, boot

    def intact(self, wheel: StoredWheel) -> bool:
        """Say whether every file of an entry is as it was made; see `damaged`."""
        return not self.damaged(wheel)

    def damaged(self, wheel: StoredWheel, *, hashed: bool = False) -> tuple[str, ...]:
        """Give the paths of files that are not as they were made.

        A file of the right size is compared by bytes where its mode, its time of modification or
        its time of last change (`store.times`) is another than expected; one that has its bytes
        gets mode and time back: a copy may lose them. `hashed`: all are compared. Raises
        `StorageFailed`.
        """
        entry = os.path.dirname(wheel.tree)
        rows, learned, problems = known([entry]), dict[int, int](), list[str]()
        with storage_errors(wheel.tree):
            is_folder = os.path.isdir(wheel.tree) and not os.path.islink(wheel.tree)
            for file in wheel.files:
                path = f"{wheel.tree}/{file.path}"
                status = _lstat(path) if is_folder else None
                if status and not hashed and _is_as_made(status, file, rows):
                    continue
                right = _restored(path, status, file) if status else None
                if right is None:
                    problems.append(file.path)
                elif right[1]:
                    learned[right[0]] = right[1]
        if learned.keys() <= rows.keys():
            learn(entry, learned)
        else:  # files of a copy have other inodes
            with suppress(OSError):
                paths = (file.path for file in wheel.files)
                write_rows(entry, wheel.tree, paths, {**rows, **learned})
        return tuple(problems)

    def set_aside(self, wheel: StoredWheel) -> str:
        """Move an entry out of the way, for `add` to make it anew; give where it is now.

        Environments that hold links to its files keep them. Raises `StorageFailed`.
        """
        return self.set_entry_aside(self.entry(wheel.sha256))

    def set_entry_aside(self, entry: str) -> str:
        """Move a folder of the bucket out of the way, whatever is in it; give where it is now."""
        with storage_errors(entry):
            aside = make_private_directory(self.root, DAMAGED)
            try:
                os.rename(entry, f"{aside}/{os.path.basename(entry)}")
            except FileNotFoundError:  # somebody else was faster
                with suppress(FileNotFoundError):
                    os.rmdir(aside)
        return aside

    def entry(self, sha256: str) -> str:
        """Give the folder of an entry."""
        if len(sha256) != 64 or not _HEX.issuperset(sha256):
            raise ValueError(f"not a sha256 in lower-case hexadecimal: {sha256!a}")
        return f"{self.root}/{sha256}-{self.label}" if self.label else f"{self.root}/{sha256}"

    def _note_use(self, manifest: int) -> None:
        """Note once a day that the entry of an open manifest is in use: see `operations.cache`."""
        if os.fstat(manifest).st_mtime < self._now - _USE_SECONDS:
            with suppress(OSError):  # a store that is read-only
                os.utime(manifest)

    def _survived(self, entry: str, wheel: StoredWheel, boot: str) -> bool:
        """Make sure that an entry from before the last start of the system reached the disk."""
        if boot in (self.boot, SYNCED) or os.path.lexists(f"{entry}/verified"):
            return True
        if self.damaged(wheel, hashed=True):
            self.set_entry_aside(entry)
            return False
        with suppress(OSError):  # a store that is read-only is read again next time
            os.close(os.open(f"{entry}/verified", TOUCH, 0o444))
        return True

    def check_trust(self) -> None:
        """Refuse a store in which somebody else can write: what lies there is run as it is."""
        if not self._trusted:
            refuse_shared(self.root)
            self._trusted = True


def refuse_shared(bucket: str) -> None:
    """Raise `StorageFailed` for a folder in which somebody else can write; `OSError`."""
    status = os.lstat(bucket)
    if not stat.S_ISDIR(status.st_mode):
        raise StorageFailed(bucket, "it is not a folder")
    if not is_mine(status) or status.st_mode & 0o022:
        raise StorageFailed(
            bucket,
            "other users can write there, or own it",
            hint="take their write permission, or set ENVSYNC_CACHE_DIR to a folder of yours",
        )


def file_mode(file: StoredFile) -> int:
    """Give the `st_mode` of a stored file."""
    return stat.S_IFREG | (EXECUTABLE_MODE if file.executable else FILE_MODE)


def _lstat(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _is_as_made(status: os.stat_result, file: StoredFile, rows: Mapping[int, int]) -> bool:
    """Say whether type, mode, size and times of a file show that nothing happened to it."""
    return (
        status.st_size == file.size
        and status.st_mode == file_mode(file)
        and status.st_mtime_ns == content_mtime(file.sha256) * 1_000_000_000
        and rows.get(status.st_ino) == status.st_ctime_ns
    )


def _restored(path: str, status: os.stat_result, file: StoredFile) -> tuple[int, int] | None:
    mode, mtime = file_mode(file), content_mtime(file.sha256)
    return restored(path, status, mode=mode, size=file.size, sha256=file.sha256, mtime=mtime)
