"""Names that a file system takes for one: the very folder is asked, since nobody else can tell.

It depends on the system and on the folder whether letter case, the composition of accents, or
dots and spaces at the end make another name (hazard H39).
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import combinations

from envsync.environment.paths import parents
from envsync.wheel.paths import fold

_SAMPLE = "\u00e9a"
_ALIKE = ("\u00e9A", "e\u0301a", "\u00e9a.", "\u00e9a ")


class OneName(Exception):
    """Two paths that would be one name in the environment."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second} are one name")
        self.first, self.second = first, second


def refuse_one_name(folder: str, paths: Iterable[str]) -> None:
    """Raise `OneName` for two of the paths that are one name where `folder` is.

    That folder is made for the trial and removed. Raises `OSError`.
    """
    pair = taken_for_one(folder, paths)
    if pair is not None:
        raise OneName(*pair)


def taken_for_one(folder: str, paths: Iterable[str]) -> tuple[str, str] | None:
    """Give two of the paths, files or folders, that are one name where `folder` is; None: none.

    Names are tried in that folder, which is made and removed. Most file systems say at once that
    they tell all names apart. Raises `OSError`.
    """
    with _scratch(folder):
        if not any(_is_one_name(folder, _SAMPLE, other) for other in _ALIKE):
            return None
        for one, other in lookalikes(paths):
            if _is_one_name(folder, os.path.basename(one), os.path.basename(other)):
                return one, other
    return None


@contextmanager
def _scratch(folder: str) -> Iterator[None]:
    os.mkdir(folder, 0o700)
    try:
        yield
    except BaseException:
        with suppress(OSError):  # `recover` looks for it again
            os.rmdir(folder)
        raise
    os.rmdir(folder)  # after a sync that goes well, nobody looks


def _is_one_name(folder: str, one: str, other: str) -> bool:
    try:
        os.mkdir(f"{folder}/{one}")
    except (OSError, ValueError):  # a name that can't be there at all: what places it says so
        return False
    try:
        return os.path.lexists(f"{folder}/{other}")
    finally:
        os.rmdir(f"{folder}/{one}")


def lookalikes(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Give the pairs of files or folders, in one folder, that some file system takes for one."""
    paths = tuple(paths)
    groups: dict[str, list[str]] = {}
    for path in sorted(parents(paths).union(paths)):
        groups.setdefault(fold(path), []).append(path)
    pairs = (pair for group in groups.values() for pair in combinations(group, 2))
    return [(one, other) for one, other in pairs if _folder(one) == _folder(other)]


def _folder(path: str) -> str:
    return path.rpartition("/")[0]
