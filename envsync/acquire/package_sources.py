"""Where wheels come from: the index client, the catalog, the store and builds, made when needed."""

import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Self

from packaging.pylock import Pylock
from packaging.requirements import Requirement
from packaging.utils import NormalizedName
from packaging.version import Version

from envsync import __version__
from envsync.acquire.credentials import bind_credentials
from envsync.acquire.hashes import with_hashes
from envsync.acquire.own_settings import mirrors_for, shown_certificates
from envsync.acquire.public_index import default_index
from envsync.cache.scratch import scratch_in
from envsync.catalog.index_catalog import IndexCatalog
from envsync.catalog.places import indexes_for, reach
from envsync.errors import HashMismatch, NoSolution
from envsync.events import Reporter
from envsync.index.artifacts import PARTIAL
from envsync.index.auth import AskKeyring
from envsync.index.client import IndexClient, PageAnswer, Refresh
from envsync.index.http import HttpClient
from envsync.index.local_files import LocalFiles
from envsync.index.mirrors import Mirror, Mirrors
from envsync.index.on_demand import OnDemand
from envsync.index.page_source import Index
from envsync.index.transport import HttpOptions, Transport
from envsync.inside import Content
from envsync.lock.builds import LockedBuild
from envsync.lock.compare import CommitOf
from envsync.lock.pins import Pinned
from envsync.model.candidate import File
from envsync.model.file_urls import file_url, is_local, path_of
from envsync.model.resolution import Resolution
from envsync.model.target import Target
from envsync.platform.files import sha256_file, storage_errors
from envsync.project.interpreter import own_config, strangers_folder
from envsync.project.local_files import take
from envsync.resolve.candidates import ResolvePolicy
from envsync.settings import Settings
from envsync.spec.model import SourceSpec, Spec

if TYPE_CHECKING:
    from envsync.acquire.build_environments import Provisioner
    from envsync.acquire.builds import Builder
    from envsync.acquire.repositories import RepositorySources
    from envsync.build.request import BuildEnvironment
    from envsync.store.manifest import StoredWheel
    from envsync.sync.store_lookup import CheckDepth

Preferences = Mapping[NormalizedName, tuple[Version, ...]]


def _curl(options: HttpOptions) -> Transport:
    from envsync.index.curl import CurlTransport  # noqa: PLC0415  (libcurl: 15 ms, 8 MB)

    return CurlTransport(options)


class PackageSources:
    """Everything that a project's packages come from; a context manager.

    The network client is made at the first question, so that a sync from a warm store asks none.
    """

    def __init__(
        self,
        root: str,
        spec: Spec,
        settings: Settings,
        reporter: Reporter,
        *,
        renewed: bool | frozenset[str] = False,
        builds: Sequence[LockedBuild] = (),
    ) -> None:
        """`renewed`: the packages, or all, of which the indexes are asked whatever is cached;
        `builds` is what was locked for builds.
        """
        self._builds = builds
        self._root, self._spec, self._renewed = root, spec, renewed
        self._settings, self._reporter = settings, reporter
        self._client: IndexClient | None = None
        self._catalogs: list[IndexCatalog] = []
        self._beside: Sequence[Pinned] | None = None
        self._mutex, self._stopped = threading.Lock(), threading.Event()
        self._commits: Mapping[CommitOf, str] = {}
        self._repositories: RepositorySources | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # The guesses end first: they ask the client.
        for catalog in self._catalogs:
            catalog.close()
        self._catalogs.clear()
        if self._client is not None:
            self._client.close()
            self._client = None

    def client(self) -> IndexClient:
        """Give the index client."""
        # Not before something is asked of an index: binding credentials may ask the user.
        with self._mutex:  # several builds may want it at once
            if self._client is None:
                self._client = self._opened()
            return self._client

    def _opened(self) -> IndexClient:
        settings = self._settings
        config = own_config(settings, self._strangers())
        options = HttpOptions(
            offline=settings.offline,
            timeout=settings.timeout,
            insecure_hosts=settings.insecure_hosts,
            credentials=bind_credentials(self._spec, settings, self._reporter),
            netrc=settings.netrc,
            ask_keyring=self._keyring(),
            shown=shown_certificates(self._spec, settings, config),
            user_agent=f"envsync/{__version__}",
        )
        indexes = indexes_for(self._spec, default_index(settings, self._root))
        mirrors = mirrors_for(self._spec, config)
        if settings.wheelhouse:
            house = Index(None, file_url(settings.wheelhouse), format="flat", outside=True)
            indexes, mirrors = (house,), Mirrors(of_all=Mirror(house, fallback=False))
        files = LocalFiles(self._root, reach((*indexes, *mirrors.every())))
        return IndexClient(
            HttpClient(OnDemand(partial(_curl, options)), options, self._reporter, files=files),
            indexes,
            settings.cache_dir,
            self._reporter,
            refresh=Refresh(settings.refresh, renewed=self._renewed),
            mirrors=mirrors,
        )

    def _keyring(self) -> AskKeyring | None:
        if not self._settings.keyring:
            return None
        from envsync.acquire.keyrings import KeyringPlace, ask_keyring  # noqa: PLC0415

        place = KeyringPlace(os.environ.get("PATH", ""), self._strangers())
        return partial(ask_keyring, place)

    def _strangers(self) -> str | None:
        """Give the top of the clone, whose programs and settings are not the user's."""
        return strangers_folder(self._settings.script_folder or self._root)

    def has_believed(self) -> bool:
        """Say whether a page was taken from the cache unasked; asking again may give another."""
        return self._client is not None and self._client.has_believed()

    def say_the_same(self, pages: Mapping[tuple[NormalizedName, str | None], PageAnswer]) -> bool:
        """Ask for pages, all at once; say whether each is what it was (`IndexCatalog.decided_by`).

        Raises `IndexFailed`.
        """
        client = self.client()
        coming = [client.page(name, index=index) for name, index in pages]
        for future in coming:
            future.result()
        return all(
            client.page_answer(name, index=index) == said for (name, index), said in pages.items()
        )

    def explained(self, error: NoSolution) -> NoSolution:
        """Give an error with what later indexes have of what the first ones lack (`later`)."""
        from envsync.acquire.later import with_later_indexes  # noqa: PLC0415  (for few)

        return with_later_indexes(error, self.client(), self._spec.sources)

    def _is_asked_again(self, name: NormalizedName) -> bool:
        """Whether what a URL of [sources] held the last time is not believed."""
        named = self._renewed if isinstance(self._renewed, frozenset) else frozenset()
        return self._settings.refresh or name in named

    def catalog(
        self,
        policy: ResolvePolicy,
        preferences: Preferences | None = None,
        commits: Mapping[CommitOf, str] | None = None,
    ) -> IndexCatalog:
        """Give the catalog that answers a resolution under a policy.

        `preferences` are the pins that it will probably keep, `commits` those of repositories
        that it does keep, but where the package is asked for anew.
        """
        self._commits = commits or {}
        catalog = IndexCatalog(
            self.client(),
            self._spec,
            policy,
            root=self._root,
            cache_dir=self._settings.cache_dir,
            build_metadata=lambda *asked: self._builder().metadata(*asked),
            preferences=preferences,
            refresh=self._is_asked_again,
            read_repository=lambda *asked: self.repositories().read(*asked),
            reporter=self._reporter,
        )
        self._catalogs.append(catalog)
        return catalog

    def repositories(self) -> "RepositorySources":
        """Give the git repositories that env.toml and the lock name."""
        from envsync.acquire.repositories import (  # noqa: PLC0415  (few projects have one)
            RepositorySources,
        )

        with self._mutex:
            if self._repositories is None:
                asks = self._root, self._spec, self._settings, self._reporter
                self._repositories = RepositorySources(*asks, self._commits, self._renewed)
            return self._repositories

    def name_at(self, source: SourceSpec) -> str:
        """Give the name of the project in a repository, built for it if need be.

        Raises `GitFailed`, `MetadataInvalid`, `BuildFailed`.
        """
        name = self.repositories().name_at(source)
        if name is not None:
            return name
        candidate = self.repositories().unnamed(source)
        return self._builder().metadata(candidate).name

    def fetch(
        self,
        pins: Sequence[Pinned],
        target: Target,
        *,
        depth: "CheckDepth" = "trust",
        beside: Sequence[Pinned] | None = None,
    ) -> "Mapping[str, StoredWheel]":
        """Give the stored wheels of pins, by name: from the store, downloaded or built.

        `beside` is all that the environment is to hold, for builds without isolation.
        """
        # Not for a lock, which unpacks nothing.
        from envsync.acquire.fetch import Source, fetch  # noqa: PLC0415
        from envsync.store.wheels import WheelStore  # noqa: PLC0415

        self._beside = beside
        source = Source(
            self.client,
            local=lambda pin, folder: take(pin, self._root, folder),
            leave=lambda pin: self._builder().check_leave(pin),
            build=lambda pin: self._builder().wheel(pin, target),
            stop=self._stopped.set,
        )
        return fetch(
            pins,
            WheelStore(self._settings.cache_dir),
            source,
            cache_dir=self._settings.cache_dir,
            reporter=self._reporter,
            depth=depth,
        )

    def hashed(self, resolution: Resolution, old: Pylock | None = None) -> Resolution:
        """Give a resolution whose files all have a hash that proves something (`hashes`)."""
        return with_hashes(resolution, old, self._hash)

    def _hash(self, files: Sequence[File]) -> list[Content]:
        """Read files of indexes, for nothing but their sha256 and size; remote ones as they come.

        Raises what downloading raises, `HashMismatch` too where a page gave another hash.
        """
        if not files:
            return []
        client = self.client()
        with scratch_in(PARTIAL, self._settings.cache_dir, "hash-") as folder:
            coming = {
                at: client.download(
                    one.url, one.hashes, one.size, directory=folder, filename=one.filename
                )
                for at, one in enumerate(files)
                if not is_local(one.url)
            }
            return [
                _content(coming[at].result()) if at in coming else _local_content(client, one)
                for at, one in enumerate(files)
            ]

    def provision(
        self, requirements: Sequence[Requirement], target: Target
    ) -> "AbstractContextManager[BuildEnvironment]":
        """Make an environment that holds build requirements, for the time of a `with` block."""
        return self._provisioner()(requirements, target)

    def provision_beside(
        self, package: str, requirements: Sequence[Requirement], target: Target
    ) -> "AbstractContextManager[BuildEnvironment]":
        """Make one that holds what the project installs beside a package."""
        return self._provisioner().beside(package, requirements, target, self._beside)

    def beside(self) -> Sequence[Pinned]:
        """Give what the project installs, as far as it is known."""
        return self._beside or ()

    def builds(self) -> Sequence[LockedBuild]:
        """Give what was locked for builds."""
        return self._builds

    def lock_builds(
        self, resolution: Resolution, policy: ResolvePolicy, old: Pylock | None
    ) -> tuple[LockedBuild, ...]:
        """Lock what the builds of a resolution require (`build_locking`)."""
        # Few locks build anything.
        from envsync.acquire.build_locking import is_built, lock_builds  # noqa: PLC0415

        built = [one.candidate for one in resolution.packages if is_built(one, policy)]
        if not built:
            return ()
        return lock_builds(built, policy, old, self._builder(), self._provisioner(), self._reporter)

    def _provisioner(self) -> "Provisioner":
        from envsync.acquire.build_environments import (  # noqa: PLC0415  (only for builds)
            Provisioner,
        )

        return Provisioner(
            self._root,
            self._spec,
            self._settings,
            lambda spec: PackageSources(
                self._root, spec, self._settings, self._reporter, builds=self._builds
            ),
            self._builds,
        )

    def _builder(self) -> "Builder":
        from envsync.acquire.builds import Builder  # noqa: PLC0415  (few locks build anything)
        from envsync.build.process import Limits  # noqa: PLC0415

        limits = Limits(cancelled=self._stopped.is_set)
        return Builder(self, self._root, self._spec, self._settings, self._reporter, limits)


def _content(path: str) -> Content:
    with storage_errors(path):
        return Content({"sha256": sha256_file(path)}, os.path.getsize(path))


def _local_content(client: IndexClient, file: File) -> Content:
    content = client.local_content(file.url)
    found = content.hashes["sha256"]
    if file.sha256 not in (None, found):
        raise HashMismatch(path_of(file.url), f"sha256:{file.sha256}", f"sha256:{found}")
    return content
