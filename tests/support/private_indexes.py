"""Several private indexes on one loopback server, each with its own path, files and user."""

import base64
import hashlib
import html
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.support.index_server import IndexServer, Reply, Seen


class Private(NamedTuple):
    """One index: pages at `pages`NAME/, files at `files`FILENAME, both for one user."""

    pages: str
    files: str
    user: str | None
    """Of the pair USER, "pw-of-USER" that it wants; None: everybody may read."""
    wheels: dict[str, bytes]
    refusal: int = 401
    """The status for who isn't the user."""

    def answer(self, seen: Seen) -> Reply | None:
        """Answer what lies in this index; None for all else."""
        path = urlsplit(seen.path).path
        if not path.startswith((self.pages, self.files)):
            return None
        if self.user is not None and user_of(seen) != (self.user, f"pw-of-{self.user}"):
            return Reply(self.refusal)
        if path.startswith(self.files) and path.removeprefix(self.files) in self.wheels:
            return Reply(body=self.wheels[path.removeprefix(self.files)])
        name = path.removeprefix(self.pages).strip("/")
        files = [file for file in self.wheels if file.split("-")[0].replace("_", "-") == name]
        if not files or not path.startswith(self.pages):
            return Reply(404)
        return Reply(headers=(("Content-Type", "text/html"),), body=self._page(files))

    def _page(self, files: list[str]) -> bytes:
        links = (
            f'<a href="{html.escape(self.files + file)}#sha256={_sha256(self.wheels[file])}">'
            f"{html.escape(file)}</a>"
            for file in files
        )
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()


def serve(server: IndexServer, *indexes: Private) -> None:
    """Let a server have these indexes, beside its own."""

    def rule(seen: Seen) -> Reply | None:
        answers = (index.answer(seen) for index in indexes)
        return next((answer for answer in answers if answer is not None), None)

    server.on("*", rule)


def user_of(seen: Seen) -> tuple[str, str] | None:
    """Give the user and password of a request."""
    header = seen.headers.get("authorization")
    if header is None:
        return None
    user, _, password = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
    return user, password


def users(server: IndexServer, prefix: str = "") -> set[str | None]:
    """Give the users of all requests below a path, None for requests without one."""
    found = (user_of(seen) for seen in server.requests if seen.path.startswith(prefix))
    return {None if pair is None else pair[0] for pair in found}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
