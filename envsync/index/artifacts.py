"""Download files whole, to new private files; only what has the right hash and size stays."""

import hashlib
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

from envsync.cache.bucket import SCRATCH, Bucket
from envsync.errors import DownloadFailed, HashMismatch
from envsync.index.http import HttpClient, correction, refusal
from envsync.index.steps import Steps
from envsync.index.transport import MIB, Request, Response, TransportFailed
from envsync.index.urls import display_url, is_loopback, parse_address, printable
from envsync.model.file_urls import is_local, path_of
from envsync.platform.files import storage_errors

DOWNLOADS = Bucket("downloads-v1", SCRATCH)
"""For wheels on their way into the store."""
PARTIAL = Bucket("partial-v1", SCRATCH)
"""For files that are downloaded only to be looked into."""
MAX_ARTIFACT = 10 * 1024 * MIB
"""Bytes of a file whose size nobody told."""
SECURE = ("sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512", "blake2b")
"""Hashes that vouch for a file (PEP 751 wants one of these)."""
_OTHERS = ("blake2s", "sha224", "sha1", "md5")
_IDENTITY = (("Accept-Encoding", "identity"),)


class Wanted(NamedTuple):
    """A file to download."""

    url: str
    filename: str
    """For messages; no path is made of it."""
    hashes: Mapping[str, str] = {}
    """All of these that are known must agree."""
    size: int | None = None
    limit: int = MAX_ARTIFACT


def download(
    http: HttpClient, wanted: Wanted, directory: str, progress: Callable[[int], None] | None
) -> Steps[str]:
    """Download a file to a new one in `directory`, which must exist; gives its path.

    A wrong hash or size is tried once more, then raises `HashMismatch`; what doesn't arrive raises
    `DownloadFailed`. Either way nothing stays on the disk.
    """
    _check_trust(wanted)
    try:
        return (yield from _attempt(http, wanted, directory, progress))
    except HashMismatch:
        return (yield from _attempt(http, wanted, directory, progress))


def _check_trust(wanted: Wanted) -> None:
    """Plain http to another machine is believed only with a hash (hazard H3)."""
    if is_local(wanted.url):
        return
    try:
        scheme, host, _ = parse_address(wanted.url).origin
    except ValueError as error:
        raise DownloadFailed(display_url(wanted.url), f"cannot be asked: {error}") from error
    if scheme == "http" and not is_loopback(host) and not any(h in SECURE for h in wanted.hashes):
        raise DownloadFailed(
            display_url(wanted.url),
            "plain http, and no hash to check the file against",
            hint="use https, or lock the file with its sha256",
        )


def _attempt(
    http: HttpClient, wanted: Wanted, directory: str, progress: Callable[[int], None] | None
) -> Steps[str]:
    path = os.path.join(directory, f"{os.urandom(16).hex()}.part")
    limit = wanted.limit if wanted.size is None else min(wanted.size, wanted.limit)
    request = Request(
        wanted.url,
        _IDENTITY,
        sink=path,
        is_checked=not wanted.hashes.keys().isdisjoint(SECURE),
        limit=limit,
        progress=progress,
    )
    try:
        response = yield from http.exchange(request)
    except TransportFailed as error:
        if error.kind == "limit" and wanted.size is not None:
            raise _mismatch(wanted, f"{wanted.size} bytes", "more") from error
        raise failed(error) from error
    check_status(response, 200)
    try:
        _check(wanted, response, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(path)
        raise
    return path


def failed(error: TransportFailed) -> DownloadFailed:
    """Word what the transport says as a download that failed."""
    if is_local(error.url):
        hint = error.hint or "put the file itself there, or take it out of the folder"
        return DownloadFailed(path_of(error.url), error.reason, hint=hint)
    return DownloadFailed(error.url, error.reason, hint=error.hint)


def check_status(response: Response, *wanted: int) -> None:
    """Raise `DownloadFailed` for a status that is none of these."""
    if response.status not in wanted:
        reason, hint = f"answered with status {response.status}", None
        if is_local(response.url):
            hint = "put the file there, or `envsync lock -U` to do without it"
            raise DownloadFailed(path_of(response.url), "there is no such file", hint=hint)
        if response.status in (401, 403):
            host = parse_address(response.url).origin.host
            reason += refusal(response)
            hint = correction(response) or f"if it needs a password, add {host} to your ~/.netrc"
        raise DownloadFailed(display_url(response.url), reason, hint=hint)


def _check(wanted: Wanted, response: Response, path: str) -> None:
    """Compare what has come with all that was promised (hazards H5, H23)."""
    if wanted.size is not None and response.size != wanted.size:
        raise _mismatch(wanted, f"{wanted.size} bytes", f"{response.size} bytes")
    for algorithm in (*SECURE, *_OTHERS):
        expected = wanted.hashes.get(algorithm, "").lower()
        if expected:
            digest = response.sha256 if algorithm == "sha256" else _digest(path, algorithm)
            if digest != expected:
                raise _mismatch(wanted, f"{algorithm}:{expected}", f"{algorithm}:{digest}")


def _digest(path: str, algorithm: str) -> str:
    with storage_errors(path), open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _mismatch(wanted: Wanted, expected: str, found: str) -> HashMismatch:
    return HashMismatch(printable(wanted.filename), printable(expected), found)
