"""When the files of an environment last changed while they were known to be as placed.

    .envsync/times

    envsync-times 1
    id 5f0c…                       identity of the environment
    files 24800 1764210            number of files, and the length of their paths in bytes
    …paths, one a line; then a 64-bit integer for each: its time of last change (ctime), in
    nanoseconds and in the machine's order
    seal 77aa… 03be…               checksum and seal of all above (`environment.seal`)

More such texts may follow, each of files that a later sync changed: the last one that has a path
says it. A file with its type, permissions, size, time of modification and this time is as it was:
see `store.times`. It may be lost at any time: files of which it says nothing are compared by bytes.
"""

import os
from array import array
from collections.abc import Iterator, Mapping
from contextlib import suppress

from envsync.environment.journal import state_path
from envsync.environment.paths import STATE
from envsync.environment.seal import LINE_BYTES, NotBelieved, Seal
from envsync.environment.tree import Tree
from envsync.errors import StorageFailed
from envsync.platform.files import write_atomic
from envsync.platform.flags import APPEND

HEADER = "envsync-times 1"
NAME = "times"

_LIMIT = 256 << 20
_WIDTH = 8
_MOST = 32 << 20
"""Bytes from which on nothing is added any more: the next look at everything writes it anew."""


def read_times(root: str, environment_id: str, seal: Seal, *, trusted: bool) -> dict[str, int]:
    """Give what an environment's own file says, by path; nothing where none is believed.

    Raises `OSError`.
    """
    with Tree(root) as tree:
        data = tree.read(f"{STATE}/{NAME}", _LIMIT)
    times: dict[str, int] = {}
    with suppress(NotBelieved, ValueError, IndexError):
        for text in _texts(data or b""):
            times.update(parse_times(seal.open(text, trusted=trusted), environment_id))
    return times


def _texts(data: bytes) -> Iterator[bytes]:
    """Cut what was written one after the other. Raises `ValueError` behind the last whole one."""
    while data:
        _, _, counts, rest = data.split(b"\n", 3)
        count, length = map(int, counts.removeprefix(b"files ").split())
        end = len(data) - len(rest) + length + count * _WIDTH + 1 + LINE_BYTES
        yield data[:end]
        data = data[end:]


def parse_times(body: bytes, environment_id: str) -> dict[str, int]:
    """Read the text without its seal. Raises `ValueError`, `IndexError`."""
    head, name, counts, rest = body.split(b"\n", 3)
    count, length = map(int, counts.removeprefix(b"files ").split())
    if head != HEADER.encode() or name != f"id {environment_id}".encode():
        raise ValueError("it is about another environment")
    paths = rest[:length].decode("utf-8", "surrogateescape").split("\n")
    times = array("q", rest[length : length + count * _WIDTH])
    return dict(zip(paths, times, strict=True))


def render_times(environment_id: str, times: Mapping[str, int], seal: Seal) -> bytes:
    """Write the text with its seal."""
    paths = "\n".join(times).encode("utf-8", "surrogateescape")
    head = f"{HEADER}\nid {environment_id}\nfiles {len(times)} {len(paths)}\n".encode()
    return seal.close(head + paths + array("q", times.values()).tobytes() + b"\n")


def keep_times(root: str, environment_id: str, times: Mapping[str, int], seal: Seal) -> None:
    """Write them into an environment; one that can't be written to goes without."""
    with suppress(StorageFailed):
        if seal.key:
            data = render_times(environment_id, times, seal)
            write_atomic(state_path(root, NAME), data, sync=False)


def add_times(root: str, environment_id: str, times: Mapping[str, int], seal: Seal) -> None:
    """Write some behind what an environment says already; one that can't take them goes without."""
    path = state_path(root, NAME)
    with suppress(OSError):
        if seal.key and os.lstat(path).st_size < _MOST:
            with open(os.open(path, APPEND), "wb", buffering=0) as file:
                file.write(render_times(environment_id, times, seal))
