"""Read what [sources] and direct references name: files and folders, URLs, git repositories."""

import mmap
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import orjson
from packaging.utils import NormalizedName, parse_wheel_filename
from packaging.version import Version

from envsync.cache.bucket import VALUES, Bucket
from envsync.cache.scratch import scratch_in
from envsync.cache.values import ValueCache
from envsync.catalog.choice import check_identity
from envsync.catalog.memory import MetadataMemory
from envsync.errors import BuildNotAllowed, GitFailed, MetadataInvalid, PathRefused
from envsync.index.artifacts import PARTIAL
from envsync.index.client import IndexClient
from envsync.index.sdist import read_pkg_info
from envsync.inside import copy_inside, folder_inside, read_inside, real_path
from envsync.model.candidate import Candidate, CoreMetadata, DirectSource
from envsync.platform.files import open_regular, sha256_file, storage_errors
from envsync.project.outside import place_of
from envsync.project.pyproject_table import static_metadata
from envsync.spec.model import SourceSpec
from envsync.wheel.archive import open_wheel
from envsync.wheel.metadata import static_sdist_metadata

BUCKET = Bucket("direct-v3", VALUES)
_ARCHIVES = (".tar.gz", ".zip")
_MAX_PYPROJECT = 4 << 20
_UNKNOWN = Version("0")

BuildMetadata = Callable[[Candidate], CoreMetadata]
"""Builds what has no static metadata. For a direct source the version given means nothing yet."""


class Direct(NamedTuple):
    """The one candidate that a direct source offers, with its metadata."""

    candidate: Candidate
    metadata: CoreMetadata


class Repository(NamedTuple):
    """What a git source holds at the commit that it means."""

    source: DirectSource
    metadata: CoreMetadata | None
    """None where only a build can tell."""


ReadRepository = Callable[[NormalizedName, SourceSpec], Repository]
"""Finds a git source's commit, and reads what it says of itself without a build."""


def no_repositories(name: NormalizedName, source: SourceSpec) -> Repository:
    """A `ReadRepository` for callers that have no git: always raises `GitFailed`."""
    raise GitFailed(source.location, f"{name} can't be looked at without git")


class DirectPolicy(NamedTuple):
    """What may be done to learn about a direct source."""

    may_build: Callable[[NormalizedName], bool]
    """Leave to build a remote source; what lies in the project may always be built."""
    refresh: Callable[[NormalizedName], bool] = lambda _: False
    """Tells of which projects not to believe what their URL held the last time."""


class _File(NamedTuple):
    """A wheel or archive that lies on the disk, maybe for a moment only."""

    path: str
    filename: str
    source: DirectSource


class DirectReader:
    """Direct sources of one project."""

    def __init__(
        self,
        root: str,
        client: IndexClient,
        cache_dir: str,
        build: BuildMetadata,
        policy: DirectPolicy,
        read_repository: ReadRepository = no_repositories,
    ) -> None:
        """`root` is the project's folder, absolute."""
        self._root, self._client, self._cache_dir = root, client, cache_dir
        self._read_repository = read_repository
        self._build, self._policy = build, policy
        self._memory = MetadataMemory(cache_dir)
        self._seen = ValueCache(BUCKET.folder(cache_dir))

    def read(self, name: NormalizedName, source: SourceSpec) -> Direct:
        """What a source offers of a project.

        Raises `MetadataInvalid` (not there, or another project), `BuildNotAllowed`, `GitFailed`,
        and what downloading and building raise.
        """
        if source.kind == "path":
            return self._local(name, source)
        if source.kind == "url":
            return self._remote(name, source)
        repository = self._read_repository(name, source)
        return self._direct(name, repository.source, repository.metadata, source.location)

    # -- in the project

    def _local(self, name: NormalizedName, source: SourceSpec) -> Direct:
        try:
            if os.path.isdir(real_path(*place_of(self._root, source.location))):
                return self._folder(name, source)
            return self._local_file(name, source)
        except PathRefused as error:
            raise MetadataInvalid(
                source.location, error.reason, hint=_where(name, error)
            ) from error

    def _local_file(self, name: NormalizedName, source: SourceSpec) -> Direct:
        """Read a private copy: what is learned belongs to the very bytes that are hashed."""
        filename = os.path.basename(source.location)
        _check_kind(source.location, filename)
        with self._scratch() as folder:
            path = os.path.join(folder, filename)
            content = copy_inside(*place_of(self._root, source.location), path)
            direct = DirectSource(
                kind="wheel" if filename.endswith(".whl") else "archive",
                path=source.location,
                subdirectory=source.subdirectory,
                hashes=content.hashes,
                size=content.size,
            )
            return self._file(name, _File(path, filename, direct))

    def _folder(self, name: NormalizedName, source: SourceSpec) -> Direct:
        direct = DirectSource(
            kind="directory",
            path=source.location,
            subdirectory=source.subdirectory,
            editable=source.editable,
        )
        label = f"{source.location}/pyproject.toml"
        root, inside = place_of(self._root, source.location, source.subdirectory)
        folder = folder_inside(root, inside)
        metadata = None
        if os.path.lexists(os.path.join(folder, "pyproject.toml")):
            try:
                data = read_inside(root, os.path.join(inside, "pyproject.toml"), _MAX_PYPROJECT)
            except PathRefused as error:
                raise MetadataInvalid(label, error.reason, hint=_where(name, error)) from error
            metadata = static_metadata(data, file=label)
        return self._direct(name, direct, metadata, source.location)

    # -- at a URL

    def _remote(self, name: NormalizedName, source: SourceSpec) -> Direct:
        seen = None if self._policy.refresh(name) else self._recall(source)
        metadata = self._memory.get(seen.hashes["sha256"]) if seen is not None else None
        if seen is not None and metadata is not None:
            return self._direct(name, seen, metadata, source.location)
        with self._scratch() as folder:
            file = self._fetch(source, folder)
            row = orjson.dumps([file.source.hashes["sha256"], file.source.size])
            self._seen.put(self._place(source), row)
            return self._file(name, file)

    def _place(self, source: SourceSpec) -> str:
        """A key for what a URL holds: others may be shown another file under it."""
        return f"{self._client.scope(source.location)}\n{source.location}"

    def _recall(self, source: SourceSpec) -> DirectSource | None:
        try:
            # A value that is damaged, or of another form, counts as absent (H12).
            sha256, size = orjson.loads(self._seen.get(self._place(source)) or b"")
        except (ValueError, TypeError):
            return None
        return _remote_source(source, str(sha256), int(size))

    def _fetch(self, source: SourceSpec, folder: str) -> _File:
        url, _, fragment = source.location.partition("#")
        filename = _filename(url)
        _check_kind(url, filename)
        path = self._client.download(
            url, _hashes(fragment), None, directory=folder, filename=filename
        ).result()
        with storage_errors(path):
            direct = _remote_source(source, sha256_file(path), os.path.getsize(path))
        return _File(path, filename, direct)

    def _scratch(self) -> AbstractContextManager[str]:
        return scratch_in(PARTIAL, self._cache_dir, "direct-")

    # -- what is in it

    def _file(self, name: NormalizedName, file: _File) -> Direct:
        sha256 = file.source.hashes["sha256"]
        metadata = self._memory.get(sha256)
        if metadata is not None and file.source.kind == "wheel":
            check_identity(metadata, file.filename)  # the same bytes may have another name
        if metadata is None:
            metadata = _read_wheel(file) if file.source.kind == "wheel" else _read_archive(file)
            if metadata is not None:
                self._memory.put(sha256, metadata)
        return self._direct(name, file.source, metadata, file.filename)

    def _direct(
        self,
        name: NormalizedName,
        source: DirectSource,
        metadata: CoreMetadata | None,
        label: str,
    ) -> Direct:
        candidate = Candidate(name, _UNKNOWN, source=source)
        # Asked for also where the metadata is known: a sync would have to build it all the same
        # (H47).
        needs_leave = source.kind == "archive" and source.url is not None
        if needs_leave and not self._policy.may_build(name):
            raise BuildNotAllowed(f"{name} @ {source.url}")
        if metadata is None:
            metadata = self._build(candidate)
        if metadata.name != name:
            raise MetadataInvalid(label, f"is the project {metadata.name}, not {name}")
        version = _version(source, metadata)
        return Direct(
            candidate._replace(version=version, requires_python=metadata.requires_python), metadata
        )


def _where(name: str, error: PathRefused) -> str | None:
    """Say what to do where a path leads to nothing; of all else the error has a hint."""
    if "there is no such" not in error.reason:
        return error.hint
    return f"[sources] in env.toml says where {name} is: correct its path, or put it back"


def _version(source: DirectSource, metadata: CoreMetadata) -> Version:
    """A wheel's version is that of its file name: metadata may lack the local part."""
    if source.kind != "wheel":
        return metadata.version
    filename = _filename(source.url) if source.url else os.path.basename(source.path or "")
    return parse_wheel_filename(filename)[1]


def _check_kind(place: str, filename: str) -> None:
    """See that a file can be installed or built from; `build.sources` opens no other archives."""
    if not filename.endswith((".whl", *_ARCHIVES)):
        reason = "is neither a wheel nor a source archive that can be opened (.tar.gz, .zip)"
        raise MetadataInvalid(place, reason)


def _read_wheel(file: _File) -> CoreMetadata:
    with storage_errors(file.path), open_regular(file.path) as opened:
        # `mmap` refuses an empty file in words of its own.
        if not os.path.getsize(file.path):
            raise MetadataInvalid(file.filename, "is empty")
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
            metadata = open_wheel(data, filename=file.filename).metadata
    return check_identity(metadata, file.filename)


def _read_archive(file: _File) -> CoreMetadata | None:
    """Static metadata (PEP 643) of a source archive; in a subdirectory only a build can tell."""
    if file.source.subdirectory is not None:
        return None
    data = read_pkg_info(file.path, file.filename)
    return None if data is None else static_sdist_metadata(data, file=file.filename)


def _remote_source(source: SourceSpec, sha256: str, size: int) -> DirectSource:
    url = source.location.partition("#")[0]
    return DirectSource(
        kind="wheel" if _filename(url).endswith(".whl") else "archive",
        url=url,
        subdirectory=source.subdirectory,
        hashes={"sha256": sha256},
        size=size,
    )


def _filename(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])


def _hashes(fragment: str) -> Mapping[str, str]:
    algorithm, _, digest = fragment.partition("=")
    return {algorithm: digest} if digest else {}
