"""Where the compiled files of stored wheels are kept: once for each wheel and kind of interpreter.

    bytecode-v1/<sha256 of the wheel>-<label>/     manifest and tree/, as in `store.entries`

The label names the interpreter by its cache tag and full version, so that what an environment
holds follows from its lock and its interpreter. The tree has the wheel's own layout, with a
`__pycache__` folder beside the sources (PEP 3147).

A compiled file holds the time and size of its source (PEP 552: neither kind of hash). The time of
a source follows from its content (`files.content_mtime`), so one compiled file is right wherever
that source is, an edit of the source is seen by Python at once, and nothing is read twice.
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from envsync.cache.bucket import ENTRIES, Bucket
from envsync.model.target import Target
from envsync.store.entries import StoreReader, package_in_manifest
from envsync.store.manifest import StoredFile, StoredWheel

BUCKET = Bucket("bytecode-v1", ENTRIES, package_in_manifest)
CACHE = "__pycache__"

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-")
_LONGEST_LABEL = 80


class Source(NamedTuple):
    """One file of a wheel that is compiled."""

    file: StoredFile
    compiled: str
    """Path of the compiled file in its own tree."""
    name: str
    """What tracebacks would show, were it not that Python puts the true path there: relative to
    site-packages, the same on every machine."""


def bytecode_label(target: Target) -> str:
    """Name the interpreters that share compiled files; "" for one that can't have any."""
    threads = "t" if target.free_threaded else ""
    label = f"{target.cache_tag}-{target.version}{threads}"
    if "+" in target.version:  # built from a working copy: its bytecode may change any day
        own = f"{target.executable}\0{target.signature}"
        label += f"-{hashlib.sha256(own.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"
    is_sound = target.cache_tag and len(label) <= _LONGEST_LABEL and _PLAIN.issuperset(label)
    return label if is_sound else ""


def bytecode_reader(cache_dir: str, label: str) -> StoreReader:
    """Give the compiled files of wheels, by the sha256 of the wheel, for one label."""
    return StoreReader(cache_dir, BUCKET, label)


def sources_of(wheel: StoredWheel, cache_tag: str) -> Iterator[Source]:
    """Give the files of a wheel that Python would compile when they are imported."""
    data = wheel.dist_info.removesuffix(".dist-info") + ".data/"
    schemes = (f"{data}purelib/", f"{data}platlib/")
    for file in wheel.files:
        folder, _, base = file.path.rpartition("/")
        stem = base.removesuffix(".py")
        if stem == base or not stem or "." in stem or CACHE in folder.split("/"):
            continue
        name = file.path
        if name.startswith(data):
            if not name.startswith(schemes):
                continue
            name = name.removeprefix(schemes[0]).removeprefix(schemes[1])
        beside = f"{folder}/{CACHE}" if folder else CACHE
        yield Source(file, f"{beside}/{stem}.{cache_tag}.pyc", name)
