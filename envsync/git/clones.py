"""Bare clones in the store: one for each address and who asks, used by one process at a time.

    git-v1/KEY/manifest         the address, and a checksum; its time is that of the last use
    git-v1/KEY/repository/      bare; commits that were fetched stand under refs/envsync/

A clone appears by one rename. What a killed git left in it (locks, halves of packs) is removed by
whoever uses it next: a commit counts as there once its reference is, which git writes last.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from envsync.cache.bucket import ENTRIES, STAGING, Bucket
from envsync.cache.folder import prepare_cache
from envsync.cache.scratch import DAY, scratch
from envsync.cache.values import key_of, with_checksum, without_checksum
from envsync.errors import GitFailed, StorageFailed
from envsync.git.access import Access, who_asks
from envsync.git.address import Address
from envsync.platform.file_lock import FileLock
from envsync.platform.files import (
    make_folders,
    read_limited,
    remove_tree,
    sha256_file,
    write_atomic,
)
from envsync.platform.files import storage_errors as refusals

BUCKET = Bucket("git-v1", ENTRIES)

_HEAD = "envsync git 1"
_LOCK_SECONDS = 7200.0
_MAX_MANIFEST = 16384
_TRIES = 3
_TRAILER = {"sha1": 20, "sha256": 32}


@contextmanager
def open_clone(access: Access, address: Address, object_format: str) -> Iterator[str]:
    """Give the path of an address's bare clone, for the time of a `with` block alone.

    `object_format` is "sha1" or "sha256". Raises `GitFailed`, `StorageFailed`, `EnvironmentBusy`.
    """
    entry = _entry(access.cache_dir, address, object_format)
    for _ in range(_TRIES):
        with refusals(entry):
            if not os.path.isdir(entry):
                _make(access, address, entry, object_format)
        with ExitStack() as held:
            try:
                held.enter_context(_lock(access, address, entry))
            except StorageFailed:
                if os.path.isdir(entry):
                    raise
                continue  # somebody cleans the cache
            if is_whole(entry, address.url):
                repository = f"{entry}/repository"
                _tidy(repository)
                _note_use(entry)
                yield repository
                return
            remove_tree(entry)
    raise GitFailed(address.url, "its clone is being deleted", hint="run the command again")


def drop(repository: str) -> None:
    """Remove a clone that shows to be damaged; whoever holds it calls this. Raises `OSError`."""
    remove_tree(os.path.dirname(repository))


def _lock(access: Access, address: Address, entry: str) -> FileLock:
    return FileLock(
        f"{entry}/.lock",
        timeout=_LOCK_SECONDS,
        on_wait=lambda: access.reporter.note(f"Waiting for another command at {address.url}"),
        what=address.url,
    )


def _entry(cache_dir: str, address: Address, object_format: str) -> str:
    facts = (address.url, who_asks(), *(() if object_format == "sha1" else (object_format,)))
    return f"{BUCKET.folder(cache_dir)}/{key_of(facts)}"


def _make(access: Access, address: Address, entry: str, object_format: str) -> None:
    """Make an empty clone, unless somebody else just did."""
    prepare_cache(access.cache_dir)
    bucket = BUCKET.folder(access.cache_dir)
    make_folders(bucket)
    with scratch(bucket, STAGING) as staged:
        repository = f"{staged}/repository"
        # Of the default format nothing is said: git knows the option since 2.29.
        formats = () if object_format == "sha1" else (f"--object-format={object_format}",)
        made = access.program.local(staged, "init", "--bare", "-q", *formats, repository)
        if made.code:
            raise address.failed(made.errors, "no clone could be made: ")
        text = f"{_HEAD}\n{address.url}\n".encode()
        write_atomic(f"{staged}/manifest", with_checksum(text), sync=False)
        with suppress(OSError):  # there already: whoever made it was faster
            os.rename(staged, entry)


def is_whole(entry: str, url: str | None = None) -> bool:
    """Say whether an entry is a clone, by its manifest; with `url`, one of this address."""
    said = url_in(entry)
    is_meant = said == url if url else bool(said)
    return is_meant and os.path.isdir(f"{entry}/repository/objects")


def url_in(entry: str) -> str:
    """Give the address that an entry is a clone of; "" where that isn't said."""
    try:
        data = without_checksum(read_limited(f"{entry}/manifest", _MAX_MANIFEST))
        head, url, end = data.decode().split("\n")
    except (OSError, ValueError):
        return ""
    return url if head == _HEAD and not end else ""


def _tidy(repository: str) -> None:
    """Remove what a killed git left. Nobody else is at work here."""
    for folder, folders, names in os.walk(repository):
        for name in folders:
            if name.startswith(("incoming-", "tmp_objdir-")):
                remove_tree(f"{folder}/{name}")
        folders[:] = [name for name in folders if not name.startswith(("incoming-", "tmp_objdir-"))]
        for name in names:
            if name.endswith(".lock") or name.startswith("tmp_"):
                with suppress(OSError):
                    os.unlink(f"{folder}/{name}")


def _note_use(entry: str) -> None:
    path = f"{entry}/manifest"
    with suppress(OSError):  # a cache that is read-only
        if os.stat(path).st_mtime < time.time() - DAY:
            os.utime(path)


def damage(entry: str) -> tuple[int, list[str]]:
    """Read every byte of a clone's packs; give their number and what is wrong.

    Packs and their indexes end in the digest of all before (gitformat-pack). Raises `OSError`.
    """
    if not is_whole(entry):
        return 0, ["it is no clone, or its manifest is damaged"]
    folder = f"{entry}/repository/objects/pack"
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    packs = [name for name in names if name.endswith((".pack", ".idx"))]
    large = [f"{folder}/{name}" for folder, _, names in os.walk(f"{entry}/lfs") for name in names]
    return len(packs) + len(large), [
        *(f"{name} is damaged" for name in packs if not _ends_in_its_digest(f"{folder}/{name}")),
        # Objects of Git LFS are named by their sha256.
        *(
            f"{os.path.basename(path)} is damaged"
            for path in large
            if sha256_file(path) != os.path.basename(path)
        ),
    ]


def _ends_in_its_digest(path: str) -> bool:
    with open(path, "rb") as file:
        data_end = os.fstat(file.fileno()).st_size
        digests = {name: hashlib.new(name) for name in _TRAILER}
        for name, length in _TRAILER.items():
            file.seek(0)
            left = data_end - length
            while left > 0 and (piece := file.read(min(left, 1 << 20))):
                digests[name].update(piece)
                left -= len(piece)
            if file.read() == digests[name].digest():
                return True
    return False
