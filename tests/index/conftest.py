"""What the tests of this folder share: clients for the loopback server, with small times."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from envsync.events import SILENT, Reporter
from envsync.index.client import IndexClient, Refresh
from envsync.index.curl import CurlTransport
from envsync.index.http import HttpClient
from envsync.index.page_source import Index
from envsync.index.transport import HttpOptions
from tests.support.index_server import IndexServer

QUICK = HttpOptions(timeout=1.0, connect_timeout=1.0, retries=2, backoff=0.01, netrc="/dev/null")
"""Options under which a failing server costs a second at most."""

MakeClient = Callable[..., IndexClient]


@pytest.fixture
def server() -> Iterator[IndexServer]:
    with IndexServer() as running:
        yield running


@pytest.fixture
def http() -> Iterator[HttpClient]:
    client = HttpClient(CurlTransport(QUICK), QUICK)
    yield client
    client.close()


@pytest.fixture
def make_client(tmp_path: Path) -> Iterator[MakeClient]:
    """A maker of clients that share one cache folder and are closed after the test."""
    with ExitStack() as stack:

        def make(
            *indexes: Index | IndexServer,
            options: HttpOptions = QUICK,
            refresh: Refresh = Refresh(),  # noqa: B008
            reporter: Reporter = SILENT,
        ) -> IndexClient:
            known = [
                Index(None, index.url) if isinstance(index, IndexServer) else index
                for index in indexes
            ]
            http = HttpClient(CurlTransport(options), options, reporter)
            client = IndexClient(http, known, str(tmp_path / "cache"), reporter, refresh=refresh)
            return stack.enter_context(client)

        yield make


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Paths of a fresh self-signed certificate for 127.0.0.1, and of its key."""
    folder = tmp_path_factory.mktemp("tls")
    paths = str(folder / "certificate.pem"), str(folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-out", paths[0], "-keyout", paths[1]]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl to make a certificate with")
    return paths
