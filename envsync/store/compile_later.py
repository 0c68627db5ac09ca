"""Compile stored wheels in a process of its own, once the command that asked for it has ended.

Run as `PYTHON -m envsync.store.compile_later DESCRIPTOR`, from which a `Request` is read. What it
makes appears in the store entry by entry, each whole (`store.writer`). One such process works for a
store at a time, by a lock on the bucket; another one ends at once. Nobody waits for it or hears of
it: whatever fails is left out, and asked for again when the next environment links those wheels.
"""

import sys
from collections.abc import Sequence
from contextlib import suppress

from envsync.errors import EnvsyncError
from envsync.events import SILENT
from envsync.platform.background import give_way
from envsync.platform.file_lock import FileLock
from envsync.platform.files import make_folders, storage_errors
from envsync.store.bytecode import BUCKET, bytecode_label, bytecode_reader
from envsync.store.compile_request import Request
from envsync.store.compiler import AT_EASE, SourceDamaged, compile_wheels
from envsync.store.entries import StoreReader
from envsync.store.manifest import StoredWheel

_SECONDS = 3600
"""For all of it, on a machine that has little time left: some hundred packages take one of work."""


def compile_missing(request: Request) -> None:
    """Compile those wheels that are in the store, and not compiled yet.

    Raises `EnvironmentBusy` when another process does so, `StorageFailed`, and `EnvsyncError` when
    the interpreter can't be run.
    """
    bucket = BUCKET.folder(request.cache_dir)
    with storage_errors(bucket):
        make_folders(bucket)
    with FileLock(bucket, timeout=0):
        damaged: set[str] = set()
        while missing := [one for one in _missing(request) if one.sha256 not in damaged]:
            try:
                compile_wheels(missing, request.cache_dir, request.target, SILENT, AT_EASE)
                return
            except SourceDamaged as error:  # a sync that needs it sees to it
                damaged.add(error.wheel.sha256)


def _missing(request: Request) -> Sequence[StoredWheel]:
    compiled = bytecode_reader(request.cache_dir, bytecode_label(request.target))
    store = StoreReader(request.cache_dir)
    found = (store.get(sha256) for sha256 in request.wheels if compiled.get(sha256) is None)
    return [wheel for wheel in found if wheel is not None]


def main(descriptor: int) -> None:
    """Do what can be read from a descriptor, when nobody else wants to do anything."""
    give_way(_SECONDS)
    with open(descriptor, "rb") as file:
        request = Request.from_bytes(file.read())
    with suppress(EnvsyncError, TimeoutError):
        compile_missing(request)


if __name__ == "__main__":
    main(int(sys.argv[1]))
