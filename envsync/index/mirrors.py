"""Find locked files at other addresses than the lock has: at mirrors of the index that lists them.

A mirror decides nothing: what comes from it must have the hash that is locked, and the lock names
the index itself. One that lacks a file, or can't be asked, is passed over where that is allowed.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from envsync.index.page_source import Index
from envsync.model.candidate import File


class Mirror(NamedTuple):
    """An index that has the files of another one."""

    place: Index
    fallback: bool = True
    """What it doesn't give is got from the index itself."""


class Mirrors(NamedTuple):
    """All mirrors that files may be got from."""

    by_index: Mapping[str, Sequence[Mirror]] = {}
    """By the address of what is mirrored, without a last slash, in the order of asking."""
    of_all: Mirror | None = None
    """Has the files of every index, and those that the lock names by URL."""

    def of(self, index_url: str | None) -> Sequence[Mirror]:
        """Give the mirrors of an index; None stands for files that are of none."""
        if self.of_all is not None:
            return (self.of_all,)
        return self.by_index.get((index_url or "").rstrip("/"), ())

    def every(self) -> Iterable[Index]:
        """Give each mirror, as an index."""
        known = [mirror for each in self.by_index.values() for mirror in each]
        return [one.place for one in (*known, *([self.of_all] if self.of_all else ()))]


def same_file(files: Iterable[File], filename: str, hashes: Mapping[str, str]) -> File | None:
    """Give the file that has one of the hashes, else the one with the name."""
    named = None
    for file in files:
        if any(file.hashes.get(algorithm) == digest for algorithm, digest in hashes.items()):
            return file
        if file.filename == filename and named is None:
            named = file
    return named
