"""The user's secret key, under which the state of environments is sealed.

    STATE/key         32 random bytes, for this user's eyes only (mode 0600 in a folder of 0700)

STATE is the user's folder for state, or, where no home can hold one, a folder in the cache; it is
never in a project, and `cache clean` leaves it. A key that is another user's, or a link, is not
looked into. One that others can read, or of another length, is made anew: what it sealed is then
judged as a stranger's is, by its bytes, and sealed again.
"""

import errno
import os
import stat
from contextlib import suppress

from envsync.environment.seal import KEY_BYTES, NOBODY, Seal
from envsync.errors import StorageFailed
from envsync.platform.durable import flush_all
from envsync.platform.file_lock import FileLock
from envsync.platform.files import make_folders, storage_failed, write_atomic
from envsync.platform.flags import READ_NO_LINK
from envsync.platform.user import is_mine
from envsync.settings import Settings
from envsync.trust import is_private, state_places

NAME = "key"
_WAIT_SECONDS = 60.0


class UserKey:
    """Where this user's key is kept: read when there is one, made when something is sealed."""

    def __init__(self, settings: Settings) -> None:
        """There is a place for a cache at least (`trust.refuse_shared_cache`)."""
        self._folders = state_places(settings.state_dir, settings.cache_dir)

    def seal(self) -> Seal:
        """Give this user's seal; `NOBODY` where nothing was sealed yet, or no key can be read."""
        for folder in self._folders:
            with suppress(OSError):
                key = _read(folder)
                if key is not None:
                    return Seal(key)
        return NOBODY

    def made(self) -> Seal:
        """Give this user's seal, with a new key where there is none.

        Many processes that ask at once get the same. Raises `StorageFailed` where no folder can
        hold a key, `EnvironmentBusy`.
        """
        seal = self.seal()
        if seal is not NOBODY:
            return seal
        refused: list[StorageFailed] = []
        for folder in self._folders:
            try:
                return _make(folder)
            except OSError as error:
                refused.append(storage_failed(f"{folder}/{NAME}", error))
            except StorageFailed as error:
                refused.append(error)
        raise StorageFailed(
            refused[0].path,
            f"{refused[0].reason}: no key can be kept there",
            hint="set XDG_STATE_HOME to a folder of your own, outside of the project",
        )


def _make(folder: str) -> Seal:
    """Give the key of a folder, made if need be. Raises `OSError`, `StorageFailed`."""
    make_folders(folder, 0o700)
    _refuse_shared(folder)
    with FileLock(os.path.realpath(folder), timeout=_WAIT_SECONDS):
        key = _read(folder)
        if key is None:
            flush_all((folder,))  # the folders above, which may be new as well
            key = os.urandom(KEY_BYTES)
            write_atomic(f"{folder}/{NAME}", key, mode=0o600)
    return Seal(key)


def _read(folder: str) -> bytes | None:
    """Give the key of a folder; None where there is none that counts.

    Raises `OSError`: for a link, for what is another user's, and for what can't be read.
    """
    path = f"{folder}/{NAME}"
    try:
        descriptor = os.open(path, READ_NO_LINK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or not is_mine(status):
            raise PermissionError(errno.EPERM, "it is not a file of this user's", path)
        key = os.read(descriptor, KEY_BYTES + 1)
    finally:
        os.close(descriptor)
    _refuse_shared(folder)
    return key if len(key) == KEY_BYTES and not status.st_mode & 0o077 else None


def _refuse_shared(folder: str) -> None:
    if not is_private(folder):
        raise PermissionError(errno.EPERM, "other users may write there", folder)
