"""The port behind which HTTP happens: one request in, the future of one response out."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Literal, NamedTuple, Protocol

from envsync.errors import EnvsyncError
from envsync.index.auth import AskKeyring, Pair
from envsync.index.urls import Scope, display_url, redact

KIB = 1024
MIB = 1024 * KIB
SMALL_BODY = 64 * KIB
"""Bytes of an error's or redirect's body that are read; the rest is not waited for."""


class Shown(NamedTuple):
    """A certificate that is shown to servers which ask for one (RFC 8446 section 4.4.2)."""

    scope: Scope | None
    """Where; None for everywhere. A handshake knows no path, so its whole origin sees it."""
    certificate: str
    """Path of a PEM file."""
    key: str = ""
    """"": it is in the same file."""


class HttpOptions(NamedTuple):
    """What the user's settings say about HTTP."""

    offline: bool = False
    timeout: float = 30.0
    """Seconds without data after which a transfer is given up."""
    connect_timeout: float = 10.0
    """Seconds for name look-up, connection and TLS together."""
    retries: int = 3
    """Tries after the first one."""
    backoff: float = 0.5
    """Seconds before the first retry; doubled each time, and jittered."""
    insecure_hosts: frozenset[str] = frozenset()
    """`host` or `host:port` to which plain http is allowed."""
    credentials: Sequence[Pair] = ()
    """What the user bound to addresses; of equal addresses the first counts."""
    netrc: str | None = None
    """Path; None: ~/.netrc."""
    ask_keyring: AskKeyring | None = None
    ca_file: str | None = None
    """A file or folder of certificates to trust; None: what the environment says, else the
    system's."""
    shown: Sequence[Shown] = ()
    user_agent: str = "envsync"


class Begun(NamedTuple):
    """The first part of a body, which lies in the sink: the transfer broke behind it."""

    size: int
    hasher: "hashlib._Hash"
    """SHA-256, fed with that part."""
    validator: str
    """What names the body for If-Range (RFC 9110 section 13.1.5); "" where nothing does."""


class Request(NamedTuple):
    """One GET."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    sink: str | None = None
    """A path that doesn't exist: the body of a 200 is written to this new, private file."""
    is_checked: bool = False
    """A hash will be compared, so that parts of the sink may come from several transfers."""
    begun: Begun | None = None
    """What is in the sink already; `headers` ask for the rest."""
    limit: int = 64 * MIB
    """Bytes that the body may have."""
    delay: float = 0.0
    """Seconds to wait before it is sent."""
    shown: Shown | None = None
    is_page: bool = False
    """Of an index, for which credentials count more strictly than for files (`index.auth`)."""
    progress: Callable[[int], None] | None = None
    """Told how many bytes have come since the last call; a negative number takes them back."""


class Response(NamedTuple):
    """What came back, status and all; the body is as it was sent (no content decoding)."""

    url: str
    status: int
    headers: Mapping[str, str]
    """Names in lower case; repeated ones joined by ", "."""
    body: bytes = b""
    """Empty where it went to the sink."""
    size: int = 0
    """Bytes of the body."""
    sha256: str = ""
    """Of the body that went to the sink, in hexadecimal."""
    is_framed: bool = True
    """The body's end was told by its length or framing, so a cut would have been noticed."""
    asked_as: str | None = None
    """Where the user and password that went with the last request came from."""
    left_scope: str | None = None
    """Likewise, where they went with the first request, but a redirect led out of their address."""


Kind = Literal["connect", "timeout", "cut", "tls", "limit", "offline", "refused", "other"]


class TransportFailed(EnvsyncError):
    """No usable response: `reason` in words, `kind` for what to do about it."""

    def __init__(
        self,
        url: str,
        reason: str,
        kind: Kind,
        *,
        transient: bool = False,
        status: int = 0,
        hint: str | None = None,
    ) -> None:
        self.url, self.reason = display_url(url), redact(reason)
        self.kind, self.transient, self.status = kind, transient, status
        self.begun: Begun | None = None
        """What came before, and is kept in the sink: whoever gives up has to remove it."""
        super().__init__(f"{self.url}: {self.reason}", hint=hint)


class Transport(Protocol):
    """Sends requests; safe to use from any thread."""

    def send(self, request: Request) -> Future[Response]:
        """Send one request as it stands: no retries, no redirects, no credentials added.

        The future raises `TransportFailed`, or `StorageFailed` when the sink can't be written. A
        206 that continues what was begun is answered as the 200 that both are together.
        """
        ...

    def close(self) -> None:
        """Give up what is under way and free the connections."""
        ...
