"""Compare an environment's manifest with what is on disk: missing, edited and stray files.

This is the level "files" of exactness: type, permissions, size and modification time of every
placed file, and every entry of the folders that envsync owns. Nothing is opened for reading, and
no symbolic link is followed below the environment's root.
"""

import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from envsync.files import content_mtime
from envsync.halves import in_halves
from envsync.sync.manifest import Placed
from envsync.sync.paths import parents

_BYTECODE_FOLDER = "__pycache__"
_TAGS = (".cpython-", ".pypy", ".graalpy")
"""How the tags of interpreters begin."""


class Drift(NamedTuple):
    """How the disk differs from the manifest; paths relative to the environment's root, sorted."""

    missing: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    """Placed paths that hold something else now: content, time, permissions or type."""
    stray: tuple[str, ...] = ()
    """Files, links and whole folders that nobody placed."""
    bytecode: tuple[str, ...] = ()
    """Compiled files that Python wrote for placed sources: allowed, and not drift."""

    def is_clean(self) -> bool:
        """Say whether the disk is what the manifest says."""
        return not (self.missing or self.edited or self.stray)


def expected_mtime(placed: Placed) -> int:
    """Give the modification time, in seconds, that a placed file or link carries."""
    if stat.S_ISLNK(placed.mode):
        return content_mtime(hashlib.sha256(os.fsencode(placed.content)).hexdigest())
    return content_mtime(placed.content)


def scan(root: str, placed: Mapping[str, Placed], owned_folders: Iterable[str]) -> Drift:
    """Compare the environment at `root` with what was placed.

    `owned_folders` are those in which nothing else may be (site-packages, scripts), relative to
    the root. Raises `OSError` where the disk can't be read.
    """
    folders = parents(placed)
    changed_folders = _folders_that_are_not(root, folders)
    missing: list[str] = []
    edited: list[str] = []
    if changed_folders or not in_halves(partial(_are_as_placed, root), list(placed.values())):
        missing, edited = _differences(root, placed, changed_folders)
    walk = _Walk(root, placed, folders)
    for folder in owned_folders:
        if not _is_below(folder, changed_folders):
            walk.visit(folder)
    stray = {*walk.stray, *changed_folders}
    return Drift(
        tuple(sorted(missing)),
        tuple(sorted(edited)),
        tuple(sorted(stray)),
        tuple(sorted(walk.bytecode)),
    )


def _are_as_placed(root: str, files: Sequence[Placed]) -> bool:
    """Say whether every file is as it was placed; mostly so, and then nobody asks which is not."""
    try:
        return all(_is_as_placed(file, os.lstat(f"{root}/{file.path}")) for file in files)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _differences(
    root: str, placed: Mapping[str, Placed], changed_folders: set[str]
) -> tuple[list[str], list[str]]:
    """Give the paths that are missing, and those that are not as they were placed."""
    missing: list[str] = []
    edited: list[str] = []
    for path, expected in placed.items():
        found = None if _is_below(path, changed_folders) else _lstat(f"{root}/{path}")
        if found is None:
            missing.append(path)
        elif not _is_as_placed(expected, found):
            edited.append(path)
    return missing, edited


def _is_as_placed(expected: Placed, found: os.stat_result) -> bool:
    return (
        found.st_mode == expected.mode
        and found.st_size == expected.size
        and found.st_mtime_ns == expected_mtime(expected) * 1_000_000_000
    )


def _lstat(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _folders_that_are_not(root: str, folders: Iterable[str]) -> set[str]:
    """Give the topmost paths where a folder should be and something else is: a link, a file."""
    wrong: set[str] = set()
    for folder in sorted(folders):
        if _is_below(folder, wrong):
            continue
        found = _lstat(f"{root}/{folder}")
        if found is not None and not stat.S_ISDIR(found.st_mode):
            wrong.add(folder)
    return wrong


def _is_below(path: str, folders: set[str]) -> bool:
    if not folders:
        return False
    while path:
        if path in folders:
            return True
        path = path.rpartition("/")[0]
    return False


class _Walk:
    """Finds what nobody placed in the owned folders, and the bytecode that Python may write."""

    def __init__(self, root: str, placed: Mapping[str, Placed], folders: Collection[str]) -> None:
        self._root, self._placed, self._folders = root, placed, folders
        self.stray: list[str] = []
        self.bytecode: list[str] = []

    def visit(self, top: str) -> None:
        """Look at every entry below a folder, without recursion of calls and without links."""
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                entries = list(os.scandir(f"{self._root}/{folder}"))
            except (FileNotFoundError, NotADirectoryError):
                continue
            for entry in entries:
                path = f"{folder}/{entry.name}"
                if not entry.is_dir(follow_symlinks=False):
                    if path not in self._placed:
                        self.stray.append(path)
                elif entry.name == _BYTECODE_FOLDER and folder in self._folders:
                    waiting += self._visit_bytecode(path)
                elif path in self._folders:
                    waiting.append(path)
                else:
                    self.stray.append(path)

    def _visit_bytecode(self, cache: str) -> Iterator[str]:
        """Look at a folder of compiled files; gives folders in it that were placed."""
        for entry in os.scandir(f"{self._root}/{cache}"):
            path = f"{cache}/{entry.name}"
            regular = entry.is_file(follow_symlinks=False)
            if path in self._placed:
                continue
            if path in self._folders and entry.is_dir(follow_symlinks=False):
                yield path
            elif regular and source_of(path) in self._placed:
                self.bytecode.append(path)
            elif regular and entry.name.count(".pyc."):
                self.bytecode.append(path)  # a compiler's temporary file, left by a crash
            else:
                self.stray.append(path)


def source_of(bytecode_path: str) -> str:
    """Give the source that a path in `__pycache__` was compiled from (PEP 3147)."""
    cache, _, name = bytecode_path.rpartition("/")
    folder = cache.rpartition("/")[0]
    if not name.endswith(".pyc"):
        return ""
    # Both the stem and the tag may have dots: `some.part.cpython-311-pytest-8.4.1.pyc`.
    at = max(name.rfind(mark) for mark in _TAGS)
    return f"{folder}/{name[:at] if at > 0 else name.partition('.')[0]}.py"
