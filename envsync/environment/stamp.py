"""The no-op mark: what was in sync with what, so that a sync with nothing to do asks only the disk.

    stamps-v1/<key>                      in the user's cache; key: a number made of the path

    envsync-stamp 6
    root /project/.venv
    is 2049 913 914 917 1790… 918 1790…  device and inode of the folder, inode of its state, inode
                                         and time of last change of its id and manifest
    selection default
    run synced
    written 1790000000000000000
    input 812 1789999999000000000 9f3e… /project/env.toml
    tree 261312 3145728 lib/python3…     bytes of the folders' block, and of all behind it; the
                                         folder that most is in: paths are as seen from there
    …the folders' block: their times of modification in nanoseconds…
    files 812 96 104320 flask            of each owner in the manifest its number of files, the
                                         bytes of two blocks, and its name
    …the folders that its files are in, one a line…
    …its block: modes, sizes, times of modification and of last change in nanoseconds…

Blocks are those of `platform.many_files`. So `run` reads folders only, files are looked at in two
halves, and what an owner has can be replaced alone. A path in the folder that most is in is found
in a tenth less time from there than from the root; every other begins with as many `..` as lead to
the root, and then names each folder from there.

A mark that came with an environment proves nothing: whoever made the one made the other. This one
lies where only the user writes, and is about the very folder and state that were in sync: neither
another folder in its place nor one with these times has these numbers.

Read on the shortest path of the program: this module imports next to nothing that is not
already there when Python has started, but for hashing what was written just before the stamp.
"""

import os

from envsync.platform import many_files
from envsync.platform.durable import survived
from envsync.platform.user import others_cannot_write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import BinaryIO

    Part = tuple[str, int, bytes, bytes]
    """Of an owner its name, the number of its files, the folders that they are in, and their
    block."""

HEADER = b"envsync-stamp 6"
BUCKET = "stamps-v1"
DEFAULT_SELECTION = "default"

# What carries a time this close to the writing of the stamp may have changed after it was looked
# at without its time changing: clocks of file systems tick every few milliseconds.
_TICK_NS = 20_000_000
_UNKNOWN = -1

_SETGID = 0o002000
_AS_MADE = 0o040755  # as in `environment.modes`
_PRIME = 2**128 - 159


def render(
    root: str,
    selection: str,
    inputs: "Iterable[tuple[str, str]]",
    folders: "list[tuple[str, int]]",
    parts: "Sequence[Part]",
    as_of_ns: int,
    run: str,
    base: str = "",
) -> bytes:
    """Write what is in sync now.

    `inputs` are (absolute path, sha256) of the files that decided what is installed, "" for one
    of which the time and size are enough; `folders` are what `settled` gives, `parts` what
    `part_of` gives of each owner, for the folder `base`. `run` is the run of the system in which
    files were written, "synced" where all of them are on disk.
    Raises `OSError` when an input or the environment's state is gone.
    """
    # The identity comes first: what is replaced while this is written has another one.
    lines = [HEADER.decode(), f"root {root}", f"is {_identity(root)}"]
    lines += [f"selection {selection}", f"run {run}", f"written {as_of_ns}"]
    for path, digest in inputs:
        status = os.stat(path)
        lines.append(f"input {status.st_size} {status.st_mtime_ns} {digest or '-'} {path}")
    paths, times = zip(*folders, strict=True) if folders else ((), ())
    first, pieces = many_files.block(list(zip(_near(paths, base), times, strict=True))), []
    for name, count, inside, block in parts:
        pieces += [f"files {count} {len(inside)} {len(block)} {name}\n".encode(), inside, block]
    lines.append(f"tree {len(first)} {sum(map(len, pieces))} {base}\n")
    return b"".join(("\n".join(lines).encode("utf-8", "surrogateescape"), first, *pieces))


def settled(root: str, folders: "Iterable[str]", as_of_ns: int) -> "list[tuple[str, int]]":
    """Give of folders what a mark says: path and time of modification.

    Of one that changed after `as_of_ns` that is a time that none has: it is never taken as
    unchanged. Raises `OSError` when one is gone.
    """
    times = ((folder, os.lstat(f"{root}/{folder}").st_mtime_ns) for folder in folders)
    return [(path, time if time < as_of_ns - _TICK_NS else _UNKNOWN) for path, time in times]


def part_of(name: str, files: "list[tuple[str, int, int, int, int]]", base: str = "") -> "Part":
    """Give what a mark says of an owner's files, as seen from the folder `base`.

    They are (path, mode, size, modification time in nanoseconds) as they should be, and the time of
    last change at which they were known to be so, 0 for none.
    """
    paths = _near([row[0] for row in files], base)
    rows = [(path, *row[1:4], row[4] or _UNKNOWN) for path, row in zip(paths, files, strict=True)]
    folders = dict.fromkeys([path.rpartition("/")[0] for path in paths])
    inside = "\n".join(folders).encode("utf-8", "surrogateescape")
    return name, len(rows), inside, many_files.block(rows)


def _near(paths: "Iterable[str]", base: str) -> "list[str]":
    """Give paths below the root as they are seen from `base`, without a link on the way."""
    if not base:
        return list(paths)
    begin, up = f"{base}/", _up(base)
    skip = len(begin)
    return [path[skip:] if path.startswith(begin) else up + path for path in paths]


def _far(paths: "list[str]", base: str) -> "list[str]":
    """Give back the paths that `_near` was given."""
    if not base:
        return paths
    begin, up = f"{base}/", _up(base)
    skip = len(up)
    return [path[skip:] if path.startswith("../") else begin + path for path in paths]


def _up(base: str) -> str:
    return "../" * (base.count("/") + 1) if base else ""


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
            if not _is_whole(root, file):
                return False
            tree = _inputs_match(file)
            if tree is None:
                return False
            folders, behind, base = tree
            block = file.read(folders)
            parts = _parts(file.read(), behind) if files else []
            return _differing(root, base, block, parts, first=True) == ([], [])
    except (OSError, ValueError, TypeError, IndexError):
        return False


class Mark:
    """What a mark says of an environment's folders and files, whatever became of its inputs."""

    def __init__(self, root: str, base: str, folders: bytes, parts: "list[Part]") -> None:
        self.root, self.base, self._folders, self.parts = root, base, folders, parts

    def differences(self) -> "tuple[list[str], list[str]] | None":
        """Give the folders, and the owners of files, that aren't as the mark has them.

        Nothing else is in all other folders. None: nothing can be said.
        """
        try:
            found = _differing(self.root, self.base, self._folders, self.parts, first=False)
            paths = many_files.paths(self._folders)[0] if found and found[0] else []
        except (OSError, ValueError):
            return None
        if found is None:
            return None
        folders = _far([paths[row] for row in found[0]], self.base)
        return folders, [self.parts[number][0] for number in found[1]]

    def folders(self) -> "list[tuple[str, int]]":
        """Give the rows of the folders, as `settled` gives them."""
        paths, times = many_files.rows(self._folders)
        return list(zip(_far(paths, self.base), times, strict=True))

    def paths_of(self, part: "Part") -> "list[str]":
        """Give the paths of an owner's files."""
        return _far(many_files.paths(part[3])[0], self.base)

    def folders_of(self, part: "Part") -> "set[str]":
        """Give the folders that an owner's files are in."""
        if not part[1]:
            return set()
        names = part[2].decode("utf-8", "surrogateescape").split("\n")
        inside = [f"{name}/" if name else "" for name in names]
        return {path[:-1] for path in _far(inside, self.base)}

    def times_of(self, part: "Part") -> "dict[str, int]":
        """Give of an owner's files when they last changed while they were right, by path."""
        paths, numbers = many_files.rows(part[3])
        changes = numbers[len(numbers) - len(paths) :]
        rows = zip(_far(paths, self.base), changes, strict=True)
        return {path: time for path, time in rows if time != _UNKNOWN}


def read(cache_dir: str, root: str) -> "Mark | None":
    """Give the mark about this very environment, as far as files can be as it says; else None."""
    try:
        with _open(cache_dir, root) as file:
            file.readline()  # what was asked for
            if not _is_whole(root, file):
                return None
            file.readline()
            while (line := file.readline()).startswith(b"input "):
                pass
            folders, behind, base = _tree(line)
            return Mark(root, base, file.read(folders), _parts(file.read(), behind))
    except (OSError, ValueError):
        return None


def _is_whole(root: str, file: "BinaryIO") -> bool:
    """Read in which run the files were written: neither a failing power nor a death is between."""
    if not survived(file.readline().decode()[4:-1]):
        return False  # the power may have failed since
    # A sync that died half-way is finished by the next one.
    return not os.path.lexists(f"{root}/.envsync/journal")


def _inputs_match(file: "BinaryIO") -> "tuple[int, int, str] | None":
    """Give what is in the line after the inputs, None when an input changed."""
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
    return _tree(line)


def _tree(line: bytes) -> "tuple[int, int, str]":
    word, folders, behind, base = line[:-1].decode("utf-8", "surrogateescape").split(" ", 3)
    if word != "tree":
        raise ValueError(word)
    return int(folders), int(behind), base


def _hash(path: str) -> str:
    import hashlib  # noqa: PLC0415  (rarely needed here, and it costs a third of the run)

    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _differing(
    root: str, base: str, folders: bytes, parts: "list[Part]", *, first: bool
) -> "tuple[list[int], list[int]] | None":
    """Compare folders and files with the disk; None where the environment's own folder differs."""
    before, own = os.getcwd(), os.stat(root)
    os.chdir(f"{root}/{base}")  # short paths are looked up faster, and there are thousands
    try:
        # A link on the way leads elsewhere, or to a folder of another name: that one's row differs.
        above = os.stat(_up(base) or ".")
        if own.st_mode & ~_SETGID != _AS_MADE or not os.path.samestat(own, above):
            return None
        blocks = [part[3] for part in parts]
        return many_files.differing(folders, blocks, _AS_MADE, first=first)
    finally:
        os.chdir(before)


def _parts(data: bytes, length: int) -> "list[Part]":
    """Give the blocks of files, each with its owner. Raises `ValueError` for damaged ones."""
    if len(data) != length:
        raise ValueError(length)
    parts, at = [], 0
    while at < length:
        end = data.index(b"\n", at)
        _, count, inside, size, name = data[at:end].decode().split(" ", 4)
        begin = end + 1 + int(inside)
        at = begin + int(size)
        parts.append((name, int(count), data[end + 1 : begin], data[begin:at]))
    return parts
