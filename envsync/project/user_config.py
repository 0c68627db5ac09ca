"""Read the user's own config.toml, at the moment when something in it is needed."""

from envsync.errors import StorageFailed
from envsync.platform.files import open_regular, storage_errors
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
            with open_regular(path) as file:
                data = file.read(MAX_BYTES + 1)  # whoever parses more says that it is too much
        except (FileNotFoundError, NotADirectoryError):
            if settings.is_config_named:
                raise StorageFailed(
                    path, "no such file", hint="correct or unset ENVSYNC_CONFIG_FILE"
                ) from None
            return UserConfig()
    return parse_user_config(data, path=path)
