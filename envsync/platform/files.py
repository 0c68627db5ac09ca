"""Files written whole or not at all, and the system's refusals turned into errors."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader

from envsync.errors import StorageFailed
from envsync.platform.flags import FOLDER, NEW_FILE, READ

_HINTS = {
    errno.ENOSPC: "free some space there, then run the command again",
    errno.EDQUOT: "your disk quota is used up: free some space, then run the command again",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "check who owns it and its permissions",
    errno.EPERM: "check who owns it and its permissions",
    errno.EMFILE: "too many open files: raise `ulimit -n`",
    errno.ENFILE: "too many open files on this machine",
    errno.EIO: "the disk reports an error: check it before you go on",
    errno.ENAMETOOLONG: "move the project or the cache (ENVSYNC_CACHE_DIR) to a shorter path",
    errno.ENOENT: "check the path; `--cache-dir DIR` names another folder for the cache",
    errno.ENOTDIR: "check the path; `--cache-dir DIR` names another folder for the cache",
    errno.ENOLCK: "there are no file locks: set XDG_STATE_HOME to a folder on another file system",
}

_WHOLE = 1 << 20

OPEN_FILES = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")
"""Paths that begin so name what this process was given open, not a file of that name."""

# Before 2001 and after 2017 no content time falls; 500 million seconds keep it inside 32 bits.
_FIRST_CONTENT_TIME = 1_000_000_000
_CONTENT_TIME_SPAN = 500_000_000


def content_mtime(sha256: str) -> int:
    """Give the modification time, in seconds since the epoch, of a file with this content.

    A file's time is a function of its hash, so that a file's expected time needs no record,
    compiled bytecode is the same everywhere, and two contents of one size almost never share
    the (size, time) pair by which Python judges whether bytecode is stale.
    """
    return _FIRST_CONTENT_TIME + int(sha256[:8], 16) % _CONTENT_TIME_SPAN


def content_times(hashes: Iterable[str]) -> list[int]:
    """Give `content_mtime` of each, in nanoseconds: tens of thousands in one loop."""
    first, span = _FIRST_CONTENT_TIME * 1_000_000_000, _CONTENT_TIME_SPAN
    return [first + int(sha256[:8], 16) % span * 1_000_000_000 for sha256 in hashes]


@contextmanager
def storage_errors(path: str) -> Iterator[None]:
    """Turn an `OSError` raised inside into `StorageFailed`, naming the file."""
    try:
        yield
    except OSError as error:
        raise storage_failed(path, error) from error


def storage_failed(path: str, error: OSError) -> StorageFailed:
    """Word an `OSError`: where, the system's reason, and what to do about it."""
    where = error.filename if isinstance(error.filename, str) else path
    reason = error.strerror or str(error)
    hint = _HINTS.get(error.errno) if error.errno is not None else None
    if isinstance(error, (NotRegular, IsADirectoryError)):
        hint = "put a plain file in its place"
    return StorageFailed(where, reason[:1].lower() + reason[1:], hint=hint)


def write_atomic(path: str, data: bytes, *, mode: int = 0o644, sync: bool = True) -> None:
    """Replace the file at `path` by `data`, whole or not at all, also when the power fails.

    Without `sync` a power failure may lose it: for what carries a checksum of its own. A symbolic
    link at `path` is replaced, never written through. Raises `StorageFailed`.
    """
    with storage_errors(path):
        temporary = write_beside(path, data, mode, sync=sync)
        try:
            os.replace(temporary, path)
        except BaseException:
            _discard(temporary)
            raise
        if sync:
            sync_directory(os.path.dirname(path) or ".")


def write_beside(path: str, data: bytes, mode: int, *, sync: bool) -> str:
    """Write a new file in the folder of `path`, whole or not at all; gives its path. `OSError`."""
    folder, name = os.path.split(path)
    temporary = f"{folder or '.'}/.{name}.{unguessable()}"
    descriptor = os.open(temporary, NEW_FILE, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            if sync:
                os.fsync(file.fileno())
    except BaseException:
        _discard(temporary)
        raise
    return temporary


def open_regular(path: str) -> BufferedReader:
    """Open a file for reading. `NotRegular` where something else stands: a FIFO, device or folder.

    A FIFO would keep the reader waiting, and a device may have no end; some devices act on being
    opened, so what stands there is asked first. Raises `OSError`.
    """
    _require_regular(os.stat(path), path)
    descriptor = os.open(path, READ)
    try:
        _require_regular(os.fstat(descriptor), path)  # another may stand there by now
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


class NotRegular(OSError):
    """Something other than a file stands where a file is to be read."""


def _require_regular(status: os.stat_result, path: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", path)
    if not stat.S_ISREG(status.st_mode):
        raise NotRegular(errno.EINVAL, "it is no regular file but a device, FIFO or socket", path)


def read_limited(path: str, limit: int) -> bytes:
    """Read a regular file of at most `limit` bytes; `ValueError` when larger, else `OSError`."""
    with open_regular(path) as file:
        # Room for the limit would be made, and given back, for every small file.
        size = os.fstat(file.fileno()).st_size
        data = file.read(min(size, limit) + 1)
        if len(data) > size:  # it grows, or is one of those that say that they are empty
            data += file.read(max(0, limit + 1 - len(data)))
    if len(data) > limit:
        raise ValueError(f"larger than {limit} bytes")
    return data


def sha256_file(path: str) -> str:
    """Hash a regular file's content: sha256 in hexadecimal. Raises `OSError`."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of(descriptor: int, size: int) -> str:
    """Hash an open file of this size, from where it stands; more or less gives another hash.

    Whole where it is small, as nearly all are: a buffer for pieces takes longer than such a file.
    """
    if size > _WHOLE:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    data = os.read(descriptor, size + 1)
    return hashlib.sha256(data).hexdigest()


def set_mode(descriptor: int, mode: int) -> None:
    """Give an open file these permissions, whatever the umask. Raises `OSError`."""
    os.fchmod(descriptor, mode)


def set_folder_mode(path: str, mode: int) -> None:
    """Give a folder these permissions, never what a link leads to. Raises `OSError`."""
    descriptor = os.open(path, FOLDER)
    try:
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def free_bytes(folder: str) -> int:
    """Give how much this user may still write to the disk of a folder. Raises `OSError`."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def sync_directory(path: str) -> None:
    """Make a directory's entries durable. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        flush_directory(descriptor)
    finally:
        os.close(descriptor)


def flush_directory(descriptor: int) -> None:
    """Make the entries of an open directory durable. Raises `OSError`."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EROFS):  # file systems that sync no directory
            raise


_SHALLOW = 6
"""Folders in one another whose path is short enough, whatever their names."""


def remove_tree(path: str) -> None:
    """Remove a file or a whole tree, never following links; what is missing is fine.

    Folders that were made unwritable are made writable first. Raises `OSError`.
    """
    if os.path.islink(path) or not os.path.isdir(path):
        _discard(path)
        return

    import shutil  # noqa: PLC0415  (8 ms, and nothing is removed on the paths that are timed)

    try:
        shutil.rmtree(path)
    except (PermissionError, RecursionError):
        _flatten(path)
        shutil.rmtree(path)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTEMPTY):
            raise
        # Somebody else removes it too, or a thread still adds to it: once more.
        if os.path.lexists(path):
            shutil.rmtree(path)


def _flatten(path: str) -> None:
    """Make the folders of a tree writable, and bring what lies deep in it to its top.

    Removing a tree calls itself for each folder, and no path may be longer than some kilobytes;
    what a build made may be deeper than both allow.
    """
    os.chmod(path, 0o700)
    waiting = [path]
    while waiting:
        top = waiting.pop()
        for folder, names, _ in os.walk(top):
            names[:] = [name for name in names if not os.path.islink(f"{folder}/{name}")]
            for name in names:
                os.chmod(f"{folder}/{name}", 0o700)
            if folder.count("/") - top.count("/") == _SHALLOW:
                for name in names:
                    waiting.append(f"{path}/{unguessable()}")
                    os.rename(f"{folder}/{name}", waiting[-1])
                names.clear()


def make_folders(path: str, mode: int = 0o755) -> None:
    """Make a folder and those above it that are missing; others write to none, whatever the umask.

    Raises `OSError`.
    """
    if not os.path.isdir(path):
        make_folders(os.path.dirname(path) or "/")
        try:
            os.mkdir(path, mode)
        except FileExistsError:  # perhaps another process was faster
            if not os.path.isdir(path):
                raise


def make_private_directory(parent: str, prefix: str) -> str:
    """Make a fresh directory that only this user can enter, below `parent`, and give its path."""
    make_folders(parent)
    path = f"{parent}/{prefix}{unguessable()}"
    os.mkdir(path, 0o700)
    return path


def unguessable() -> str:
    """Give a name that nobody can have taken before."""
    return os.urandom(8).hex()


def _discard(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def write_new(path: str, data: bytes, *, mode: int, mtime: int) -> None:
    """Write a new file with exactly this content, permissions and time (seconds since the epoch).

    Raises `OSError`, `FileExistsError` when something is there already.
    """
    descriptor = os.open(path, NEW_FILE, 0o600)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(data)
        os.fchmod(descriptor, mode & 0o777)
        os.utime(descriptor, (mtime, mtime))
    finally:
        os.close(descriptor)
