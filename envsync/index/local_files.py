"""Answer requests for files on this machine: those that an index in a folder lists, and no others.

Such an index comes from env.toml, which may be a stranger's, and its pages may hold any link. What
is read must really lie below the project's folder, or below that of an index which may lie outside
(`model.file_urls.reach_of`), links followed.
"""

import os
import re
from collections.abc import Sequence
from io import BufferedReader
from typing import NamedTuple

from envsync.index.transport import Request, Response, TransportFailed
from envsync.inside import Content, content_of, copied, pieces_of
from envsync.model.file_urls import path_of
from envsync.platform.files import NotRegular, open_regular, storage_errors

_RANGE = re.compile(r"bytes=(\d*)-(\d*)").fullmatch


class LocalFiles(NamedTuple):
    """The files that may be read."""

    root: str = ""
    """The project's folder, absolute; "" where there is none."""
    reach: tuple[str, ...] = ()
    """Folders outside of it that may be read as well, absolute or relative to it."""

    def place(self, url: str) -> str:
        """Give the real place of a `file:` URL. Raises `TransportFailed`, `FileNotFoundError`."""
        path = path_of(url)
        try:
            real = os.path.realpath(os.path.join(self.root, path), strict=True)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FileNotFoundError(path) from error
        except OSError as error:
            raise TransportFailed(
                url, (error.strerror or "cannot be read").lower(), "other"
            ) from error
        for folder in (self.root, *self.reach):
            above = os.path.realpath(os.path.join(self.root, folder)) if folder else ""
            if above and (real == above or real.startswith(os.path.join(above, ""))):
                return real
        raise TransportFailed(url, f"leads out of its folder, to {real}", "refused")

    def open(self, url: str) -> BufferedReader:
        """Open a regular file. Raises as `place`."""
        real = self.place(url)
        try:
            return open_regular(real)
        except (NotRegular, IsADirectoryError) as error:
            raise TransportFailed(url, str(error.strerror).lower(), "refused") from error
        except PermissionError as error:
            raise TransportFailed(url, str(error.strerror).lower(), "other") from error

    def content(self, url: str) -> Content:
        """Give a file's sha256 and size. Raises as `place`."""
        with self.open(url) as file, storage_errors(path_of(url)):
            return content_of(pieces_of(file))

    def answer(self, request: Request) -> Response:
        """Answer a request as a server would: 200, 206 for one range of bytes, or 404."""
        try:
            with self.open(request.url) as file, storage_errors(path_of(request.url)):
                if request.sink is not None:
                    return _copied(file, request, request.sink)
                return _read(file, request)
        except FileNotFoundError:
            return Response(request.url, 404, {})


def _copied(file: BufferedReader, request: Request, sink: str) -> Response:
    with open(sink, "xb") as copy:
        content = content_of(copied(pieces_of(file), copy))
    size = content.size
    if size > request.limit:
        os.unlink(sink)
        raise _too_large(request)
    if request.progress is not None:
        request.progress(size)
    return Response(request.url, 200, {}, size=size, sha256=content.hashes["sha256"])


def _read(file: BufferedReader, request: Request) -> Response:
    total = os.fstat(file.fileno()).st_size
    asked = _RANGE(next((value for name, value in request.headers if name == "Range"), ""))
    first, last = _bounds(asked, total) if asked is not None else (0, total - 1)
    if last - first + 1 > request.limit:
        raise _too_large(request)
    file.seek(first)
    body = file.read(last - first + 1)
    if asked is None or len(body) == total:
        return Response(request.url, 200, {}, body, len(body))
    headers = {"content-range": f"bytes {first}-{last}/{total}"}
    return Response(request.url, 206, headers, body, len(body))


def _bounds(asked: "re.Match[str]", total: int) -> Sequence[int]:
    """The first and last byte of a range (RFC 9110 section 14.1.2)."""
    first, last = asked.groups()
    if not first:
        return max(0, total - int(last or 0)), total - 1
    return int(first), min(int(last), total - 1) if last else total - 1


def _too_large(request: Request) -> TransportFailed:
    return TransportFailed(request.url, f"larger than {request.limit:,} bytes", "limit")
