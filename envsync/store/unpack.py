"""Write the files of a judged wheel into a fresh folder that nobody else can enter."""

import errno
import os
from collections.abc import Iterable, Sequence

from envsync.errors import StorageFailed
from envsync.platform.files import content_mtime, free_bytes, set_folder_mode, set_mode
from envsync.platform.flags import NEW_FILE
from envsync.store.entries import EXECUTABLE_MODE, FILE_MODE, FOLDER_MODE
from envsync.store.manifest import StoredFile
from envsync.wheel.archive import WheelArchive
from envsync.wheel.file_bytes import Data
from envsync.wheel.members import WHOLE, Member, iter_member, read_member
from envsync.wheel.paths import folders_of

_BLOCK = 4096


def unpack(
    archive: WheelArchive, data: Data, tree: str, *, sync: bool
) -> tuple[tuple[StoredFile, ...], tuple[str, ...]]:
    """Write every member that may be installed below `tree`, a folder that this makes.

    Each member is compared with its size, CRC and RECORD on the way; files get modes and times
    that depend on nothing but their content and executable bit. `sync`: each is made durable.
    Gives the files and the folders. Raises `WheelInvalid`, `StorageFailed` and `OSError`.
    """
    members = [member for member in archive.members if not member.skip]
    _check_space(members, os.path.dirname(tree))
    folders = folders_of(member.path for member in members)
    exact = _make_folders(tree, folders)
    writer = _Writer(archive.filename, data, exact=exact, sync=sync)
    files = tuple(writer.write(f"{tree}/{member.path}", member) for member in members)
    for member in archive.members:
        if member.skip:
            writer.check(member)
    return files, tuple(folders)


def _check_space(members: Iterable[Member], folder: str) -> None:
    """Refuse what the disk can't hold before anything is written."""
    needed = sum(member.size + _BLOCK for member in members)
    free = free_bytes(folder)
    if needed > free:
        mib = 1 << 20
        raise StorageFailed(
            folder,
            f"unpacking needs {needed // mib + 1} MiB, and {free // mib} MiB are free",
            hint="free some space there, or set ENVSYNC_CACHE_DIR to a folder on a larger disk",
        )


def _make_folders(tree: str, folders: Sequence[str]) -> bool:
    """Make `tree` and its folders, all with one mode; say whether the umask lets modes stand."""
    os.mkdir(tree, FOLDER_MODE)
    exact = os.lstat(tree).st_mode & 0o7777 == FOLDER_MODE
    for folder in folders:
        os.mkdir(f"{tree}/{folder}", FOLDER_MODE)
    if not exact:
        for path in (tree, *(f"{tree}/{folder}" for folder in folders)):
            set_folder_mode(path, FOLDER_MODE)
    return exact


class _Writer:
    """Writes members of one wheel as files."""

    def __init__(self, filename: str, data: Data, *, exact: bool, sync: bool) -> None:
        self._filename, self._data, self._exact, self._sync = filename, data, exact, sync

    def write(self, path: str, member: Member) -> StoredFile:
        """Write one member to a new file."""
        mode = EXECUTABLE_MODE if member.executable else FILE_MODE
        descriptor = os.open(path, NEW_FILE, mode)
        try:
            if member.size <= WHOLE:
                content, sha256 = read_member(self._data, member, file=self._filename)
                write_all(descriptor, content)
            else:
                sha256 = self._write_pieces(descriptor, member)
            if not self._exact:
                set_mode(descriptor, mode)
            mtime = content_mtime(sha256)
            os.utime(descriptor, (mtime, mtime))
            if self._sync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return StoredFile(member.path, member.size, sha256, member.executable)

    def _write_pieces(self, descriptor: int, member: Member) -> str:
        sha256 = ""
        for piece, digest in iter_member(self._data, member, file=self._filename):
            write_all(descriptor, piece)
            sha256 = digest
        return sha256

    def check(self, member: Member) -> None:
        """Compare a member that is not installed."""
        for _ in iter_member(self._data, member, file=self._filename):
            pass


def write_all(descriptor: int, content: bytes | bytearray) -> None:
    """Write all of `content`. Raises `OSError`."""
    written = os.write(descriptor, content)
    while written < len(content):  # more than 2 GiB, or a disk that is filling up
        more = os.write(descriptor, memoryview(content)[written:])
        if more == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written += more
