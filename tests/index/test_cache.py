"""Cached values survive nothing that could make them wrong, and pages are believed only in time."""

import random
import threading
from pathlib import Path

import pytest

from envsync.index.cache import (
    Entry,
    HttpCache,
    ValueCache,
    is_fresh,
    is_news,
    make_entry,
    renew,
    validators,
)
from envsync.index.transport import Response

ENTRY = Entry("https://h.example/x/", "ab" * 32, b"pay\nload\0", 1000.5, 60.0, '"e"', "yesterday")
URL = "https://h.example/simple/x/"


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_values_come_back(tmp_path: Path) -> None:
    cache = ValueCache(str(tmp_path / "c"))

    assert cache.get("k") is None
    cache.put("k", b"one")
    cache.put("k", b"two\n")
    cache.put("../../escape\0\n", b"")

    assert (cache.get("k"), cache.get("../../escape\0\n")) == (b"two\n", b"")
    assert len(files_of(tmp_path)) == 2
    assert {path.stat().st_mode & 0o777 for path in files_of(tmp_path)} == {0o600}


def test_a_group_is_forgotten_and_nothing_else(tmp_path: Path) -> None:
    cache = ValueCache(str(tmp_path / "a-b" / "c"))
    cache.put("k", b"alone")
    for group in ("x", "y"):
        for key in ("k", "l"):
            cache.put(key, f"{group} {key}".encode(), group)
    assert [cache.get("k"), cache.get("k", "x"), cache.get("l", "y")] == [b"alone", b"x k", b"y l"]

    cache.forget("x")
    cache.forget("never kept")

    assert [cache.get(key, "x") for key in "kl"] == [None, None]
    assert [cache.get(key, "y") for key in "kl"] == [b"y k", b"y l"]
    assert cache.get("k") == b"alone"


def test_a_value_of_one_group_is_none_of_another(tmp_path: Path) -> None:
    cache = ValueCache(str(tmp_path))
    cache.put("k", b"x", "x")

    assert [cache.get("k", group) for group in ("", "y", "xx")] == [None, None, None]


def test_a_flipped_bit_anywhere_makes_a_value_absent(tmp_path: Path) -> None:
    cache = ValueCache(str(tmp_path))
    cache.put("k", b"value" * 20)
    (path,) = files_of(tmp_path)
    good = path.read_bytes()
    chance = random.Random(5)

    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 1 << chance.randrange(8)
        path.write_bytes(bad)
        assert cache.get("k") is None, place

    path.write_bytes(good)
    assert cache.get("k") == b"value" * 20


def test_a_cut_or_lengthened_value_is_absent(tmp_path: Path) -> None:
    cache = ValueCache(str(tmp_path))
    cache.put("k", b"value")
    (path,) = files_of(tmp_path)
    good = path.read_bytes()

    for bad in [*(good[:size] for size in range(len(good))), good + b"\0", b"", good + good]:
        path.write_bytes(bad)
        assert cache.get("k") is None


def test_swapped_values_are_absent(tmp_path: Path) -> None:
    cache = ValueCache(str(tmp_path))
    cache.put("a", b"value of a")
    cache.put("b", b"value of b")
    one, other = files_of(tmp_path)
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)

    assert (cache.get("a"), cache.get("b")) == (None, None)


def test_a_folder_in_the_way_or_a_read_only_place_is_no_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    cache = ValueCache(str(blocked))

    cache.put("k", b"value")

    assert cache.get("k") is None


def test_a_link_in_the_cache_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    cache = ValueCache(str(tmp_path / "c"))
    cache.put("k", b"old")
    (path,) = files_of(tmp_path / "c")
    target = tmp_path / "precious"
    target.write_text("precious")
    path.unlink()
    path.symlink_to(target)

    cache.put("k", b"new")

    assert (cache.get("k"), target.read_text()) == (b"new", "precious")


def test_writers_side_by_side_leave_one_whole_value(tmp_path: Path) -> None:
    cache = ValueCache(str(tmp_path))
    values = [bytes([number]) * 200_000 for number in range(4)]

    def write(value: bytes) -> None:
        for _ in range(10):
            cache.put("k", value)
            assert cache.get("k") in values

    threads = [threading.Thread(target=write, args=(value,)) for value in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert cache.get("k") in values
    assert len(files_of(tmp_path)) == 1


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
