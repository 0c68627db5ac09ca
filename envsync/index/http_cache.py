"""Pages that were fetched, by address and by who asks, and when one may be believed (RFC 9111)."""

from collections.abc import Mapping
from typing import NamedTuple

import orjson

from envsync.cache.bucket import VALUES, Bucket
from envsync.cache.values import ValueCache, beginning, first_text
from envsync.index.transport import Response


def _package(path: str) -> str:
    """Take it from the address of the page, with which a kept entry begins."""
    return first_text(beginning(path)).rstrip("/").rpartition("/")[2]


BUCKET = Bucket("http-v4", VALUES, _package)
_MAX_HEADER = 1024
_LONGEST_AGE = 86_400.0
"""Seconds: a server that asks to be believed longer is asked again after a day."""


class Entry(NamedTuple):
    """A page that was fetched, or rather what was made of it, and how long that holds."""

    url: str
    """Where it came from in the end, after redirects."""
    digest: str
    """sha256 of the body as it was sent."""
    payload: bytes
    """What was made of the body."""
    fetched_at: float
    """Seconds since the epoch, when it was last known to be right."""
    max_age: float = 0.0
    """Seconds from then in which it need not be asked for again."""
    etag: str | None = None
    last_modified: str | None = None


class HttpCache:
    """Entries by address and by who asks (RFC 9111, as a private cache of GET requests)."""

    def __init__(self, folder: str) -> None:
        self._values = ValueCache(folder)

    def get(self, url: str, scope: str) -> Entry | None:
        """Give what is kept for `url` as `scope` sees it; "" is the scope of nobody."""
        value = self._values.get(_key(url, scope))
        if value is None:
            return None
        header, _, payload = value.partition(b"\n")
        try:
            final_url, digest, fetched_at, max_age, etag, last_modified = orjson.loads(header)
            return Entry(
                str(final_url),
                str(digest),
                payload,
                float(fetched_at),
                float(max_age),
                None if etag is None else str(etag),
                None if last_modified is None else str(last_modified),
            )
        except (ValueError, TypeError):
            return None

    def put(self, url: str, scope: str, entry: Entry) -> None:
        """Keep an entry."""
        header = orjson.dumps(
            [
                entry.url,
                entry.digest,
                entry.fetched_at,
                entry.max_age,
                entry.etag,
                entry.last_modified,
            ]
        )
        self._values.put(_key(url, scope), header + b"\n" + entry.payload)


def _key(url: str, scope: str) -> str:
    return f"{scope}\n{url}"


def is_fresh(entry: Entry, now: float) -> bool:
    """Tell whether an entry may be used unasked; a clock that was set back makes that doubtful."""
    return 0 <= now - entry.fetched_at < entry.max_age


def validators(entry: Entry) -> tuple[tuple[str, str], ...]:
    """Give the headers that ask whether an entry still holds (RFC 9110 section 13)."""
    headers = []
    if entry.etag is not None:
        headers.append(("If-None-Match", entry.etag))
    if entry.last_modified is not None:
        headers.append(("If-Modified-Since", entry.last_modified))
    return tuple(headers)


def make_entry(response: Response, digest: str, payload: bytes, now: float) -> Entry | None:
    """Make the entry of a 200 response; None when it must not be kept.

    `digest` is the sha256 of its body, `payload` what was made of that. It must not be kept
    when the server forbids it, or when a cut of its body might have gone unnoticed.
    """
    control = _cache_control(response.headers)
    if "no-store" in control or not response.is_framed or response.headers.get("vary") == "*":
        return None
    return Entry(
        url=response.url,
        digest=digest,
        payload=payload,
        fetched_at=now,
        max_age=_max_age(control, response.headers),
        etag=_short(response.headers.get("etag")),
        last_modified=_short(response.headers.get("last-modified")),
    )


def renew(entry: Entry, response: Response, now: float) -> Entry:
    """Take over what a 304 says of an entry (RFC 9111 section 4.3.4)."""
    return entry._replace(
        fetched_at=now,
        max_age=_max_age(_cache_control(response.headers), response.headers),
        etag=_short(response.headers.get("etag")) or entry.etag,
        last_modified=_short(response.headers.get("last-modified")) or entry.last_modified,
    )


def is_news(entry: Entry, older: Entry | None) -> bool:
    """Tell whether an entry is worth writing: not when only its time is new and has no meaning."""
    if older is None or entry.max_age or older.max_age:
        return True
    return entry != older._replace(fetched_at=entry.fetched_at)


def _cache_control(headers: Mapping[str, str]) -> dict[str, str]:
    directives: dict[str, str] = {}
    for part in headers.get("cache-control", "").lower().split(","):
        name, _, value = part.partition("=")
        directives.setdefault(name.strip(), value.strip().strip('"'))
    return directives


def _max_age(control: Mapping[str, str], headers: Mapping[str, str]) -> float:
    """Without a plain statement nothing is fresh: a page is asked for again each time."""
    if "no-cache" in control:
        return 0.0
    seconds = _seconds(control.get("max-age", "")) - _seconds(headers.get("age", ""))
    return min(max(0.0, seconds), _LONGEST_AGE)


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 12 else 0.0


def _short(value: str | None) -> str | None:
    return value if value and len(value) <= _MAX_HEADER and value.isprintable() else None
