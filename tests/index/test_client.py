"""Project pages through the client: which index serves, what is cached, what fails and how."""

import gzip
import itertools
import time
import zlib
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Literal

import pytest
from packaging.utils import NormalizedName, canonicalize_name

from envsync.errors import IndexFailed, UsageError
from envsync.index import page_source
from envsync.index.auth import Pair
from envsync.index.client import IndexClient, ProjectPage, Refresh
from envsync.index.curl import CurlTransport
from envsync.index.http import Clock, HttpClient
from envsync.index.http_cache import Entry, HttpCache
from envsync.index.page_source import Index
from envsync.index.pages import parse_page
from envsync.index.transport import HttpOptions
from envsync.index.urls import parse_address, scope_of
from envsync.model.candidate import Files
from tests.index.conftest import QUICK, MakeClient
from tests.support.index_server import JSON_TYPE, IndexServer, Listed, Reply, Rule, Seen, once

SHOP = canonicalize_name("shop")
WHEEL = "shop-1.0-py3-none-any.whl"
PROJECTS = {"shop": {WHEEL: b"wheel", "shop-1.0.tar.gz": b"sdist"}}
EVIL = {"shop": {"shop-9999-py3-none-any.whl": b"evil"}}
PAGE = "/simple/shop/"


def names(page: ProjectPage | None) -> list[str] | None:
    return None if page is None else [file.filename for file in page.releases.every_file()]


def failure(future: Future[ProjectPage | None]) -> IndexFailed:
    with pytest.raises(IndexFailed) as caught:
        future.result(20)
    return caught.value


@pytest.mark.parametrize("formats", [("json", "html"), ("html",)])
def test_the_files_of_a_project(
    make_client: MakeClient, formats: tuple[Literal["json", "html"], ...]
) -> None:
    listed = {WHEEL: Listed(requires_python=">=3.9,<4", yanked="bad <b>", metadata=b"x")}
    with IndexServer(PROJECTS, listed=listed, formats=formats, metadata=True) as server:
        page = make_client(server).page(SHOP).result(10)

        assert page is not None
        wheel, sdist = page.releases.every_file()
        assert (page.name, page.index) == (SHOP, Index(None, server.url))
        assert (wheel.filename, wheel.url) == (WHEEL, server.file_url("shop", WHEEL))
        assert (wheel.requires_python, wheel.yanked, wheel.has_metadata) == (
            ">=3.9,<4",
            "bad <b>",
            True,
        )
        assert (sdist.filename, sdist.yanked) == ("shop-1.0.tar.gz", None)
        assert sdist.upload_time == "2024-01-01T00:00:00.000000Z"
        assert sdist.size == (5 if "json" in formats else None)


def test_a_page_is_asked_for_once(make_client: MakeClient) -> None:
    with IndexServer(PROJECTS) as server:
        client = make_client(server)
        futures = [client.page(SHOP) for _ in range(5)]

        assert len({id(future) for future in futures}) == 1
        futures[0].result(10)
        assert server.paths() == [PAGE]


def test_a_slash_at_the_end_of_the_index_may_be_missing(make_client: MakeClient) -> None:
    with IndexServer(PROJECTS) as server:
        page = make_client(Index(None, server.url.rstrip("/"))).page(SHOP).result(10)

        assert names(page) == [WHEEL, "shop-1.0.tar.gz"]


def test_relative_links_start_at_the_page_after_redirects(make_client: MakeClient) -> None:
    with IndexServer() as server:
        server.on(PAGE, lambda _: Reply(301, (("Location", "/other/place/"),)))
        server.on("/other/place/", lambda _: Reply(body=f'<a href="../{WHEEL}">x</a>'.encode()))
        page = make_client(server).page(SHOP).result(10)

        assert page is not None
        assert [file.url for file in page.releases.every_file()] == [f"{server.root}/other/{WHEEL}"]


# -- H4: which index serves


def test_the_first_index_that_has_a_project_serves_it(make_client: MakeClient) -> None:
    with IndexServer(PROJECTS) as private, IndexServer(EVIL) as public:
        corp = Index("corp", private.url)
        page = make_client(corp, public).page(SHOP).result(10)

        assert page is not None
        assert (names(page), page.index) == ([WHEEL, "shop-1.0.tar.gz"], corp)
        assert public.requests == []


@pytest.mark.parametrize("status", [404, 410])
def test_only_a_plain_no_moves_on(make_client: MakeClient, status: int) -> None:
    with IndexServer() as private, IndexServer(EVIL) as public:
        private.on(PAGE, lambda _: Reply(status))
        page = make_client(Index("corp", private.url), public).page(SHOP).result(10)

        assert names(page) == ["shop-9999-py3-none-any.whl"]


LOGIN = Reply(body=b"<html><form><input type=password></form></html>")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(401),
        Reply(403),
        Reply(407),
        Reply(400),
        Reply(429),
        Reply(500),
        Reply(503),
        Reply(304),
        Reply(206, body=b"<a>"),
        Reply(204),
        Reply(body=b"x" * 10, cut=3),
        Reply(hang=30),
        Reply(302, (("Location", "ftp://h.example/"),)),
        Reply(200, (("Content-Type", "image/png"),)),
        Reply(200, (("Content-Type", "application/json"),), b"<a>"),
        LOGIN,
    ],
    ids=str,
)
def test_an_index_that_cannot_say_is_not_passed_over(make_client: MakeClient, reply: Reply) -> None:
    with IndexServer() as private, IndexServer(EVIL) as public:
        private.on(PAGE, lambda _: reply)
        options = QUICK._replace(retries=1 if reply.hang else 2, backoff=0.0)
        client = make_client(Index("corp", private.url), public, options=options)

        error = failure(client.page(SHOP))

        assert f"127.0.0.1:{private.port}" in str(error)
        assert public.requests == []


def test_an_unreachable_index_is_named(make_client: MakeClient) -> None:
    with IndexServer() as gone:
        url = gone.url
    with IndexServer(EVIL) as public:
        client = make_client(Index("corp", url.replace("//", "//u:secret@")), public)
        error = failure(client.page(SHOP))

        assert error.url == f"{url}shop/"
        assert "index corp" in error.reason
        assert "secret" not in str(error)
        assert public.requests == []


def test_a_refusal_tells_how_to_give_credentials(make_client: MakeClient) -> None:
    with IndexServer(PROJECTS, credentials=("me", "pw")) as private:
        error = failure(make_client(Index("corp-eu", private.url)).page(SHOP))

    assert "401" in error.reason
    assert "ENVSYNC_INDEX_CORP_EU_PASSWORD" in (error.hint or "")
    assert "127.0.0.1" in (error.hint or "")


def test_no_index_has_it(make_client: MakeClient) -> None:
    with IndexServer() as one, IndexServer() as other:
        assert make_client(one, other).page(SHOP).result(10) is None
        assert one.paths() == other.paths() == [PAGE]


def test_an_explicit_index_is_asked_only_by_name(make_client: MakeClient) -> None:
    with IndexServer(EVIL) as explicit, IndexServer(PROJECTS) as public:
        client = make_client(Index("special", explicit.url, explicit=True), public)

        assert names(client.page(SHOP).result(10)) == [WHEEL, "shop-1.0.tar.gz"]
        assert explicit.requests == []
        assert names(client.page(SHOP, index="special").result(10)) == [
            "shop-9999-py3-none-any.whl"
        ]


def test_a_named_index_alone_decides(make_client: MakeClient) -> None:
    with IndexServer() as corp, IndexServer(EVIL) as public:
        client = make_client(Index("corp", corp.url), public)

        assert client.page(SHOP, index="corp").result(10) is None
        with pytest.raises(UsageError, match="no index is named nope"):
            client.page(SHOP, index="nope").result(10)


# -- credentials


def pair_of(url: str, user: str, password: str) -> Pair:
    return Pair(scope_of(parse_address(url)), user, password, "the test")


@pytest.mark.parametrize("way", ["url", "variables", "netrc"])
def test_credentials_reach_their_index(make_client: MakeClient, tmp_path: Path, way: str) -> None:
    with IndexServer(PROJECTS, credentials=("me", "p@:w")) as server:
        url, options = server.url, QUICK
        if way == "url":
            url = url.replace("//", "//me:p%40%3Aw@")
        elif way == "variables":
            options = options._replace(credentials=(pair_of(url, "me", "p@:w"),))
        else:
            netrc = tmp_path / "netrc"
            netrc.write_text("machine 127.0.0.1 login me password p@:w\n")
            options = options._replace(netrc=str(netrc))
        page = make_client(Index("corp", url), options=options).page(SHOP).result(10)

        assert page is not None
        assert all("me:" not in file.url for file in page.releases.every_file())


def test_credentials_of_one_index_do_not_reach_another(make_client: MakeClient) -> None:
    with IndexServer() as private, IndexServer(PROJECTS) as public:
        options = QUICK._replace(credentials=(pair_of(private.url, "me", "secret"),))
        client = make_client(Index("corp", private.url), public, options=options)
        client.page(SHOP).result(10)

        assert "authorization" in private.requests[0].headers
        assert all("authorization" not in seen.headers for seen in public.requests)


def test_who_asks_is_part_of_the_cache_key(make_client: MakeClient) -> None:
    with IndexServer(PROJECTS, cache_control="max-age=600") as server:
        for user in ("a", "b"):
            url = server.url.replace("//", f"//{user}:pw@")
            make_client(Index("corp", url)).page(SHOP).result(10)
        make_client(server).page(SHOP).result(10)

        assert len(server.requests) == 3


# -- H7: content coding


def gzipped(body: bytes) -> Rule:
    headers = (("Content-Type", "text/html"), ("Content-Encoding", "gzip"))
    return lambda _: Reply(headers=headers, body=body)


LINK = f'<a href="{WHEEL}">x</a>'.encode()


def test_a_page_in_gzip(make_client: MakeClient, server: IndexServer) -> None:
    server.on(PAGE, gzipped(gzip.compress(LINK)))

    assert names(make_client(server).page(SHOP).result(10)) == [WHEEL]
    assert server.requests[0].headers["accept-encoding"] == "gzip"


def test_a_page_in_several_gzip_members(make_client: MakeClient, server: IndexServer) -> None:
    server.on(PAGE, gzipped(gzip.compress(LINK) + gzip.compress(LINK * 2) + gzip.compress(b"")))

    assert names(make_client(server).page(SHOP).result(10)) == [WHEEL] * 3


def _bomb(megabytes: int) -> bytes:
    """Zeros in gzip; each megabyte is packed alone, so all packed ones are the same bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    chunk = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    size = (megabytes * 1_000_000).to_bytes(4, "little")
    return b"\x1f\x8b\x08" + bytes(7) + chunk * megabytes + b"\x03\0" + bytes(4) + size


BOMB = _bomb(1000)


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        _bomb(30),
        BOMB[:-4] + b"\x01\0\0\0",  # a trailer that lies
        gzip.compress(b"x") + BOMB[:-4] + b"\x01\0\0\0",
        gzip.compress(LINK)[:-5],
        gzip.compress(LINK)[:-8] + bytes(8),
        b"not gzip",
    ],
    ids=["bomb", "bomb below the cap", "lying bomb", "hidden bomb", "cut", "wrong crc", "no gzip"],
)
def test_a_bomb_or_damaged_gzip_is_refused(
    make_client: MakeClient, server: IndexServer, body: bytes
) -> None:
    server.on(PAGE, gzipped(body))

    assert "damaged, or larger" in failure(make_client(server).page(SHOP)).reason


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "\x1b[2J"])
def test_another_content_coding_is_refused(
    make_client: MakeClient, server: IndexServer, coding: str
) -> None:
    server.on(PAGE, lambda _: Reply(headers=(("Content-Encoding", coding),), body=LINK))

    error = failure(make_client(server).page(SHOP))

    assert "Content-Encoding" in error.reason
    assert str(error).isprintable()


def test_an_endless_page_is_given_up(
    make_client: MakeClient, server: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envsync.index.page_source.MAX_PAGE", 1_000_000)
    server.on(PAGE, lambda _: Reply(body=itertools.repeat(b"x" * 50_000)))

    assert "larger than 1,000,000 bytes" in failure(make_client(server).page(SHOP)).reason


# -- the cache


def test_without_validators_a_page_is_asked_for_again(make_client: MakeClient) -> None:
    with IndexServer(PROJECTS) as server:
        first = make_client(server).page(SHOP).result(10)
        second = make_client(server).page(SHOP).result(10)

        assert first == second
        assert len(server.requests) == 2


def test_a_page_that_did_not_change_is_not_sent_again(make_client: MakeClient) -> None:
    with IndexServer(PROJECTS, validators=True) as server:
        first = make_client(server).page(SHOP).result(10)
        second = make_client(server).page(SHOP).result(10)
        server.add("shop", "shop-2.0.tar.gz", b"new")
        third = make_client(server).page(SHOP).result(10)

        assert first == second
        assert names(third) == [WHEEL, "shop-1.0.tar.gz", "shop-2.0.tar.gz"]
        assert ["if-none-match" in seen.headers for seen in server.requests] == [False, True, True]


@pytest.mark.parametrize(("renewed", "asked"), [(True, 1), (frozenset({"shop"}), 1), (False, 0)])
def test_a_page_that_may_be_believed_is_asked_for_again(
    make_client: MakeClient, renewed: bool | frozenset[str], asked: int
) -> None:
    """With validators: an index that has nothing new sends nothing."""
    with IndexServer(PROJECTS, validators=True, cache_control="max-age=600") as server:
        first = make_client(server).page(SHOP).result(10)
        server.forget()
        client = make_client(server, refresh=Refresh(renewed=renewed))
        assert client.page(SHOP).result(10) == first
        assert [len(seen.headers.get("if-none-match", "")) > 0 for seen in server.requests] == (
            [True] * asked
        )
        assert client.has_believed() == (not asked)


def test_a_fresh_page_is_not_asked_for_unless_told_to(make_client: MakeClient) -> None:
    with IndexServer(PROJECTS, cache_control="max-age=600", validators=True) as server:
        pages = [make_client(server).page(SHOP).result(10) for _ in range(3)]
        assert len(server.requests) == 1
        pages.append(make_client(server, refresh=Refresh(everything=True)).page(SHOP).result(10))

        assert len(server.requests) == 2
        assert "if-none-match" not in server.requests[1].headers
        assert all(page == pages[0] for page in pages)


def test_a_refresh_believes_no_304_about_what_another_server_said(make_client: MakeClient) -> None:
    """Whoever answered for the index once could have used the tag that the true page has."""
    with IndexServer(EVIL, validators=True) as server:
        honest, lie = server.json_page("shop"), '"the true page\'s"'
        server.on(PAGE, once(Reply(200, (("Content-Type", JSON_TYPE), ("ETag", lie)), honest)))
        assert names(make_client(server).page(SHOP).result(10)) == [*EVIL["shop"]]
        server.projects["shop"] = dict(PROJECTS["shop"])
        server.on(
            PAGE,
            lambda seen: Reply(304) if seen.headers.get("if-none-match") == lie else None,
        )

        found = make_client(server, refresh=Refresh(everything=True)).page(SHOP).result(10)
        assert names(found) == [*PROJECTS["shop"]]
        assert names(make_client(server).page(SHOP).result(10)) == [*PROJECTS["shop"]]


def test_validators_of_a_page_that_was_redirected_hold_only_there(make_client: MakeClient) -> None:
    """An index that leads to another one for a time must not go on with that one's page."""
    tag = ("ETag", '"7"')
    with IndexServer(EVIL) as evil, IndexServer(PROJECTS) as server:
        body = evil.json_page("shop")
        evil.on(PAGE, lambda _: Reply(200, (("Content-Type", JSON_TYPE), tag), body))
        server.on(PAGE, once(Reply(302, (("Location", f"{evil.url}shop/"),))))
        assert names(make_client(server).page(SHOP).result(10)) == [*EVIL["shop"]]
        server.on(PAGE, lambda seen: Reply(304) if "if-none-match" in seen.headers else None)

        assert names(make_client(server).page(SHOP).result(10)) == [*PROJECTS["shop"]]


def test_a_page_that_is_always_redirected_is_revalidated_where_it_is(
    make_client: MakeClient,
) -> None:
    with IndexServer(PROJECTS, validators=True) as mirror, IndexServer() as server:
        server.on(PAGE, lambda _: Reply(302, (("Location", f"{mirror.url}shop/"),)))
        pages = [make_client(server).page(SHOP).result(10) for _ in range(2)]

        assert pages[0] == pages[1]
        assert ["if-none-match" in seen.headers for seen in mirror.requests] == [False, True]


def test_what_must_not_be_stored_is_not(make_client: MakeClient, tmp_path: Path) -> None:
    with IndexServer(PROJECTS, cache_control="no-store", validators=True) as server:
        make_client(server).page(SHOP).result(10)

    assert not (tmp_path / "cache").exists()


def test_an_age_is_in_doubt_when_the_clock_was_set_back(tmp_path: Path) -> None:
    def ask(server: IndexServer, now: float) -> None:
        http = HttpClient(CurlTransport(QUICK, {}), QUICK, clock=Clock(now=lambda: now))
        with IndexClient(http, [Index(None, server.url)], str(tmp_path)) as client:
            client.page(SHOP).result(10)

    with IndexServer(PROJECTS, cache_control="max-age=600") as server:
        asked = []
        years = 20 * 365 * 86400.0
        for now in (1e9, 1e9 + 599, 1e9 + 601, 1e9, 1e9 - years, 1e9 + years):
            ask(server, now)
            asked.append(len(server.requests))

    assert asked == [1, 1, 2, 3, 4, 5]


def test_offline_any_cached_page_serves(make_client: MakeClient) -> None:
    with IndexServer(PROJECTS) as server:
        online = make_client(server).page(SHOP).result(10)
        server.forget()
        client = make_client(server, options=QUICK._replace(offline=True))

        assert client.page(SHOP).result(10) == online
        error = failure(client.page(canonicalize_name("other")))
        assert "offline" in error.reason
        assert error.hint == "run the command once without --offline"
        assert server.requests == []


def test_a_damaged_cache_changes_nothing(make_client: MakeClient, tmp_path: Path) -> None:
    with IndexServer(PROJECTS, cache_control="max-age=600") as server:
        first = make_client(server).page(SHOP).result(10)
        (path,) = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
        content = path.read_bytes()
        for place in range(0, len(content), 37):
            path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])

            assert make_client(server).page(SHOP).result(10) == first
        assert len(server.requests) == 1 + len(range(0, len(content), 37))


def test_a_page_that_was_packed_otherwise_is_fetched_anew(
    make_client: MakeClient, tmp_path: Path
) -> None:
    with IndexServer(PROJECTS, validators=True, cache_control="max-age=600") as server:
        cache = HttpCache(str(tmp_path / "cache" / "http-v4"))
        cache.put(f"{server.url}shop/", "", Entry("u", "d", b"page 0\n", time.time(), 600.0, '"e"'))

        assert names(make_client(server).page(SHOP).result(10)) == [WHEEL, "shop-1.0.tar.gz"]
        assert "if-none-match" not in server.requests[0].headers


def test_a_304_to_a_question_without_validators_is_refused(
    make_client: MakeClient, server: IndexServer
) -> None:
    server.on(PAGE, lambda _: Reply(304))

    assert "304" in failure(make_client(server).page(SHOP)).reason


# -- H9, H10


def test_a_busy_index_is_asked_again(make_client: MakeClient) -> None:
    with IndexServer(PROJECTS) as server:
        server.on(PAGE, once(Reply(429, (("Retry-After", "0"),)), times=2))

        assert names(make_client(server).page(SHOP).result(10)) == [WHEEL, "shop-1.0.tar.gz"]
        assert len(server.requests) == 3


def test_the_page_of_another_project_is_refused(
    make_client: MakeClient, server: IndexServer
) -> None:
    body = b'{"meta": {"api-version": "1.0"}, "name": "evil", "files": []}'
    headers = (("Content-Type", "application/json"),)
    server.on(PAGE, lambda _: Reply(headers=headers, body=body))

    assert "that of evil, not of shop" in failure(make_client(server).page(SHOP)).reason


def test_plain_http_to_another_machine_is_refused(make_client: MakeClient) -> None:
    error = failure(make_client(Index("corp", "http://index.example/simple/")).page(SHOP))

    assert "plain http" in error.reason
    assert "ENVSYNC_ALLOW_INSECURE_HOST" in (error.hint or "")


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://h.example/", "https://h.example:x/"])
def test_an_index_with_an_odd_address_is_refused(make_client: MakeClient, url: str) -> None:
    error = failure(make_client(Index("corp", url)).page(SHOP))

    assert "cannot be asked" in error.reason


def test_a_closed_client_fails_what_is_asked(make_client: MakeClient, server: IndexServer) -> None:
    server.on(PAGE, lambda _: Reply(hang=30))
    client = make_client(server)
    waiting = client.page(SHOP)
    time.sleep(0.1)

    client.close()

    assert "closed" in failure(waiting).reason
    assert "closed" in failure(client.page(NormalizedName("other"))).reason


def test_hundreds_of_pages_side_by_side(make_client: MakeClient) -> None:
    projects = {f"p{number}": {f"p{number}-1.0.tar.gz": b"x"} for number in range(200)}
    with IndexServer(projects) as server:
        client = make_client(server)
        futures = {name: client.page(canonicalize_name(name)) for name in projects}

        for name, future in futures.items():
            assert names(future.result(20)) == [f"{name}-1.0.tar.gz"]
        seen = list(server.requests)

    assert sorted(request.path for request in seen) == sorted(
        f"/simple/{name}/" for name in projects
    )


def test_options_of_every_day_have_no_credentials() -> None:
    assert HttpOptions().credentials == ()


# -- pages that have the files of all projects


def test_a_flat_page_is_asked_for_once_kept_and_asked_whether_it_holds(
    server: IndexServer, make_client: MakeClient
) -> None:
    links = "".join(f'<a href="/f/{name}-1.0-py3-none-any.whl">x</a>' for name in ("shop", "a_b"))
    html = ("Content-Type", "text/html")

    def rule(seen: Seen) -> Reply:
        if seen.headers.get("if-none-match") == '"1"':
            return Reply(304, (("ETag", '"1"'),))
        return Reply(200, (html, ("ETag", '"1"')), links.encode())

    server.on("/links.html", rule)
    index = Index("flat", f"{server.root}/links.html", format="flat")
    asked = [SHOP, canonicalize_name("a-b"), canonicalize_name("missing")]
    found = []
    for options in (QUICK, QUICK, QUICK._replace(offline=True)):
        client = make_client(index, options=options)
        pages = [client.page(name).result(10) for name in asked]
        found.append([None if page is None else page.releases.outline.texts for page in pages])
        client.close()

    assert found == [[["1.0"], ["1.0"], None]] * 3
    assert server.paths() == ["/links.html"] * 2
    assert [seen.headers.get("if-none-match") for seen in server.requests] == [None, '"1"']


def test_a_flat_page_is_parsed_once_however_many_wait_for_it(
    server: IndexServer, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = []

    def counted(*given: Any, **named: Any) -> Files:
        parsed.append(named["url"])
        return parse_page(*given, **named)

    monkeypatch.setattr(page_source, "parse_page", counted)
    names = [canonicalize_name(f"p{number}") for number in range(12)]
    links = "".join(f'<a href="/f/{name}-1.0-py3-none-any.whl">x</a>' for name in names)
    html = (("Content-Type", "text/html"),)
    server.on("/links.html", lambda seen: Reply(200, html, links.encode(), hang=0.2))
    client = make_client(Index("flat", f"{server.root}/links.html", format="flat"))
    waiting = [client.page(name) for name in names]
    assert all(page.result(10) is not None for page in waiting)
    assert len(parsed) == 1
