"""The no-op mark: what was in sync with what, so that a sync with nothing to do asks only the disk.

    envsync-stamp 1
    selection groups=dev extras=
    written 1790000000000000000
    input 812 1789999999000000000 9f3e… /project/env.toml
    folders 3709
    …one path a line…
    …their modification times in nanoseconds, one line…
    files 24800
    …one path a line…
    …st_mode of each, one line; sizes, one line; modification times in seconds, one line…

Read on the shortest path of the program: this module imports next to nothing that is not
already there when Python has started, but for hashing what was written just before the stamp.
"""

import os

from envsync.halves import in_halves

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

HEADER = "envsync-stamp 1"
NAME = ".envsync/stamp"
DEFAULT_SELECTION = "default"

# What carries a time this close to the writing of the stamp may have changed after it was looked
# at without its time changing: clocks of file systems tick every few milliseconds.
_TICK_NS = 20_000_000
_UNKNOWN = -1

_TYPE, _FOLDER = 0o170000, 0o040000


def render(
    root: str,
    selection: str,
    inputs: "list[tuple[str, str]]",
    folders: "list[str]",
    files: "list[tuple[str, int, int, int]]",
    known_ns: int,
) -> bytes:
    """Write what is in sync now as text.

    `inputs` are (absolute path, sha256) of the files that decided what is installed, "" for one
    of which the time and size are enough; `files` are (path, st_mode, size, mtime in seconds) as
    they should be. A folder that changed after `known_ns` is never taken as unchanged.
    Raises `OSError` when an input or folder is gone.
    """
    lines = [HEADER, f"selection {selection}", f"written {known_ns}"]
    for path, digest in inputs:
        status = os.stat(path)
        lines.append(f"input {status.st_size} {status.st_mtime_ns} {digest or '-'} {path}")
    lines.append(f"folders {len(folders)}")
    lines += folders
    lines.append(" ".join([str(_settled(f"{root}/{folder}", known_ns)) for folder in folders]))
    lines.append(f"files {len(files)}")
    lines += [file[0] for file in files]
    lines += [" ".join([str(file[column]) for file in files]) for column in (1, 2, 3)]
    return "\n".join(lines).encode("utf-8", "surrogateescape")


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
        with open(f"{root}/{NAME}", encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().split("\n")
        if lines[0] != HEADER or lines[1] != f"selection {selection}":
            return False
        if os.path.lexists(f"{root}/.envsync/journal"):
            return False
        position = _inputs_match(lines)
        return position > 0 and _tree_matches(root, lines, position, files=files)
    except (OSError, ValueError, IndexError):
        return False


def _inputs_match(lines: "list[str]") -> int:
    """Give the number of the line after the inputs, 0 when one of them changed."""
    written = int(lines[2].removeprefix("written "))
    position = 3
    while lines[position].startswith("input "):
        _, size, mtime, digest, path = lines[position].split(" ", 4)
        status = os.stat(path)
        if status.st_size != int(size) or status.st_mtime_ns != int(mtime):
            return 0
        if int(mtime) >= written - _TICK_NS and digest != "-" and _hash(path) != digest:
            return 0
        position += 1
    return position


def _hash(path: str) -> str:
    import hashlib  # noqa: PLC0415  (rarely needed here, and it costs a third of the run)

    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _tree_matches(root: str, lines: "list[str]", position: int, *, files: bool) -> bool:
    count = int(lines[position].removeprefix("folders "))
    first = position + 1
    times = list(map(int, lines[first + count].split()))
    before = os.getcwd()
    os.chdir(root)  # short paths are looked up faster, and there are thousands
    try:
        found = [
            (s.st_mode & _TYPE, s.st_mtime_ns) for s in map(os.lstat, lines[first : first + count])
        ]
        if found != [(_FOLDER, time) for time in times]:
            return False
        return not files or _files_match(lines, first + count + 1)
    finally:
        os.chdir(before)


def _files_match(lines: "list[str]", position: int) -> bool:
    """Look at every file; two processes share the work where there are two processors."""
    count = int(lines[position].removeprefix("files "))
    first = position + 1
    paths = lines[first : first + count]
    columns = [list(map(int, line.split())) for line in lines[first + count :]]
    expected = list(zip(*columns, strict=True))
    if len(expected) != count:
        return False
    return in_halves(_are, list(zip(paths, expected, strict=True)))


def _are(rows: "Sequence[tuple[str, tuple[int, ...]]]") -> bool:
    try:
        found = [(s[0], s[6], s[8]) for s in map(os.lstat, [row[0] for row in rows])]
    except OSError:
        return False
    return found == [row[1] for row in rows]
