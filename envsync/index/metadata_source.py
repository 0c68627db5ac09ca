"""Get the core metadata of a remote file, by the cheapest way that can be believed."""

import hashlib
import os
import re
from contextlib import suppress
from typing import NamedTuple

from envsync.errors import DownloadFailed, HashMismatch, WheelInvalid
from envsync.files import storage_errors
from envsync.index.artifacts import Wanted, check_status, download, failed
from envsync.index.cache import ValueCache
from envsync.index.http import HttpClient
from envsync.index.sdist import read_pkg_info
from envsync.index.steps import Steps
from envsync.index.transport import KIB, MIB, Request, Response, TransportFailed
from envsync.index.urls import Origin, display_url, parse_address
from envsync.model.candidate import File
from envsync.wheel.tail import find_metadata_in_tail, unpack_located

MAX_METADATA = 16 * MIB
MAX_SDIST = 1024 * MIB
"""Bytes of a source distribution that is downloaded for its PKG-INFO alone."""

_TAIL = 64 * KIB
"""Bytes asked for first: most wheels have their directory and METADATA in there."""
_MARGIN = 32 * KIB
"""Bytes before a directory that are fetched with it: METADATA is often among the last members."""
_IDENTITY = (("Accept-Encoding", "identity"),)
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})").fullmatch


class _Part(NamedTuple):
    """The bytes of a file from `start` on, and how many bytes it has in all."""

    start: int
    content: bytes
    total: int


class MetadataSource:
    """Metadata of wheels and source distributions, kept for good by the sha256 of the file."""

    def __init__(self, http: HttpClient, *, cache_folder: str, scratch: str) -> None:
        """`scratch` takes files that are downloaded only to look into them."""
        self._http = http
        self._cache = ValueCache(cache_folder)
        self._scratch = scratch
        self._sizes: dict[str, int] = {}
        self._without_ranges: set[Origin] = set()

    def known_size(self, file: File) -> int | None:
        """Give a file's size in bytes: as listed, or as learned when its metadata was read."""
        return file.size if file.size is not None else self._sizes.get(_identity(file))

    def wheel(self, file: File) -> Steps[bytes]:
        """Give METADATA: the metadata file (PEP 658), else parts of the wheel, else all of it.

        Raises `DownloadFailed`, `HashMismatch`, or `WheelInvalid` where the wheel has none.
        """
        content = self._kept(file)
        if content is not None:
            return content
        self._check_online(file)
        if file.has_metadata:
            content = yield from self._metadata_file(file)
        if content is None:
            content = yield from self._from_parts(file)
        if content is None:
            content = yield from self._from_whole_wheel(file)
        self._keep(file, content)
        return content

    def sdist(self, file: File) -> Steps[bytes | None]:
        """Give a source distribution's PKG-INFO, None when it has none; downloads the file.

        Raises `DownloadFailed` and `HashMismatch`.
        """
        content = self._kept(file)
        if content is None:
            self._check_online(file)
            path = yield from self._download(file, MAX_SDIST)
            try:
                content = read_pkg_info(path, file.filename) or b""
            finally:
                _remove(path)
            self._keep(file, content)
        return content or None

    def _check_online(self, file: File) -> None:
        if self._http.options.offline:
            raise DownloadFailed(
                display_url(file.url),
                "its metadata is not in the cache, and offline",
                hint="run the command once without --offline",
            )

    # -- what is kept: a line with the file's size, then the metadata

    def _kept(self, file: File) -> bytes | None:
        value = None if file.sha256 is None else self._cache.get(file.sha256)
        if value is None:
            return None
        size, _, content = value.partition(b"\n")
        if size.isdigit():
            self._sizes[_identity(file)] = int(size)
        return content

    def _keep(self, file: File, content: bytes) -> None:
        if file.sha256 is not None:
            size = self._sizes.get(_identity(file), "")
            self._cache.put(file.sha256, f"{size}\n".encode() + content)

    # -- the metadata file

    def _metadata_file(self, file: File) -> Steps[bytes | None]:
        """Get `URL.metadata`; None when it isn't there after all: the wheel itself decides then."""
        path, mark, query = file.url.partition("?")
        url = f"{path}.metadata{mark}{query}"
        response = yield from self._ask(Request(url, _IDENTITY, limit=MAX_METADATA))
        if response.status != 200:
            return None
        found = hashlib.sha256(response.body).hexdigest()
        if file.metadata_sha256 not in (None, found):
            raise HashMismatch(
                f"{file.filename}.metadata", f"sha256:{file.metadata_sha256}", f"sha256:{found}"
            )
        return response.body

    # -- parts of the wheel

    def _from_parts(self, file: File) -> Steps[bytes | None]:
        """Read METADATA by byte ranges; None when the server's parts make no sense (hazard H6)."""
        tail = yield from self._tail(file)
        if tail is None or file.size not in (None, tail.total):
            return None
        try:
            found = find_metadata_in_tail(tail.content, tail.total, file=file.filename)
            while isinstance(found, int):
                start = max(0, found - _MARGIN)
                before = yield from self._part(file, start, tail)
                if before is None:
                    return None
                tail = tail._replace(start=start, content=before.content + tail.content)
                found = find_metadata_in_tail(tail.content, tail.total, file=file.filename)
            part: _Part | None = tail
            if found.start < tail.start:
                part = yield from self._part(file, found.start, tail._replace(start=found.end))
            if part is None:
                return None
            chunk = part.content[found.start - part.start : found.end - part.start]
            content = unpack_located(chunk, found, file=file.filename)
        except WheelInvalid:
            return None
        self._sizes[_identity(file)] = tail.total
        return content

    def _tail(self, file: File) -> Steps[_Part | None]:
        """Get the last bytes, or all of a small file; None when the server doesn't do ranges."""
        try:
            origin = parse_address(file.url).origin
        except ValueError as error:
            raise DownloadFailed(display_url(file.url), f"cannot be asked: {error}") from error
        if origin in self._without_ranges:
            return None
        headers = (*_IDENTITY, ("Range", f"bytes=-{_TAIL}"))
        try:
            response = yield from self._http.exchange(Request(file.url, headers, limit=_TAIL))
        except TransportFailed as error:
            if error.kind != "limit":
                raise failed(error) from error
            if error.status == 200:
                self._without_ranges.add(origin)
            return None
        if response.status == 416:
            return None
        check_status(response, 200, 206)
        if response.status == 200:
            is_right = file.sha256 in (None, hashlib.sha256(response.body).hexdigest())
            return _Part(0, response.body, response.size) if is_right else None
        part = _part_of(response)
        is_tail = part is not None and part.start == max(0, part.total - _TAIL)
        return part if is_tail and part is not None and _end(part) == part.total else None

    def _part(self, file: File, start: int, later: _Part) -> Steps[_Part | None]:
        """Get the bytes from `start` up to where `later` starts; None for any other answer."""
        headers = (*_IDENTITY, ("Range", f"bytes={start}-{later.start - 1}"))
        request = Request(file.url, headers, limit=later.start - start)
        try:
            response = yield from self._http.exchange(request)
        except TransportFailed as error:
            if error.kind != "limit":
                raise failed(error) from error
            return None
        part = _part_of(response) if response.status == 206 else None
        wanted = (start, later.start, later.total)
        return part if part is not None and (part.start, _end(part), part.total) == wanted else None

    # -- the whole file

    def _from_whole_wheel(self, file: File) -> Steps[bytes]:
        path = yield from self._download(file, None)
        try:
            with storage_errors(path):
                return _read_wheel(path, file.filename)
        finally:
            _remove(path)

    def _download(self, file: File, limit: int | None) -> Steps[str]:
        with storage_errors(self._scratch):
            os.makedirs(self._scratch, mode=0o700, exist_ok=True)
        wanted = Wanted(file.url, file.filename, file.hashes, file.size)
        if limit is not None:
            wanted = wanted._replace(limit=limit)
        path = yield from download(self._http, wanted, self._scratch, None)
        with storage_errors(path):
            self._sizes[_identity(file)] = os.path.getsize(path)
        return path

    def _ask(self, request: Request) -> Steps[Response]:
        try:
            return (yield from self._http.exchange(request))
        except TransportFailed as error:
            raise failed(error) from error


def _identity(file: File) -> str:
    return file.sha256 or file.url


def _part_of(response: Response) -> _Part | None:
    """Read a 206 (RFC 9110 section 14.4); None when Content-Range and the body don't agree."""
    match = _CONTENT_RANGE(response.headers.get("content-range", ""))
    if match is None:
        return None
    first, last, total = (int(number) for number in match.groups())
    is_sound = first <= last < total and last - first + 1 == len(response.body)
    return _Part(first, response.body, total) if is_sound else None


def _end(part: _Part) -> int:
    return part.start + len(part.content)


def _read_wheel(path: str, filename: str) -> bytes:
    """Read METADATA of a wheel on the disk, in the same two steps as from afar."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = max(0, size - _TAIL)
        while True:
            tail = os.pread(file.fileno(), size - start, start)
            found = find_metadata_in_tail(tail, size, file=filename)
            if not isinstance(found, int):
                break
            start = found
        chunk = os.pread(file.fileno(), found.end - found.start, found.start)
    return unpack_located(chunk, found, file=filename)


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)
