"""Compare every byte of an environment with its manifest: the level "bytes" of exactness."""

import os
import stat
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from envsync.files import sha256_file
from envsync.sync.manifest import Placed

_READERS = 4
_BATCH = 200


def altered(root: str, placed: Mapping[str, Placed], known: Collection[str]) -> tuple[str, ...]:
    """Give the placed paths whose content is another, sorted; `known` ones are not looked at.

    Files are read side by side. A file that is gone by now counts as altered. Raises `OSError`
    for one that cannot be read.
    """
    rows = [file for path, file in placed.items() if path not in known]
    batches = (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))
    with ThreadPoolExecutor(_READERS) as pool:
        found = pool.map(lambda batch: _altered(root, batch), batches)
        return tuple(sorted(chain.from_iterable(found)))


def _altered(root: str, files: Iterable[Placed]) -> list[str]:
    return [file.path for file in files if _content(root, file) != file.content]


def _content(root: str, file: Placed) -> str | None:
    path = f"{root}/{file.path}"
    try:
        return os.readlink(path) if stat.S_ISLNK(file.mode) else sha256_file(path)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
