"""Files of the project that a lock names: taken as they were locked, or not at all (PEP 751)."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from packaging.pylock import PackageArchive, PackageSdist, PackageWheel, Pylock

from envsync.errors import HashMismatch, PathRefused
from envsync.inside import Content, copy_inside, hash_inside
from envsync.lock.compare import trust_hint
from envsync.lock.pins import Pinned
from envsync.lock.read import CREATED_BY, SECURE_HASHES
from envsync.project.outside import absolute, place_of


class LocalFile(NamedTuple):
    """A file of the project, and what a lock says of it."""

    package: str
    path: str
    """Relative to the lock's folder, with forward slashes."""
    hashes: Mapping[str, str]
    """Every secure hash that the lock gives."""
    size: int | None


def take(pin: Pinned, root: str, folder: str) -> str:
    """Copy the file of a pin from the project into a private folder; give the copy's path.

    It is the copy that is compared with all that the lock records. Raises `HashMismatch`,
    `PathRefused`, `StorageFailed`.
    """
    file = _of_pin(pin)
    copy = os.path.join(folder, f"{os.urandom(8).hex()}-{pin.filename}")
    _compare(file, copy_inside(*place_of(root, file.path), copy, file.hashes))
    return copy


def refuse_altered(root: str, pylock: Pylock, *, may_lack: bool) -> bool:
    """See that files of the project are what a lock says; give whether all of them are there.

    `may_lack`: one that is gone is no fault yet; what it held may be in the store. Raises
    `HashMismatch`, `PathRefused`, `StorageFailed`.
    """
    is_whole = True
    for file in files_of_lock(pylock):
        if may_lack and not os.path.lexists(absolute(root, file.path)):
            is_whole = False
            continue
        hint = trust_hint(file.package) if pylock.created_by == CREATED_BY else None
        _compare(file, hash_inside(*place_of(root, file.path), file.hashes), hint=hint)
    return is_whole


class Altered(NamedTuple):
    """A file that is not what was locked."""

    reason: str
    hint: str
    """What to do about it."""


def altered(root: str, pylock: Pylock) -> Iterator[Altered]:
    """Give the files of the project that are not what a lock says. Raises `StorageFailed`."""
    for file in files_of_lock(pylock):
        try:
            _compare(file, hash_inside(*place_of(root, file.path), file.hashes))
        except HashMismatch as error:
            reason = f"{file.path} changed: the lock has {error.expected}, there is {error.found}"
            yield Altered(reason, trust_hint(file.package))
        except PathRefused as error:
            hint = f"put the file back, or change what [sources] says of {file.package}"
            yield Altered(f"{file.path}: {error.reason}", hint)


def files_of_lock(pylock: Pylock) -> Iterator[LocalFile]:
    """Give every file of the project, and of its sources, that a lock names.

    What an index has outside of it is like what lies on a server: compared when it is taken.
    """
    for package in pylock.packages:
        of_index = (package.sdist, *(package.wheels or ()))
        here = (one for one in of_index if one and not (one.path or "").startswith("../"))
        for file in (*here, package.archive):
            if file is not None and file.url is None and file.path is not None:
                yield _of_row(package.name, file)


def files_of_pins(pins: Iterable[Pinned]) -> Iterator[LocalFile]:
    """Give every file of the project that is to be installed, or built from."""
    return (
        _of_pin(pin) for pin in pins if pin.filename and pin.url is None and not pin.is_elsewhere
    )


def _of_row(name: str, file: PackageSdist | PackageArchive | PackageWheel) -> LocalFile:
    hashes = {key: digest for key, digest in file.hashes.items() if key in SECURE_HASHES}
    return LocalFile(name, file.path or "", hashes, file.size)


def _of_pin(pin: Pinned) -> LocalFile:
    return LocalFile(pin.name, pin.path or pin.filename, pin.hashes, pin.size)


def _compare(file: LocalFile, content: Content, *, hint: str | None = None) -> None:
    for algorithm, expected in file.hashes.items():
        digest = content.hashes[algorithm]
        if digest != expected:
            raise HashMismatch(
                file.path, f"{algorithm}:{expected}", f"{algorithm}:{digest}", hint=hint
            )
    if file.size not in (None, content.size):
        raise HashMismatch(file.path, f"{file.size} bytes", f"{content.size} bytes", hint=hint)
