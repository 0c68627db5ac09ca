"""Hash the files that a lock is to name and of which no index says a hash that proves anything.

A lock without hashes can't be checked (H23), so the bytes must be read once: what comes now is what
is locked. What the old lock knows of a file is taken from there, and a sync compares it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from packaging.pylock import Pylock

from envsync.lock.compare import sha256_of_files
from envsync.lock.pylock import files_to_lock
from envsync.lock.read import SECURE_HASHES
from envsync.lock.urls import public_url
from envsync.model.candidate import File
from envsync.model.resolution import Resolution, ResolvedPackage

_Key = tuple[str | None, str]
"""An index, and the name of a file of it."""
Read = Callable[[Sequence[File]], Sequence[str]]
"""Reads files of indexes, and gives the sha256 of what came for each."""


def with_hashes(resolution: Resolution, old: Pylock | None, read: Read) -> Resolution:
    """Give a resolution in which every file that is to be locked has a hash that proves something.

    A notice says which packages' files were downloaded for that. Raises what downloading raises.
    """
    bare = {
        (package.candidate.index_url, file.filename): file
        for package in resolution.packages
        if any(map(_is_bare, (*package.candidate.wheels, package.candidate.sdist)))
        for file in files_to_lock(package, resolution.environments)
        if _is_bare(file)
    }
    if not bare:
        return resolution
    locked = dict(sha256_of_files(old)) if old is not None else {}
    known = {key: sha256 for key in bare if (sha256 := locked.get(_in_lock(*key))) is not None}
    missing = {key: file for key, file in bare.items() if key not in known}
    # All at once: they are downloaded side by side.
    known.update(zip(missing, read(list(missing.values())), strict=True))
    packages = tuple(_hashed(package, known) for package in resolution.packages)
    notices = (*resolution.notices, *_notice(missing, resolution))
    return resolution._replace(packages=packages, notices=notices)


def _is_bare(file: File | None) -> bool:
    return file is not None and not file.hashes.keys() & SECURE_HASHES.keys()


def _in_lock(index_url: str | None, filename: str) -> tuple[str, str | None]:
    return filename, public_url(index_url) if index_url else None


def _hashed(package: ResolvedPackage, known: Mapping[_Key, str]) -> ResolvedPackage:
    candidate = package.candidate
    if not any(index == candidate.index_url for index, _ in known):
        return package

    def hashed(file: File) -> File:
        sha256 = known.get((candidate.index_url, file.filename))
        if sha256 is None:
            return file
        return file._replace(hashes={**file.hashes, "sha256": sha256})

    sdist = None if candidate.sdist is None else hashed(candidate.sdist)
    wheels = tuple(map(hashed, candidate.wheels))
    return package._replace(candidate=candidate._replace(wheels=wheels, sdist=sdist))


def _notice(read: Collection[_Key], resolution: Resolution) -> Iterator[str]:
    if read:
        indexes = {index for index, _ in read}
        filenames = {filename for _, filename in read}
        packages = [
            package.name
            for package in resolution.packages
            if package.candidate.index_url in indexes
            and any(
                file.filename in filenames
                for file in files_to_lock(package, resolution.environments)
            )
        ]
        yield (
            f"no sha256 on the index for files of {', '.join(dict.fromkeys(packages))}: "
            "they were downloaded, and what came is locked"
        )
