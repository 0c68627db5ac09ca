"""The permissions of an environment's folders: one mode for all of them, whatever the umask."""

import os
import shlex
import stat
from collections.abc import Iterable

from envsync.errors import StorageFailed
from envsync.platform.user import is_mine, is_root

FOLDER_PERMISSIONS = 0o755
"""Of every folder that envsync owns in an environment, and of its root."""


def is_as_made(mode: int) -> bool:
    """Say whether an `st_mode` is that of a folder as envsync makes it.

    The setgid bit is the business of the folder above, which hands it down to new folders.
    """
    return mode & ~stat.S_ISGID == stat.S_IFDIR | FOLDER_PERMISSIONS


def permissions(mode: int) -> int:
    """Give the permissions that a folder with this `st_mode` is to have."""
    return FOLDER_PERMISSIONS | mode & stat.S_ISGID


def is_closed(path: str, mode: int) -> bool:
    """Say whether a folder's own permissions keep this process from looking into it."""
    return mode & 0o500 != 0o500 and not os.access(path, os.R_OK | os.X_OK)


def refuse_foreign(root: str, folders: Iterable[str], dated: Iterable[str] = ()) -> None:
    """See that this user may give these folders of an environment their permissions, and files
    and links that are `dated` their times.

    Raises `StorageFailed` for one that belongs to somebody else, `OSError`.
    """
    if is_root():
        return
    for path in map(f"{root}/".__add__, folders):
        if not is_mine(os.lstat(path)):
            path = path.rstrip("/")
            raise StorageFailed(
                path,
                "belongs to another user, and its permissions are not 755",
                hint=f"as its owner: `chmod 755 {shlex.quote(path)}`",
            )
    for path in map(f"{root}/".__add__, dated):
        if not is_mine(os.lstat(path)):
            raise StorageFailed(
                path,
                "belongs to another user, and its modification time is another than was placed",
                hint="as its owner: `envsync sync`",
            )
