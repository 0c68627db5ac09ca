"""A real index on loopback with a catalog over it, for the tests of this folder."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from packaging.utils import canonicalize_name

from envsync.catalog.direct import BuildMetadata
from envsync.catalog.index_catalog import IndexCatalog, no_builds
from envsync.catalog.places import indexes_for
from envsync.index.client import IndexClient
from envsync.index.curl import CurlTransport
from envsync.index.http import HttpClient
from envsync.index.transport import HttpOptions
from envsync.resolve.candidates import ResolvePolicy
from envsync.spec.model import Spec
from tests.support.index_server import IndexServer
from tests.support.wheels import make_wheel

BARE = Spec("shop")


def universe(packages: Mapping[str, Mapping[str, Sequence[str]]]) -> IndexServer:
    """A server of pure wheels: name -> version -> requirements."""
    server = IndexServer()
    for name, versions in packages.items():
        for version, requires in versions.items():
            publish(server, name, version, requires)
    return server


def publish(
    server: IndexServer, name: str, version: str, requires: Iterable[str] = (), **fields: object
) -> str:
    """Put a wheel on the index; gives its file name."""
    filename, content = make_wheel(name, version, requires=requires, **fields)  # type: ignore[arg-type]
    server.add(name, filename, content)
    return filename


@contextmanager
def client_of(server: IndexServer, cache_dir: str, spec: Spec = BARE) -> Iterator[IndexClient]:
    """A real client of the server, which is the public index unless `spec` names another."""
    options = HttpOptions(retries=0)
    with ExitStack() as stack:
        transport = CurlTransport(options)
        indexes = indexes_for(spec, server.url)
        yield stack.enter_context(IndexClient(HttpClient(transport, options), indexes, cache_dir))


@contextmanager
def catalog_of(
    server: IndexServer,
    cache_dir: str,
    spec: Spec = BARE,
    policy: ResolvePolicy | None = None,
    *,
    root: str = "/nowhere",
    build_metadata: BuildMetadata = no_builds,
    preferences: Mapping[str, tuple[object, ...]] | None = None,
) -> Iterator[IndexCatalog]:
    """A catalog over a client of the server."""
    with (
        client_of(server, cache_dir, spec) as client,
        IndexCatalog(
            client,
            spec,
            policy or ResolvePolicy(),
            root=root,
            cache_dir=cache_dir,
            build_metadata=build_metadata,
            preferences={canonicalize_name(k): v for k, v in (preferences or {}).items()},  # type: ignore[misc]
        ) as catalog,
    ):
        yield catalog
