"""Say of one file or link of an environment whether it is, by its bytes, what was placed."""

import errno
import os
import stat

from envsync.environment.manifest import Placed
from envsync.platform.files import sha256_of
from envsync.platform.flags import READ_NO_LINK

# Something else is there, or nothing: a link for a file, a file for a link, a socket.
_OTHER = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EINVAL, errno.ENXIO)


def has_content(root: str, file: Placed) -> bool:
    """Say whether a path below `root` is of the type, and has the content, that was placed.

    A link at the path is not followed, a device or pipe not read. Raises `OSError` for a file that
    cannot be read.
    """
    path = f"{root}/{file.path}"
    try:
        if stat.S_ISLNK(file.mode):
            return os.readlink(path) == file.content
        return _hash(path, file.size) == file.content
    except OSError as error:
        if error.errno in _OTHER:
            return False
        raise


def _hash(path: str, size: int) -> str | None:
    """Hash a file of this size; None for what is none, and need not have an end."""
    descriptor = os.open(path, READ_NO_LINK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            return None
        return sha256_of(descriptor, size)
    finally:
        os.close(descriptor)
