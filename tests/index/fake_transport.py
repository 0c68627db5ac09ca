"""A transport that answers from a function: for times and schemes that no loopback server has."""

from collections.abc import Callable
from concurrent.futures import Future

from envsync.index.transport import Request, Response, TransportFailed


class FakeTransport:
    """Answers each request at once with what `answer` gives or raises; keeps the requests."""

    def __init__(self, answer: Callable[[Request], Response]) -> None:
        self.requests: list[Request] = []
        self._answer = answer

    def send(self, request: Request) -> Future[Response]:
        self.requests.append(request)
        future: Future[Response] = Future()
        try:
            future.set_result(self._answer(request))
        except TransportFailed as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        pass
