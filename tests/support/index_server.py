"""A real package index on 127.0.0.1 for tests, with any fault on demand.

    with IndexServer({"shop": {"shop-1.0-py3-none-any.whl": wheel}}) as server:
        ...                                            # server.url is "http://127.0.0.1:PORT/simple/"
        assert ["/simple/shop/"] == server.paths()     # what was asked, in order

Pages are at /simple/NAME/, files at /files/NAME/FILENAME, metadata files (PEP 658) beside them.
What a page says of a file beyond its name and hash is a `Listed`; a fault is a rule on a path:

    server.on("/simple/shop/", lambda seen: Reply(503, headers=(("Retry-After", "1"),)))
    server.on("/files/shop/shop-1.0-py3-none-any.whl", lambda seen: Reply(body=wheel, cut=100))
    server.on("/simple/shop/", once(Reply(500)))       # the first time only, then as usual
"""

import base64
import contextlib
import hashlib
import html
import io
import json
import socket
import ssl
import threading
import urllib.parse
import zipfile
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

from packaging.utils import canonicalize_name

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "text/html; charset=utf-8"
UPLOADED = "2024-01-01T00:00:00.000000Z"


class Listed(NamedTuple):
    """What a project page says of one file; the defaults tell the truth."""

    requires_python: str | None = None
    yanked: str | None = None
    """None: not yanked; else the reason, which may be empty."""
    upload_time: str | None = UPLOADED
    """None: the page doesn't say."""
    sha256: str | None = None
    """Another hash than the right one; "" for none at all."""
    size: int | None = None
    """Another size than the right one (JSON only)."""
    metadata: bytes | None = None
    """Content of the metadata file, where it is not the METADATA inside the wheel."""


class Seen(NamedTuple):
    """One request as the server got it."""

    method: str
    path: str
    """As sent, percent-encoded, with the query."""
    headers: Mapping[str, str]
    """Names in lower case."""


class Reply(NamedTuple):
    """An answer; Content-Length is added unless `headers` has one or the body is an iterable."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | Iterable[bytes] = b""
    """An iterable is sent chunk by chunk (chunked coding) until it ends or the client leaves."""
    cut: int | None = None
    """Close the connection after that many bytes of the body."""
    hang: float = 0.0
    """Seconds of silence before the first byte; ends early when the server closes."""


Rule = Callable[[Seen], Reply | None]
"""Gives the answer to a request, or None for the usual one."""


def once(reply: Reply, *, times: int = 1) -> Rule:
    """Give a rule that answers `reply` the first `times` times and then lets the server go on."""
    lock = threading.Lock()
    left = times

    def rule(seen: Seen) -> Reply | None:
        nonlocal left
        with lock:
            left -= 1
            return reply if left >= 0 else None

    return rule


class IndexServer:
    """Serve `projects` (name -> file name -> content) until the `with` block ends.

    `listed` maps file names to what pages say of them. `formats` are those on offer: JSON (PEP 691)
    is sent to who accepts it, else HTML (PEP 503). `metadata` turns PEP 658 files on, `ranges`
    single byte ranges (suffix ranges too), `validators` ETag and 304 for pages. `credentials`
    (user, password) are wanted for every request; with `certificate` (paths of PEM certificate and
    key) the server speaks https, and wants certificates of `client_authority` of its clients.
    `projects`, `listed` and all switches may be
    changed while the server runs. Requests are kept in `requests`.
    """

    def __init__(
        self,
        projects: Mapping[str, Mapping[str, bytes]] | None = None,
        *,
        listed: Mapping[str, Listed] | None = None,
        formats: tuple[Literal["json", "html"], ...] = ("json", "html"),
        metadata: bool = False,
        ranges: bool = True,
        validators: bool = False,
        cache_control: str | None = None,
        credentials: tuple[str, str] | None = None,
        certificate: tuple[str, str] | None = None,
        client_authority: str | None = None,
    ) -> None:
        self.projects: dict[str, dict[str, bytes]] = {
            canonicalize_name(name): dict(files) for name, files in (projects or {}).items()
        }
        self.listed = dict(listed or {})
        self.formats = formats
        self.metadata = metadata
        self.ranges = ranges
        self.validators = validators
        self.cache_control = cache_control
        self.credentials = credentials
        self.scheme = "http" if certificate is None else "https"
        self.requests: list[Seen] = []
        self._rules: dict[str, Rule] = {}
        self.closing = threading.Event()
        self._server = _Server(self, certificate, client_authority)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="index-server", daemon=True
        )

    @property
    def port(self) -> int:
        """The port that was free."""
        return int(self._server.server_address[1])

    @property
    def root(self) -> str:
        """The server's address without a final slash."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The index's address, as env.toml would name it."""
        return f"{self.root}/simple/"

    def file_url(self, project: str, filename: str) -> str:
        """Give the address of a file."""
        return f"{self.root}/files/{canonicalize_name(project)}/{urllib.parse.quote(filename)}"

    def add(
        self, project: str, filename: str, content: bytes, listed: Listed | None = None
    ) -> None:
        """Publish a file, or replace it."""
        self.projects.setdefault(canonicalize_name(project), {})[filename] = content
        if listed is not None:
            self.listed[filename] = listed

    def on(self, path: str, rule: Rule) -> None:
        """Let `rule` answer requests for `path` (without query), "*" for those with no rule."""
        self._rules[path] = rule

    def paths(self) -> list[str]:
        """Give the paths asked so far, in order."""
        return [seen.path for seen in self.requests]

    def forget(self) -> None:
        """Empty the list of requests."""
        self.requests.clear()

    def answer(self, seen: Seen) -> Reply:
        """Give the answer to a request: a rule's, or the index's own."""
        self.requests.append(seen)
        path = urllib.parse.urlsplit(seen.path).path
        rule = self._rules.get(path) or self._rules.get("*")
        if rule is not None and (reply := rule(seen)) is not None:
            return reply
        if self.credentials is not None and not self._is_authorized(seen):
            return Reply(401, (("WWW-Authenticate", 'Basic realm="index"'),))
        parts = [urllib.parse.unquote(part) for part in path.split("/")[1:]]
        match parts:
            case ["simple", ""]:
                return self._root_page()
            case ["simple", name, ""] if name in self.projects:
                return self._page(name, seen)
            case ["simple", name] if name in self.projects:
                return Reply(301, (("Location", f"/simple/{name}/"),))
            case ["files", name, filename]:
                return self._file(name, filename, seen)
        return Reply(404, body=b"not here")

    def _is_authorized(self, seen: Seen) -> bool:
        wanted = base64.b64encode(":".join(self.credentials or ()).encode()).decode()
        return seen.headers.get("authorization") == f"Basic {wanted}"

    def _root_page(self) -> Reply:
        links = "".join(f'<a href="{name}/">{name}</a><br/>\n' for name in self.projects)
        return Reply(headers=(("Content-Type", HTML_TYPE),), body=f"<html>{links}</html>".encode())

    def _page(self, name: str, seen: Seen) -> Reply:
        accepts_json = JSON_TYPE in seen.headers.get("accept", "")
        as_json = "json" in self.formats and (accepts_json or "html" not in self.formats)
        body = self.json_page(name) if as_json else self.html_page(name)
        headers = [("Content-Type", JSON_TYPE if as_json else HTML_TYPE)]
        if self.cache_control is not None:
            headers.append(("Cache-Control", self.cache_control))
        if self.validators:
            etag = f'"{hashlib.sha256(body).hexdigest()}"'
            headers.append(("ETag", etag))
            if seen.headers.get("if-none-match") == etag:
                return Reply(304, tuple(headers))
        return Reply(headers=tuple(headers), body=body)

    def html_page(self, name: str) -> bytes:
        """Give the project's page in HTML (PEP 503)."""
        lines = [f"<!DOCTYPE html>\n<html><body><h1>Links for {name}</h1>"]
        for filename, content in self.projects[name].items():
            says = self.listed.get(filename, Listed())
            sha256 = _sha256(content) if says.sha256 is None else says.sha256
            fragment = f"#sha256={sha256}" if sha256 else ""
            attributes = {
                "href": self.file_url(name, filename).removeprefix(self.root) + fragment,
                "data-requires-python": says.requires_python,
                "data-upload-time": says.upload_time,
                "data-yanked": says.yanked,
            }
            if (inner := self._metadata(name, filename)) is not None:
                attributes["data-core-metadata"] = f"sha256={_sha256(inner)}"
            text = " ".join(
                f'{key}="{html.escape(value)}"'
                for key, value in attributes.items()
                if value is not None
            )
            lines.append(f"<a {text}>{html.escape(filename)}</a><br/>")
        return "\n".join([*lines, "</body></html>"]).encode()

    def json_page(self, name: str) -> bytes:
        """Give the project's page in JSON (PEP 691)."""
        rows = []
        for filename, content in self.projects[name].items():
            says = self.listed.get(filename, Listed())
            sha256 = _sha256(content) if says.sha256 is None else says.sha256
            row: dict[str, object] = {
                "filename": filename,
                "url": self.file_url(name, filename).removeprefix(self.root),
                "hashes": {"sha256": sha256} if sha256 else {},
                "size": len(content) if says.size is None else says.size,
                "yanked": False if says.yanked is None else (says.yanked or True),
            }
            if says.requires_python is not None:
                row["requires-python"] = says.requires_python
            if says.upload_time is not None:
                row["upload-time"] = says.upload_time
            if (inner := self._metadata(name, filename)) is not None:
                row["core-metadata"] = {"sha256": _sha256(inner)}
            rows.append(row)
        page = {"meta": {"api-version": "1.1"}, "name": name, "files": rows, "versions": []}
        return json.dumps(page).encode()

    def _metadata(self, name: str, filename: str) -> bytes | None:
        """Give the content of the metadata file that goes with `filename`, None for none."""
        content = self.projects.get(name, {}).get(filename)
        if not self.metadata or content is None or not filename.endswith(".whl"):
            return None
        says = self.listed.get(filename, Listed())
        return says.metadata if says.metadata is not None else _inner_metadata(content)

    def _file(self, name: str, filename: str, seen: Seen) -> Reply:
        files = self.projects.get(name, {})
        if filename.endswith(".metadata") and filename not in files:
            content = self._metadata(name, filename.removesuffix(".metadata"))
        else:
            content = files.get(filename)
        if content is None:
            return Reply(404, body=b"not here")
        wanted = seen.headers.get("range")
        if not self.ranges or wanted is None:
            return Reply(headers=(("Content-Type", "application/octet-stream"),), body=content)
        return range_reply(content, wanted)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _inner_metadata(wheel: bytes) -> bytes | None:
    with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        for member in archive.namelist():
            if member.endswith(".dist-info/METADATA"):
                return archive.read(member)
    return None


def range_reply(content: bytes, wanted: str) -> Reply:
    """Answer one byte range as RFC 9110 section 14 says; "416" where nothing of it is there."""
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    total = len(content)
    start = int(first) if first else max(0, total - int(last))
    stop = min(int(last) + 1, total) if first and last else total
    if start >= stop:
        return Reply(416, (("Content-Range", f"bytes */{total}"),))
    headers = (
        ("Content-Type", "application/octet-stream"),
        ("Content-Range", f"bytes {start}-{stop - 1}/{total}"),
    )
    return Reply(206, headers, content[start:stop])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, index: IndexServer, certificate: tuple[str, str] | None, authority: str | None
    ) -> None:
        self.index = index
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*certificate)
            if authority is not None:
                self._tls.verify_mode = ssl.CERT_REQUIRED
                self._tls.load_verify_locations(authority)
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._tls is not None:
            # The handshake happens with the first read, in the connection's own thread.
            connection = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        # Kept-alive connections would hold their threads in a read: wake them.
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that leave early are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        index = self.server.index
        reply = index.answer(Seen(self.command, self.path, headers))
        if reply.hang and index.closing.wait(reply.hang):
            self.close_connection = True
            return
        self._send(reply)

    do_HEAD = do_GET  # noqa: N815

    def _send(self, reply: Reply) -> None:
        reason = HTTPStatus(reply.status).phrase if reply.status in set(HTTPStatus) else "Odd"
        lines = [f"HTTP/1.1 {reply.status} {reason}"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        given = {name.lower() for name, _ in reply.headers}
        is_stream = not isinstance(reply.body, bytes)
        if is_stream:
            lines.append("Transfer-Encoding: chunked")
        elif "content-length" not in given and reply.status != 304:
            lines.append(f"Content-Length: {len(reply.body)}")  # type: ignore[arg-type]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if isinstance(reply.body, bytes):
            body = b"" if self.command == "HEAD" or reply.status == 304 else reply.body
            self.wfile.write(head + body[: reply.cut])
        else:
            self.wfile.write(head)
            self._send_chunks(reply.body, reply.cut)
        self.close_connection = self.close_connection or reply.cut is not None

    def _send_chunks(self, chunks: Iterable[bytes], cut: int | None) -> None:
        left = cut
        for chunk in chunks:
            piece = chunk if left is None else chunk[:left]
            if piece:  # an empty chunk would say that the body is whole
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            if left is not None:
                left -= len(piece)
                if left <= 0:
                    return
            if self.server.index.closing.is_set():
                return
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output clean."""
