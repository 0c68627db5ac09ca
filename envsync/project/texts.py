"""Write files of the user's, env.toml and the lock: only what changed, and what belongs together
as nearly at once as renames allow; and put back what they held before.
"""

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import NamedTuple

from envsync.errors import EnvsyncError
from envsync.platform.files import (
    open_regular,
    remove_tree,
    storage_errors,
    storage_failed,
    sync_directory,
    unguessable,
    write_beside,
)


class Text(NamedTuple):
    """A file, and what it is to hold."""

    path: str
    data: bytes
    made_from: bytes | None = None
    """What it held when `data` was made from that: if it holds something else by now, it is left
    alone. None: whatever it holds."""
    name: str = ""
    """Its name for a person; default: the last part of the path."""


class Written(NamedTuple):
    """What was written."""

    paths: frozenset[str] = frozenset()
    """Of the files that held something else, or were not there."""
    before: Mapping[str, bytes | None] = MappingProxyType({})
    """What each of all files held; None: there was none."""

    def put_back(self) -> None:
        """Let each file hold again what it held. Raises `StorageFailed`."""
        for path, data in self.before.items():
            if data is None:
                remove_tree(path)
            else:
                write_if_changed(path, data)


def write_if_changed(path: str, data: bytes) -> bool:
    """Write `data` to `path` unless that is what stands there; True when it was written.

    The permissions of an existing file are kept, and what a killed process left of an earlier
    writing goes. Raises `StorageFailed`.
    """
    return bool(write_together([Text(path, data)]))


def write_or_put_back(texts: Iterable[Text]) -> Written:
    """Write files that belong together; where that fails, all hold what they held before.

    Raises as `write_together`.
    """
    texts = tuple(texts)
    written = Written(before={text.path: _content(text.path) for text in texts})
    try:
        return written._replace(paths=frozenset(write_together(texts)))
    except BaseException:
        written.put_back()
        raise


def write_together(texts: Iterable[Text]) -> set[str]:
    """Write files that belong together as `write_if_changed` does; gives the paths of those.

    All are on disk before the first takes its name, so that next to nothing lies between their
    renames. Raises `StorageFailed`, some may have been written then; and `EnvsyncError` when an
    editor, say, changed one that was read to make its text.
    """
    beside: dict[str, str] = {}
    try:
        for text in texts:
            _refuse_changed(text)
            mode = _mode_if_other(text.path, text.data)
            if mode is not None:
                _drop_unfinished(text.path)
                with storage_errors(text.path):
                    beside[text.path] = write_beside(text.path, text.data, mode, sync=True)
        # From here on only renames: a full disk has shown by now (H79).
        for path, temporary in beside.items():
            with storage_errors(path):
                os.replace(temporary, path)
        for folder in sorted({os.path.dirname(path) or "." for path in beside}):
            with storage_errors(folder):
                sync_directory(folder)
    except BaseException:
        for temporary in beside.values():
            remove_tree(temporary)
        raise
    return set(beside)


def _content(path: str) -> bytes | None:
    with storage_errors(path):
        try:
            with open_regular(path) as file:
                return file.read()
        except FileNotFoundError:
            return None


def _refuse_changed(text: Text) -> None:
    """Refuse to write over what somebody else wrote since the file was read."""
    if text.made_from is None:
        return
    with storage_errors(text.path), open_regular(text.path) as file:
        present = file.read(len(text.made_from) + 1)
    if present != text.made_from:
        raise EnvsyncError(
            f"{text.name or os.path.basename(text.path)} was changed while this command ran, and "
            "is left as it is",
            hint="run the command again",
        )


def _mode_if_other(path: str, data: bytes) -> int | None:
    """Give the permissions for a file that is to hold `data`; None where it does."""
    try:
        with open_regular(path) as file:
            if file.read(len(data) + 1) == data:
                return None
            return os.fstat(file.fileno()).st_mode & 0o777
    except FileNotFoundError:
        return 0o644
    except OSError as error:
        raise storage_failed(path, error) from error


def _drop_unfinished(path: str) -> None:
    """Remove temporary files of earlier writings of a file, an hour old."""
    folder, name = os.path.split(path)
    begin, length = f".{name}.", len(name) + 2 + len(unguessable())
    oldest = time.time() - 3600
    with suppress(OSError):
        for entry in os.listdir(folder or "."):
            temporary = os.path.join(folder, entry)
            if entry.startswith(begin) and len(entry) == length:
                with suppress(OSError):
                    if os.lstat(temporary).st_mtime < oldest:
                        os.unlink(temporary)
