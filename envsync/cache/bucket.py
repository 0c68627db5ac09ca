"""A bucket: a folder of the cache for things of one kind, declared once by who keeps them there.

    BUCKET = Bucket("core-v3", VALUES, package=package_of)

A bucket's name ends in the version of its format, which is raised whenever older versions of
envsync could misread what is kept, or it them. `operations.cache` lists all of them; cleaning,
measuring and verifying go by that list.
"""

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

Keeps = Literal["entries", "values", "records", "scratch"]
ENTRIES: Keeps = "entries"
"""Folders that are one thing each; the time of their `manifest` is that of the last use."""
VALUES: Keeps = "values"
"""Files that are one value each (`cache.values`), perhaps in folders."""
RECORDS: Keeps = "records"
"""Files about something elsewhere, which alone decides how long they stay."""
SCRATCH: Keeps = "scratch"
"""Private folders of running processes (`cache.scratch`)."""

STAGING, DAMAGED, REMOVED = ".staging-", ".damaged-", ".removed-"
"""Begin the names of folders in a bucket that are no entries: one is made in there, was set aside,
or is on its way out."""


class Bucket(NamedTuple):
    """What envsync keeps in one folder of the cache."""

    name: str
    """`wheels-v1`: what is kept, and the version of its format."""
    keeps: Keeps
    package: Callable[[str], str] | None = None
    """Gives the package that an entry or value is of, by its path, as somebody once wrote that
    name; "" where it doesn't say. Raises `OSError`. None: nothing here is a package's."""

    def folder(self, cache_dir: str) -> str:
        """Give the path of the bucket."""
        return f"{cache_dir}/{self.name}"


def parse_name(name: str) -> tuple[str, int] | None:
    """Take the name of a bucket apart: `wheels-v1` is ("wheels", 1); None for any other name."""
    stem, _, version = name.rpartition("-v")
    if not (stem and version.isascii() and version.isdecimal() and len(version) < 5):
        return None
    return stem, int(version)


def declared(name: str, buckets: Iterable[Bucket]) -> Bucket | None:
    """Give the bucket that a folder's name is a version of; None where it is of none of them."""
    parsed = parse_name(name)
    stems = {bucket.name.rpartition("-v")[0]: bucket for bucket in buckets}
    return stems.get(parsed[0]) if parsed else None
