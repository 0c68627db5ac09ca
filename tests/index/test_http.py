"""Retries, redirects, credentials and refusals of the HTTP client."""

from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.events import SILENT, Reporter
from envsync.index.curl import CurlTransport
from envsync.index.http import Clock, HttpClient, parse_http_date, parse_retry_after
from envsync.index.transport import HttpOptions, Request, Response, TransportFailed
from envsync.index.urls import parse_address
from tests.index.conftest import QUICK
from tests.index.fake_transport import FakeTransport
from tests.support.index_server import IndexServer, Reply, once

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT
OPTIONS = HttpOptions(netrc="/dev/null")


class Notes(Reporter):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def client(
    answer: Callable[[Request], Response],
    options: HttpOptions = OPTIONS,
    reporter: Reporter = SILENT,
) -> tuple[HttpClient, FakeTransport]:
    transport = FakeTransport(answer)
    clock = Clock(now=lambda: NOW, jitter=lambda: 0.5)
    return HttpClient(transport, options, reporter, clock), transport


def refusal(http: HttpClient, url: str) -> TransportFailed:
    with pytest.raises(TransportFailed) as caught:
        http.get(Request(url)).result(10)
    return caught.value


def redirect_to(target: str, status: int = 302) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        if request.url == target:
            return Response(request.url, 200, {})
        return Response(request.url, status, {"location": target})

    return answer


# -- H9: retries and Retry-After


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 60 ", 60.0),
        ("61", 60.0),
        ("1" + "0" * 30, 60.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("Sun, 06 Nov 1994 08:49:47 GMT", 10.0),
        ("Sun, 06 Nov 1994 08:49:27 GMT", 0.0),
        ("Sun, 06 Nov 2094 08:49:37 GMT", 60.0),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Foo 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 99999999999999999999 08:49:37 GMT", None),
    ],
)
def test_what_retry_after_says(text: str, seconds: float | None) -> None:
    assert parse_retry_after(text, NOW) == seconds


def test_an_http_date() -> None:
    assert parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == NOW
    assert parse_http_date("1994-11-06T08:49:37Z") is None


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_four_times_with_growing_pauses(status: int) -> None:
    http, transport = client(lambda request: Response(request.url, status, {}))

    assert http.get(Request("https://h.example/")).result(1).status == status
    assert [request.delay for request in transport.requests] == [0.0, 0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("value", "waits"),
    [("5", [5.0, 5.0, 5.0]), ("9" * 30, [60.0] * 3), ("-1", [0.5, 1.0, 2.0]), ("0", [0.5, 1, 2])],
)
def test_the_pause_is_the_servers_up_to_a_minute(value: str, waits: list[float]) -> None:
    reporter = Notes()
    answer = lambda request: Response(request.url, 429, {"retry-after": value})  # noqa: E731
    http, transport = client(answer, reporter=reporter)

    http.get(Request("https://h.example/")).result(1)

    assert [request.delay for request in transport.requests[1:]] == waits
    assert len(reporter.notes) == (1 if waits[0] > 2 else 0)


@pytest.mark.parametrize("status", [200, 304, 400, 401, 403, 404, 410, 416, 501])
def test_other_answers_are_final(status: int) -> None:
    http, transport = client(lambda request: Response(request.url, status, {}))

    assert http.get(Request("https://h.example/")).result(1).status == status
    assert len(transport.requests) == 1


@pytest.mark.parametrize(("transient", "tries"), [(True, 4), (False, 1)])
def test_only_passing_failures_are_tried_again(transient: bool, tries: int) -> None:
    def answer(request: Request) -> Response:
        raise TransportFailed(request.url, "broke", "cut", transient=transient)

    http, transport = client(answer)

    assert refusal(http, "https://h.example/").reason == "broke"
    assert len(transport.requests) == tries


def test_a_cut_body_is_fetched_again(http: HttpClient, server: IndexServer, tmp_path: Path) -> None:
    server.on("/f", once(Reply(body=b"x" * 5000, cut=100), times=2))
    server.on("*", lambda _: Reply(body=b"y" * 10))
    sink = str(tmp_path / "f")

    assert http.get(Request(f"{server.root}/g", sink=sink)).result(10).size == 10
    assert http.get(Request(f"{server.root}/f")).result(10).status == 404
    assert server.paths() == ["/g", "/f", "/f", "/f"]


def test_a_certificate_that_is_not_trusted_is_asked_once(certificate: tuple[str, str]) -> None:
    options = QUICK._replace(retries=3, backoff=5.0)
    with IndexServer(certificate=certificate) as server:
        http = HttpClient(CurlTransport(options, {}), options)
        error = refusal(http, server.url)
        http.close()

    assert error.kind == "tls"


# -- offline, schemes, addresses


def test_offline_nothing_is_asked() -> None:
    http, transport = client(
        lambda request: Response(request.url, 200, {}), OPTIONS._replace(offline=True)
    )

    error = refusal(http, "https://h.example/")

    assert (error.kind, transport.requests) == ("offline", [])
    assert error.hint == "run the command once without --offline"


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/", "http://localhost/", "http://ok.example/", "http://p.example:81/"],
)
def test_plain_http_where_it_is_allowed(url: str) -> None:
    allowed = frozenset({"ok.example", "p.example:81"})
    http, _ = client(
        lambda request: Response(request.url, 200, {}), OPTIONS._replace(insecure_hosts=allowed)
    )

    assert http.get(Request(url)).result(1).status == 200


@pytest.mark.parametrize(
    "url", ["http://h.example/", "http://p.example:82/", "http://ok.example.x/"]
)
def test_plain_http_elsewhere_is_refused(url: str) -> None:
    allowed = frozenset({"ok.example", "p.example:81"})
    http, transport = client(
        lambda request: Response(request.url, 200, {}), OPTIONS._replace(insecure_hosts=allowed)
    )

    error = refusal(http, url)

    assert (error.kind, transport.requests) == ("refused", [])
    assert "ENVSYNC_ALLOW_INSECURE_HOST" in (error.hint or "")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://h.example/", "https://a\\@b/", "x"])
def test_odd_addresses_are_refused(url: str) -> None:
    http, transport = client(lambda request: Response(request.url, 200, {}))

    assert refusal(http, url).kind == "refused"
    assert transport.requests == []


# -- H2, H3: redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/b", "b", "//h.example/b", "https://h.example/b"])
def test_redirects_are_followed(status: int, location: str) -> None:
    def answer(request: Request) -> Response:
        if request.url.endswith("/b"):
            return Response(request.url, 200, {})
        return Response(request.url, status, {"location": location})

    http, _ = client(answer)

    assert http.get(Request("https://h.example/a")).result(1).url == "https://h.example/b"


def test_a_redirect_without_location_is_the_answer() -> None:
    http, _ = client(lambda request: Response(request.url, 302, {}))

    assert http.get(Request("https://h.example/a")).result(1).status == 302


def test_a_redirect_loop_ends() -> None:
    http, transport = client(lambda request: Response(request.url, 302, {"location": "/a"}))

    assert "more than 10 redirects" in refusal(http, "https://h.example/a").reason
    assert len(transport.requests) == 11


@pytest.mark.parametrize("target", ["http://h.example/b", "HTTP://127.0.0.1/b", "http:/b"])
def test_a_redirect_from_https_to_http_is_refused(target: str) -> None:
    http, transport = client(
        lambda request: Response(request.url, 302, {"location": target}),
        OPTIONS._replace(insecure_hosts=frozenset({"h.example"})),
    )

    assert "to plain http" in refusal(http, "https://h.example/a").reason
    assert len(transport.requests) == 1


@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "ftp://h.example/", "javascript:x", "https://[", "data:,x"],
)
def test_a_redirect_to_nowhere_is_refused(target: str) -> None:
    http, transport = client(lambda request: Response(request.url, 302, {"location": target}))

    error = refusal(http, "https://h.example/a?token=secret")

    assert error.kind == "refused"
    assert "secret" not in str(error)
    assert len(transport.requests) == 1


SAME = "https://h.example/b"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("target", "is_same"),
    [
        ("https://h.example/t/b", True),
        ("https://H.example:443/t/b", True),
        ("https://h.example/t/u/../b", True),
        ("https://h.example/b", False),
        ("https://h.example/tt/b", False),
        ("https://h.example/t/../b", False),
        ("https://h.example/t/%2e%2E/b", False),
        ("https://h.example/t/..%2fb", False),
        ("https://h.example/t/..;x=1/b", False),
        ("https://h.example:444/b", False),
        ("https://other.example/b", False),
        ("https://h.example.other.example/b", False),
        ("https://me:pw@other.example/b", False),
        ("https://sub.h.example/b", False),
    ],
)
def test_credentials_stay_with_their_address(status: int, target: str, is_same: bool) -> None:
    def answer(request: Request) -> Response:
        if request.url.endswith("/a"):
            return Response(request.url, status, {"location": target})
        return Response(request.url, 200, {})

    http, transport = client(answer)
    http.credentials.learn(parse_address("https://me:pw@h.example/t/"))
    headers = (("Accept", "x"), ("Cookie", "c"), ("Authorization", "own"))

    http.get(Request("https://h.example/t/a", headers)).result(1)

    first, second = (dict(request.headers) for request in transport.requests)
    assert first == {"Accept": "x", "Authorization": "Basic bWU6cHc="}
    assert second == (first if is_same else {"Accept": "x"})
    assert "@" not in transport.requests[1].url


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_second_server_sees_no_credentials(http: HttpClient, status: int) -> None:
    with IndexServer() as first, IndexServer() as second:
        first.on("/a", lambda _: Reply(status, (("Location", second.url),)))
        http.credentials.learn(parse_address(first.root.replace("//", "//me:secret@")))

        assert http.get(Request(f"{first.root}/a")).result(10).status == 200

        assert first.requests[0].headers["authorization"].startswith("Basic ")
        (seen,) = second.requests
        assert "secret" not in str(seen)
        assert "authorization" not in seen.headers


def test_a_real_redirect_from_https_to_http_is_refused(certificate: tuple[str, str]) -> None:
    with IndexServer() as plain, IndexServer(certificate=certificate) as secure:
        secure.on("/a", lambda _: Reply(302, (("Location", plain.url),)))
        http = HttpClient(CurlTransport(QUICK, {"SSL_CERT_FILE": certificate[0]}), QUICK)
        error = refusal(http, f"{secure.root}/a")
        http.close()

        assert error.kind == "refused"
        assert plain.requests == []


def test_errors_never_show_a_secret() -> None:
    error = TransportFailed(
        "https://me:hunter2@h.example/x?token=hunter2#hunter2",
        "see https://me:hunter2@h.example/?k=hunter2",
        "other",
    )

    assert "hunter2" not in f"{error}{error.url}{error.reason}{error.message}"
