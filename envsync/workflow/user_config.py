"""Read the user's own config.toml, at the moment when something in it is needed."""

import errno
import os
import stat

from envsync.errors import StorageFailed
from envsync.files import storage_errors
from envsync.settings import Settings
from envsync.spec.document import MAX_BYTES
from envsync.spec.user_config import UserConfig, parse_user_config


def read_user_config(settings: Settings) -> UserConfig:
    """Read config.toml; a missing one says nothing, unless `ENVSYNC_CONFIG_FILE` names it.

    Raises `SpecInvalid` with every mistake of it, `StorageFailed` when it can't be read.
    """
    path = settings.config_file
    if not path:
        return UserConfig()
    with storage_errors(path):
        try:
            data = _read_regular(path)
        except (FileNotFoundError, NotADirectoryError):
            if settings.is_config_named:
                raise StorageFailed(
                    path, "no such file", hint="correct or unset ENVSYNC_CONFIG_FILE"
                ) from None
            return UserConfig()
    return parse_user_config(data, path=path)


def _read_regular(path: str) -> bytes:
    """Read a regular file, never a device or FIFO, up to just over what its reader takes."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        return file.read(MAX_BYTES + 1)
