"""A transport is made when something is sent, once, and closed with the client."""

from concurrent.futures import Future

import pytest

from envsync.index.on_demand import OnDemand
from envsync.index.transport import Request, Response, Transport


class Fake:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.closed = 0

    def send(self, request: Request) -> Future[Response]:
        self.sent.append(request.url)
        future: Future[Response] = Future()
        future.set_result(Response(request.url, 200, {}))
        return future

    def close(self) -> None:
        self.closed += 1


class Maker:
    """Notes what it has made."""

    def __init__(self) -> None:
        self.made: list[Fake] = []

    def __call__(self) -> Transport:
        self.made.append(Fake())
        return self.made[-1]


def test_what_is_never_asked_is_never_made() -> None:
    maker = Maker()
    OnDemand(maker).close()
    assert maker.made == []


def test_all_requests_go_through_one() -> None:
    maker = Maker()
    transport = OnDemand(maker)
    assert transport.send(Request("http://x/1")).result().url == "http://x/1"
    transport.send(Request("http://x/2"))
    transport.close()
    assert [(fake.sent, fake.closed) for fake in maker.made] == [(["http://x/1", "http://x/2"], 1)]


def test_after_the_end_it_is_closed_before_anything_is_sent() -> None:
    maker = Maker()
    transport = OnDemand(maker)
    transport.close()
    transport.send(Request("http://x/"))
    assert [fake.closed for fake in maker.made] == [1]


def test_what_cannot_be_made_is_told_to_who_sends() -> None:
    def fail() -> Transport:
        raise OSError("no descriptors")

    transport = OnDemand(fail)
    with pytest.raises(OSError, match="descriptors"):
        transport.send(Request("http://x/"))
    transport.close()
