"""Compile sources to bytecode as asked on standard input, inside the interpreter that will run it.

Run as `PYTHON -S -s -B compile_worker.py`, never imported by envsync; works on Python 3.8 and
newer with the standard library alone. One line of JSON asks for a list of files, each of which is
answered by a line: size and sha256 of what was written, "-" when it can't be compiled, "!" when
the source is not the one that was meant. Asked to compare, it says whether compiled files are what
their sources compile to ("same", "other"). An empty list is answered by one line.

The bytes written depend on the source, the name and the interpreter only. `marshal` writes a
reference mark on whatever has more than one user at that moment, so that by itself its output
depends on what was compiled before: here every part gets one more user first.
"""

import sys

if sys.path:
    del sys.path[0]  # the folder of this file: the standard library alone is wanted

import gc
import hashlib
import json
import marshal
import os
from importlib.util import MAGIC_NUMBER, source_hash
from types import CodeType

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


def main() -> None:
    """Answer until there is no more input."""
    gc.disable()  # code makes no cycles, and looking for them takes a third of the time
    while True:
        line = sys.stdin.buffer.readline()
        if not line:
            return
        asked = json.loads(line)
        if not asked["files"]:
            write(1, b"ready\n")
        if asked.get("compare"):
            for source, compiled, optimize in asked["files"]:
                answer = "same" if is_faithful(source, compiled, optimize) else "other"
                write(1, answer.encode() + b"\n")
            continue
        for source, compiled, name, mtime, sha256 in asked["files"]:
            answer = compile_file(
                asked["source"] + "/" + source,
                asked["target"] + "/" + compiled,
                (name, mtime, sha256),
            )
            write(1, answer.encode() + b"\n")


def compile_file(source: str, compiled: str, facts: "tuple[str, int, str]") -> str:
    """Compile one file; gives the answer's line."""
    name, mtime, sha256 = facts
    try:
        with open(source, "rb") as file:
            text = file.read()
    except OSError:
        return "!"  # the wheel is being deleted, say
    if hashlib.sha256(text).hexdigest() != sha256:
        return "!"
    try:
        code = compile(text, name, "exec", dont_inherit=True, optimize=0)
    except Exception:
        return "-"  # a template, or for another Python
    header = [MAGIC_NUMBER, number(0), number(mtime), number(len(text))]
    users = parts(code)
    data = b"".join(header) + marshal.dumps(code)
    del users
    descriptor = os.open(compiled, _NEW_FILE, 0o444)
    try:
        write(descriptor, data)
        os.fchmod(descriptor, 0o444)
    finally:
        os.close(descriptor)
    return str(len(data)) + " " + hashlib.sha256(data).hexdigest()


def parts(code: CodeType) -> "list[object]":
    """Give everything that a code object is made of, so that each has one more user."""
    everything = []  # type: list[object]
    waiting = [(code,)]  # type: list[tuple[object, ...]]
    while waiting:
        group = waiting.pop()
        everything.append(group)
        everything.extend(group)
        for part in group:
            if isinstance(part, CodeType):
                waiting.append(part.co_consts)
                everything.extend(part.co_names)
                everything.extend(part.co_varnames)
                everything.extend(part.co_freevars)
                everything.extend(part.co_cellvars)
                everything.append(part.co_names)
                everything.append(part.co_name)
                everything.append(part.co_filename)
                everything.append(getattr(part, "co_qualname", None))
            elif isinstance(part, (tuple, frozenset)):
                waiting.append(tuple(part))
    return everything


def is_faithful(source: str, compiled: str, optimize: int) -> bool:
    """Say whether a compiled file holds what its source compiles to, or would not be run."""
    try:
        with open(compiled, "rb") as file:
            data = file.read()
        with open(source, "rb") as file:
            text = file.read()
            mtime = int(os.fstat(file.fileno()).st_mtime)
    except OSError:
        return True  # nothing there that could be run
    flags = int.from_bytes(data[4:8], "little")
    expected = number(mtime) + number(len(text)) if flags == 0 else source_hash(text)
    if data[:4] != MAGIC_NUMBER or (flags != 1 and data[8:16] != expected):
        return True  # Python sees that it is stale
    try:
        wanted = compile(text, compiled, "exec", dont_inherit=True, optimize=optimize)
        there = marshal.loads(data[16:])  # noqa: S302  (read only, and in a process of its own)
        return is_same(wanted, there)
    except Exception:
        return False


def is_same(wanted: object, found: object) -> bool:
    """Compare code and constants, but for the names of files."""
    if type(wanted) is not type(found):
        return False
    if isinstance(wanted, CodeType) and isinstance(found, CodeType):
        return is_same(fields(wanted), fields(found))
    if isinstance(wanted, tuple) and isinstance(found, tuple):
        return len(wanted) == len(found) and all(map(is_same, wanted, found))
    if isinstance(wanted, frozenset):
        return wanted == found
    return repr(wanted) == repr(found)  # of numbers: -0.0 is not 0.0


def fields(code: CodeType) -> "tuple[object, ...]":
    """Give what decides how code runs, as constants of which none is the name of a file."""
    return tuple(
        getattr(code, name)
        for name in sorted(dir(code))
        if name.startswith("co_")
        and name not in ("co_filename", "co_lnotab", "co_lines", "co_positions", "co_branches")
    )


def number(value: int) -> bytes:
    """Write a number as PEP 552 has it."""
    return (value & 0xFFFFFFFF).to_bytes(4, "little")


def write(descriptor: int, data: bytes) -> None:
    """Write all of it."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    main()
