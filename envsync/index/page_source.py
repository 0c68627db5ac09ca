"""Get project pages: from the cache where it may be believed, else from the index."""

import hashlib
import threading
import zlib
from concurrent.futures import Future
from typing import Literal, NamedTuple

import deflate
from packaging.utils import NormalizedName

from envsync.errors import IndexFailed
from envsync.index import http_cache
from envsync.index.flat import FlatPage, is_packed_flat, pack_flat, unpack_flat
from envsync.index.http import HttpClient, correction, refusal
from envsync.index.http_cache import BUCKET, Entry, HttpCache
from envsync.index.packed import Releases, is_packed, pack_page, unpack_page
from envsync.index.pages import ACCEPT, parse_page
from envsync.index.steps import Steps
from envsync.index.transport import MIB, Request, Response, TransportFailed
from envsync.index.urls import display_url, parse_address, printable
from envsync.model.candidate import Files
from envsync.spec.sources import variable_part

MAX_PAGE = 64 * MIB
"""Bytes of a page, as it is sent and decoded."""
_FREE_INFLATION = MIB
_MAX_INFLATION = 60
"""A page may be inflated to so many times what arrived: real ones, full of hashes, to ten."""

_NOT_THERE = frozenset({404, 410})
_NOT_ALLOWED = frozenset({401, 403, 407})


class Index(NamedTuple):
    """A package index, as env.toml or the settings name it."""

    name: str | None
    url: str
    explicit: bool = False
    """Serves only the packages that are sent to it by name."""
    format: Literal["simple", "flat"] = "simple"
    """"flat": one page, or folder, has the files of all projects."""
    not_there: frozenset[int] = frozenset()
    """Statuses by which it says, besides 404 and 410, that it doesn't have a project."""
    outside: bool = False
    """A place on this machine that may lie outside of the project's folder."""


class PageSource:
    """Project pages of indexes, one request at a time."""

    def __init__(self, http: HttpClient, cache_dir: str) -> None:
        self._http = http
        self._cache = HttpCache(BUCKET.folder(cache_dir))
        self._lock, self._parsing = threading.Lock(), threading.Lock()
        self._asked: dict[str, dict[tuple[tuple[str, str], ...], Future[Response]]] = {}
        self._packed: dict[tuple[str, str], bytes] = {}
        """Of pages that all projects share: what came of an answer, by address and digest."""
        self._flat: dict[bytes, FlatPage] = {}
        self._shared: dict[str, tuple[bytes, str | None]] = {}
        """Of pages that all projects share: what was answered, with its digest."""
        self.has_believed = False
        """Whether any page was taken from the cache without asking, online."""
        self.digests: dict[tuple[str, NormalizedName], str | None] = {}
        """What was answered, by the index's URL and project: the sha256 of the page as it was sent;
        None where there is none."""

    def page(
        self, index: Index, name: NormalizedName, *, refresh: bool, renew: bool = False
    ) -> Steps[Releases | None]:
        """Give the files of a project, None when the index says that it doesn't have it.

        `refresh`: believe nothing that is kept, not even where the index would say that it holds.
        `renew`: let the index say whether it holds, however long it may be believed.
        Raises `IndexFailed`, naming the index.
        """
        known = self._shared.get(index.url)
        if known is not None:
            payload, self.digests[index.url, name] = known
        else:
            found = yield from self._payload(index, name, refresh=refresh, renew=renew)
            if found is None:
                return None
            payload = found
        if index.format == "simple":
            return unpack_page(payload)
        self._shared[index.url] = payload, self.digests[index.url, name]
        files = self._flat_page(payload).of(name)
        if not files:
            self.digests[index.url, name] = None
            return None
        return unpack_page(pack_page(name, Files.of(files)))

    def _flat_page(self, payload: bytes) -> FlatPage:
        """Give the page that all projects share, read once."""
        with self._lock:
            if payload not in self._flat:
                self._flat[payload] = unpack_flat(payload)
            return self._flat[payload]

    def _payload(
        self, index: Index, name: NormalizedName, *, refresh: bool, renew: bool
    ) -> Steps[bytes | None]:
        url = _page_url(index, name)
        scope = self._http.scope(url, is_page=True)
        offline = self._http.options.offline
        kept = self._kept(index, url, scope) if offline or not refresh else None
        is_fresh = kept is not None and not renew and http_cache.is_fresh(kept, self._now())
        if kept is not None and (offline or is_fresh):
            self.has_believed |= is_fresh and not offline
            self.digests[index.url, name] = kept.digest
            return kept.payload
        if offline:
            raise _failed(index, url, "not in the cache, and offline", _OFFLINE_HINT)
        response = yield from self._ask(index, url, kept)
        if kept is not None and response.status == 304 and response.url != kept.url:
            # The validators came from another place, to which the page was redirected then.
            kept = None
            response = yield from self._ask(index, url, None)
        if response.status in index.not_there or (
            response.status in _NOT_THERE and not _may_be_hidden(url, response)
        ):
            if index.format == "flat":
                raise _failed(index, url, f"answered with status {response.status}", _FLAT_HINT)
            self.digests[index.url, name] = None
            return None
        if kept is not None and response.status == 304:
            renewed = http_cache.renew(kept, response, self._now())
            if http_cache.is_news(renewed, kept):
                self._cache.put(url, scope, renewed)
            self.digests[index.url, name] = kept.digest
            return kept.payload
        _check_status(index, url, response)
        digest = hashlib.sha256(response.body).hexdigest()
        payload = self._read(response, digest, kept, _Place(index, url, scope, name))
        self.digests[index.url, name] = digest
        return payload

    def _kept(self, index: Index, url: str, scope: str) -> Entry | None:
        """Give what is kept of a page; another version's way of packing counts as nothing."""
        is_good = is_packed_flat if index.format == "flat" else is_packed
        entry = self._cache.get(url, scope)
        return entry if entry is not None and is_good(entry.payload) else None

    def _now(self) -> float:
        return self._http.clock.now()

    def _ask(self, index: Index, url: str, kept: Entry | None) -> Steps[Response]:
        asked = () if kept is None else http_cache.validators(kept)
        headers = (("Accept", ACCEPT), ("Accept-Encoding", "gzip"), *asked)
        try:
            request = Request(url, headers, limit=MAX_PAGE, is_page=True)
            if index.format == "flat":
                response = yield self._asked_once(request)
            else:
                response = yield from self._http.exchange(request)
        except TransportFailed as error:
            raise _failed(index, error.url, error.reason, error.hint) from error
        return response

    def _asked_once(self, request: Request) -> "Future[Response]":
        """Ask for a page that all projects share, but once for all that ask alike."""
        with self._lock:
            future = self._asked.get(request.url, {}).get(request.headers)
            if future is None:
                future = self._http.get(request)
                self._asked.setdefault(request.url, {})[request.headers] = future
            return future

    def _read(self, response: Response, digest: str, kept: Entry | None, place: "_Place") -> bytes:
        """Parse a page, unless it is the one that was parsed before, and keep what came of it."""
        if kept is not None and (kept.digest, kept.url) == (digest, response.url):
            payload = kept.payload
        else:
            payload = self._parsed(response, digest, place)
        entry = http_cache.make_entry(response, digest, payload, self._now())
        if entry is not None and http_cache.is_news(entry, kept):
            self._cache.put(place.url, place.scope, entry)
        return payload

    def _parsed(self, response: Response, digest: str, place: "_Place") -> bytes:
        """Parse a page; one that all projects share but once, however many wait for it."""
        if place.of.format == "simple":
            return pack_page(place.name, _files_of(response, place.name))
        key = (response.url, digest)
        with self._parsing:
            if key not in self._packed:
                self._packed[key] = pack_flat(_files_of(response, place.name))
            return self._packed[key]


def _files_of(response: Response, name: NormalizedName) -> Files:
    content_type = response.headers.get("content-type", "")
    return parse_page(decode_body(response), content_type, url=response.url, name=name)


class _Place(NamedTuple):
    """Where a page is kept, and whose it is."""

    of: Index
    url: str
    scope: str
    name: NormalizedName


def _page_url(index: Index, name: NormalizedName) -> str:
    try:
        base = parse_address(index.url).url
    except ValueError as error:
        raise _failed(index, index.url, f"cannot be asked: {error}", None) from error
    return base if index.format == "flat" else f"{base.rstrip('/')}/{name}/"


_FLAT_HINT = 'correct url under [[index]]; format = "flat" is for one page with all links'
_OFFLINE_HINT = "run the command once without --offline"


def _may_be_hidden(url: str, response: Response) -> bool:
    """Tell whether "not there" may only mean "not for you" (hazard H4).

    So says a server that names a way to log in, or one that redirected to where the index's
    credentials don't belong.
    """
    if "www-authenticate" in response.headers:
        return True
    has_left = response.left_scope is not None
    return has_left and parse_address(response.url).origin == parse_address(url).origin


def _check_status(index: Index, url: str, response: Response) -> None:
    if response.status == 200:
        return
    reason, hint = f"answered with status {response.status}", None
    if response.status in _NOT_ALLOWED or response.status in _NOT_THERE:
        reason += refusal(response)
        host = parse_address(url).origin.host
        hint = correction(response) or _credentials_hint(index, host)
        if response.status == 403 and index.name is not None and response.asked_as is None:
            hint += (
                "; if it answers so for what it doesn't have: ignore-error-codes = [403] under "
                "[[index]]"
            )
    raise _failed(index, url, reason, hint)


def _credentials_hint(index: Index, host: str) -> str:
    hint = f"add {host} to your ~/.netrc"
    if index.name is None:
        return hint
    variable = f"ENVSYNC_INDEX_{variable_part(index.name)}"
    return (
        f"set {variable}_USERNAME and {variable}_PASSWORD, "
        f"and {variable}_URL={display_url(index.url)}, or {hint}"
    )


def _failed(index: Index, url: str, reason: str, hint: str | None) -> IndexFailed:
    """Say which index failed: it is never passed over for the next one (hazard H4)."""
    label = "" if index.name is None else f" (index {printable(index.name)})"
    return IndexFailed(display_url(url), reason + label, hint=hint)


def decode_body(response: Response, limit: int = MAX_PAGE) -> bytes:
    """Undo the Content-Encoding of a page, to at most `limit` bytes; raises `IndexFailed`."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        return response.body
    where = display_url(response.url)
    if encoding not in ("gzip", "x-gzip"):
        raise IndexFailed(where, f"unknown Content-Encoding {printable(encoding)[:40]}")
    limit = min(limit, _FREE_INFLATION + _MAX_INFLATION * len(response.body))
    decoded = _gunzip_whole(response.body, limit)
    if decoded is None:
        decoded = _gunzip_stream(response.body, limit)
    if decoded is None:
        raise IndexFailed(where, f"the page is damaged, or larger than {limit:,} bytes unpacked")
    return decoded


def _gunzip_whole(data: bytes, limit: int) -> bytes | None:
    """One member whose trailer tells the truth, in one fast call; None for anything else."""
    crc, size = int.from_bytes(data[-8:-4], "little"), int.from_bytes(data[-4:], "little")
    if not 0 < size <= limit:  # for none, the library doesn't look at the data
        return None
    try:
        decoded = deflate.gzip_decompress(data)
    except (deflate.DeflateError, ValueError):
        return None
    # More members may follow the first, which is all that was read: the last trailer would differ.
    is_all = len(decoded) == size and deflate.crc32(decoded) == crc
    return bytes(decoded) if is_all else None


def _gunzip_stream(data: bytes, limit: int) -> bytes | None:
    """Any number of members, never more than `limit` bytes in memory."""
    pieces: list[bytes] = []
    left = limit
    try:
        while data:
            stream = zlib.decompressobj(wbits=31)
            piece = stream.decompress(data, left + 1)
            left -= len(piece)
            if left < 0 or not stream.eof:
                return None
            pieces.append(piece)
            data = stream.unused_data
    except zlib.error:
        return None
    return b"".join(pieces)
