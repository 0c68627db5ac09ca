"""Get the core metadata of a remote file, by the cheapest way that can be believed."""

import hashlib
import os
import re
from contextlib import AbstractContextManager
from typing import NamedTuple

from envsync.cache.bucket import VALUES, Bucket
from envsync.cache.scratch import scratch_in
from envsync.cache.values import ValueCache, beginning
from envsync.errors import DownloadFailed, HashMismatch, WheelInvalid
from envsync.index.artifacts import PARTIAL, Wanted, check_status, download, failed
from envsync.index.http import HttpClient
from envsync.index.steps import Steps
from envsync.index.transport import KIB, MIB, Request, Response, TransportFailed
from envsync.index.urls import Origin, display_url, parse_address
from envsync.index.witness import Witness, of_bytes, of_claim
from envsync.model.candidate import File
from envsync.model.file_urls import is_local
from envsync.platform.files import storage_errors


def _package(path: str) -> str:
    for line in beginning(path).split(b"\n"):
        if line[:5].lower() == b"name:":
            return line[5:].decode("utf-8", "replace").strip()
    return ""


BUCKET = Bucket("metadata-v3", VALUES, _package)
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


class _Found(NamedTuple):
    """Metadata, and whether it was read out of bytes that have the file's hash."""

    content: bytes
    is_proven: bool = False


class MetadataSource:
    """Metadata of wheels and source distributions, kept by who said it (`index.witness`)."""

    def __init__(
        self,
        http: HttpClient,
        cache_dir: str,
        *,
        is_doubted: bool = False,
    ) -> None:
        """`is_doubted`: kept claims don't count, and are asked for anew."""
        self._http, self._cache_dir = http, cache_dir
        self._cache = ValueCache(BUCKET.folder(cache_dir))
        self._is_doubted = is_doubted
        self._proven: set[Witness] = set()
        self._without_ranges: set[Origin] = set()

    def claim(self, file: File) -> Witness:
        """Name what is said of a file by who is asked for it, with the credentials of now."""
        return of_claim(file, self._http.scope(file.url))

    def witnesses(self, file: File) -> tuple[Witness, ...]:
        """Give whom to believe of a file, the best first; nobody where the page has no sha256."""
        if file.sha256 is None or is_local(file.url):
            return ()
        own = of_bytes(file.sha256)
        is_doubted = self._is_doubted and not self._http.options.offline
        return (own,) if is_doubted else (own, self.claim(file))

    def witness(self, file: File) -> Witness | None:
        """Give who it was that `wheel` or `sdist` have just believed; None: not to be kept."""
        # What lies on this machine is read again: it may change, and its page may be a stranger's.
        if file.sha256 is None or is_local(file.url):
            return None
        claim = self.claim(file)
        return of_bytes(file.sha256) if claim in self._proven else claim

    def wheel(self, file: File) -> Steps[bytes]:
        """Give METADATA: the metadata file (PEP 658), else parts of the wheel, else all of it.

        Raises `DownloadFailed`, `HashMismatch`, or `WheelInvalid` where the wheel has none.
        """
        content = self._kept(file)
        if content is not None:
            return content
        self._check_online(file)
        metadata: _Found | None = None
        if file.has_metadata:
            metadata = yield from self._metadata_file(file)
        if metadata is None:
            metadata = yield from self._from_parts(file)
        if metadata is None:
            metadata = yield from self._from_whole_wheel(file)
        self._keep(file, metadata)
        return metadata.content

    def sdist(self, file: File) -> Steps[bytes | None]:
        """Give a source distribution's PKG-INFO, None when it has none; downloads the file.

        Raises `DownloadFailed` and `HashMismatch`.
        """
        content = self._kept(file)
        if content is None:
            self._check_online(file)
            from envsync.index.sdist import read_pkg_info  # noqa: PLC0415  (few say it there alone)

            with self._scratch() as folder:
                path = yield from self._download(file, folder, MAX_SDIST)
                content = read_pkg_info(path, file.filename) or b""
            self._keep(file, _Found(content, is_proven=True))
        return content or None

    def _check_online(self, file: File) -> None:
        if self._http.options.offline and not is_local(file.url):
            raise DownloadFailed(
                display_url(file.url),
                "its metadata is not in the cache, and offline",
                hint="run the command once without --offline",
            )

    # -- what is kept: the metadata itself

    def _kept(self, file: File) -> bytes | None:
        for witness in self.witnesses(file):
            value = self._cache.get(*witness)
            if value is None:
                continue
            if witness == of_bytes(file.sha256 or ""):
                self._proven.add(self.claim(file))
            return value
        return None

    def _keep(self, file: File, metadata: _Found) -> None:
        if metadata.is_proven:
            self._proven.add(self.claim(file))
        witness = self.witness(file)
        if witness is not None:
            self._cache.put(witness.key, metadata.content, witness.group)

    # -- the metadata file

    def _metadata_file(self, file: File) -> Steps[_Found | None]:
        """Get `URL.metadata`; None when it isn't there after all: the wheel itself decides then."""
        path, mark, query = file.url.partition("?")
        url = f"{path}.metadata{mark}{query}"
        response = yield from self._ask(Request(url, _IDENTITY, limit=MAX_METADATA))
        if response.status != 200:
            return None
        digest = hashlib.sha256(response.body).hexdigest()
        if file.metadata_sha256 not in (None, digest):
            raise HashMismatch(
                f"{file.filename}.metadata", f"sha256:{file.metadata_sha256}", f"sha256:{digest}"
            )
        return _Found(response.body)

    # -- parts of the wheel

    def _from_parts(self, file: File) -> Steps[_Found | None]:
        """Read METADATA by byte ranges; None when the server's parts make no sense (hazard H6)."""
        # Most indexes serve METADATA by itself.
        from envsync.wheel.tail import find_metadata_in_tail, unpack_located  # noqa: PLC0415

        tail = yield from self._tail(file)
        if tail is None or file.size not in (None, tail.total):
            return None
        is_proven = tail.start == 0 and file.sha256 is not None
        if is_proven and hashlib.sha256(tail.content).hexdigest() != file.sha256:
            return None
        try:
            located = find_metadata_in_tail(tail.content, tail.total, file=file.filename)
            while isinstance(located, int):
                start = max(0, located - _MARGIN)
                before = yield from self._part(file, start, tail)
                if before is None:
                    return None
                tail = tail._replace(start=start, content=before.content + tail.content)
                located = find_metadata_in_tail(tail.content, tail.total, file=file.filename)
            part: _Part | None = tail
            if located.start < tail.start:
                part = yield from self._part(file, located.start, tail._replace(start=located.end))
            if part is None:
                return None
            chunk = part.content[located.start - part.start : located.end - part.start]
            content = unpack_located(chunk, located, file=file.filename)
        except WheelInvalid:
            return None
        if file.metadata_sha256 not in (None, hashlib.sha256(content).hexdigest()):
            return None  # the page says otherwise: only the whole wheel can tell
        return _Found(content, is_proven)

    def _tail(self, file: File) -> Steps[_Part | None]:
        """Get the last bytes, or all of a small file; None when the server doesn't do ranges."""
        origin = None if is_local(file.url) else _origin(file.url)
        if origin in self._without_ranges:
            return None
        headers = (*_IDENTITY, ("Range", f"bytes=-{_TAIL}"))
        try:
            response = yield from self._http.exchange(Request(file.url, headers, limit=_TAIL))
        except TransportFailed as error:
            if error.kind != "limit":
                raise failed(error) from error
            if error.status == 200 and origin is not None:
                self._without_ranges.add(origin)
            return None
        if response.status == 416:
            return None
        check_status(response, 200, 206)
        if response.status == 200:
            return _Part(0, response.body, response.size)
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

    def _from_whole_wheel(self, file: File) -> Steps[_Found]:
        with self._scratch() as folder:
            path = yield from self._download(file, folder, None)
            with storage_errors(path):
                return _Found(_read_wheel(path, file.filename), is_proven=True)

    def _scratch(self) -> AbstractContextManager[str]:
        return scratch_in(PARTIAL, self._cache_dir, "file-")

    def _download(self, file: File, folder: str, limit: int | None) -> Steps[str]:
        wanted = Wanted(file.url, file.filename, file.hashes, file.size)
        if limit is not None:
            wanted = wanted._replace(limit=limit)
        return (yield from download(self._http, wanted, folder, None))

    def _ask(self, request: Request) -> Steps[Response]:
        try:
            return (yield from self._http.exchange(request))
        except TransportFailed as error:
            raise failed(error) from error


def _origin(url: str) -> Origin:
    try:
        return parse_address(url).origin
    except ValueError as error:
        raise DownloadFailed(display_url(url), f"cannot be asked: {error}") from error


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
    from envsync.wheel.tail import find_metadata_in_tail, unpack_located  # noqa: PLC0415

    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = max(0, size - _TAIL)
        while True:
            file.seek(start)
            tail = file.read(size - start)
            located = find_metadata_in_tail(tail, size, file=filename)
            if not isinstance(located, int):
                break
            start = located
        file.seek(located.start)
        chunk = file.read(located.end - located.start)
    return unpack_located(chunk, located, file=filename)
