"""strace as an instrument: the calls that a run makes, and a run that dies or fails at one."""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

MUTATING = (
    *("link", "linkat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "symlink"),
    *("symlinkat", "mkdir", "mkdirat", "rmdir", "write", "pwrite64", "writev", "fsync", "syncfs"),
    *("fdatasync", "chmod", "fchmod", "fchmodat", "utimensat", "truncate", "ftruncate"),
    *("copy_file_range", "sendfile", "open", "openat", "creat"),
)
"""Calls that change what is on disk; of the opening ones only those that make or write a file."""

READING = (
    *("flock", "getdents64", "stat", "lstat", "fstat", "newfstatat", "statx", "read", "pread64"),
    *("readlink", "access", "ioctl", "close", "lseek", "fcntl", "chdir", "getcwd"),
)
"""Calls that only look, and can fail as well (`mmap` is memory, not disk)."""

_SHOWN = re.compile(r"^\d+ +write\([12],")
_LINE = re.compile(r"^(\d+) +(\w+)\((.*)$")
_ENDED_BY_TIMEOUT = 124

_OPENS = frozenset({"open", "openat"})
_WRITING = ("O_CREAT", "O_WRONLY", "O_RDWR")


class Point(NamedTuple):
    """The N-th call of a kind in a process or thread."""

    call: str
    number: int

    def __str__(self) -> str:
        return f"{self.call}:{self.number}"


def works() -> bool:
    """Whether strace is there and may attach to a process that is no child of its own."""
    if shutil.which("strace") is None:
        return False
    sleeper = subprocess.Popen(["sleep", "5"])
    try:
        attach = ["timeout", "0.3", *_strace("-e", "trace=write", "-p", str(sleeper.pid))]
        done = subprocess.run(attach, capture_output=True, check=False)
    finally:
        sleeper.kill()
        sleeper.wait()
    return done.returncode == _ENDED_BY_TIMEOUT


def _strace(*arguments: str, log: str = "/dev/null") -> list[str]:
    return ["strace", "-f", "-qq", "-o", log, *arguments]


def recorder(log: Path, calls: Iterable[str] = MUTATING) -> list[str]:
    """The strace to attach so that its calls are written down."""
    traced = ",".join(f"?{call}" for call in calls)
    return _strace("-e", f"trace={traced}", log=str(log))


def points(log: Path, *, openings: bool = False) -> list[Point]:
    """The points of a recorded run, in the order in which they were reached, each once.

    `openings`: those of files that are only read, too. Writing to the terminal (standard output
    and error) changes nothing on disk, but a process can die there as well.
    """
    counts: Counter[tuple[str, str]] = Counter()
    found: dict[Point, None] = {}
    for line in log.read_text(errors="replace").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        process, call, rest = match.groups()
        counts[process, call] += 1
        if call in _OPENS and not openings and not any(flag in rest for flag in _WRITING):
            continue
        found[Point(call, counts[process, call])] = None
    return list(found)


def killing(point: Point) -> list[str]:
    """The strace to attach so that kill -9 hits it just before a call."""
    call, number = point
    return _strace("-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={number}")


def failing(point: Point, error: str, *, onwards: bool = False) -> list[str]:
    """The strace to attach so that a call fails, or it and all of its kind that follow."""
    call, number = point
    when = f"{number}+" if onwards else str(number)
    return _strace("-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}")


def to_disk(log: Path) -> list[Point]:
    """The points of a recorded run, of looking calls too, without writing to the terminal."""
    kept = [line for line in log.read_text(errors="replace").splitlines() if "write" in line]
    shown = {line for line in kept if _SHOWN.match(line)}
    counts: Counter[str] = Counter()
    hidden = set()
    for line in kept:
        process, _, rest = line.partition(" ")
        if rest.lstrip().startswith("write("):
            counts[process] += 1
            if line in shown:
                hidden.add(Point("write", counts[process]))
    return [point for point in points(log, openings=True) if point not in hidden]


def evenly(items: Sequence[Point], count: int) -> list[Point]:
    """At most so many of them, spread over all."""
    if len(items) <= count:
        return list(items)
    return [items[index * len(items) // count] for index in range(count)]
