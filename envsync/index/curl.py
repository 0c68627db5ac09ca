"""Send requests with libcurl: one background thread, many transfers, HTTP/2 where there is TLS.

The thread alone touches libcurl. `send` puts a request into its inbox and wakes it; the thread
starts transfers, feeds libcurl the events of their sockets, and answers the futures.
"""

import errno
import heapq
import os
import re
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from typing import Self

import pycurl

from envsync.index.certificates import find_authorities
from envsync.index.transfer import Transfer
from envsync.index.transport import HttpOptions, Kind, Request, Response, TransportFailed

_MAX_CONNECTIONS = 8
"""To one host; also how many transfers it gets as long as it isn't known to speak HTTP/2."""
_MAX_STREAMS = 100
"""Transfers side by side over HTTP/2: as many as servers commonly allow on one connection."""
_MAX_SINKS = 32
"""Of these, transfers to files: more would only starve each other on a slow line."""
_SLOWEST = 1000
"""Bytes a second, below which a transfer counts as idle."""
_PATIENCE = 20
"""Times the idle time, after which an answer that goes to memory must be whole: these are small."""

_FAILURES: dict[int, tuple[Kind, bool]] = {
    pycurl.E_COULDNT_RESOLVE_PROXY: ("connect", True),
    pycurl.E_COULDNT_RESOLVE_HOST: ("connect", True),
    pycurl.E_COULDNT_CONNECT: ("connect", True),
    pycurl.E_SSL_CONNECT_ERROR: ("connect", True),  # the handshake broke; certificates are below
    pycurl.E_HTTP2: ("cut", True),
    pycurl.E_PARTIAL_FILE: ("cut", True),
    pycurl.E_OPERATION_TIMEDOUT: ("timeout", True),
    pycurl.E_GOT_NOTHING: ("cut", True),
    pycurl.E_SEND_ERROR: ("cut", True),
    pycurl.E_RECV_ERROR: ("cut", True),
    92: ("cut", True),  # CURLE_HTTP2_STREAM, which pycurl has no name for
    pycurl.E_PEER_FAILED_VERIFICATION: ("tls", False),
    pycurl.E_SSL_CACERT_BADFILE: ("tls", False),
    pycurl.E_SSL_ISSUER_ERROR: ("tls", False),
    pycurl.E_SSL_INVALIDCERTSTATUS: ("tls", False),
}
_REFUSED = re.compile(r"alert (?:\w+ certificate|certificate \w+|unknown ca)").search
_SHOWN_HINT = (
    "the server wants a client certificate: ENVSYNC_INDEX_<NAME>_CLIENT_CERT and _CLIENT_KEY, or "
    "client-cert under [index.NAME] in your config.toml"
)
_TLS_HINT = (
    "if your network's own authority signs its certificates, set SSL_CERT_FILE to its PEM file"
)


class CurlTransport:
    """The transport of every day; close it, or use it as a context manager."""

    def __init__(
        self,
        options: HttpOptions = HttpOptions(),  # noqa: B008 - a frozen value
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """`environ` gives the certificate variables; proxies are libcurl's own to look up.

        Raises `UsageError` for certificates that are named and can't be used, `OSError` where the
        system has no descriptors left.
        """
        self._authorities = find_authorities(options.ca_file, environ)
        self._inbox: deque[tuple[Request, Future[Response]]] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        # All that takes descriptors is made here: where there are none, the caller hears of it.
        self._sleeping_end, self._waking_end = socket.socketpair()
        self._sleeping_end.setblocking(False)
        self._waking_end.setblocking(False)
        self._loop = _Loop(options, self._authorities.file, self._authorities.folder)

    def send(self, request: Request) -> Future[Response]:
        """Send one request; see `Transport.send`."""
        future: Future[Response] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            if self._closed:
                future.set_exception(_given_up(request))
                return future
            self._inbox.append((request, future))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="curl", daemon=True)
                self._thread.start()
        self._wake()
        return future

    def close(self) -> None:
        """Give up what is under way and free the connections."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            thread = self._thread
        if thread is None:
            self._loop.give_up(self._inbox)
            self._close_sockets()
            return
        self._wake()
        thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wake(self) -> None:
        # A full buffer means that a wake-up is on its way; a closed socket that nobody sleeps.
        with suppress(OSError):
            self._waking_end.send(b"\0")

    def _close_sockets(self) -> None:
        for end in (self._sleeping_end, self._waking_end):
            with suppress(OSError):  # nothing is left to be told
                end.close()

    def _run(self) -> None:
        loop = self._loop
        try:
            loop.selector.register(self._sleeping_end, selectors.EVENT_READ)
            while not self._closed:
                loop.wait(self._sleeping_end)
                while self._inbox:
                    loop.accept(*self._inbox.popleft())
                loop.work()
        finally:
            with self._lock:
                self._closed = True
            loop.give_up(self._inbox)
            self._close_sockets()


class _Loop:
    """What the thread owns: the multi handle, its sockets, and the transfers."""

    def __init__(self, options: HttpOptions, ca_file: str | None, ca_folder: str | None) -> None:
        self.selector = selectors.DefaultSelector()
        self._options = options
        self._ca_file, self._ca_folder = ca_file, ca_folder
        try:
            self._multi = pycurl.CurlMulti()
        except pycurl.error as error:  # it says no more than that it failed
            self.selector.close()
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), "libcurl") from error
        self._multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
        self._multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, _MAX_CONNECTIONS)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._timer: float | None = None
        self._order = count()
        self._delayed: list[tuple[float, int, Request, Future[Response]]] = []
        self._lanes: dict[str, _Lane] = {}
        self._active: dict[pycurl.Curl, Transfer] = {}
        self._lane_of: dict[pycurl.Curl, _Lane] = {}
        self._idle: list[pycurl.Curl] = []

    def accept(self, request: Request, future: Future[Response]) -> None:
        """Take a request, to be started when its delay is over and there is room."""
        if request.delay > 0:
            due = time.monotonic() + request.delay
            heapq.heappush(self._delayed, (due, next(self._order), request, future))
        else:
            self._queue(request, future)

    def wait(self, sleeping_end: socket.socket) -> None:
        """Sleep until a socket, a timer, a delayed request or `send` wants something."""
        for key, mask in self.selector.select(self._seconds_to_sleep()):
            if key.fileobj is sleeping_end:
                with suppress(BlockingIOError):
                    while sleeping_end.recv(4096):
                        pass
            else:
                reads = pycurl.CSELECT_IN if mask & selectors.EVENT_READ else 0
                writes = pycurl.CSELECT_OUT if mask & selectors.EVENT_WRITE else 0
                self._multi.socket_action(key.fd, reads | writes)

    def work(self) -> None:
        """Let libcurl see to its timers, answer what is done, and start what there is room for."""
        now = time.monotonic()
        while self._delayed and self._delayed[0][0] <= now:
            _, _, request, future = heapq.heappop(self._delayed)
            self._queue(request, future)
        if self._timer is not None and self._timer <= time.monotonic():
            self._timer = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._collect()
        for lane in list(self._lanes.values()):  # last: what was answered made room
            for request, future in lane.startable():
                self._start(lane, request, future)

    def give_up(self, inbox: deque[tuple[Request, Future[Response]]]) -> None:
        """Fail everything that has not been answered, and free libcurl's things."""
        for curl, transfer in list(self._active.items()):
            self._multi.remove_handle(curl)
            curl.close()
            transfer.fail(_given_up(transfer.request))
        left = [*inbox]
        for lane in self._lanes.values():
            left += [*lane.waiting, *lane.waiting_sinks]
        left += [(request, future) for _, _, request, future in self._delayed]
        for request, future in left:
            future.set_exception(_given_up(request))
        for curl in self._idle:
            curl.close()
        self._multi.close()
        self.selector.close()

    def _queue(self, request: Request, future: Future[Response]) -> None:
        origin = "/".join(request.url.split("/", 3)[:3])
        lane = self._lanes.setdefault(origin, _Lane())
        queue = lane.waiting if request.sink is None else lane.waiting_sinks
        queue.append((request, future))

    def _seconds_to_sleep(self) -> float | None:
        dues = [self._timer] if self._timer is not None else []
        if self._delayed:
            dues.append(self._delayed[0][0])
        return max(0.0, min(dues) - time.monotonic()) if dues else None

    def _start(self, lane: "_Lane", request: Request, future: Future[Response]) -> None:
        curl = self._idle.pop() if self._idle else pycurl.Curl()
        transfer = Transfer(request, future, lane.learn)
        try:
            self._set_up(curl, transfer)
            self._active[curl] = transfer
            self._multi.add_handle(curl)
        except (pycurl.error, UnicodeError, ValueError) as error:
            self._active.pop(curl, None)
            curl.close()
            transfer.fail(TransportFailed(request.url, f"cannot be asked: {error}", "refused"))
            return
        self._lane_of[curl] = lane
        lane.add(request, 1)

    def _set_up(self, curl: pycurl.Curl, transfer: Transfer) -> None:
        request, options = transfer.request, self._options
        curl.setopt(pycurl.URL, request.url)
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.NETRC, pycurl.NETRC_IGNORED)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
        # Only TLS says early (by ALPN) whether a connection can carry more than one transfer.
        curl.setopt(pycurl.PIPEWAIT, int(request.url.startswith("https:")))
        curl.setopt(pycurl.TCP_KEEPALIVE, 1)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, max(1, round(options.connect_timeout * 1000)))
        curl.setopt(pycurl.LOW_SPEED_LIMIT, _SLOWEST)
        curl.setopt(pycurl.LOW_SPEED_TIME, max(1, round(options.timeout)))
        whole = 0 if request.sink is not None else max(1, round(options.timeout * _PATIENCE * 1000))
        curl.setopt(pycurl.TIMEOUT_MS, whole)
        curl.setopt(pycurl.USERAGENT, options.user_agent)
        curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in request.headers])
        curl.setopt(pycurl.HEADERFUNCTION, transfer.on_header)
        curl.setopt(pycurl.WRITEFUNCTION, transfer.on_body)
        if request.shown is not None:
            curl.setopt(pycurl.SSLCERT, request.shown.certificate)
            curl.setopt(pycurl.SSLKEY, request.shown.key or request.shown.certificate)
        if self._ca_file is not None or self._ca_folder is not None:
            # Whichever is not named is unset, or libcurl would add the one it was built with.
            for option, path in ((pycurl.CAINFO, self._ca_file), (pycurl.CAPATH, self._ca_folder)):
                if path is None:
                    curl.unsetopt(option)
                else:
                    curl.setopt(option, path)

    def _watch(self, event: int, descriptor: int, _multi: object, _data: object) -> None:
        """Libcurl says which events of a socket it wants to hear of."""
        mask = 0
        if event in (pycurl.POLL_IN, pycurl.POLL_INOUT):
            mask |= selectors.EVENT_READ
        if event in (pycurl.POLL_OUT, pycurl.POLL_INOUT):
            mask |= selectors.EVENT_WRITE
        # The number may belong to a new socket since libcurl closed the old one.
        with suppress(KeyError, ValueError, OSError):
            self.selector.unregister(descriptor)
        if mask:
            self.selector.register(descriptor, mask)

    def _set_timer(self, milliseconds: int) -> None:
        """Libcurl says when it wants to be called at the latest."""
        self._timer = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000

    def _collect(self) -> None:
        left = 1
        while left:
            left, done, failed = self._multi.info_read()
            for curl in done:
                self._finish(curl, None)
            for curl, code, text in failed:
                self._finish(curl, (code, text))

    def _finish(self, curl: pycurl.Curl, failure: tuple[int, str] | None) -> None:
        transfer = self._active.pop(curl)
        self._lane_of.pop(curl).add(transfer.request, -1)
        is_http1 = curl.getinfo(pycurl.INFO_HTTP_VERSION) in (
            pycurl.CURL_HTTP_VERSION_1_0,
            pycurl.CURL_HTTP_VERSION_1_1,
        )
        self._multi.remove_handle(curl)
        curl.reset()
        self._idle.append(curl)
        if failure is None or transfer.is_cut_short:
            transfer.finish(is_http1=is_http1)
        elif transfer.is_refused:
            transfer.fail(transfer.failure())
        else:
            transfer.fail(self._word(transfer, *failure))

    def _word_timeout(self, text: str) -> str:
        if "too slow" in text:
            seconds = self._options.timeout
            return f"no data within {seconds:g} s, or less than {_SLOWEST:,} bytes a second"
        if text.startswith("Operation timed out"):
            return f"the answer is not whole after {self._options.timeout * _PATIENCE:g} s"
        return f"no connection within {self._options.connect_timeout:g} s"

    def _word(self, transfer: Transfer, code: int, text: str) -> TransportFailed:
        kind, transient = _FAILURES.get(code, ("other", False))
        reason = text or f"libcurl error {code}"
        if kind == "timeout":
            reason = self._word_timeout(text)
        elif kind == "cut":
            reason = f"the connection broke ({text})" if text else "the connection broke"
        elif kind == "connect":
            reason = f"no connection ({text})"
        hint = _TLS_HINT if kind == "tls" else None
        if code == pycurl.E_SSL_CERTPROBLEM or _REFUSED(text):
            kind, transient, hint = "tls", False, _SHOWN_HINT
        return TransportFailed(
            transfer.request.url,
            reason,
            kind,
            transient=transient,
            status=transfer.status,
            hint=hint,
        )


class _Lane:
    """The requests to one origin.

    Libcurl counts the time that it makes a transfer wait for a free connection as time to connect,
    so no more are started than there can be connections, or streams in one of them.
    """

    def __init__(self) -> None:
        self.waiting: deque[tuple[Request, Future[Response]]] = deque()
        self.waiting_sinks: deque[tuple[Request, Future[Response]]] = deque()
        self._limit = _MAX_CONNECTIONS
        self._active = 0
        self._active_sinks = 0

    def learn(self, protocol: str) -> None:
        """Take note of the protocol of a response ("HTTP/2")."""
        self._limit = _MAX_STREAMS if protocol == "HTTP/2" else _MAX_CONNECTIONS

    def startable(self) -> Iterator[tuple[Request, Future[Response]]]:
        """Hand out what may be started now; who takes it calls `add`."""
        while self.waiting and self._active < self._limit:
            yield self.waiting.popleft()
        sinks = min(_MAX_SINKS, self._limit)
        while self.waiting_sinks and self._active_sinks < sinks and self._active < self._limit:
            yield self.waiting_sinks.popleft()

    def add(self, request: Request, amount: int) -> None:
        """Count a transfer that starts (1) or is over (-1)."""
        self._active += amount
        if request.sink is not None:
            self._active_sinks += amount


def _given_up(request: Request) -> TransportFailed:
    return TransportFailed(request.url, "given up: the client was closed", "other")
