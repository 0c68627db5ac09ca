"""Open what a package is built from: an archive becomes a private tree, a folder is used in place.

    tree = unpack_sdist("/tmp/x/shop-1.0.tar.gz", directory="/tmp/y", name="shop", version=...)
    tree = open_folder("libs/shop")

A local folder is the user's own, and is built where it is: what asks its repository for a version,
or reads a file beside it, finds that nowhere else. What a back end writes there is its own affair.
"""

import mmap
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from envsync.build.members import SourceMember, check_layout
from envsync.build.tar import inflate, parse_tar
from envsync.build.unpack import unpack
from envsync.build.zip import parse_zip, read_entry
from envsync.errors import SourceInvalid
from envsync.platform.files import open_regular, sha256_file, storage_errors

OPEN_SECONDS = 300.0

_COPY_CHUNK = 1 << 20

_Judge = Callable[[Sequence[SourceMember]], str]
"""Looks at all members before the first is written, and gives the top folder."""


class SourceTree(NamedTuple):
    """A folder that can be built from."""

    path: str
    """The folder with pyproject.toml or setup.py, absolute."""
    sha256: str
    """Of the archive; "" for a folder used in place."""
    label: str
    """What messages call it: the archive's file name, or the folder as the user wrote it."""
    name: NormalizedName | None = None
    """What a built wheel must be called, where that is known."""
    version: Version | None = None
    private: str = ""
    """The folder of envsync's own that all of it lies in; "" for a folder used in place."""

    @property
    def is_in_place(self) -> bool:
        """The folder is the user's own, not a private copy."""
        return not self.sha256


def unpack_sdist(
    archive_path: str,
    *,
    directory: str,
    filename: str | None = None,
    name: NormalizedName | None = None,
    version: Version | None = None,
    subdirectory: str | None = None,
) -> SourceTree:
    """Unpack a source archive (`.tar.gz` or `.zip`) into the empty folder `directory`.

    `filename` is what the archive is called, where the path doesn't say. With `name` and `version`
    the archive's top folder must be NAME-VERSION (PEP 625, older spellings included); without them,
    as for archives named by URL, any single top folder will do. The whole archive is judged before
    anything is written. Raises `SourceInvalid` and `StorageFailed`.
    """
    label = filename or os.path.basename(archive_path)
    deadline = time.monotonic() + OPEN_SECONDS
    kind = label.lower()
    if not kind.endswith((".tar.gz", ".zip")):
        raise SourceInvalid(label, "only .tar.gz and .zip archives can be opened")
    open_archive = _unpack_tar if kind.endswith(".tar.gz") else _unpack_zip

    def judge(members: Sequence[SourceMember]) -> str:
        top = check_layout(members)
        if name is not None and version is not None and not _is_top_folder(top, name, version):
            raise ValueError(f"its folder is {top!r} instead of '{name}-{version}'")
        return top

    try:
        top = open_archive(archive_path, directory, judge, deadline)
    except ValueError as error:
        raise SourceInvalid(label, str(error)) from error
    with storage_errors(archive_path):
        sha256 = sha256_file(archive_path)
    path = _subdirectory(os.path.join(directory, top), subdirectory, label)
    return SourceTree(path, sha256, label, name, version, private=directory)


def _unpack_tar(archive_path: str, directory: str, judge: _Judge, deadline: float) -> str:
    """Unpack in three steps: inflate beside the target, judge everything, write. Give the top."""
    with (
        storage_errors(archive_path),
        open_regular(archive_path) as archive,
        tempfile.TemporaryFile(dir=directory) as spool,
    ):
        if not inflate(archive, spool, deadline=deadline):
            raise ValueError("it is empty")
        with mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ) as data:
            members = parse_tar(data, deadline=deadline)
            top = judge(members)

            def content(member: SourceMember) -> Iterator[bytes]:
                end = member.offset + member.size
                for start in range(member.offset, end, _COPY_CHUNK):
                    yield data[start : min(start + _COPY_CHUNK, end)]

            unpack(members, content, directory=directory, deadline=deadline)
    return top


def _unpack_zip(archive_path: str, directory: str, judge: _Judge, deadline: float) -> str:
    """Judge everything, then write. Give the top folder."""
    with storage_errors(archive_path), open_regular(archive_path) as archive:
        if not os.path.getsize(archive_path):
            raise ValueError("it is empty")
        with mmap.mmap(archive.fileno(), 0, access=mmap.ACCESS_READ) as data:
            members, entries = parse_zip(data, file=archive_path)
            top = judge(members)

            def content(member: SourceMember) -> Iterator[bytes]:
                return read_entry(data, entries[member.path])

            unpack(members, content, directory=directory, deadline=deadline)
    return top


def _is_top_folder(top: str, name: NormalizedName, version: Version) -> bool:
    """Tell whether `top` reads as NAME-VERSION, at any of its hyphens."""
    for hyphen in re.finditer("-", top):
        left, right = top[: hyphen.start()], top[hyphen.end() :]
        try:
            if canonicalize_name(left) == name and Version(right) == version:
                return True
        except InvalidVersion:
            continue
    return False


def _subdirectory(root: str, subdirectory: str | None, label: str) -> str:
    """Give the folder of a tree in which the project lies; links on the way are not followed."""
    path = root
    for part in (subdirectory or "").split("/"):
        if part in ("", "."):
            continue
        path = os.path.join(path, part)
        if part == ".." or os.path.islink(path) or not os.path.isdir(path):
            raise SourceInvalid(label, f"it has no folder {subdirectory!r}")
    return path


def open_folder(source_path: str, *, label: str | None = None) -> SourceTree:
    """Use a local folder in place. Raises `SourceInvalid` when there is none."""
    shown = label or source_path
    if not os.path.isdir(source_path):
        raise SourceInvalid(shown, "there is no such folder")
    return SourceTree(os.path.abspath(source_path), "", shown)
