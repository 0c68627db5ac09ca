"""A model of a disk that loses power: what may be there afterwards, by two sets of rules.

A `Record` is what was on disk before a run, and what the run did to it, operation by operation.

`ordered`: ext4 as most machines mount it (data=ordered, delayed allocation, auto_da_alloc). The
journal commits whole, so names, permissions, times and lengths are those of one moment, at or
after the last flush of anything. Data of a file is there if it was flushed, or if the file was
renamed over another; else all of it, a first part of whole pages or nothing, file by file.

`worst`: whatever POSIX allows a file system that loses no rename half-way. Each change of a folder
that was not flushed afterwards (`fsync` of that folder, `syncfs`) is there or not, whatever came
before or after it; a rename is one change, but the old name may still be there beside the new one.
Of each file the inode (length, permissions, time) is as it was at some moment since its last flush,
and what it holds since then is right, zeros, old garbage, or right up to some page and zeros then.
"""

import hashlib
import os
import random
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

PAGE = 4096
ROOT = 0


@dataclass
class Node:
    """A file, folder or symbolic link."""

    mode: int
    """`st_mode`."""
    mtime: int
    """In nanoseconds."""
    data: bytes = b""
    """Of a symbolic link its target."""
    entries: dict[str, int] = field(default_factory=dict)

    def copy(self) -> "Node":
        """The same, to be changed."""
        return replace(self, entries=dict(self.entries))


State = dict[int, Node]
"""What is on a disk, by inode; those that `ROOT` doesn't lead to don't count."""


class Link(NamedTuple):
    """A name for an inode, new or not: a file, folder or link is made, or linked once more."""

    folder: int
    name: str
    inode: int


class Unlink(NamedTuple):
    """A name is removed."""

    folder: int
    name: str


class Move(NamedTuple):
    """A rename."""

    folder: int
    name: str
    to: int
    new_name: str
    inode: int


class Write(NamedTuple):
    """Bytes are put into a file."""

    inode: int
    offset: int
    data: bytes


class Cut(NamedTuple):
    """A file gets another length."""

    inode: int
    size: int


class Touch(NamedTuple):
    """An inode gets other permissions or another time."""

    inode: int
    mode: int | None = None
    mtime: int | None = None


class Flush(NamedTuple):
    """What was done to a file or folder is durable; None: all that was done to anything."""

    inode: int | None


Operation = Link | Unlink | Move | Write | Cut | Touch | Flush


class Known(NamedTuple):
    """What a restart doesn't change, and nobody can set."""

    number: int
    """`st_ino`."""
    changed_ns: int
    """`st_ctime_ns`, in the end where it is still there then."""


class Record(NamedTuple):
    """A run: where it started, and what it did."""

    start: State
    """With every inode that is ever made, as it is when it is new."""
    operations: Sequence[Operation]
    times: Sequence[int]
    """When each was done, in nanoseconds since the epoch."""
    exact: Mapping[int, tuple[int, int]]
    """Of inodes that are there in the end: (the last operation that set its time, that time)."""
    real: Mapping[int, "Known"]
    """What the system knew them by."""


def apply(state: State, record: Record, index: int) -> None:
    """Let one operation happen."""
    operation = record.operations[index]
    _change_folders(state, record, index, operation)
    match operation:
        case Write(inode, offset, data):
            node = state[inode]
            before = node.data[:offset].ljust(offset, b"\0")
            node.data = before + data + node.data[offset + len(data) :]
            node.mtime = _time(record, index, inode)
        case Cut(inode, size):
            node = state[inode]
            node.data = node.data[:size].ljust(size, b"\0")
            node.mtime = _time(record, index, inode)
        case Touch(inode, mode, mtime):
            node = state[inode]
            if mode is not None:
                node.mode = stat.S_IFMT(node.mode) | mode
            if mtime is not None:
                last, exact = record.exact.get(inode, (-1, 0))
                node.mtime = exact if last == index else mtime
        case _:
            pass


def _change_folders(state: State, record: Record, index: int, operation: Operation) -> None:
    match operation:
        case Link(folder, name, inode):
            _enter(state, record, index, folder, name, inode)
        case Unlink(folder, name):
            _leave(state, record, index, folder, name)
        case Move(folder, name, to, new_name, inode):
            _leave(state, record, index, folder, name)
            _enter(state, record, index, to, new_name, inode)
        case _:
            pass


def _enter(state: State, record: Record, index: int, folder: int, name: str, inode: int) -> None:
    state[folder].entries[name] = inode
    state[folder].mtime = _time(record, index, folder)


def _leave(state: State, record: Record, index: int, folder: int, name: str) -> None:
    state[folder].entries.pop(name, None)
    state[folder].mtime = _time(record, index, folder)


def _time(record: Record, index: int, inode: int) -> int:
    last, exact = record.exact.get(inode, (-1, 0))
    return exact if last == index else record.times[index]


def touched(operation: Operation) -> tuple[int, ...]:
    """The inodes that get a new time by themselves."""
    match operation:
        case Link(folder) | Unlink(folder):
            return (folder,)
        case Move(folder, _, to):
            return (folder, to)
        case Write(inode) | Cut(inode):
            return (inode,)
        case Touch(inode, _, mtime):
            return () if mtime is None else (inode,)
        case _:
            return ()


def _copy(state: State) -> State:
    return {inode: node.copy() for inode, node in state.items()}


def last_flush(record: Record, at: int) -> int:
    """How many operations there are up to the last flush among the first `at`."""
    flushes = (i for i in range(at) if isinstance(record.operations[i], Flush))
    return max(flushes, default=-1) + 1


# --- ext4, data=ordered ---


def ordered(record: Record, at: int, loss: float, generator: random.Random) -> State:
    """A state whose last journal commit is the moment after `at` operations.

    `loss` is the part of the files with data that nobody flushed that lose some of it.
    """
    state = _copy(record.start)
    safe = {inode: len(node.data) for inode, node in state.items()}
    floors, everything = _floors(record, at)
    for index in range(at):
        operation = record.operations[index]
        if isinstance(operation, Write) and operation.offset < safe[operation.inode]:
            # No journal has data: what is overwritten in place is there, or what was before it.
            if operation.offset + len(operation.data) > safe[operation.inode]:
                raise NotImplementedError("data that is durable is overwritten in part")
            is_flushed = index < max(floors.get(operation.inode, 0), everything)
            if not is_flushed and generator.random() < loss:
                continue
        _note_safe(state, safe, operation)
        apply(state, record, index)
    for inode, node in state.items():
        extra = len(node.data) - safe[inode]
        if extra > 0 and stat.S_ISREG(node.mode) and generator.random() < loss:
            pages = extra // PAGE
            node.data = node.data[: safe[inode] + PAGE * generator.randint(0, pages)]
            if generator.random() < 0.5:
                node.data = node.data[: safe[inode]]
    return state


def _note_safe(state: State, safe: dict[int, int], operation: Operation) -> None:
    match operation:
        case Flush(None):
            safe.update((inode, len(node.data)) for inode, node in state.items())
        case Flush(int() as inode):
            safe[inode] = len(state[inode].data)
        case Move(_, _, to, new_name, inode) if new_name in state[to].entries:
            safe[inode] = len(state[inode].data)
        case Cut(inode, size):
            safe[inode] = min(safe[inode], size)
        case _:
            pass


# --- whatever POSIX allows ---

Thing = tuple[str, int]
"""What has a fate of its own: ("entry", number of an operation) or ("inode", its number)."""

KEPT, LOST, BOTH = "kept", "lost", "both"
"""Fates of an entry; BOTH: of a rename, the new name is there and the old one still is."""
EARLY, ZEROS, GARBAGE, TORN = "early", "zeros", "garbage", "torn"
"""More fates of an inode: as it was some time ago; as it was in the end, but with other bytes."""

Fates = Mapping[Thing, str]


class Undecided(NamedTuple):
    """What a loss of power after some operations leaves open."""

    things: tuple[Thing, ...]
    floors: Mapping[int, int]
    """Of each inode the number of operations up to its last flush."""
    at: int


def undecided(record: Record, at: int) -> Undecided:
    """See what is not flushed when the power fails after `at` operations."""
    floors, everything = _floors(record, at)
    things: dict[Thing, None] = {}
    for index in range(at):
        operation = record.operations[index]
        match operation:
            case Link(folder) | Unlink(folder) | Move(folder):
                if index >= max(floors.get(folder, 0), everything):
                    things["entry", index] = None
            case Write(inode) | Cut(inode) | Touch(inode):
                if index >= max(floors.get(inode, 0), everything):
                    things["inode", inode] = None
            case _:
                pass
    return Undecided(tuple(things), floors | {-1: everything}, at)


def _floors(record: Record, at: int) -> tuple[dict[int, int], int]:
    floors: dict[int, int] = {}
    everything = 0
    for index in range(at):
        match record.operations[index]:
            case Flush(None):
                everything = index + 1
            case Flush(int() as inode):
                floors[inode] = index + 1
            case _:
                pass
    return floors, everything


def worst(record: Record, found: Undecided, fates: Fates, generator: random.Random) -> State:
    """The state in which everything has its fate; what is not named is kept."""
    everything = found.floors[-1]
    state = _copy(record.start)
    snapshots = _snapshots(record, found, fates, generator)
    for index in range(found.at):
        operation = record.operations[index]
        match operation:
            case Link() | Unlink() | Move():
                floor = max(_floor_of(found, operation), everything)
                fate = KEPT if index < floor else fates.get(("entry", index), KEPT)
                _change_entry(state, record, index, fate)
            case Write(inode) | Cut(inode) | Touch(inode):
                if index < snapshots.get(inode, found.at):
                    apply(state, record, index)
            case _:
                pass
    for inode, node in state.items():
        if stat.S_ISREG(node.mode):
            floor = max(found.floors.get(inode, 0), everything)
            sure = _length_at(record, inode, floor)
            node.data = _spoiled(node.data, sure, fates.get(("inode", inode), KEPT), generator)
    return state


def _floor_of(found: Undecided, operation: Link | Unlink | Move) -> int:
    """Up to where the change of a folder is durable; of a rename, its new name."""
    floor = found.floors.get(operation.folder, 0)
    if isinstance(operation, Move):
        return max(floor, found.floors.get(operation.to, 0))
    return floor


def _change_entry(state: State, record: Record, index: int, fate: str) -> None:
    operation = record.operations[index]
    if fate == LOST:
        return
    folder = isinstance(operation, Move) and stat.S_ISDIR(state[operation.inode].mode)
    if isinstance(operation, Move) and fate == BOTH and not folder:  # a folder has one name
        _enter(state, record, index, operation.to, operation.new_name, operation.inode)
        return
    apply(state, record, index)


def _snapshots(
    record: Record, found: Undecided, fates: Fates, generator: random.Random
) -> dict[int, int]:
    """Up to which operation the inodes are known that are not as they were in the end."""
    snapshots = {}
    for (kind, number), fate in fates.items():
        if kind == "inode" and fate in (LOST, EARLY):
            floor = max(found.floors.get(number, 0), found.floors[-1])
            snapshots[number] = floor if fate == LOST else generator.randint(floor, found.at)
    return snapshots


def _length_at(record: Record, inode: int, at: int) -> int:
    """How much of a file was durable at its last flush."""
    length = len(record.start[inode].data)
    for operation in record.operations[:at]:
        match operation:
            case Write(number, offset, data) if number == inode:
                length = max(length, offset + len(data))
            case Cut(number, size) if number == inode:
                length = size
            case _:
                pass
    return length


def _spoiled(data: bytes, sure: int, fate: str, generator: random.Random) -> bytes:
    extra = len(data) - sure
    if extra <= 0 or fate not in (ZEROS, GARBAGE, TORN):
        return data
    if fate == GARBAGE:
        return data[:sure] + generator.randbytes(extra)
    right = PAGE * generator.randint(0, extra // PAGE) if fate == TORN else 0
    return data[: sure + right].ljust(len(data), b"\0")


Strategy = Callable[[Sequence[Thing], random.Random], Fates]


def _all(entry: str, *inodes: str) -> Strategy:
    """Every entry has one fate, every inode one of these."""

    def choose(things: Sequence[Thing], generator: random.Random) -> Fates:
        return {t: entry if t[0] == "entry" else generator.choice(inodes) for t in things}

    return choose


_OTHER = {"entry": (LOST, BOTH), "inode": (LOST, EARLY, ZEROS, GARBAGE, TORN)}


def _some(part: float) -> Strategy:
    """So many of the things are not as they were in the end."""

    def choose(things: Sequence[Thing], generator: random.Random) -> Fates:
        return {t: generator.choice(_OTHER[t[0]]) for t in things if generator.random() < part}

    return choose


def _one_lost(things: Sequence[Thing], generator: random.Random) -> Fates:
    """All but one are kept."""
    chosen = generator.choice(things)
    return {chosen: generator.choice(_OTHER[chosen[0]])}


def _one_kept(things: Sequence[Thing], generator: random.Random) -> Fates:
    """All but one are lost."""
    chosen = generator.choice(things)
    return {thing: LOST for thing in things if thing != chosen}


STRATEGIES: Mapping[str, Strategy] = {
    "all lost": _all(LOST, LOST),
    "names only": _all(KEPT, LOST),
    "garbage": _all(KEPT, ZEROS, GARBAGE),
    "one lost": _one_lost,
    "one kept": _one_kept,
    "few": _some(0.1),
    "half": _some(0.5),
}


# --- states as they are on a real disk ---


def paths(state: State) -> Iterator[tuple[str, int]]:
    """Every path below the root, folders before what is in them."""
    waiting = [("", ROOT)]
    while waiting:
        folder, number = waiting.pop()
        for name, inode in sorted(state[number].entries.items()):
            path = f"{folder}/{name}".lstrip("/")
            yield path, inode
            if stat.S_ISDIR(state[inode].mode):
                waiting.append((path, inode))


def digest(state: State) -> str:
    """Name a state; times of folders don't count."""
    found = hashlib.sha256()
    for path, inode in paths(state):
        node = state[inode]
        mtime = 0 if stat.S_ISDIR(node.mode) else node.mtime
        found.update(f"{path}\0{inode} {node.mode} {mtime} {len(node.data)}\0".encode())
        found.update(node.data)
    return found.hexdigest()


def materialise(state: State, root: Path, real: Mapping[int, Known]) -> dict[int, Known]:
    """Make a state real in an empty folder.

    Gives the numbers that environments, their state, and what lies in that have now, with what
    they were known by (`real`): after a loss of power that is still so.
    """
    first: dict[int, str] = {}
    folders: list[tuple[str, Node]] = [(str(root), state[ROOT])]
    known: dict[int, Known] = {}
    for name, inode in paths(state):
        path, node = f"{root}/{name}", state[inode]
        if stat.S_ISDIR(node.mode):
            os.mkdir(path, 0o700)
            folders.append((path, node))
        elif inode in first:
            os.link(first[inode], path, follow_symlinks=False)
        else:
            first[inode] = path
            _make(path, node)
        if inode in real and _is_state(name):
            known[os.lstat(path).st_ino] = real[inode]
    for path, node in reversed(folders):
        os.chmod(path, stat.S_IMODE(node.mode))
        os.utime(path, ns=(node.mtime, node.mtime))
    return known


def _is_state(name: str) -> bool:
    """Whether a path is a project, an environment, or of its state."""
    parts = name.split("/")
    return len(parts) <= 2 or (parts[2:3] == [".envsync"] and len(parts) <= 4)


def _make(path: str, node: Node) -> None:
    if stat.S_ISLNK(node.mode):
        os.symlink(node.data, os.fsencode(path))
    else:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(node.data)
        os.chmod(path, stat.S_IMODE(node.mode))
    os.utime(path, ns=(node.mtime, node.mtime), follow_symlinks=False)
