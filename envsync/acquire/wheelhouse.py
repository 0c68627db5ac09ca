"""A folder with every file that some environments need, by hash, and a page with links to them.

    house/alpha-1.0-py3-none-any.whl       a file; of two with one name the second lies in a folder
    house/DIGITS/alpha-1.0-py3-none-any.whl  named by its sha256
    house/index.html                       links to all of them, hashes included
    house/pylock.toml                      the lock that they are for, byte for byte

It is an index (`format = "flat"`), for envsync and others. Files appear whole, and the page last; a
second run fetches what is missing, and whatever else lies there stays.
"""

import html
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import quote, unquote

from envsync.acquire.fetch import address_of, listing_of
from envsync.errors import HashMismatch, StorageFailed
from envsync.index.client import IndexClient
from envsync.index.html_page import read_html
from envsync.lock.pins import Pinned
from envsync.platform.file_lock import FileLock
from envsync.platform.files import (
    make_folders,
    remove_tree,
    sha256_file,
    storage_errors,
    sync_directory,
    write_atomic,
)

PAGE = "index.html"
_UNFINISHED = ".envsync-fetch"
"""What is on its way, in a folder of its own; the next run removes what a killed one left."""
_WAIT_SECONDS = 3600.0
_DIGITS = 16
_HEAD = "<!DOCTYPE html>\n<html><head><title>Wheelhouse</title></head><body>\n"


class Fetched(NamedTuple):
    """What became of a folder."""

    folder: str
    new: tuple[str, ...]
    """Names of files that were fetched."""
    kept: int
    """Files that were there."""
    size: int
    """Bytes that were fetched."""


class _File(NamedTuple):
    """A file that must be there."""

    pin: Pinned
    place: str
    """Relative to the folder, with forward slashes."""


def fill(
    folder: str,
    pins: Iterable[Pinned],
    client: Callable[[], IndexClient],
    *,
    copy_local: Callable[[Pinned, str], str],
    waiting: Callable[[], None],
    lock: tuple[str, bytes] = ("", b""),
) -> Fetched:
    """Put the files of pins into a folder, which is made where there is none.

    `copy_local` copies a file of the project into a folder; `lock` is the name of a lock, and its
    bytes. Raises what downloading raises, and `HashMismatch` where a file is in the way that is
    another one; what has arrived stays.
    """
    make_folders(folder)
    _refuse_others(folder, *lock)
    with FileLock(folder, timeout=_WAIT_SECONDS, on_wait=waiting):
        unfinished = os.path.join(folder, _UNFINISHED)
        _clear(unfinished)
        wanted = _placed(folder, pins)
        missing = [file for file in wanted if not _is_there(folder, file)]
        try:
            size = _get(folder, unfinished, missing, client, copy_local) if missing else 0
        finally:
            _clear(unfinished)
        _write_page(folder, wanted)
        if lock[0]:
            _write(os.path.join(folder, lock[0]), lock[1])
    names = tuple(file.pin.filename for file in missing)
    return Fetched(folder, names, len(wanted) - len(missing), size)


def _clear(unfinished: str) -> None:
    with suppress(FileNotFoundError), storage_errors(unfinished):
        remove_tree(unfinished)


def _placed(folder: str, pins: Iterable[Pinned]) -> list[_File]:
    """Give each file its place; the first of one name, by hash, has the plain one."""
    by_hash = {pin.sha256 or str(sorted(pin.hashes.items())): pin for pin in pins if pin.filename}
    listed = _listed(folder)
    taken: dict[str, str] = {name: digest for name, digest in listed.items() if "/" not in name}
    files = []
    for digest, pin in sorted(by_hash.items(), key=lambda item: (item[1].filename, item[0])):
        holder = taken.setdefault(pin.filename, digest)
        plain = pin.filename if holder == digest else f"{digest[:_DIGITS]}/{pin.filename}"
        files.append(_File(pin, plain))
    return files


def _is_there(folder: str, file: _File) -> bool:
    path = os.path.join(folder, file.place)
    with storage_errors(path):
        if not os.path.lexists(path):
            return False
        if os.path.islink(path) or not os.path.isfile(path):
            raise StorageFailed(path, "it is no file", hint="remove it, or name another folder")
        found = sha256_file(path)
    if file.pin.sha256 and found != file.pin.sha256:
        raise HashMismatch(
            path,
            f"sha256:{file.pin.sha256} as in the lock",
            f"sha256:{found}",
            hint="remove it, or name another folder with -o",
        )
    return True


def _get(
    folder: str,
    unfinished: str,
    files: Sequence[_File],
    client: Callable[[], IndexClient],
    copy_local: Callable[[Pinned, str], str],
) -> int:
    """Get files, all at once, and put each into its place when it is whole; gives their bytes."""
    make_folders(unfinished, 0o700)
    coming: list[tuple[_File, Future[str] | str]] = []
    for file in files:
        url, pin = address_of(file.pin), file.pin
        coming.append(
            (
                file,
                copy_local(pin, unfinished)
                if url is None
                else client().download(
                    url,
                    pin.hashes,
                    pin.size,
                    directory=unfinished,
                    filename=pin.filename,
                    listing=listing_of(pin),
                ),
            )
        )
    size = 0
    for file, arriving in coming:
        path = arriving if isinstance(arriving, str) else arriving.result()
        size += _put(path, os.path.join(folder, file.place))
    return size


def _put(path: str, place: str) -> int:
    with storage_errors(place):
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.chmod(path, 0o644)
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            size = os.fstat(file.fileno()).st_size
        os.replace(path, place)
        sync_directory(os.path.dirname(place))
    return size


# -- the page


def _listed(folder: str) -> Mapping[str, str]:
    """The places that the page of an earlier run lists, with their sha256."""
    try:
        with open(os.path.join(folder, PAGE), encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return {}
    if not text.startswith(_HEAD):
        return {}
    base = "http://local.invalid/"
    return {
        unquote(file.url.removeprefix(base)): file.sha256
        for file in read_html(text, f"{base}{PAGE}")
        if file.sha256
    }


def _write_page(folder: str, files: Iterable[_File]) -> None:
    """Write links to what is needed, and to what earlier runs fetched and is still there."""
    path = os.path.join(folder, PAGE)
    links = {
        place: digest
        for place, digest in _listed(folder).items()
        if os.path.isfile(os.path.join(folder, place))
    }
    links |= {file.place: file.pin.sha256 for file in files}
    rows = (_link(place, digest) for place, digest in sorted(links.items()))
    data = (_HEAD + "".join(rows) + "</body></html>\n").encode()
    _write(path, data)


def _write(path: str, data: bytes) -> None:
    with storage_errors(path):
        if not os.path.exists(path) or _read(path) != data:
            write_atomic(path, data)


def _refuse_others(folder: str, lock_name: str, lock: bytes) -> None:
    """See that a page and a lock in the folder, which would be written over, came from here."""
    page, path = os.path.join(folder, PAGE), os.path.join(folder, lock_name)
    with storage_errors(folder):
        is_ours = os.path.lexists(page) and _read(page).startswith(_HEAD.encode())
        if os.path.lexists(page) and not is_ours:
            raise _in_the_way(page, "page")
        if lock_name and not is_ours and os.path.lexists(path) and _read(path) != lock:
            raise _in_the_way(path, "lock")


def _in_the_way(path: str, what: str) -> StorageFailed:
    return StorageFailed(
        path, f"it is not a {what} of this folder's", hint="name another folder with -o"
    )


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _link(place: str, digest: str) -> str:
    name = html.escape(place.rpartition("/")[2])
    fragment = f"#sha256={digest}" if digest else ""
    return f'<a href="{html.escape(quote(place))}{fragment}">{name}</a><br/>\n'
