"""Make the transport when something is sent: what is answered from the cache needs none."""

import threading
from collections.abc import Callable
from concurrent.futures import Future

from envsync.index.transport import Request, Response, Transport


class OnDemand:
    """A transport that is made, by `make`, for the first request; what `make` raises, `send` does.

    Safe to use from any thread.
    """

    def __init__(self, make: Callable[[], Transport]) -> None:
        self._make = make
        self._made: Transport | None = None
        self._lock = threading.Lock()
        self._closed = False

    def send(self, request: Request) -> Future[Response]:
        """Send one request; see `Transport.send`."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
                if self._closed:  # it gives up what it is sent, in its own words
                    self._made.close()
        return self._made.send(request)

    def close(self) -> None:
        """Close the transport, if there is one."""
        with self._lock:
            self._closed = True
            if self._made is not None:
                self._made.close()
