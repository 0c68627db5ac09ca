"""What a run does to the disk, as strace sees it: every change with all its bytes, in order.

The process is a real one and so are its calls; nothing in it knows that it is watched, and neither
root nor a file system of one's own is needed. What the calls come to is computed in the model of
`tests.campaigns.disk`, and in the end compared with what is really there: a call that was not
understood is an error, not a gap.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.campaigns.disk import (
    ROOT,
    Cut,
    Flush,
    Known,
    Link,
    Move,
    Node,
    Operation,
    Record,
    State,
    Touch,
    Unlink,
    Write,
    apply,
    paths,
    touched,
)

CALLS = (
    *("open", "openat", "creat", "write", "pwrite64", "writev", "pwritev", "pwritev2"),
    *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"),
    *("unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "mknod", "mknodat"),
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "utime", "utimes", "futimesat", "utimensat"),
    *("truncate", "ftruncate", "fallocate", "copy_file_range", "sendfile", "splice"),
    *("fsync", "fdatasync", "sync", "syncfs", "sync_file_range", "msync", "chdir", "fchdir"),
)

_LINE = re.compile(r"^(\d+) +(\d+\.\d+) (.*)$")
_CALL = re.compile(r"^(\w+)\((.*)\) += (\S+)")
_RESUMED = re.compile(r"^<\.\.\. \w+ resumed>(.*)$")
_UNFINISHED = " <unfinished ...>"
_PLACE = re.compile(r"^(?:AT_FDCWD|-?\d+)<((?:\\x[0-9a-f]{2})*)>(\(deleted\))?$")
_TIMES = re.compile(r"tv_sec=(-?\d+), tv_nsec=(\w+)")


def recorder(log: Path) -> list[str]:
    """The strace to attach so that everything is written down."""
    traced = ",".join(f"?{call}" for call in CALLS)
    whole = ("-y", "-xx", "-ttt", "-s", "100000000")
    return ["strace", "-f", "-qq", *whole, "-o", str(log), "-e", f"trace={traced}"]


class Call(NamedTuple):
    """One call that succeeded."""

    process: str
    time: int
    """In nanoseconds since the epoch."""
    name: str
    arguments: list[str]
    result: str


def calls(log: Path) -> Iterator[Call]:
    """The calls of a log, in the order in which they ended."""
    begun: dict[str, str] = {}
    for line in log.read_text(encoding="ascii", errors="replace").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        process, moment, text = match.groups()
        if text.endswith(_UNFINISHED):
            begun[process] = text.removesuffix(_UNFINISHED)
            continue
        if resumed := _RESUMED.match(text):
            text = begun.pop(process, "") + resumed[1]
        if (found := _CALL.match(text)) and not found[3].startswith(("-1", "?")):
            seconds, _, part = moment.partition(".")
            time = int(seconds) * 1_000_000_000 + int(part.ljust(9, "0"))
            yield Call(process, time, found[1], _split(found[2]), found[3])


def _split(text: str) -> list[str]:
    """Cut at the commas that are not inside brackets; strings have none, they are all hex."""
    found, depth, begin = [], 0, 0
    for at, char in enumerate(text):
        if char in "[{":
            depth += 1
        elif char in "]}":
            depth -= 1
        elif char == "," and depth == 0:
            found.append(text[begin:at].strip())
            begin = at + 1
    return [*found, text[begin:].strip()]


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.strip('"').replace("\\x", ""))


class Recorder:
    """Follows calls in the model."""

    def __init__(self, root: Path, cwd: Path, known: Mapping[int, Known] | None = None) -> None:
        """`known`: what inodes count as that were made for an earlier loss of power."""
        self._root, self._cwd = str(root), str(cwd)
        self._known = known or {}
        self._folders: dict[str, str] = {}
        """Of each process the folder that it is in."""
        self._real: dict[int, Known] = {}
        self.start: State = {}
        self._read(root)
        self._now: State = {number: node.copy() for number, node in self.start.items()}
        self._operations: list[Operation] = []
        self._times: list[int] = []
        self.offsets: dict[str, int] = {}
        """Where the next bytes go that are written to a descriptor; not known: at the end."""
        umask = os.umask(0o022)
        os.umask(umask)
        self._umask = umask

    def _read(self, root: Path) -> None:
        """Read what is there before the run; hard links stay links."""
        known: dict[tuple[int, int], int] = {}

        def read(path: str) -> int:
            status = os.lstat(path)
            key = (status.st_dev, status.st_ino)
            if key in known:
                return known[key]
            number = known[key] = len(known)
            node = self.start[number] = Node(status.st_mode, status.st_mtime_ns)
            self._real[number] = self._known_as(status)
            if stat.S_ISDIR(status.st_mode):
                node.entries = {name: read(f"{path}/{name}") for name in os.listdir(path)}
            elif stat.S_ISLNK(status.st_mode):
                node.data = os.readlink(os.fsencode(path))
            else:
                node.data = Path(path).read_bytes()
            return number

        read(str(root))

    def _known_as(self, status: os.stat_result) -> Known:
        return self._known.get(status.st_ino, Known(status.st_ino, status.st_ctime_ns))

    def follow(self, log: Path) -> Record:
        """Follow a whole run, and see that the model came to what is there."""
        for call in calls(log):
            handle = _HANDLERS.get(call.name)
            if handle is None:
                raise NotImplementedError(f"{call.name}({', '.join(call.arguments)[:200]})")
            for operation in handle(self, call):
                self._do(operation, call.time)
        exact = self._compare()
        return Record(self.start, self._operations, self._times, exact, self._real)

    def _do(self, operation: Operation, time: int) -> None:
        self._operations.append(operation)
        self._times.append(time)
        rough = Record(self.start, self._operations, self._times, {}, {})
        apply(self._now, rough, len(self._operations) - 1)

    def _compare(self) -> dict[int, tuple[int, int]]:
        """Insist that the disk is as the model; gives the times that only the disk knows."""
        last: dict[int, int] = {}
        for index, operation in enumerate(self._operations):
            last.update((inode, index) for inode in touched(operation))
        exact: dict[int, tuple[int, int]] = {}
        for path, number in [("", ROOT), *paths(self._now)]:
            where, node = f"{self._root}/{path}".rstrip("/"), self._now[number]
            status = os.lstat(where)
            same = status.st_mode == node.mode
            self._real[number] = self._known_as(status)
            if stat.S_ISDIR(node.mode):
                same = same and sorted(os.listdir(where)) == sorted(node.entries)
            elif stat.S_ISREG(node.mode):
                same = same and Path(where).read_bytes() == node.data
            if not same:
                raise AssertionError(f"the model is wrong about {path}")
            if number in last:
                exact[number] = (last[number], status.st_mtime_ns)
        return exact

    # --- where things are ---

    def _path(self, process: str, folder: str | None, name: str) -> str | None:
        """The path of a name, absolute; `folder` is the argument before it, where there is one."""
        text = os.fsdecode(_bytes(name))
        if not text.startswith("/"):
            base = self._folders.get(process, self._cwd) if folder is None else place(folder)
            if base is None:
                return None
            text = f"{base}/{text}"
        return os.path.normpath(text)

    def parts(self, call: Call, at: int, *, relative: bool) -> tuple[int, str] | None:
        """The folder and last name of a path argument; None: not in what is recorded."""
        folder = call.arguments[at - 1] if relative else None
        path = self._path(call.process, folder, call.arguments[at])
        if path is None or not path.startswith(f"{self._root}/"):
            return None
        above, _, name = path.rpartition("/")
        number = self.find(above)
        return None if number is None else (number, name)

    def find(self, path: str | None) -> int | None:
        """The inode at an absolute path; links on the way are followed."""
        if path is None or not f"{path}/".startswith(f"{self._root}/"):
            return None
        number = ROOT
        names = [name for name in path[len(self._root) :].split("/") if name]
        for at, name in enumerate(names):
            found = self._now[number].entries.get(name)
            if found is None:
                return None
            node = self._now[found]
            if stat.S_ISLNK(node.mode) and at < len(names) - 1:
                above = f"{self._root}/{'/'.join(names[:at])}"
                rest = "/".join(names[at + 1 :])
                target = os.path.join(above, os.fsdecode(node.data), rest)
                return self.find(os.path.normpath(target))
            number = found
        return number

    def entry(self, folder: int, name: str) -> int | None:
        """The inode of a name in a folder."""
        return self._now[folder].entries.get(name)

    def new(self, mode: int, data: bytes = b"", time: int = 0) -> int:
        """An inode that was not there before."""
        number = len(self.start)
        self.start[number] = Node(mode, time, data)
        self._now[number] = self.start[number].copy()
        return number

    def masked(self, text: str) -> int:
        """The permissions that a new file or folder gets."""
        return int(text, 8) & ~self._umask

    def size(self, inode: int) -> int:
        """How long a file is now."""
        return len(self._now[inode].data)

    def enter(self, process: str, path: str) -> None:
        """A process goes into a folder."""
        self._folders[process] = path


def place(argument: str) -> str | None:
    """The path of an open file or folder; None for one that is deleted, and no path at all."""
    match = _PLACE.match(argument)
    if match is None or match[2]:
        return None
    return os.fsdecode(_bytes(match[1]))


Handler = Callable[[Recorder, Call], Iterator[Operation]]


def _open(recorder: Recorder, call: Call) -> Iterator[Operation]:
    at = 1 if call.name == "openat" else 0
    flags = call.arguments[at + 1]
    where = recorder.parts(call, at, relative=bool(at)) if "O_" in flags else None
    if where is not None and "O_APPEND" not in flags:
        recorder.offsets[call.result] = 0
    if where is None or not any(flag in flags for flag in ("O_CREAT", "O_TRUNC")):
        return
    found = recorder.entry(*where)
    if "O_TMPFILE" in flags:
        raise NotImplementedError("O_TMPFILE")
    if found is None:
        mode = stat.S_IFREG | recorder.masked(call.arguments[at + 2])
        yield Link(*where, recorder.new(mode, time=call.time))
    elif "O_TRUNC" in flags and recorder.size(found):
        yield Cut(found, 0)


def _write(recorder: Recorder, call: Call) -> Iterator[Operation]:
    inode = recorder.find(place(call.arguments[0]))
    if inode is None:
        return
    if call.name == "writev":
        pieces = re.findall(r"iov_base=(\"[^\"]*\")", call.arguments[1])
        data = b"".join(map(_bytes, pieces))
    else:
        data = _bytes(call.arguments[1])
    written = data[: int(call.result)]
    if call.name == "pwrite64":
        yield Write(inode, int(call.arguments[3]), written)
        return
    descriptor = call.arguments[0]
    offset = recorder.offsets.get(descriptor, recorder.size(inode))
    if descriptor in recorder.offsets:
        recorder.offsets[descriptor] = offset + len(written)
    yield Write(inode, offset, written)


def _rename(recorder: Recorder, call: Call) -> Iterator[Operation]:
    old, new = (1, 3) if call.name != "rename" else (0, 1)
    source = recorder.parts(call, old, relative=call.name != "rename")
    target = recorder.parts(call, new, relative=call.name != "rename")
    if source is None and target is None:
        return
    if source is None or target is None or (inode := recorder.entry(*source)) is None:
        raise AssertionError(f"a rename over the border: {call}")
    yield Move(*source, *target, inode)


def _link(recorder: Recorder, call: Call) -> Iterator[Operation]:
    relative = call.name == "linkat"
    target = recorder.parts(call, 3 if relative else 1, relative=relative)
    source = recorder.parts(call, 1 if relative else 0, relative=relative)
    if target is None:
        return
    if source is None or (inode := recorder.entry(*source)) is None:
        raise AssertionError(f"a link over the border: {call}")
    yield Link(*target, inode)


def _symlink(recorder: Recorder, call: Call) -> Iterator[Operation]:
    relative = call.name == "symlinkat"
    where = recorder.parts(call, 2 if relative else 1, relative=relative)
    if where is not None:
        target = _bytes(call.arguments[0])
        yield Link(*where, recorder.new(stat.S_IFLNK | 0o777, target, call.time))


def _unlink(recorder: Recorder, call: Call) -> Iterator[Operation]:
    relative = call.name == "unlinkat"
    where = recorder.parts(call, 1 if relative else 0, relative=relative)
    if where is not None:
        yield Unlink(*where)


def _mkdir(recorder: Recorder, call: Call) -> Iterator[Operation]:
    relative = call.name == "mkdirat"
    where = recorder.parts(call, 1 if relative else 0, relative=relative)
    if where is not None:
        mode = stat.S_IFDIR | recorder.masked(call.arguments[-1])
        yield Link(*where, recorder.new(mode, time=call.time))


def _chmod(recorder: Recorder, call: Call) -> Iterator[Operation]:
    if call.name == "fchmod":
        inode, mode = recorder.find(place(call.arguments[0])), call.arguments[1]
    else:
        relative = call.name != "chmod"
        at = 1 if relative else 0
        where = recorder.parts(call, at, relative=relative)
        inode, mode = recorder.entry(*where) if where else None, call.arguments[at + 1]
    if inode is not None:
        yield Touch(inode, mode=int(mode, 8))


def _utime(recorder: Recorder, call: Call) -> Iterator[Operation]:
    if call.arguments[1] == "NULL":
        inode = recorder.find(place(call.arguments[0]))
    else:
        where = recorder.parts(call, 1, relative=True)
        inode = recorder.entry(*where) if where else None
    if inode is None:
        return
    moment = call.time
    if call.arguments[2] != "NULL" and "UTIME_NOW" not in call.arguments[2]:
        _, (seconds, part) = _TIMES.findall(call.arguments[2])
        moment = int(seconds) * 1_000_000_000 + int(part)
    yield Touch(inode, mtime=moment)


def _truncate(recorder: Recorder, call: Call) -> Iterator[Operation]:
    inode = recorder.find(place(call.arguments[0]))
    if inode is not None:
        yield Cut(inode, int(call.arguments[1]))


def _flush(recorder: Recorder, call: Call) -> Iterator[Operation]:
    if call.name == "sync":
        yield Flush(None)
        return
    inode = recorder.find(place(call.arguments[0]))
    if inode is not None:
        yield Flush(None if call.name == "syncfs" else inode)


def _chdir(recorder: Recorder, call: Call) -> Iterator[Operation]:
    if call.name == "fchdir":
        path = place(call.arguments[0])
    else:
        path = recorder._path(call.process, None, call.arguments[0])
    if path is not None:
        recorder.enter(call.process, path)
    yield from ()


def _nothing(recorder: Recorder, call: Call) -> Iterator[Operation]:
    """A hint to the system: no promise."""
    yield from ()


_HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(("open", "openat", "creat"), _open),
    **dict.fromkeys(("write", "pwrite64", "writev"), _write),
    **dict.fromkeys(("rename", "renameat", "renameat2"), _rename),
    **dict.fromkeys(("link", "linkat"), _link),
    **dict.fromkeys(("symlink", "symlinkat"), _symlink),
    **dict.fromkeys(("unlink", "unlinkat", "rmdir"), _unlink),
    **dict.fromkeys(("mkdir", "mkdirat"), _mkdir),
    **dict.fromkeys(("chmod", "fchmod", "fchmodat", "fchmodat2"), _chmod),
    "utimensat": _utime,
    "ftruncate": _truncate,
    **dict.fromkeys(("fsync", "fdatasync", "sync", "syncfs"), _flush),
    **dict.fromkeys(("chdir", "fchdir"), _chdir),
    "sync_file_range": _nothing,
}
