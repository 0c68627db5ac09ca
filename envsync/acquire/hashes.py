"""Hash the files that a lock is to name and of which no index says a hash that proves anything.

A lock without hashes can't be checked (H23), so the bytes must be read once: what comes now is what
is locked. What the old lock knows of a file is taken from there, and a sync compares it. Files on
this machine are read each time, whatever a page says of them: that costs little.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from packaging.pylock import Pylock

from envsync.inside import Content
from envsync.lock.compare import files_of
from envsync.lock.filenames import artifact_filename
from envsync.lock.pylock import files_to_lock
from envsync.lock.read import SECURE_HASHES
from envsync.lock.urls import public_url
from envsync.model.candidate import File
from envsync.model.file_urls import is_local
from envsync.model.resolution import Resolution, ResolvedPackage

_Key = tuple[str | None, str]
"""An index, and the name of a file of it."""
Read = Callable[[Sequence[File]], Sequence[Content]]
"""Reads files of indexes, and gives sha256 and size of what came for each."""


class _Known(NamedTuple):
    """What is known of a file's bytes."""

    sha256: str
    size: int | None


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
    locked = dict(_locked(old)) if old is not None else {}
    known = {
        key: said
        for key, file in bare.items()
        if not is_local(file.url) and (said := locked.get(_in_lock(*key))) is not None
    }
    missing = {key: file for key, file in bare.items() if key not in known}
    # All at once: they are downloaded side by side.
    came = zip(missing, read(list(missing.values())), strict=True)
    known |= {key: _Known(content.hashes["sha256"], content.size) for key, content in came}
    packages = tuple(_hashed(package, known) for package in resolution.packages)
    fetched = [key for key, file in missing.items() if not is_local(file.url)]
    notices = (*resolution.notices, *_notice(fetched, resolution))
    return resolution._replace(packages=packages, notices=notices)


def _locked(old: Pylock) -> Iterator[tuple[tuple[str, str | None], _Known]]:
    """By file name and index: another index may well have built the same version by itself."""
    for package in old.packages:
        for file in files_of(package):
            if "sha256" in file.hashes:
                known = _Known(file.hashes["sha256"], file.size)
                yield (artifact_filename(file), package.index), known


def _is_bare(file: File | None) -> bool:
    return file is not None and (
        is_local(file.url) or not file.hashes.keys() & SECURE_HASHES.keys()
    )


def _in_lock(index_url: str | None, filename: str) -> tuple[str, str | None]:
    return filename, public_url(index_url) if index_url else None


def _hashed(package: ResolvedPackage, known: Mapping[_Key, _Known]) -> ResolvedPackage:
    candidate = package.candidate
    if not any(index == candidate.index_url for index, _ in known):
        return package

    def hashed(file: File) -> File:
        said = known.get((candidate.index_url, file.filename))
        if said is None:
            return file
        return file._replace(hashes={**file.hashes, "sha256": said.sha256}, size=said.size)

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
