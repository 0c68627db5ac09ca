"""A copy of an index on loopback: fills itself from the public one, and answers as one should.

    python -m benchmarks.mirror FOLDER [--latency MS]

What was asked once is kept in FOLDER and never asked again, so that the same pages are measured
today and next week. Pages come in JSON (PEP 691) and HTML (PEP 503), with gzip, an ETag and
Cache-Control; files with PEP 658 metadata and Range. There are two doors: below `/fresh/` pages may
be used for a day without asking, below `/asked/` each use asks whether they changed (304). Projects
in FOLDER/made (a folder of files for each) are served beside those of the public index. With
`--latency` each answer takes that many milliseconds more, and so many are under way at most as
a network would have.

It prints its port, and ends when its standard input does.
"""

import argparse
import gzip
import hashlib
import html
import json
import re
import sys
import threading
import time
import urllib.error
import urllib.request
import zipfile
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from envsync.acquire.public_index import public_index

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "text/html; charset=utf-8"
MOST_UNDER_WAY = 50
"""Answers that are waited for at once, with a latency."""
_AGES = {"fresh": "max-age=86400", "asked": "max-age=0, must-revalidate"}
_PAGE = re.compile(r"/(fresh|asked)/simple/([a-z0-9._-]+)/").fullmatch
_FILE = re.compile(r"/(?:fresh|asked)/(made|files)/(.+)").fullmatch
_SIMPLE = {"Accept": f"{JSON}", "User-Agent": "envsync-benchmark"}


class Page(NamedTuple):
    """One project's page in one format, ready to be sent."""

    body: bytes
    packed: bytes
    etag: str


class Shelf:
    """What FOLDER holds, filled from the public index."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hosts: dict[str, str] = {}
        self._lock = threading.Lock()
        self.page = cache(self._page)

    def _page(self, name: str, kind: str) -> Page | None:
        made = self._folder / "made" / name
        document = self._made(made) if made.is_dir() else self._copied(name)
        if document is None:
            return None
        body = json.dumps(document).encode() if kind == JSON else _as_html(document)
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        return Page(body, gzip.compress(body, 6, mtime=0), etag)

    def _made(self, folder: Path) -> dict[str, Any]:
        listed = folder / "page.json"
        if listed.exists():
            document: dict[str, Any] = json.loads(listed.read_bytes())
            return document
        rows = [
            {
                "filename": path.name,
                "url": f"../../made/{folder.name}/{path.name}",
                "hashes": {"sha256": _sha256(path)},
                "size": path.stat().st_size,
                "core-metadata": path.suffix == ".whl",
            }
            for path in sorted(folder.iterdir())
        ]
        return {"meta": {"api-version": "1.1"}, "name": folder.name, "files": rows}

    def _copied(self, name: str) -> dict[str, Any] | None:
        kept = self._folder / "pages" / f"{name}.json"
        if not kept.exists():
            address = urljoin(public_index(), f"{name}/")
            _keep(kept, _fetch(address) or b"null")
        document: dict[str, Any] | None = json.loads(kept.read_bytes())
        for row in document["files"] if document else ():
            address = urlsplit(urljoin(urljoin(public_index(), f"{name}/"), row["url"]))
            self._hosts[address.path.lstrip("/")] = f"{address.scheme}://{address.netloc}/"
            row["url"] = f"../../files{address.path}"
            row.pop("provenance", None)
        return document

    def file(self, kind: str, path: str) -> Path | None:
        """Give the place of a file's copy; None when there is no such file."""
        place = self._folder / kind / path
        if ".." in Path(path).parts:
            return None
        if kind == "made":
            return _metadata_beside(place) if path.endswith(".metadata") else place
        with self._lock:
            if not place.exists():
                host = self._host(path.removesuffix(".metadata"))
                content = _fetch(f"{host}{path}") if host else None
                if content is None:
                    return None
                _keep(place, content)
        return place

    def _host(self, path: str) -> str | None:
        if path not in self._hosts:  # listed by a page that was copied at another time
            for kept in (self._folder / "pages").glob("*.json"):
                self.page(kept.stem, JSON)
        return self._hosts.get(path)


@cache
def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _metadata_beside(place: Path) -> Path:
    if not place.exists():
        with zipfile.ZipFile(place.with_suffix("")) as wheel:
            name = next(name for name in wheel.namelist() if name.endswith("/METADATA"))
            _keep(place, wheel.read(name))
    return place


def _keep(place: Path, content: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f"{place.name}.{threading.get_ident()}")
    beside.write_bytes(content)
    beside.replace(place)


def _fetch(address: str) -> bytes | None:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=_SIMPLE)) as answer:
            content: bytes = answer.read()
            return content
    except urllib.error.HTTPError as error:
        if error.code in (404, 410):
            return None
        raise


def _as_html(document: dict[str, Any]) -> bytes:
    lines = ["<!DOCTYPE html><html><body>"]
    for row in document["files"]:
        address = row["url"]
        if sha256 := row.get("hashes", {}).get("sha256"):
            address += f"#sha256={sha256}"
        more = ""
        if wanted := row.get("requires-python"):
            more += f' data-requires-python="{html.escape(wanted)}"'
        if row.get("core-metadata"):
            more += ' data-core-metadata="true"'
        if row.get("yanked"):
            more += f' data-yanked="{html.escape(str(row["yanked"]))}"'
        lines.append(f'<a href="{html.escape(address)}"{more}>{html.escape(row["filename"])}</a>')
    return "\n".join([*lines, "</body></html>"]).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    shelf: Shelf
    latency = 0.0
    """Seconds before each answer."""
    under_way = threading.Semaphore(MOST_UNDER_WAY)

    def do_GET(self) -> None:
        if self.latency:
            with self.under_way:
                time.sleep(self.latency)
        path = self.path.partition("?")[0]
        if page := _PAGE(path):
            return self._send_page(*page.groups())
        if file := _FILE(path):
            return self._send_file(*file.groups())
        return self._send(404, b"")

    do_HEAD = do_GET  # noqa: N815 (the name that http.server calls)

    def _send_page(self, door: str, name: str) -> None:
        kind = JSON if "json" in self.headers.get("Accept", "") else HTML
        page = self.shelf.page(name, kind)
        if page is None:
            return self._send(404, b"")
        head = {"ETag": page.etag, "Cache-Control": _AGES[door], "Vary": "Accept, Accept-Encoding"}
        if self.headers.get("If-None-Match") == page.etag:
            return self._send(304, b"", head)
        head["Content-Type"] = kind
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            return self._send(200, page.packed, {**head, "Content-Encoding": "gzip"})
        return self._send(200, page.body, head)

    def _send_file(self, kind: str, path: str) -> None:
        place = self.shelf.file(kind, path)
        if place is None or not place.is_file():
            return self._send(404, b"")
        head = {"Cache-Control": "max-age=31536000, immutable", "Accept-Ranges": "bytes"}
        size = place.stat().st_size
        begin, end, status = 0, size, 200
        if asked := re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", "")):
            first, last = asked.groups()
            begin = int(first) if first else max(0, size - int(last))
            end = min(size, int(last) + 1) if first and last else size
            head["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
            status = 206
        self._head(status, end - begin, head)
        if self.command == "GET":
            with place.open("rb") as file:
                self.wfile.flush()
                self.connection.sendfile(file, begin, end - begin)
        return None

    def _send(self, status: int, body: bytes, head: dict[str, str] | None = None) -> None:
        self._head(status, len(body), head or {})
        if self.command == "GET":
            self.wfile.write(body)

    def _head(self, status: int, length: int, head: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**head, "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def _open(noted: Path) -> _Server:
    """Listen at the port of the last time where it is free, since locks name it."""
    port = int(noted.read_text()) if noted.exists() else 0
    try:
        server = _Server(("127.0.0.1", port), _Handler)
    except OSError:
        server = _Server(("127.0.0.1", 0), _Handler)
    noted.write_text(str(server.server_port))
    return server


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--latency", type=float, default=0.0, help="milliseconds for each answer")
    options = parser.parse_args()
    folder, _Handler.latency = options.folder, options.latency / 1e3
    folder.mkdir(parents=True, exist_ok=True)
    _Handler.shelf = Shelf(folder)
    server = _open(folder / "port")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
