"""The no-op mark: what was in sync with what, so that a sync with nothing to do asks only the disk.

    stamps-v1/<key>                      in the user's cache; key: a number made of the path

    envsync-stamp 4
    root /project/.venv
    is 2049 913 914 917 1790… 918 1790…  device and inode of the folder, inode of its state, inode
                                         and time of last change of its id and manifest
    selection default
    run synced
    written 1790000000000000000
    input 812 1789999999000000000 9f3e… /project/env.toml
    tree 3709 24800 1764210              folders, files, and the length of their paths in bytes
    …paths, one a line, folders first; then 64-bit integers in the machine's order: the
    modification times of the folders in nanoseconds; of the files sizes, modification times in
    seconds, and times of last change in nanoseconds, which tell of other permissions as well…

A mark that came with an environment proves nothing: whoever made the one made the other. This one
lies where only the user writes, and is about the very folder and state that were in sync: neither
another folder in its place nor one with these times has these numbers.

Read on the shortest path of the program: this module imports next to nothing that is not
already there when Python has started, but for hashing what was written just before the stamp.
"""

import os

from envsync.platform.durable import survived
from envsync.platform.fork_join import in_halves
from envsync.platform.user import others_cannot_write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

HEADER = b"envsync-stamp 4"
BUCKET = "stamps-v1"
DEFAULT_SELECTION = "default"

# What carries a time this close to the writing of the stamp may have changed after it was looked
# at without its time changing: clocks of file systems tick every few milliseconds.
_TICK_NS = 20_000_000
_UNKNOWN = -1

_TYPE, _FOLDER, _SETGID = 0o170000, 0o040000, 0o002000
_AS_MADE = 0o040755  # as in `environment.modes`
_PRIME = 2**128 - 159


def render(
    root: str,
    selection: str,
    inputs: "list[tuple[str, str]]",
    folders: "list[str]",
    files: "list[tuple[str, int, int, int]]",
    as_of_ns: int,
    run: str,
) -> bytes:
    """Write what is in sync now.

    `inputs` are (absolute path, sha256) of the files that decided what is installed, "" for one
    of which the time and size are enough; `files` are (path, size, modification time in seconds) as
    they should be, and the time of last change at which they were known to be so, 0 for none. A
    folder that changed after `as_of_ns` is never taken as unchanged. `run` is the run of the system
    in which files were written, "synced" where all of them are on disk.
    Raises `OSError` when an input, a folder or the environment's state is gone.
    """
    from array import array  # noqa: PLC0415  (for writing only)

    # The identity comes first: what is replaced while this is written has another one.
    lines = [HEADER.decode(), f"root {root}", f"is {_identity(root)}"]
    lines += [f"selection {selection}", f"run {run}", f"written {as_of_ns}"]
    for path, digest in inputs:
        status = os.stat(path)
        lines.append(f"input {status.st_size} {status.st_mtime_ns} {digest or '-'} {path}")
    paths = "\n".join([*folders, *(file[0] for file in files)]).encode("utf-8", "surrogateescape")
    lines.append(f"tree {len(folders)} {len(files)} {len(paths)}\n")
    numbers = array("q", [_settled(f"{root}/{folder}", as_of_ns) for folder in folders])
    numbers.extend(file[1] for file in files)
    numbers.extend(file[2] for file in files)
    numbers.extend(file[3] or _UNKNOWN for file in files)
    head = "\n".join(lines).encode("utf-8", "surrogateescape")
    return head + paths + numbers.tobytes()


def _settled(folder: str, as_of_ns: int) -> int:
    """Give a folder's modification time, or a time that none has when it is too fresh to trust."""
    mtime = os.lstat(folder).st_mtime_ns
    return mtime if mtime < as_of_ns - _TICK_NS else _UNKNOWN


def place(cache_dir: str, root: str) -> str:
    """Give the path of an environment's mark.

    Two paths with one number would only take turns: the mark names its environment in full.
    """
    number = int.from_bytes(os.fsencode(root), "big") % _PRIME  # hashing costs an import
    return f"{cache_dir}/{BUCKET}/{number:032x}"


def keep(cache_dir: str, root: str, data: bytes) -> None:
    """Write a mark; where the cache can't be written to, the environment goes without."""
    from envsync.errors import StorageFailed  # noqa: PLC0415  (for writing only)
    from envsync.platform.files import make_folders, write_atomic  # noqa: PLC0415

    path = place(cache_dir, root)
    try:
        make_folders(os.path.dirname(path), 0o700)
        write_atomic(path, data, mode=0o600, sync=False)
    except (OSError, StorageFailed):
        return


def drop(cache_dir: str, root: str) -> None:
    """Remove an environment's mark, if there is one and it can be removed."""
    try:
        os.unlink(place(cache_dir, root))
    except OSError:
        return


def orphans(cache_dir: str) -> "list[str]":
    """Give the paths of marks whose environment is gone, or another by now."""
    folder, orphaned = f"{cache_dir}/{BUCKET}", []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        try:
            with open(f"{folder}/{name}", "rb") as file:
                head = [file.readline(1 << 16).rstrip(b"\n") for _ in range(3)]
            root = head[1].removeprefix(b"root ").decode("utf-8", "surrogateescape")
            if head[0] == HEADER and head[2] == f"is {_identity(root)}".encode():
                continue
        except (OSError, ValueError):
            pass
        orphaned.append(f"{folder}/{name}")
    return orphaned


def _identity(root: str) -> str:
    """Name the folder at `root` and the state in it, as no other folder can be named."""
    folder, state = os.lstat(root), os.lstat(f"{root}/.envsync")
    name, manifest = os.lstat(f"{root}/.envsync/id"), os.lstat(f"{root}/.envsync/manifest")
    return (
        f"{folder.st_dev} {folder.st_ino} {state.st_ino} {name.st_ino} {name.st_ctime_ns} "
        f"{manifest.st_ino} {manifest.st_ctime_ns}"
    )


def is_known(cache_dir: str, root: str) -> bool:
    """Say whether there is a mark about this very environment, in sync as it may be or not."""
    try:
        with _open(cache_dir, root):
            return True
    except (OSError, ValueError):
        return False


def _open(cache_dir: str, root: str) -> "BinaryIO":
    """Open an environment's mark behind what it is about.

    Raises `OSError`, and `ValueError` for one that another user could have put there, or that is
    about an environment that was moved, copied, replaced or changed since.
    """
    # The bucket's own owner is asked without following a link, the file's by the descriptor that is
    # read: what is judged is what is used, whatever is renamed meanwhile.
    about = f"root {root}\nis {_identity(root)}\n".encode("utf-8", "surrogateescape")
    folders = os.stat(cache_dir), os.lstat(f"{cache_dir}/{BUCKET}")
    if not all(map(others_cannot_write, folders)):
        raise ValueError(cache_dir)
    file = open(place(cache_dir, root), "rb")  # noqa: SIM115  (the caller closes it)
    head = HEADER + b"\n" + about
    if others_cannot_write(os.fstat(file.fileno())) and file.read(len(head)) == head:
        return file
    file.close()
    raise ValueError(root)


def is_current(cache_dir: str, root: str, selection: str, *, files: bool) -> bool:
    """Say whether the environment at `root` is known to hold what its inputs ask for.

    Compares the inputs and every folder (level "structure"), with `files` every file too (level
    "files"). A mark that another user could have put into the cache counts for nothing. False
    means "look closer", never an error.
    """
    try:
        with _open(cache_dir, root) as file:
            if file.readline().decode() != f"selection {selection}\n":
                return False
            if not survived(file.readline().decode()[4:-1]):
                return False  # the power may have failed since
            if os.path.lexists(f"{root}/.envsync/journal"):
                return False  # a sync died half-way: the next one finishes it
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
        # An editor may have written again within the tick in which the stamp was: only then a
        # hash costs its import.
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
    paths = data[:length].decode("utf-8", "surrogateescape").split("\n")
    numbers = memoryview(data)[length:].cast("q").tolist()
    # A mark that is too short or too long raises ValueError: `strict` and unpacking see to it.
    known = zip(paths[:folder_count], numbers[:folder_count], strict=True)
    rows: list[tuple[str, tuple[int, ...]]] = [(path, (_AS_MADE, time)) for path, time in known]
    if files:
        sizes, times, changes = (
            numbers[first : first + file_count]
            for first in range(folder_count, len(numbers), file_count)
        )
        rows += zip(paths[folder_count:], zip(sizes, times, changes, strict=True), strict=True)
    before = os.getcwd()
    os.chdir(root)  # short paths are looked up faster, and there are thousands
    try:
        return os.stat(".")[0] & ~_SETGID == _AS_MADE and in_halves(_are, rows)
    finally:
        os.chdir(before)


def _are(rows: "Sequence[tuple[str, tuple[int, ...]]]") -> bool:
    try:
        # By index where there is one: attributes are slower, and there are thousands of files.
        present = [
            (s[6], s[8], s.st_ctime_ns)
            if s[0] & _TYPE != _FOLDER
            else (s[0] & ~_SETGID, s.st_mtime_ns)
            for s in map(os.lstat, [row[0] for row in rows])
        ]
    except OSError:
        return False
    return present == [row[1] for row in rows]
