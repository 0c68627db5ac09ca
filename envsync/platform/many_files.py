"""Look at many files, and link many: in Python, or compiled where `envsync_speedups` is installed.

Both give the same; which it is, is decided here alone, when this module is imported. Paths are
relative to the current folder. Many are handed over as blocks, of which nothing runs in Python for
each file: the number of paths and the bytes that they take, the paths, one a line, and then a
column for each of the values. Numbers are 64-bit integers in the machine's order.

Read on the shortest path of the program: next to nothing is imported.
"""

import os
import sys
from _operator import attrgetter, eq  # `operator` is a file to read

from envsync.platform.fork_join import marks_in_halves

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

INTERFACE = 1
"""Of the compiled module that does what is said here; any other is left alone."""

_SETGID = 0o002000
_OF_FILES = ("st_mode", "st_size", "st_mtime_ns", "st_ctime_ns")
_WIDTH = 8
_ORDER = sys.byteorder


def _installed() -> "ModuleType | None":
    """Give the compiled module, if it is there, the right one, and wanted."""
    wants_python = os.environ.get("ENVSYNC_PURE", "").lower() not in ("", "0", "false", "no", "off")
    # It takes paths as UTF-8, as they are in blocks, and knows no other encoding of names.
    if wants_python or sys.getfilesystemencoding() != "utf-8":
        return None
    try:
        import envsync_speedups  # noqa: PLC0415
    except ImportError:
        return None
    is_right = getattr(envsync_speedups, "INTERFACE", None) == INTERFACE
    return envsync_speedups if is_right else None


compiled = _installed()


def version() -> str:
    """Say which compiled module is used; empty: none."""
    return f"envsync-speedups {compiled.__version__}" if compiled is not None else ""


def block(rows: "Sequence[tuple[str, *tuple[int, ...]]]") -> bytes:
    """Give the block of some paths, each with its values."""
    from array import array  # noqa: PLC0415  (for writing only)

    if not rows:
        return array("q", (0, 0)).tobytes()
    paths, *columns = zip(*rows, strict=True)
    text = "\n".join(paths).encode("utf-8", "surrogateescape")
    pieces = [array("q", column).tobytes() for column in ((len(rows), len(text)), *columns)]
    return b"".join((pieces[0], text, *pieces[1:]))


def rows(block: bytes) -> "tuple[list[str], list[int]]":
    """Give the paths of a block, and all its columns in one. Raises `ValueError`."""
    found, end = paths(block)
    if (len(block) - end) % _WIDTH:
        raise ValueError(len(block))
    return found, memoryview(block)[end:].cast("q").tolist()


def paths(block: bytes) -> "tuple[list[str], int]":
    """Give the paths of a block, and where its columns begin. Raises `ValueError`."""
    count, length = _number(block, 0), _number(block, 1)
    end = 2 * _WIDTH + length
    text = block[2 * _WIDTH : end].decode("utf-8", "surrogateescape")
    found = text.split("\n") if length else []
    if count != len(found) or len(block) < end:
        raise ValueError(count)
    return found, end


def _number(block: bytes, at: int) -> int:
    return int.from_bytes(block[at * _WIDTH : (at + 1) * _WIDTH], _ORDER, signed=True)


def differing(
    folders: bytes, files: "Sequence[bytes]", folder_mode: int, *, first: bool = False
) -> "tuple[list[int], list[int]]":
    """Compare blocks with the disk: give which folders differ, and in which blocks files do.

    The folders' block has times of modification; all are of one mode, but for the group that may be
    handed down. Those of files have modes, sizes, times of modification and of last change. With
    `first` the look ends with the first difference. What isn't there or can't be looked at differs.
    Raises `ValueError` for damaged blocks.
    """
    if compiled is not None:
        marks = compiled.differing(folders, files, folder_mode, first)
        count = len(marks) - len(files)
        return _marked(marks[:count]), _marked(marks[count:])
    changed = _differing_folders(folders, folder_mode)
    if changed and first:
        return changed, []

    def look(part: "Sequence[bytes]") -> bytes:
        return _differing_blocks(part, first=first)

    return changed, _marked(marks_in_halves(look, files, [_number(block, 0) for block in files]))


def _marked(marks: bytes) -> list[int]:
    return [at for at, mark in enumerate(marks) if mark] if any(marks) else []


def _differing_folders(block: bytes, mode: int) -> list[int]:
    found, times = rows(block)
    if len(found) != len(times):
        raise ValueError(len(found))
    # Mostly all of them are right, and of one mode.
    for usual in (mode, mode | _SETGID):
        if _all_are(found, attrgetter("st_mode", "st_mtime_ns"), ([usual] * len(times), times)):
            return []
    return [at for at, path in enumerate(found) if not _is_folder(path, mode, times[at])]


def _is_folder(path: str, mode: int, time: int) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return status.st_mode & ~_SETGID == mode and status.st_mtime_ns == time


def _differing_blocks(files: "Sequence[bytes]", *, first: bool) -> bytes:
    marks = bytearray(len(files))
    for at, block in enumerate(files):
        marks[at] = not _are(block)
        if marks[at] and first:
            break
    return bytes(marks)


def _are(block: bytes) -> bool:
    """Compare the columns of a block with what the disk says of its files."""
    found, numbers = rows(block)
    count = len(found)
    if len(numbers) != count * len(_OF_FILES):
        raise ValueError(count)
    columns = [numbers[at : at + count] for at in range(0, len(numbers), count or 1)]
    return _all_are(found, attrgetter(*_OF_FILES), columns)


def _all_are(
    found: "Sequence[str]",
    values: "Callable[[os.stat_result], tuple[int, ...]]",
    columns: "Sequence[Sequence[int]]",
) -> bool:
    """Compare some values of each path with columns; nothing here runs in Python for each file."""
    try:
        return all(map(eq, map(values, map(os.lstat, found)), zip(*columns, strict=True)))
    except OSError:
        return False


def link_known(
    files: "Sequence[tuple[str, str, int, int]]", known: "Mapping[int, int]"
) -> "list[tuple[int, int, int]]":
    """Link files that are known to be right: of each its path, the new one, and its mode and size.

    `known` says when they last changed while they were right, by inode. Gives of each that was
    linked when the new file last changed, the inode of its source, and when that did. Three times 0
    is given of every other, which is left to the caller: what isn't as expected, gone, or can't be
    linked. Without the compiled module that is all of them.
    """
    if compiled is None or not files:
        return [(0, 0, 0)] * len(files)
    from array import array  # noqa: PLC0415  (not on the shortest path)

    sources, destinations, *_ = zip(*files, strict=True)
    names = os.fsencode("\0".join((*sources, *destinations, "")))
    shapes = array("q", [number for file in files for number in file[2:]])
    pairs = array("Q", [number for pair in known.items() for number in pair])
    linked = memoryview(compiled.link(names, shapes.tobytes(), pairs.tobytes())).cast("Q").tolist()
    return list(zip(linked[0::3], linked[1::3], linked[2::3], strict=True))
