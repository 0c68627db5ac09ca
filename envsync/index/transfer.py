"""Take in one response as libcurl delivers it: headers, then a body to memory or to a file."""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from envsync.errors import EnvsyncError
from envsync.index.transport import SMALL_BODY, Begun, Request, Response, TransportFailed
from envsync.platform.files import storage_failed
from envsync.platform.flags import APPEND, NEW_FILE, REWRITE

_FLUSH = 512 * 1024
"""Bytes gathered before they are hashed and written: few calls, and few turns at the GIL."""
_ABORT = -1
_MOST_DIGITS = 20


class Transfer:
    """The state of one request under way; the methods run in the transport's thread."""

    def __init__(
        self, request: Request, future: Future[Response], learn: Callable[[str], None]
    ) -> None:
        """`learn` is told the protocol as soon as a status line says it."""
        self.request = request
        self._learn = learn
        self.status = 0
        self.is_refused = False
        """This side gave up: the body is over its limit, or can't be written."""
        self.is_cut_short = False
        """An error's or redirect's body was left unread after its first part."""
        self._future = future
        self._headers: dict[str, str] = {}
        self._chunks: list[bytes] = []
        self._gathered = 0
        self._size = 0
        self._reported = request.begun.size if request.begun else 0
        self._hasher = hashlib.sha256()
        self._descriptor = -1
        self._made_file = False
        self._is_other_part = False
        self._storage_error: OSError | None = None

    def on_header(self, line: bytes) -> None:
        """Read one header line; a status line starts anew (interim and proxy responses)."""
        text = line.decode("latin-1").strip()
        if text.startswith("HTTP/") and ":" not in text.partition(" ")[0]:
            protocol, *status = text.split(" ", 2)[:2]
            self._learn(protocol)
            self.status = int(status[0]) if status and status[0].isdigit() else 0
            self._headers = {}
            return
        name, colon, value = text.partition(":")
        if colon and not self._size:  # fields after the body (trailers) are not looked at
            name, value = name.strip().lower(), value.strip()
            earlier = self._headers.get(name)
            self._headers[name] = value if earlier is None else f"{earlier}, {value}"

    def on_body(self, chunk: bytes) -> int | None:
        """Take a piece of the body; -1 tells libcurl to give the transfer up."""
        self._size += len(chunk)
        if not 200 <= self.status < 300:
            self._chunks.append(chunk)
            self.is_cut_short = self._size > SMALL_BODY
            return _ABORT if self.is_cut_short else None
        if self._before() + max(self._size, self._announced()) > self.request.limit:
            self.is_refused = True
            return _ABORT
        if self._is_rest() and not self._is_next_part():
            self.is_refused = self._is_other_part = True
            return _ABORT
        self._chunks.append(chunk)
        self._gathered += len(chunk)
        if self._has_sink() and self._gathered >= _FLUSH and not self._flush():
            return _ABORT
        return None

    def finish(self, *, is_http1: bool) -> None:
        """The response is whole: answer the future."""
        if self._has_sink() and not self._flush():
            self.fail(self.failure())
            return
        self._close()
        framing = ("content-length", "transfer-encoding")
        self._future.set_result(
            Response(
                url=self.request.url,
                status=200 if self._is_rest() else self.status,
                headers=self._headers,
                body=b"".join(self._chunks),
                size=self._before() + self._size,
                sha256=self._hasher.hexdigest() if self._has_sink() else "",
                is_framed=not is_http1 or any(name in self._headers for name in framing),
            )
        )

    def failure(self) -> EnvsyncError:
        """Say why this side gave the transfer up."""
        if self._storage_error is not None:
            return storage_failed(self.request.sink or "", self._storage_error)
        if self._is_other_part:
            reason = "sent another part than was asked for"
            return TransportFailed(self.request.url, reason, "other", transient=True)
        reason = f"the answer is larger than {self.request.limit:,} bytes"
        return TransportFailed(self.request.url, reason, "limit", status=self.status)

    def fail(self, error: EnvsyncError) -> None:
        """There is no usable response: say why, and keep only what may be continued."""
        if isinstance(error, TransportFailed) and error.transient:
            error.begun = self._continued()
        self._close()
        if not (isinstance(error, TransportFailed) and error.begun):
            if (self._made_file or self.request.begun) and self.request.sink is not None:
                with suppress(OSError):
                    os.unlink(self.request.sink)
            self._report(-self._reported)
        self._future.set_exception(error)

    def _continued(self) -> Begun | None:
        """Give what another request may continue; None where that would be a guess."""
        if self._is_other_part:
            return None
        if not self._has_sink() or not self._size:
            return self.request.begun
        tag = self._headers.get("etag", "")
        tag = tag if tag.startswith('"') else ""  # a weak one doesn't speak of bytes
        if not (tag or self.request.is_checked) or not self._flush():
            return None
        validator = tag or self._headers.get("last-modified", "")
        return Begun(self._before() + self._size, self._hasher, validator)

    def _has_sink(self) -> bool:
        return self.request.sink is not None and (self.status == 200 or self._is_rest())

    def _is_rest(self) -> bool:
        """Say whether this is the rest of what was begun."""
        return self.request.begun is not None and self.status == 206

    def _is_next_part(self) -> bool:
        """Compare the part with what was asked for (RFC 9110 section 14.4)."""
        unit, _, part = self._headers.get("content-range", "").partition(" ")
        return unit.lower() == "bytes" and part.partition("-")[0].strip() == str(self._before())

    def _before(self) -> int:
        begun = self.request.begun
        return begun.size if begun is not None and self.status == 206 else 0

    def _announced(self) -> int:
        length = self._headers.get("content-length", "")
        if not (length.isascii() and length.isdecimal()):
            return 0
        return int(length[:_MOST_DIGITS])  # of more digits, these are more than any limit

    def _flush(self) -> bool:
        """Hash and write what was gathered; False when the disk refuses."""
        data = b"".join(self._chunks)
        self._chunks.clear()
        self._gathered = 0
        try:
            if self._descriptor < 0:
                self._open()
            view = memoryview(data)
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            self._storage_error = error
            self.is_refused = True
            return False
        self._hasher.update(data)
        self._report(len(data))
        return True

    def _open(self) -> None:
        begun = self.request.begun
        if begun is None:
            flags = NEW_FILE
        elif self._is_rest():
            flags = APPEND
            self._hasher = begun.hasher.copy()
        else:  # the server begins anew
            flags = REWRITE
            self._report(-begun.size)
        self._descriptor = os.open(self.request.sink or "", flags, 0o600)
        self._made_file = True

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _report(self, amount: int) -> None:
        if self.request.progress is not None and amount:
            self._reported += amount
            self.request.progress(amount)
