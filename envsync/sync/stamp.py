"""The no-op mark: what was in sync with what, so that a sync with nothing to do asks only the disk.

    envsync-stamp 3
    root /project/.venv
    selection default
    written 1790000000000000000
    input 812 1789999999000000000 9f3e… /project/env.toml
    tree 3709 24800 1764210              folders, files, and the length of their paths in bytes
    …paths, one a line, folders first; then 64-bit integers in the machine's order: the
    modification times of the folders in nanoseconds; of the files st_mode, sizes, and
    modification times in seconds…

Read on the shortest path of the program: this module imports next to nothing that is not
already there when Python has started, but for hashing what was written just before the stamp.
"""

import os

from envsync.halves import in_halves

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

HEADER = b"envsync-stamp 3"
NAME = ".envsync/stamp"
DEFAULT_SELECTION = "default"

# What carries a time this close to the writing of the stamp may have changed after it was looked
# at without its time changing: clocks of file systems tick every few milliseconds.
_TICK_NS = 20_000_000
_UNKNOWN = -1

_TYPE, _FOLDER, _SETGID = 0o170000, 0o040000, 0o002000
_AS_MADE = 0o040755  # as in `sync.modes`


def render(
    root: str,
    selection: str,
    inputs: "list[tuple[str, str]]",
    folders: "list[str]",
    files: "list[tuple[str, int, int, int]]",
    known_ns: int,
) -> bytes:
    """Write what is in sync now.

    `inputs` are (absolute path, sha256) of the files that decided what is installed, "" for one
    of which the time and size are enough; `files` are (path, st_mode, size, mtime in seconds) as
    they should be. A folder that changed after `known_ns` is never taken as unchanged.
    Raises `OSError` when an input or folder is gone.
    """
    from array import array  # noqa: PLC0415  (for writing only)

    lines = [HEADER.decode(), f"root {root}", f"selection {selection}", f"written {known_ns}"]
    for path, digest in inputs:
        status = os.stat(path)
        lines.append(f"input {status.st_size} {status.st_mtime_ns} {digest or '-'} {path}")
    paths = "\n".join([*folders, *(file[0] for file in files)]).encode("utf-8", "surrogateescape")
    lines.append(f"tree {len(folders)} {len(files)} {len(paths)}\n")
    numbers = array("q", [_settled(f"{root}/{folder}", known_ns) for folder in folders])
    numbers.extend(file[1] for file in files)
    numbers.extend(file[2] for file in files)
    numbers.extend(file[3] for file in files)
    head = "\n".join(lines).encode("utf-8", "surrogateescape")
    return head + paths + numbers.tobytes()


def _settled(folder: str, known_ns: int) -> int:
    """Give a folder's modification time, or a time that none has when it is too fresh to trust."""
    mtime = os.lstat(folder).st_mtime_ns
    return mtime if mtime < known_ns - _TICK_NS else _UNKNOWN


def is_current(root: str, selection: str, *, files: bool) -> bool:
    """Say whether the environment at `root` is known to hold what its inputs ask for.

    Compares the inputs and every folder (level "structure"), with `files` every file too (level
    "files"). False means "look closer", never an error.
    """
    try:
        with open(f"{root}/{NAME}", "rb") as file:
            if file.readline() != HEADER + b"\n":
                return False
            if file.readline() != f"root {root}\n".encode("utf-8", "surrogateescape"):
                return False  # it was moved or copied
            if file.readline().decode() != f"selection {selection}\n":
                return False
            if os.path.lexists(f"{root}/.envsync/journal"):
                return False
            counts = _inputs_match(file)
            return counts is not None and _tree_matches(root, file.read(), counts, files=files)
    except (OSError, ValueError, TypeError, IndexError):
        return False


def _inputs_match(file: "BinaryIO") -> "tuple[int, int, int] | None":
    """Give the numbers of the line after the inputs, None when an input changed."""
    written = int(file.readline().removeprefix(b"written "))
    while (line := file.readline()).startswith(b"input "):
        fields = line.decode("utf-8", "surrogateescape").rstrip("\n").split(" ", 4)
        size, mtime, digest, path = int(fields[1]), int(fields[2]), fields[3], fields[4]
        status = os.stat(path)
        if status.st_size != size or status.st_mtime_ns != mtime:
            return None
        if mtime >= written - _TICK_NS and digest != "-" and _hash(path) != digest:
            return None
    folders, files, length = map(int, line.removeprefix(b"tree ").split())
    return folders, files, length


def _hash(path: str) -> str:
    import hashlib  # noqa: PLC0415  (rarely needed here, and it costs a third of the run)

    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _tree_matches(root: str, data: bytes, counts: "tuple[int, int, int]", *, files: bool) -> bool:
    """Compare folders and files with the disk; two processes share it where that pays."""
    folder_count, file_count, length = counts
    paths = data[:length].decode("utf-8", "surrogateescape").split("\n") if length else []
    numbers = memoryview(data)[length:].cast("q").tolist()
    if len(paths) != folder_count + file_count or len(numbers) != folder_count + 3 * file_count:
        return False
    rows: list[tuple[str, tuple[int, ...]]] = [
        (path, (_AS_MADE, time)) for path, time in zip(paths, numbers[:folder_count], strict=False)
    ]
    if files:
        modes, sizes, times = (
            numbers[first : first + file_count]
            for first in range(folder_count, len(numbers), file_count or 1)
        )
        rows += zip(paths[folder_count:], zip(modes, sizes, times, strict=True), strict=True)
    before = os.getcwd()
    os.chdir(root)  # short paths are looked up faster, and there are thousands
    try:
        return os.stat(".")[0] & ~_SETGID == _AS_MADE and in_halves(_are, rows)
    finally:
        os.chdir(before)


def _are(rows: "Sequence[tuple[str, tuple[int, ...]]]") -> bool:
    try:
        found = [
            (s[0], s[6], s[8]) if s[0] & _TYPE != _FOLDER else (s[0] & ~_SETGID, s.st_mtime_ns)
            for s in map(os.lstat, [row[0] for row in rows])
        ]
    except OSError:
        return False
    return found == [row[1] for row in rows]
