"""What a command executes and what it changes on disk, seen from outside (strace) and from inside.

Inside is Python's audit hook: it works everywhere, and sees what Python code does, but not what C
code or other programs do.
"""

import codecs
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

STRACE = shutil.which("strace")
"""Its path, if it is installed."""

_CHANGING = (
    *("creat", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat"),
    *("renameat2", "link", "linkat", "symlink", "symlinkat", "mknod", "mknodat", "truncate"),
    *("ftruncate", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchown"),
    *("fchownat", "utime", "utimes", "utimensat", "futimesat", "setxattr", "lsetxattr"),
    *("fsetxattr", "removexattr", "lremovexattr", "fremovexattr"),
)
_OPENING = ("open", "openat", "openat2")
_WRITING = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND")
_RUNNING = ("execve", "execveat", "chdir", "fchdir", "clone", "clone3", "fork", "vfork")
_ANSWERED = re.compile(r"^(\w+)\((.*)\)\s+= (-?\d+)(?:<((?:[^>\\]|\\.)*)>)?(?: (\w+))?")
_PATH = re.compile(r'(?:(?:AT_FDCWD|\d+)<((?:[^>\\]|\\.)*)>, )?"((?:[^"\\]|\\.)*)"')
_DESCRIPTOR = re.compile(r"^\d+<((?:[^>\\]|\\.)*)>")
_NOTHING_DONE = ("EEXIST", "ENOENT", "ENOTDIR")


class Executed(NamedTuple):
    """One program that was started."""

    path: str
    words: tuple[str, ...]
    folder: str
    """The current folder that it was started in."""


class Traced(NamedTuple):
    """What a command did."""

    code: int
    err: str
    executed: tuple[Executed, ...]
    changed: tuple[tuple[str, str], ...]
    """The call and the real path of whatever was changed, or opened for writing."""

    def outside(self, *folders: Path) -> list[tuple[str, str]]:
        """Give what was changed elsewhere."""
        tops = tuple(os.path.realpath(folder) for folder in folders)
        return [
            (call, path)
            for call, path in self.changed
            if not any(path == top or path.startswith(f"{top}/") for top in tops)
        ]


def trace(command: Sequence[str], *, folder: Path, environ: Mapping[str, str], log: Path) -> Traced:
    """Run a command under strace; `log` is a folder that isn't there yet."""
    log.mkdir()
    calls = ",".join(f"?{call}" for call in (*_OPENING, *_CHANGING, *_RUNNING))
    options = ["-ff", "-y", "-qq", "-s", "9999", "-e", f"trace={calls}", "-e", "signal=none"]
    done = _run([str(STRACE), *options, "-o", f"{log}/of", *command], folder, environ)
    executed: list[Executed] = []
    changed: list[tuple[str, str]] = []
    (first,) = set(_numbers(log)) - {child for one in _numbers(log) for child in _born(log, one)}
    for call in _calls(log, first, str(folder)):
        if call.name.startswith("execve") and call.result == 0:
            path, *words = call.paths()
            executed.append(Executed(path, tuple(words), call.folder))
        elif call.is_change():
            changed += ((call.name, path) for path in call.touched())
    return Traced(done.returncode, done.stderr.decode(), tuple(executed), tuple(changed))


def _run(
    command: Sequence[str], folder: Path, environ: Mapping[str, str]
) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        command,
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )


class _Call(NamedTuple):
    """One line of strace."""

    name: str
    arguments: str
    result: int
    opened: str
    error: str
    folder: str

    def paths(self) -> list[str]:
        """The paths, or for a program its path and words, in full."""
        found = [(_plain(at), _plain(path)) for at, path in _PATH.findall(self.arguments)]
        if self.name.startswith("execve"):
            return [os.path.join(self.folder, found[0][1]), *(path for _, path in found[1:])]
        return [os.path.join(at or self.folder, path) for at, path in found]

    def is_change(self) -> bool:
        """Whether something on disk was changed, or might have been."""
        if self.error in _NOTHING_DONE:
            return False
        if self.name in _OPENING:
            return any(flag in self.arguments for flag in _WRITING)
        return self.name in _CHANGING

    def touched(self) -> list[str]:
        """The real paths of what was changed."""
        if self.name in _OPENING and self.opened:
            return [_plain(self.opened)]
        paths = self.paths()
        if "symlink" in self.name:
            paths = paths[1:]  # the first is a text
        elif self.name.startswith("link"):
            paths = paths[1:]  # the first is only read
        if not paths and (descriptor := _DESCRIPTOR.match(self.arguments)):
            paths = [_plain(descriptor[1])]
        follow = self.name in ("chmod", "chown", "truncate", "utime", "utimes", "setxattr")
        return [
            os.path.realpath(path)
            if follow
            else os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
            for path in paths
        ]


def _calls(log: Path, process: int, folder: str) -> Iterator[_Call]:
    """Give the calls of a process and its children, each with its current folder."""
    for line in _lines(log, process):
        match = _ANSWERED.match(line)
        if match is None:
            continue
        name, arguments, result, opened, error = match.groups()
        call = _Call(name, arguments, int(result), opened or "", error or "", folder)
        yield call
        if name == "chdir" and call.result == 0:
            (folder,) = call.paths()
        elif name == "fchdir" and (descriptor := _DESCRIPTOR.match(arguments)):
            folder = _plain(descriptor[1])
        elif name in ("clone", "clone3", "fork", "vfork") and call.result > 0:
            yield from _calls(log, call.result, folder)


def _lines(log: Path, process: int) -> list[str]:
    path = log / f"of.{process}"
    return path.read_text(errors="surrogateescape").splitlines() if path.exists() else []


def _numbers(log: Path) -> list[int]:
    return [int(path.suffix[1:]) for path in log.iterdir()]


def _born(log: Path, process: int) -> Iterator[int]:
    for line in _lines(log, process):
        match = _ANSWERED.match(line)
        if match and match[1] in ("clone", "clone3", "fork", "vfork"):
            yield int(match[3])


def _plain(text: str) -> str:
    """Read a string as strace writes it."""
    return os.fsdecode(codecs.escape_decode(text.encode())[0])


# From inside

_DRIVER = """\
import json, os, sys
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
FIRST = {"os.mkdir", "os.rmdir", "os.remove", "os.chmod", "os.chown", "os.utime", "os.truncate"}
SECOND = {"os.link", "os.symlink"}
ANY = {"os.rename"}
RUN = {"subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.spawn"}
seen = set()
def text(path):
    return path if isinstance(path, int) else os.fsdecode(path)
def hook(event, args):
    found = []
    if event == "open" and isinstance(args[2], int) and args[2] & WRITING:
        found = [args[0]]
    elif event in FIRST:
        found = [args[0]]
    elif event in SECOND:
        found = [args[1]]
    elif event in ANY:
        found = [args[0], args[1]]
    elif event in RUN:
        words = [os.fsdecode(word) for word in args[1]]
        line = {"run": [os.fsdecode(args[0]), *words]}
        os.write(log, json.dumps(line).encode() + b"\\n")
    elif event == "exec" and args[0].co_filename not in seen:
        seen.add(args[0].co_filename)
        os.write(log, json.dumps({"code": args[0].co_filename}).encode() + b"\\n")
    for path in found:
        if not isinstance(path, int):
            line = {"change": [event, os.path.abspath(os.fsdecode(path))]}
            os.write(log, json.dumps(line).encode() + b"\\n")
del sys.argv[0]
sys.argv[0] = "envsync"
from envsync.__main__ import main
sys.addaudithook(hook)
sys.exit(main())
"""


class Audited(NamedTuple):
    """What Python code did."""

    code: int
    err: str
    started: tuple[tuple[str, ...], ...]
    """Program and words."""
    changed: tuple[tuple[str, str], ...]
    code_of: tuple[str, ...]
    """The files whose code ran."""


def audit(
    arguments: Sequence[str], *, folder: Path, environ: Mapping[str, str], log: Path
) -> Audited:
    """Run envsync with an audit hook, once it is imported."""
    command = [sys.executable, "-P", "-c", _DRIVER, str(log), *arguments]
    done = _run(command, folder, environ)
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    return Audited(
        done.returncode,
        done.stderr.decode(),
        tuple(tuple(row["run"]) for row in rows if "run" in row),
        tuple((row["change"][0], row["change"][1]) for row in rows if "change" in row),
        tuple(row["code"] for row in rows if "code" in row),
    )
