"""Compare an environment's manifest with what is on disk: missing, edited and stray files.

This is the level "files" of exactness: type, permissions, size, modification time and time of last
change of every placed file, type and permissions of every folder that envsync owns, and each entry
in those. Nothing is opened for reading here (what times leave open is for `environment.same`), and
no symbolic link is followed below the environment's root.
"""

import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from envsync.environment.manifest import Placed
from envsync.environment.modes import is_as_made, is_closed
from envsync.environment.paths import owned, parents
from envsync.platform.files import content_mtime
from envsync.platform.fork_join import in_halves

_BYTECODE_FOLDER = "__pycache__"
_TAGS = (".cpython-", ".pypy", ".graalpy")
"""How the tags of interpreters begin."""
_IMPORTABLE = (".py", ".pyw", ".pyc", ".pyo", ".so", ".pyd", ".dll", ".dylib", ".sl", ".pth")
"""How names end that some Python, or its loader of libraries, takes code from."""


class Drift(NamedTuple):
    """How the disk differs from the manifest; paths relative to the environment's root, sorted."""

    missing: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    """Placed paths that hold something else now: content, permissions or type."""
    stray: tuple[str, ...] = ()
    """Files, links and whole folders that nobody placed."""
    bytecode: tuple[str, ...] = ()
    """Compiled files that Python wrote for placed sources: allowed, and not drift."""
    modes: tuple[str, ...] = ()
    """Folders that have other permissions than envsync gives them; "" is the environment's root."""
    times: tuple[str, ...] = ()
    """Placed paths that hold what was placed, with another modification time."""
    unsure: tuple[str, ...] = ()
    """Placed paths of the right type, permissions and size, whose times say that anything may have
    happened to their content: to be judged by that."""
    caches: tuple[str, ...] = ()
    """What tools keep beside bytecode and Python can't import: allowed, and not drift."""
    kept: tuple[str, ...] = ()
    """Edited and stray paths that env.toml leaves to programs: allowed, and not drift."""

    def is_clean(self) -> bool:
        """Say whether the disk is what the manifest says."""
        differs = self.missing or self.edited or self.stray or self.modes or self.times
        return not (differs or self.unsure)


def expected_mtime(placed: Placed) -> int:
    """Give the modification time, in seconds, that a placed file or link carries."""
    if stat.S_ISLNK(placed.mode):
        return content_mtime(hashlib.sha256(os.fsencode(placed.content)).hexdigest())
    return content_mtime(placed.content)


def scan(
    root: str,
    placed: Mapping[str, Placed],
    owned_folders: Collection[str],
    times: Mapping[str, int] | None = None,
) -> Drift:
    """Compare the environment at `root` with what was placed.

    Nothing else may be in the folders that hold placed files, and in `owned_folders` (relative to
    the root), which may be empty (see `environment.paths.owned`). `times` says of paths when they
    last changed while they were right (`environment.times`); without it those times are not looked
    at. Raises `OSError` where the disk can't be read.
    """
    folders = owned(placed, owned_folders)
    changed_folders, modes = _compare_folders(root, folders)
    missing: list[str] = []
    edited: list[str] = []
    unsure: list[str] = []
    are_as_placed = partial(_are_as_placed, root, times)
    if changed_folders or not in_halves(are_as_placed, list(placed.values())):
        missing, edited, unsure = _differences(root, placed, changed_folders, times)
    walk = _Walk(root, placed, folders - changed_folders)
    for top in _tops(folders) - changed_folders:
        walk.visit(top)
    stray = {*walk.stray, *changed_folders}
    return Drift(
        missing=tuple(sorted(missing)),
        edited=tuple(sorted(edited)),
        stray=tuple(sorted(stray)),
        bytecode=tuple(sorted(walk.bytecode)),
        modes=tuple(sorted(modes)),
        unsure=tuple(sorted(unsure)),
        caches=tuple(sorted(walk.caches)),
    )


def scan_part(
    root: str,
    placed: Mapping[str, Placed],
    times: Mapping[str, int] | None,
    listed: Collection[str],
    paths: Collection[str],
    folders: Collection[str],
) -> Drift | None:
    """Compare some files, as `scan` does, and list some folders; all else is known to be right.

    `paths` are those that were placed `around` what is `listed`, `folders` all of them. Gives None
    where one of those is none, or has other permissions. Raises `OSError`.
    """
    walk = _Walk(root, paths, folders)
    for folder in sorted(listed):
        status = _lstat(f"{root}/{folder}")
        if status is None or not is_as_made(status.st_mode):
            return None
        walk.list_alone(folder)
    missing, edited, unsure = _differences(root, placed, set(), times)
    return Drift(
        missing=tuple(sorted(missing)),
        edited=tuple(sorted(edited)),
        stray=tuple(sorted({*walk.stray})),
        unsure=tuple(sorted(unsure)),
    )


def around(folders: Iterable[str]) -> set[str]:
    """Give the folders whose files say what some folders, and those for bytecode in them, hold."""
    found = set(folders)
    found.update([folder.rpartition("/")[0] for folder in found])
    return found.union([f"{folder}/{_BYTECODE_FOLDER}" for folder in found])


def compiled_beside(
    root: str, sources: Collection[str], paths: Collection[str], folders: Collection[str]
) -> Drift:
    """Give what is beside compiled files, allowed and stray, in the folders of some sources alone.

    `paths` are those that were placed `around` the sources' folders, `folders` all of them. Raises
    `OSError`.
    """
    walk = _Walk(root, paths, folders)
    for folder in sorted({path.rpartition("/")[0] for path in sources if path.endswith(".py")}):
        cache = f"{folder}/{_BYTECODE_FOLDER}"
        status = _lstat(f"{root}/{cache}")
        if status is not None and stat.S_ISDIR(status.st_mode):
            walk.visit_bytecode(cache)
    return Drift(
        stray=tuple(sorted(walk.stray)),
        bytecode=tuple(sorted(walk.bytecode)),
        caches=tuple(sorted(walk.caches)),
    )


def holds_only(root: str, folder: str, paths: Collection[str], folders: Collection[str]) -> bool:
    """Say whether nothing is in a folder but what was placed, and what Python may make there.

    What is in folders below it isn't looked at. Raises `OSError`.
    """
    with os.scandir(f"{root}/{folder}") as entries:
        for entry in entries:
            path = f"{folder}/{entry.name}"
            if not entry.is_dir(follow_symlinks=False):
                if path not in paths:
                    return False
            elif path not in folders and entry.name != _BYTECODE_FOLDER:
                return False
    return True


def in_the_way(root: str, before: Collection[str], after: Collection[str]) -> tuple[str, ...]:
    """Give what the user has where nothing was placed before, and something will be.

    At the environment's root anything may lie; a folder there becomes envsync's, with all that
    is in it, once a file is placed below it. Raises `OSError`.
    """
    new = _tops(after) - _tops(before)
    walk = _Walk(root, {}, parents(after) if new else ())
    for top in sorted(new):
        status = _lstat(f"{root}/{top}")
        if status is None:
            continue
        if top in walk.folders and stat.S_ISDIR(status.st_mode):
            walk.visit(top)
        else:
            walk.stray.append(top)
    return tuple(walk.stray)


def _tops(paths: Collection[str]) -> set[str]:
    """Give the first names of paths: what they need at the environment's root."""
    return {path.partition("/")[0] for path in paths}


def _are_as_placed(root: str, times: Mapping[str, int] | None, files: Sequence[Placed]) -> bool:
    """Say whether every file is as it was placed; mostly so, and then nobody asks which is not."""
    try:
        return all(
            _is_shaped(file, status := os.lstat(f"{root}/{file.path}"))
            and is_dated(file, status)
            and (times is None or times.get(file.path) == status.st_ctime_ns)
            for file in files
        )
    except (FileNotFoundError, NotADirectoryError):
        return False


def _differences(
    root: str,
    placed: Mapping[str, Placed],
    changed_folders: set[str],
    times: Mapping[str, int] | None,
) -> tuple[list[str], list[str], list[str]]:
    """Give the paths that are missing, not as they were placed, and those that may not be."""
    missing: list[str] = []
    edited: list[str] = []
    unsure: list[str] = []
    for path, expected in placed.items():
        status = None if _is_below(path, changed_folders) else _lstat(f"{root}/{path}")
        if status is None:
            missing.append(path)
        elif not _is_shaped(expected, status):
            edited.append(path)
        elif not is_dated(expected, status) or (
            times is not None and times.get(path) != status.st_ctime_ns
        ):
            unsure.append(path)
    return missing, edited, unsure


def _is_shaped(expected: Placed, status: os.stat_result) -> bool:
    return status.st_mode == expected.mode and status.st_size == expected.size


def is_dated(expected: Placed, status: os.stat_result) -> bool:
    """Say whether a file or link has the modification time that it was placed with."""
    return status.st_mtime_ns == expected_mtime(expected) * 1_000_000_000


def _lstat(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _compare_folders(root: str, folders: Collection[str]) -> tuple[set[str], list[str]]:
    """Give the topmost paths where a folder should be and none is that can be looked into.

    That is a link, a file, or a folder whose permissions hide what is in it. With them come the
    folders that have other permissions than they should.
    """
    wrong: set[str] = set()
    modes = [] if is_as_made(os.stat(root).st_mode) else [""]
    for folder in sorted(folders):
        if _is_below(folder, wrong):
            continue
        path = f"{root}/{folder}"
        status = _lstat(path)
        if status is None or is_as_made(status.st_mode):
            continue
        is_folder = stat.S_ISDIR(status.st_mode)
        if is_folder:
            modes.append(folder)
        if not is_folder or is_closed(path, status.st_mode):
            wrong.add(folder)
    return wrong, modes


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

    def __init__(self, root: str, placed: Collection[str], folders: Collection[str]) -> None:
        self._root, self._placed, self.folders = root, placed, folders
        self.stray: list[str] = []
        self.bytecode: list[str] = []
        self.caches: list[str] = []

    def visit(self, top: str) -> None:
        """Look at every entry below a folder, without recursion of calls and without links."""
        waiting = [top]
        while waiting:
            waiting += self._list(waiting.pop())

    def list_alone(self, folder: str) -> None:
        """Look at the entries of a folder, but not below those that were placed."""
        parent, _, name = folder.rpartition("/")
        if name == _BYTECODE_FOLDER and parent in self.folders:
            self.visit_bytecode(folder)
        else:
            self._list(folder)

    def _list(self, folder: str) -> list[str]:
        """Look at the entries of a folder; gives folders in it that were placed."""
        below: list[str] = []
        try:
            entries = list(os.scandir(f"{self._root}/{folder}"))
        except (FileNotFoundError, NotADirectoryError):
            return below
        for entry in entries:
            path = f"{folder}/{entry.name}"
            if not entry.is_dir(follow_symlinks=False):
                if path not in self._placed:
                    self.stray.append(path)
            elif entry.name == _BYTECODE_FOLDER and folder in self.folders:
                below += self.visit_bytecode(path)
            elif path in self.folders:
                below.append(path)
            else:
                self.stray.append(path)
        return below

    def visit_bytecode(self, cache: str) -> list[str]:
        """Look at a folder of compiled files; gives folders in it that were placed."""
        below: list[str] = []
        for entry in os.scandir(f"{self._root}/{cache}"):
            path = f"{cache}/{entry.name}"
            regular = entry.is_file(follow_symlinks=False)
            if path in self._placed:
                continue
            if path in self.folders and entry.is_dir(follow_symlinks=False):
                below.append(path)
            elif regular and source_of(_finished(path)) in self._placed:
                self.bytecode.append(path)
            elif regular and not _is_importable(entry.name):
                self.caches.append(path)
            else:
                self.stray.append(path)
        return below


def _is_importable(name: str) -> bool:
    """Say whether a file of this name may be code for Python, where its folder is imported from.

    That of a compiler's unfinished work is going to be. Of libraries any may have its version
    behind it (`libx.so.1`).
    """
    name = _finished(name.lower())
    return name.endswith(_IMPORTABLE) or ".so." in name


def _finished(path: str) -> str:
    """Give the path that a compiler's temporary file, left by a crash, was to be renamed to."""
    stem, _, number = path.rpartition(".")
    return stem if stem.endswith(".pyc") and number.isdecimal() else path


def source_of(bytecode_path: str) -> str:
    """Give the source that a path in `__pycache__` was compiled from; empty when from none.

    The name of such a file has an interpreter's tag (PEP 3147). Without one it would be a module
    of its own, which can be imported from there.
    """
    cache, _, name = bytecode_path.rpartition("/")
    folder = cache.rpartition("/")[0]
    stem = name.removesuffix(".pyc")
    if stem == name or "." not in stem.strip("."):
        return ""
    # Both the stem and the tag may have dots: `some.part.cpython-311-pytest-8.4.1.pyc`.
    at = max(name.rfind(mark) for mark in _TAGS)
    return f"{folder}/{name[:at] if at > 0 else name.partition('.')[0]}.py"
