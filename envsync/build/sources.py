"""Open what a package is built from: an archive, a folder or a repository becomes a private tree.

    tree = unpack_sdist("/tmp/x/shop-1.0.tar.gz", directory="/tmp/y", name="shop", version=...)
    tree = copy_folder("libs/shop", directory="/tmp/z")

The tree that comes out is a private copy (PEP 517 backends may write into it), made without
following a link. Only `open_folder` gives the folder itself: for editable installs (PEP 660).
"""

import hashlib
import mmap
import os
import re
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from envsync.build.members import SourceMember, check_layout, check_link
from envsync.build.tar import inflate, parse_tar
from envsync.build.unpack import create_file, finish_file, make_folder, unpack
from envsync.build.zip import parse_zip, read_entry
from envsync.errors import NotSupported, SourceInvalid
from envsync.events import SILENT, Reporter
from envsync.files import open_regular, sha256_file, storage_errors
from envsync.model.candidate import DirectSource

OPEN_SECONDS = 300.0

_SKIPPED_FOLDERS = frozenset({".git", ".hg", ".svn", ".venv", "__pycache__"})
_COPY_CHUNK = 1 << 20

_Judge = Callable[[Sequence[SourceMember]], str]
"""Looks at all members before the first is written, and gives the top folder."""


class SourceTree(NamedTuple):
    """A folder that can be built from."""

    path: str
    """The folder with pyproject.toml or setup.py, absolute."""
    sha256: str
    """Of the archive, or of the copied files with their paths; "" for a folder used in place."""
    label: str
    """What messages call it: the archive's file name, or the folder as the user wrote it."""
    name: NormalizedName | None = None
    """What a built wheel must be called, where that is known."""
    version: Version | None = None

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
    return SourceTree(path, sha256, label, name, version)


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


def copy_folder(
    source_path: str,
    *,
    directory: str,
    label: str | None = None,
    subdirectory: str | None = None,
    reporter: Reporter = SILENT,
) -> SourceTree:
    """Copy a local folder into the empty folder `directory`, as the tree of a build.

    Repositories' own folders, virtual environments and bytecode are left out; so are links that
    lead outside (with a warning), and pipes, sockets and devices. No link is followed. The tree's
    `sha256` changes with any path, content, link or executable bit. Raises `SourceInvalid` when
    there is nothing to build, `StorageFailed` when the disk refuses.
    """
    shown = label or source_path
    if not os.path.isdir(source_path):
        raise SourceInvalid(shown, "there is no such folder")
    digest = hashlib.sha256()
    copier = _Copier(directory, shown, reporter)
    with storage_errors(source_path):
        for row in sorted(copier.copy(source_path)):
            digest.update(row.encode(errors="surrogateescape"))
    path = _subdirectory(directory, subdirectory, shown)
    return SourceTree(path, digest.hexdigest(), shown)


def open_folder(source_path: str, *, label: str | None = None) -> SourceTree:
    """Use a local folder in place, as an editable install must (PEP 660)."""
    shown = label or source_path
    if not os.path.isdir(source_path):
        raise SourceInvalid(shown, "there is no such folder")
    return SourceTree(os.path.abspath(source_path), "", shown)


def check_out(name: str, source: DirectSource, *, directory: str) -> SourceTree:
    """Check a repository out into `directory`; a later issue fills this in (hazards H50, H51)."""
    del directory
    raise NotSupported(f"sources.{name}.{source.vcs or 'git'}")


class _Copier:
    """Copies a tree without following links; `copy` yields a row per entry for the tree's hash."""

    def __init__(self, directory: str, label: str, reporter: Reporter) -> None:
        self._directory = directory
        self._label = label
        self._reporter = reporter

    def copy(self, source_path: str) -> Iterator[str]:
        root = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            pending: list[tuple[str, ...]] = [()]
            while pending:
                parts = pending.pop()
                folder = make_folder(root, parts)
                try:
                    with os.scandir(os.path.join(source_path, *parts)) as entries:
                        for entry in entries:
                            inner = (*parts, entry.name)
                            if _is_source_folder(entry):
                                pending.append(inner)
                                yield f"folder {'/'.join(inner)}\0"
                            else:
                                yield from self._copy_entry(entry, folder, inner)
                finally:
                    os.close(folder)
        finally:
            os.close(root)

    def _copy_entry(
        self, entry: os.DirEntry[str], folder: int, parts: tuple[str, ...]
    ) -> Iterator[str]:
        shown = "/".join(parts)
        if entry.is_symlink():
            target = os.readlink(entry.path)
            try:
                check_link(("", *parts), target)
            except ValueError:
                self._reporter.warn(
                    f"{self._label}: the link {shown} leads outside and is left out of the build"
                )
                return
            os.symlink(target, entry.name, dir_fd=folder)
            yield f"link {shown}\0{target}\0"
        elif entry.is_file(follow_symlinks=False):
            sha256, executable = _copy_file(entry.path, folder, entry.name)
            yield f"{'program' if executable else 'file'} {shown}\0{sha256}\0"


def _is_source_folder(entry: os.DirEntry[str]) -> bool:
    """Tell whether a folder belongs to the sources: not a repository's, not an environment."""
    if not entry.is_dir(follow_symlinks=False) or entry.name in _SKIPPED_FOLDERS:
        return False
    return not os.path.lexists(os.path.join(entry.path, "pyvenv.cfg"))


def _copy_file(source_path: str, folder: int, name: str) -> tuple[str, bool]:
    """Copy one regular file; give its sha256 and whether it is executable."""
    descriptor = os.open(source_path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as source, create_file(folder, name) as copy:
        facts = os.fstat(source.fileno())
        executable = bool(facts.st_mode & stat.S_IXUSR)
        digest = hashlib.sha256()
        while piece := source.read(_COPY_CHUNK):
            digest.update(piece)
            copy.write(piece)
        finish_file(copy, executable=executable, mtime_ns=facts.st_mtime_ns)
    return digest.hexdigest(), executable
