r"""Real git repositories for tests, and a real server of them (git http-backend) on loopback.

    repository = Repository(tmp_path / "srv" / "tool", project("tool", "1.0"))
    second = repository.commit({"src/tool.py": "X = 2\n"}, tag="v2")
    with GitServer(tmp_path / "srv", password="secret") as server:
        ...                                     # server.url("tool"), server.asked

Nothing of the machine's own configuration of git plays a part.
"""

import base64
import os
import shutil
import subprocess
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import pytest

from tests.support.wheels import source_files

GIT = shutil.which("git") or ""
needs_git = pytest.mark.skipif(not GIT, reason="git is not installed")

needs_lfs = pytest.mark.skipif(
    not (GIT and shutil.which("git-lfs")), reason="git-lfs is not installed"
)

_ENVIRON = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{f"GIT_{who}_NAME": "A" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "a@a.example" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_DATE": "2024-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")},
}


def git(folder: Path, *words: str, given: str | None = None) -> str:
    """Run git in a folder and give what it prints."""
    done = subprocess.run(
        [GIT, "-c", "protocol.file.allow=always", *words],
        cwd=folder,
        env=_ENVIRON,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def project(
    name: str, version: str = "1.0", *, requires: tuple[str, ...] = (), code: str | None = None
) -> dict[str, str | bytes]:
    """Give the files of a project whose pyproject.toml says all, with a back end of its own."""
    body = code if code is not None else f"VERSION = {version!r}\n"
    files = dict(source_files(name, version, {f"src/{name}.py": body}, requires=requires))
    listed = ", ".join(f'"{one}"' for one in requires)
    static = f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = [{listed}]\n'
    files["pyproject.toml"] += static.encode()
    return dict(files)


class Repository:
    """A repository with a work tree."""

    def __init__(
        self, path: Path, files: Mapping[str, str | bytes] | None = None, *, kind: str = "sha1"
    ) -> None:
        self.path = path
        path.mkdir(parents=True)
        git(path, "init", "--quiet", "--initial-branch=main", f"--object-format={kind}")
        git(path, "config", "uploadpack.allowAnySHA1InWant", "true")
        self.first = self.commit(files) if files is not None else ""

    @property
    def url(self) -> str:
        """Its address on this machine."""
        return f"file://{self.path}"

    def commit(self, files: Mapping[str, str | bytes], *, tag: str | None = None) -> str:
        """Write files and commit them; gives the commit's id."""
        for name, content in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        git(self.path, "add", "--all", "--force")
        git(self.path, "commit", "--quiet", "--allow-empty", "--message", "change")
        if tag is not None:
            git(self.path, "tag", "--annotate", "--message", tag, tag)
        return self.head()

    def head(self) -> str:
        """Give the id of the commit that is checked out."""
        return git(self.path, "rev-parse", "HEAD")

    def run(self, *words: str, given: str | None = None) -> str:
        """Run git in it."""
        return git(self.path, *words, given=given)


class GitServer:
    """Serves every repository below a folder by git's own CGI program, on 127.0.0.1."""

    def __init__(self, root: Path, *, password: str | None = None) -> None:
        self.root, self.password = root, password
        self.asked: list[str] = []
        """Paths that were asked for, with their query; refused ones too."""
        self.dumb = False
        """Be as old as a plain file server: knows neither depth nor single commits."""
        self.broken = False
        """Answer 500 to everything."""
        handler = type("Handler", (_Handler,), {"server_of": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, name: str) -> str:
        """Give the address of a repository."""
        return f"http://127.0.0.1:{self._server.server_port}/{name}"


class _Handler(BaseHTTPRequestHandler):
    server_of: GitServer
    protocol_version = "HTTP/1.0"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(body)

    def _answer(self, body: bytes) -> None:
        server = self.server_of
        server.asked.append(self.path)
        if server.broken:
            self.send_error(500)
            return
        if server.password is not None:
            pair = base64.b64encode(f"me:{server.password}".encode()).decode()
            if self.headers.get("Authorization") != f"Basic {pair}":
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.end_headers()
                return
        self._run_backend(body)

    def _run_backend(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        done = subprocess.run(
            [GIT, "http-backend"],
            input=body,
            env={
                **_ENVIRON,
                "GIT_PROJECT_ROOT": str(self.server_of.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "PATH_INFO": parts.path,
                "QUERY_STRING": "" if self.server_of.dumb else parts.query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "REMOTE_USER": "me",
                "REMOTE_ADDR": "127.0.0.1",
            },
            capture_output=True,
            check=False,
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        rows = [line.partition(": ") for line in head.decode().split("\r\n")]
        status = next((value for name, _, value in rows if name == "Status"), "200 OK")
        self.send_response(int(status.split()[0]))
        for name, _, value in rows:
            if name != "Status":
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
