"""The transport against a real server: whole answers, cut ones, slow ones, endless ones."""

import gzip
import hashlib
import itertools
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from envsync.errors import StorageFailed, UsageError
from envsync.index.curl import CurlTransport
from envsync.index.transport import HttpOptions, Request, Response, TransportFailed
from tests.index.conftest import QUICK
from tests.support.index_server import IndexServer, Reply, Seen

CONTENT = os.urandom(3_000_000)


@pytest.fixture
def curl() -> Iterator[CurlTransport]:
    with CurlTransport(QUICK, {}) as transport:
        yield transport


def refusal(curl: CurlTransport, request: Request) -> TransportFailed:
    with pytest.raises(TransportFailed) as caught:
        curl.send(request).result(10)
    return caught.value


def test_a_response_with_status_headers_and_body(curl: CurlTransport, server: IndexServer) -> None:
    server.on("/x", lambda _: Reply(418, (("X-Thing", "a"), ("x-thing", "b")), b"body"))

    response = curl.send(Request(f"{server.root}/x", (("Accept", "text/x"),))).result(10)

    assert (response.status, response.body, response.size) == (418, b"body", 4)
    assert response.headers["x-thing"] == "a, b"
    assert response.is_framed
    (seen,) = server.requests
    assert (seen.method, seen.headers["accept"], seen.headers["user-agent"]) == (
        "GET",
        "text/x",
        "envsync",
    )
    assert not {"cookie", "authorization", "accept-encoding"} & set(seen.headers)


def test_many_requests_side_by_side(curl: CurlTransport, server: IndexServer) -> None:
    server.on("*", lambda seen: Reply(body=seen.path.encode() * 2000))

    futures = [curl.send(Request(f"{server.root}/{number}")) for number in range(300)]

    for number, future in enumerate(futures):
        assert future.result(20).body == f"/{number}".encode() * 2000


def test_waiting_for_a_connection_is_not_counted_as_idling(server: IndexServer) -> None:
    server.on("*", lambda seen: Reply(body=b"x", hang=0.4))
    options = QUICK._replace(timeout=1.0, connect_timeout=0.3)
    with CurlTransport(options, {}) as curl:
        futures = [curl.send(Request(f"{server.root}/{number}")) for number in range(40)]

        assert [future.result(20).body for future in futures] == [b"x"] * 40


def test_a_body_goes_to_a_new_private_file(
    curl: CurlTransport, server: IndexServer, tmp_path: Path
) -> None:
    server.on("/f", lambda _: Reply(body=CONTENT))
    seen: list[int] = []
    sink = tmp_path / "f.part"

    request = Request(f"{server.root}/f", sink=str(sink), progress=seen.append)
    response = curl.send(request).result(10)

    assert sink.read_bytes() == CONTENT
    assert sink.stat().st_mode & 0o777 == 0o600
    assert response.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert (response.body, response.size, sum(seen)) == (b"", len(CONTENT), len(CONTENT))


def test_an_empty_body_makes_an_empty_file(
    curl: CurlTransport, server: IndexServer, tmp_path: Path
) -> None:
    server.on("/f", lambda _: Reply())

    response = curl.send(Request(f"{server.root}/f", sink=str(tmp_path / "f"))).result(10)

    assert (tmp_path / "f").read_bytes() == b""
    assert response.sha256 == hashlib.sha256(b"").hexdigest()


def test_a_sink_never_writes_over_a_file_or_through_a_link(
    curl: CurlTransport, server: IndexServer, tmp_path: Path
) -> None:
    server.on("/f", lambda _: Reply(body=b"new"))
    (tmp_path / "old").write_text("old")
    (tmp_path / "link").symlink_to("target")

    for name in ("old", "link"):
        with pytest.raises(StorageFailed):
            curl.send(Request(f"{server.root}/f", sink=str(tmp_path / name))).result(10)

    assert (tmp_path / "old").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "old"]


def test_an_error_body_does_not_go_to_the_file(
    curl: CurlTransport, server: IndexServer, tmp_path: Path
) -> None:
    server.on("/f", lambda _: Reply(404, body=b"no"))

    response = curl.send(Request(f"{server.root}/f", sink=str(tmp_path / "f"))).result(10)

    assert (response.status, response.body) == (404, b"no")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", [0, 1, 65536, 600_000, len(CONTENT) - 1])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_cut_body_is_noticed_and_leaves_no_file(
    curl: CurlTransport, server: IndexServer, tmp_path: Path, cut: int, chunked: bool
) -> None:
    body = [CONTENT[i : i + 65536] for i in range(0, len(CONTENT), 65536)] if chunked else CONTENT
    server.on("/f", lambda _: Reply(body=body, cut=cut))
    progress: list[int] = []

    request = Request(f"{server.root}/f", sink=str(tmp_path / "f"), progress=progress.append)
    error = refusal(curl, request)

    assert (error.kind, error.transient) == ("cut", True)
    assert list(tmp_path.iterdir()) == []
    assert sum(progress) == 0


def test_a_body_that_ends_with_the_connection_is_not_framed(
    curl: CurlTransport, server: IndexServer
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\npart")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        port = listener.getsockname()[1]
        response = curl.send(Request(f"http://127.0.0.1:{port}/")).result(10)
        thread.join()

    assert (response.body, response.is_framed) == (b"part", False)


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_given_up(
    curl: CurlTransport, server: IndexServer, announced: bool
) -> None:
    body = CONTENT if announced else itertools.repeat(b"x" * 10_000)
    server.on("/f", lambda _: Reply(body=body))

    error = refusal(curl, Request(f"{server.root}/f", limit=100_000))

    assert (error.kind, error.transient, error.status) == ("limit", False, 200)


def test_an_endless_body_to_a_file_is_given_up(
    curl: CurlTransport, server: IndexServer, tmp_path: Path
) -> None:
    server.on("/f", lambda _: Reply(body=itertools.repeat(b"x" * 10_000)))

    error = refusal(curl, Request(f"{server.root}/f", sink=str(tmp_path / "f"), limit=2_000_000))

    assert error.kind == "limit"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [302, 404, 500])
def test_of_an_error_or_redirect_only_the_beginning_is_read(
    curl: CurlTransport, server: IndexServer, status: int
) -> None:
    headers = (("Content-Encoding", "gzip"), ("Location", "/y"))
    bomb = gzip.compress(bytes(50_000_000))
    server.on("/x", lambda _: Reply(status, headers, itertools.repeat(bomb)))

    response = curl.send(Request(f"{server.root}/x")).result(10)

    assert response.status == status
    assert len(response.body) < 200_000


def _slow(pause: float) -> Iterator[bytes]:
    while True:
        time.sleep(pause)
        yield b"x"


@pytest.mark.parametrize(
    "reply",
    [Reply(hang=30), Reply(body=_slow(0.2)), Reply(body=_slow(0.005))],
    ids=["silent", "dripping", "200 bytes a second"],
)
def test_a_slow_server_is_given_up(curl: CurlTransport, server: IndexServer, reply: Reply) -> None:
    server.on("/x", lambda _: reply)

    error = refusal(curl, Request(f"{server.root}/x"))

    assert (error.kind, error.transient) == ("timeout", True)
    assert "no data within 1 s" in error.reason


def test_an_answer_to_memory_is_whole_in_bounded_time(
    server: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envsync.index.curl._PATIENCE", 1.5)
    server.on("/x", lambda _: Reply(body=(b"x" * 9000 for _ in iter(lambda: time.sleep(0.01), 1))))
    with CurlTransport(QUICK._replace(timeout=2), {}) as curl:
        error = refusal(curl, Request(f"{server.root}/x"))
    assert (error.kind, error.transient) == ("timeout", True)
    assert error.reason == "the answer is not whole after 3 s"


@pytest.mark.parametrize("length", ["100000000000000000000", "9" * 40, "9223372036854775807"])
def test_a_length_beyond_the_limit_is_refused_at_once(
    curl: CurlTransport, server: IndexServer, length: str
) -> None:
    server.on("/x", lambda _: Reply(body=b"x", headers=(("Content-Length", length),), hang=0.1))
    error = refusal(curl, Request(f"{server.root}/x", limit=1000))
    assert (error.kind, error.transient) == ("limit", False)
    assert "larger than 1,000 bytes" in error.reason


def test_dripping_headers_are_given_up(curl: CurlTransport) -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not stop.wait(0.1):
                    try:
                        connection.sendall(b"X-A: b\r\n")
                    except OSError:
                        return

        thread = threading.Thread(target=answer)
        thread.start()
        error = refusal(curl, Request(f"http://127.0.0.1:{listener.getsockname()[1]}/"))
        stop.set()
        thread.join()

    assert error.kind == "timeout"


def test_a_server_that_accepts_and_never_speaks_tls_is_given_up(curl: CurlTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        error = refusal(curl, Request(f"https://127.0.0.1:{listener.getsockname()[1]}/"))

    assert error.kind == "timeout"
    assert "no connection within 1 s" in error.reason


def test_nobody_listening_is_worth_a_retry(curl: CurlTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    error = refusal(curl, Request(f"http://127.0.0.1:{port}/"))

    assert (error.kind, error.transient) == ("connect", True)


def test_an_answer_that_is_not_http_is_an_error(curl: CurlTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"SSH-2.0-x\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        error = refusal(curl, Request(f"http://127.0.0.1:{listener.getsockname()[1]}/"))
        thread.join()

    assert error.reason.isprintable()


def test_redirects_are_left_to_others(curl: CurlTransport, server: IndexServer) -> None:
    server.on("/x", lambda _: Reply(302, (("Location", "/y"),)))

    assert curl.send(Request(f"{server.root}/x")).result(10).status == 302
    assert server.paths() == ["/x"]


def test_a_delayed_request_waits_and_others_do_not(
    curl: CurlTransport, server: IndexServer
) -> None:
    begin = time.monotonic()
    late = curl.send(Request(f"{server.root}/late", delay=1))
    curl.send(Request(f"{server.root}/now")).result(10)
    late.result(10)

    assert time.monotonic() - begin >= 1
    assert server.paths() == ["/now", "/late"]


def test_closing_gives_up_what_is_under_way(server: IndexServer, tmp_path: Path) -> None:
    server.on("/x", lambda _: Reply(hang=30))
    server.on("/f", lambda _: Reply(body=_slow(0.01)))
    curl = CurlTransport(QUICK, {})
    requests = [
        Request(f"{server.root}/x"),
        Request(f"{server.root}/y", delay=30),
        Request(f"{server.root}/f", sink=str(tmp_path / "f")),
    ]
    futures = [curl.send(request) for request in requests]
    time.sleep(0.2)

    curl.close()
    curl.close()

    futures.append(curl.send(Request(f"{server.root}/z")))
    for future in futures:
        with pytest.raises(TransportFailed, match="closed"):
            future.result(1)
    assert list(tmp_path.iterdir()) == []


def test_a_program_can_end_with_transfers_under_way(server: IndexServer) -> None:
    server.on("/x", lambda _: Reply(hang=30))
    program = (
        "from envsync.index.curl import CurlTransport\n"
        "from envsync.index.transport import Request\n"
        "import sys, time\n"
        "future = CurlTransport().send(Request(sys.argv[1]))\n"
        "time.sleep(0.1)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, f"{server.root}/x"],
        capture_output=True,
        timeout=10,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_https_with_a_trusted_certificate(certificate: tuple[str, str]) -> None:
    with (
        IndexServer(certificate=certificate) as server,
        CurlTransport(QUICK, {"SSL_CERT_FILE": certificate[0]}) as curl,
    ):
        assert curl.send(Request(f"{server.root}/simple/")).result(10).status == 200


def test_https_with_an_unknown_certificate_is_refused_for_good(
    certificate: tuple[str, str],
) -> None:
    with IndexServer(certificate=certificate) as server, CurlTransport(QUICK, {}) as curl:
        error = refusal(curl, Request(f"{server.root}/simple/"))

        assert (error.kind, error.transient) == ("tls", False)
        assert "SSL_CERT_FILE" in (error.hint or "")
        assert server.requests == []


def test_https_for_another_host_is_refused(certificate: tuple[str, str]) -> None:
    with (
        IndexServer(certificate=certificate) as server,
        CurlTransport(QUICK, {"SSL_CERT_FILE": certificate[0]}) as curl,
    ):
        error = refusal(curl, Request(f"https://localhost:{server.port}/simple/"))

        assert error.kind == "tls"


def test_named_certificates_replace_the_systems(
    certificate: tuple[str, str], tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    other.write_text(Path(certificate[0]).read_text().replace("A", "B"))
    with pytest.raises(UsageError, match="SSL_CERT_FILE"):
        CurlTransport(QUICK, {"SSL_CERT_FILE": str(tmp_path / "missing.pem")})
    with (
        IndexServer(certificate=certificate) as server,
        CurlTransport(QUICK, {"SSL_CERT_FILE": str(other)}) as curl,
    ):
        error = refusal(curl, Request(f"{server.root}/simple/"))

        assert (error.kind, error.transient) == ("tls", False)


def test_a_proxy_is_taken_from_the_environment(
    server: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(seen: Seen) -> Reply:
        return Reply(body=seen.path.encode())

    server.on("*", answer)
    server.on("/simple/", answer)
    monkeypatch.setenv("http_proxy", f"http://user:secret@127.0.0.1:{server.port}")
    monkeypatch.setenv("no_proxy", "")
    with CurlTransport(QUICK, {}) as curl:
        response: Response = curl.send(Request("http://index.example/simple/")).result(10)

    assert response.body == b"http://index.example/simple/"


def test_default_options_are_the_ones_of_every_day() -> None:
    options = HttpOptions()

    assert (options.connect_timeout, options.timeout, options.retries) == (10.0, 30.0, 3)
