"""Ask for one address as the user allows: retries, redirects, credentials, offline, plain http."""

import os
import random
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urljoin

from envsync.events import SILENT, Reporter
from envsync.index.auth import Credentials, Pair
from envsync.index.local_files import LocalFiles
from envsync.index.steps import Steps, run_here, run_steps
from envsync.index.transport import (
    MIB,
    Begun,
    HttpOptions,
    Request,
    Response,
    Shown,
    Transport,
    TransportFailed,
)
from envsync.index.urls import Address, display_url, is_loopback, parse_address
from envsync.model.file_urls import is_local

MAX_REDIRECTS = 10
MAX_WAIT = 60.0
"""Seconds that a server's Retry-After can make us wait."""

_MUCH = MIB
"""Bytes that a try must have brought to be more than a failure."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WORTH_RETRYING = frozenset({408, 429, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524})
_PRIVATE = frozenset({"authorization", "cookie", "proxy-authorization"})
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Clock(NamedTuple):
    """Where the time and the jitter come from."""

    now: Callable[[], float] = time.time
    """Seconds since the epoch."""
    jitter: Callable[[], float] = random.random
    """A number from 0 to 1."""


class HttpClient:
    """GET requests over a transport."""

    def __init__(
        self,
        transport: Transport,
        options: HttpOptions = HttpOptions(),  # noqa: B008 - a frozen value
        reporter: Reporter = SILENT,
        clock: Clock = Clock(),  # noqa: B008 - a frozen value
        files: LocalFiles = LocalFiles(),  # noqa: B008 - a frozen value
    ) -> None:
        self.options = options
        self.credentials = Credentials(
            options.credentials,
            netrc_path=options.netrc,
            ask_keyring=options.ask_keyring,
            reporter=reporter,
        )
        self.clock = clock
        self.files = files
        """What may be read on this machine."""
        self._transport = transport
        self._reporter = reporter
        self._told: set[str] = set()

    def get(self, request: Request) -> Future[Response]:
        """Send a request; the future gives the last response, whatever its status.

        It raises `TransportFailed`, or `StorageFailed` where the sink can't be written.
        """
        return run_steps(self.exchange(request), run_here)

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()

    def scope(self, url: str, *, is_page: bool = False) -> str:
        """Name who asks an address, without telling a secret; "" for nobody in particular."""
        try:
            return self.credentials.scope(parse_address(url), is_page=is_page)
        except ValueError:
            return ""

    def exchange(self, request: Request) -> Steps[Response]:
        """Give the steps of one request, redirects included (RFC 9110 section 15.4).

        A `file:` URL is answered from the disk, where it may be read.
        """
        if is_local(request.url):
            return self.files.answer(request)
        target = self._judge(request.url)
        first = pair = self.credentials.pair_for(target, is_page=request.is_page)
        for _ in range(MAX_REDIRECTS + 1):
            asked = _address_to(request, target, pair)._replace(shown=self._shown(target))
            response = yield from self._try(asked)
            location = response.headers.get("location")
            if response.status not in _REDIRECTS or location is None:
                return _signed(response, pair, first)
            target = self._follow(target, location)
            pair = self.credentials.pair_for(target, is_page=request.is_page, is_redirect=True)
        raise TransportFailed(request.url, f"more than {MAX_REDIRECTS} redirects", "refused")

    def _shown(self, target: Address) -> Shown | None:
        """The certificate for an address: of the longest address around it, else of its origin."""
        of_origin = [
            one
            for one in self.options.shown
            if one.scope is None or one.scope.origin == target.origin
        ]

        def closeness(one: Shown) -> int:
            if one.scope is None:
                return -1
            return 1 + len(one.scope.segments) if one.scope.holds(target) else 0

        return max(of_origin, key=closeness, default=None)

    def _judge(self, url: str) -> Address:
        """Refuse what may not be asked: offline, odd addresses, plain http to strangers."""
        if self.options.offline:
            raise TransportFailed(
                url, "not asked: offline", "offline", hint="run the command once without --offline"
            )
        address = _address(url)
        scheme, host, port = address.origin
        allowed = self.options.insecure_hosts
        if scheme == "http" and not (
            is_loopback(host) or host in allowed or f"{host}:{port}" in allowed
        ):
            raise TransportFailed(
                url,
                "plain http is not used for other machines",
                "refused",
                hint=f"use https, or ENVSYNC_ALLOW_INSECURE_HOST={host} if you trust the network",
            )
        return address

    def _follow(self, source: Address, location: str) -> Address:
        try:
            target = urljoin(source.url, location)
        except ValueError:
            target = location
        if source.origin.scheme == "https" and target.lower().startswith("http:"):
            raise TransportFailed(
                source.url, f"redirects to plain http ({display_url(target)}): refused", "refused"
            )
        try:
            return self._judge(target)
        except TransportFailed as error:
            raise TransportFailed(
                source.url,
                f"redirects to {error.url}, where {error.reason}",
                error.kind,
                hint=error.hint,
            ) from error

    def _try(self, request: Request) -> Steps[Response]:
        """Send until there is an answer that counts, or no tries are left.

        What broke is continued where it broke, and a try that brought much counts for none.
        """
        attempt, most, whole = 0, 0, request
        while True:
            is_last = attempt >= self.options.retries
            wait = self.options.backoff * 2**attempt * (0.5 + self.clock.jitter())
            try:
                response = yield self._transport.send(request)
            except TransportFailed as error:
                grown = _size(error.begun) - most
                if not error.transient or (is_last and grown < _MUCH):
                    _forget(whole, error.begun)
                    raise
                attempt, most = (attempt + 1 if grown < _MUCH else 0), most + max(grown, 0)
                request = _continuing(whole, error.begun)
                where = f" from byte {error.begun.size:,} on" if error.begun else ""
                self._reporter.detail(f"{error}; trying again{where}")
            else:
                if request.begun is not None and response.status not in (200, *_WORTH_RETRYING):
                    # It doesn't continue: another file, a redirect, 416. Once more from the start.
                    _forget(whole, request.begun)
                    request, attempt = whole, attempt + 1
                    continue
                if is_last or response.status not in _WORTH_RETRYING:
                    _forget(whole, request.begun if response.status != 200 else None)
                    return response
                wait = self._server_wait(response) or wait
                attempt += 1
            request = request._replace(delay=wait)

    def _server_wait(self, response: Response) -> float | None:
        """Give the seconds that the server asks to wait; says so when it's long."""
        text = response.headers.get("retry-after")
        wait = None if text is None else parse_retry_after(text, self.clock.now())
        host = _address(response.url).origin.host
        if wait is not None and wait > 2 and host not in self._told:
            self._told.add(host)
            self._reporter.note(f"{host} asks for a pause: waiting {wait:.0f} s")
        self._reporter.detail(
            f"{display_url(response.url)}: status {response.status}; trying again"
        )
        return wait


def _size(begun: Begun | None) -> int:
    return 0 if begun is None else begun.size


def _continuing(whole: Request, begun: Begun | None) -> Request:
    """Ask for what is still to come (RFC 9110 sections 13.1.5 and 14.2)."""
    if begun is None:
        return whole
    headers = [*whole.headers, ("Range", f"bytes={begun.size}-")]
    if begun.validator:
        headers.append(("If-Range", begun.validator))
    return whole._replace(headers=tuple(headers), begun=begun)


def _forget(whole: Request, begun: Begun | None) -> None:
    """Remove what had come of a body that won't be continued."""
    if begun is None or whole.sink is None:
        return
    with suppress(OSError):
        os.unlink(whole.sink)
    if whole.progress is not None:
        whole.progress(-begun.size)


def _address_to(request: Request, target: Address, pair: Pair | None) -> Request:
    """Address a request to `target`, with the credentials of that address and no others."""
    headers = [header for header in request.headers if header[0].lower() not in _PRIVATE]
    if pair is not None:
        headers.append(("Authorization", pair.header))
    return request._replace(url=target.url, headers=tuple(headers))


def _signed(response: Response, pair: Pair | None, first: Pair | None) -> Response:
    """Note who asked for what came."""
    if pair is not None:
        return response._replace(asked_as=pair.source)
    return response if first is None else response._replace(left_scope=first.source)


def refusal(response: Response) -> str:
    """Say with which credentials a server refused to answer, as the end of a sentence."""
    if response.asked_as is not None:
        return f": it refused the user and password from {response.asked_as}"
    if response.left_scope is not None:
        return (
            f": a redirect led out of the address that the user and password "
            f"from {response.left_scope} belong to, so they were not sent"
        )
    return ": no user and password were sent"


def correction(response: Response) -> str | None:
    """Say where what a server refused can be corrected; None where nothing was sent."""
    if response.asked_as is None:
        return None
    return f"correct the user and password from {response.asked_as}"


def _address(url: str) -> Address:
    try:
        return parse_address(url)
    except ValueError as error:
        raise TransportFailed(url, f"cannot be asked: {error}", "refused") from error


def parse_retry_after(text: str, now: float) -> float | None:
    """Read Retry-After: seconds to wait, at most `MAX_WAIT`; None for nonsense (RFC 9110 10.2.3).

    `now` is in seconds since the epoch; a date that is over gives 0.
    """
    text = text.strip()
    if text.isdecimal() and text.isascii():
        return MAX_WAIT if len(text) > 4 else min(float(text), MAX_WAIT)
    moment = parse_http_date(text)
    return None if moment is None else min(max(0.0, moment - now), MAX_WAIT)


def parse_http_date(text: str) -> float | None:
    """Read "Sun, 06 Nov 1994 08:49:37 GMT": seconds since the epoch; None for any other form."""
    words = text.replace(":", " ").split()
    if len(words) != 8 or words[7] != "GMT" or words[2] not in _MONTHS:
        return None
    numbers = (words[3], words[1], words[4], words[5], words[6])
    if not all(number.isdecimal() and number.isascii() for number in numbers):
        return None
    year, day, hour, minute, second = (int(number[:9]) for number in numbers)
    try:
        month = _MONTHS.index(words[2]) + 1
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None
