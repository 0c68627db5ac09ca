"""The variables that a command gets: those of this process, and those of files."""

import os
from collections.abc import Mapping, Sequence

from envsync.errors import UsageError
from envsync.platform.files import OPEN_FILES, read_limited, storage_errors


def with_env_files(paths: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Add the variables of files to those that are there, which win; of several files, the last.

    Raises `UsageError` for a file that isn't there, `StorageFailed` for one that can't be read,
    `SpecInvalid` for one with a mistake, with its line.
    """
    given: dict[str, str] = {}
    for path in paths:
        # Reading them is only paid for where there are some.
        from envsync.spec.env_file import MAX_BYTES, parse_env_file  # noqa: PLC0415

        if not os.path.exists(path) or os.path.isdir(path):
            raise UsageError(
                f"--env-file {path}: no such file",
                hint="it is relative to the current folder, and so is ENVSYNC_ENV_FILE",
            )
        with storage_errors(path):
            try:
                data = _read(path, MAX_BYTES)
            except ValueError:
                data = b" " * (MAX_BYTES + 1)  # the reader words what is wrong with it
        given.update(parse_env_file(data, path=path, environ=environ, before=given))
    return {**given, **environ}


def _read(path: str, limit: int) -> bytes:
    """Read a file, or what the user's own shell hands over: `--env-file <(decrypt secrets)`."""
    if not path.startswith(OPEN_FILES):
        return read_limited(path, limit)
    with open(path, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"larger than {limit} bytes")
    return data
