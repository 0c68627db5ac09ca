"""Pages are kept for who asked, and believed only in time."""

from pathlib import Path

import pytest

from envsync.cache.values import ValueCache
from envsync.index.http_cache import (
    Entry,
    HttpCache,
    is_fresh,
    is_news,
    make_entry,
    renew,
    validators,
)
from envsync.index.transport import Response

ENTRY = Entry("https://h.example/x/", "ab" * 32, b"pay\nload\0", 1000.5, 60.0, '"e"', "yesterday")
URL = "https://h.example/simple/x/"


def test_entries_come_back_to_who_put_them(tmp_path: Path) -> None:
    cache = HttpCache(str(tmp_path))
    cache.put(URL, "alice", ENTRY)

    assert cache.get(URL, "alice") == ENTRY
    assert cache.get(URL, "") is None
    assert cache.get(URL, "bob") is None


@pytest.mark.parametrize(
    "value", [b"", b"[]\n", b"[1]\nx", b'["a","b","c",1,null,null]\n', b"null"]
)
def test_an_entry_of_another_shape_is_absent(tmp_path: Path, value: bytes) -> None:
    ValueCache(str(tmp_path)).put(f"\n{URL}", value)

    assert HttpCache(str(tmp_path)).get(URL, "") is None


@pytest.mark.parametrize(
    ("now", "fresh"),
    [
        (1000.5, True),
        (1060.0, True),
        (1060.5, False),
        (1000.0, False),  # the clock was set back
        (1000.5 - 20 * 365 * 86400, False),
        (1000.5 + 20 * 365 * 86400, False),
    ],
)
def test_freshness(now: float, fresh: bool) -> None:
    assert is_fresh(ENTRY, now) is fresh


@pytest.mark.parametrize(
    ("headers", "age"),
    [
        ({}, 0.0),
        ({"cache-control": "max-age=600, public"}, 600.0),
        ({"cache-control": "Max-Age=600", "age": "100"}, 500.0),
        ({"cache-control": "max-age=600", "age": "1000"}, 0.0),
        ({"cache-control": 'max-age="5"'}, 5.0),
        ({"cache-control": "max-age=600, no-cache"}, 0.0),
        ({"cache-control": "max-age=-5"}, 0.0),
        ({"cache-control": "max-age=1e9"}, 0.0),
        ({"cache-control": "max-age=99999999"}, 86400.0),
        ({"cache-control": "max-age=" + "9" * 400}, 0.0),
        ({"cache-control": "s-maxage=600"}, 0.0),
    ],
)
def test_max_age(headers: dict[str, str], age: float) -> None:
    entry = make_entry(Response(URL, 200, headers, b"body"), "d", b"p", 5.0)

    assert entry is not None
    assert (entry.max_age, entry.fetched_at, entry.digest, entry.payload) == (age, 5.0, "d", b"p")


@pytest.mark.parametrize(
    "response",
    [
        Response(URL, 200, {"cache-control": "no-store"}),
        Response(URL, 200, {"vary": "*"}),
        Response(URL, 200, {}, is_framed=False),
    ],
)
def test_what_must_not_be_kept(response: Response) -> None:
    assert make_entry(response, "d", b"", 0.0) is None


def test_validators_are_sent_back_as_they_came() -> None:
    headers = {"etag": 'W/"x"', "last-modified": "Sun, 06 Nov 1994 08:49:37 GMT"}
    entry = make_entry(Response(URL, 200, headers), "d", b"", 0.0)

    assert entry is not None
    assert validators(entry) == (
        ("If-None-Match", 'W/"x"'),
        ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"),
    )


@pytest.mark.parametrize("etag", ["", "x" * 2000, "a\x1bb"])
def test_odd_validators_are_left_out(etag: str) -> None:
    entry = make_entry(Response(URL, 200, {"etag": etag}), "d", b"", 0.0)

    assert entry is not None
    assert validators(entry) == ()


def test_a_304_renews_an_entry() -> None:
    renewed = renew(
        ENTRY, Response(URL, 304, {"cache-control": "max-age=7", "etag": '"f"'}), 2000.0
    )

    assert renewed == ENTRY._replace(fetched_at=2000.0, max_age=7.0, etag='"f"')


def test_only_news_is_written() -> None:
    plain = ENTRY._replace(max_age=0.0)

    assert is_news(plain, None)
    assert is_news(ENTRY._replace(fetched_at=2000.0), ENTRY)
    assert is_news(plain._replace(digest="other"), plain)
    assert not is_news(plain._replace(fetched_at=2000.0), plain)
