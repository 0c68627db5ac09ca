"""Ask package indexes for project pages, core metadata and files; every answer is a future."""

import shlex
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, Self, TypeVar

from packaging.utils import NormalizedName

from envsync.errors import (
    DownloadFailed,
    EnvsyncError,
    HashMismatch,
    IndexFailed,
    UsageError,
)
from envsync.events import SILENT, Reporter, Stage
from envsync.index.artifacts import Wanted, download
from envsync.index.http import HttpClient
from envsync.index.local_pages import LocalPages
from envsync.index.metadata_source import MetadataSource
from envsync.index.mirrors import Mirror, Mirrors, same_file
from envsync.index.packed import Releases
from envsync.index.page_source import Index, PageSource
from envsync.index.steps import Steps, run_here, run_steps
from envsync.index.transport import TransportFailed
from envsync.index.urls import display_url, parse_address
from envsync.index.witness import Witness
from envsync.inside import Content
from envsync.model.candidate import File
from envsync.model.file_urls import is_local, path_of

T = TypeVar("T")
Key = TypeVar("Key", bound=Hashable)

_WORKERS = 2
"""Threads that parse, hash and keep what arrives; none of them waits for the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectPage:
    """What the first index that has a project says of it."""

    name: NormalizedName
    releases: Releases
    index: Index


PageAnswer = tuple[tuple[str, str | None], ...]
"""What the indexes that were asked for a project said, in their order: the URL of each with the
sha256 of its page as it was sent, None where it has none."""


class Listing(NamedTuple):
    """Where a lock says that it found a file."""

    index_url: str | None
    """None: on no index."""
    project: NormalizedName


class Refresh(NamedTuple):
    """Which kept pages are not simply believed."""

    everything: bool = False
    """None is, nor is what was said of the files on them."""
    renewed: bool | frozenset[str] = False
    """Of which, or of all, the index is asked whether their kept pages still hold."""

    def renews(self, name: NormalizedName) -> bool:
        """Say whether a page is asked for again though it may be believed for a while."""
        return name in self.renewed if isinstance(self.renewed, frozenset) else self.renewed


class IndexClient:
    """The indexes of one project; close it, or use it as a context manager.

    The same question is asked once: later calls get the first one's future. Methods may be called
    from any thread and never wait for the network: what is kept is there when they return.
    """

    def __init__(
        self,
        http: HttpClient,
        indexes: Sequence[Index],
        cache_dir: str,
        reporter: Reporter = SILENT,
        *,
        refresh: Refresh = Refresh(),  # noqa: B008 - a frozen value
        mirrors: Mirrors = Mirrors(),  # noqa: B008 - a frozen value
    ) -> None:
        """`indexes` are in priority order, the public one last. `http` is closed with this."""
        self._http = http
        self._indexes = tuple(indexes)
        self._reporter = reporter
        self._refresh = refresh
        self._pages = PageSource(http, cache_dir)
        self._local = LocalPages(http.files)
        self._metadata = MetadataSource(http, cache_dir, is_doubted=refresh.everything)
        self._executor = ThreadPoolExecutor(_WORKERS, thread_name_prefix="index")
        self._lock = threading.Lock()
        self._asked_pages: dict[tuple[str, str | None], Future[ProjectPage | None]] = {}
        self._asked_wheels: dict[Witness, Future[bytes]] = {}
        self._asked_sdists: dict[Witness, Future[bytes | None]] = {}
        self._mirrors = mirrors
        self._told: set[str] = set()
        for index in (*self._indexes, *mirrors.every()):
            _learn(http, index)

    def page(self, name: NormalizedName, *, index: str | None = None) -> Future[ProjectPage | None]:
        """Ask for a project's files; None when no index has it.

        The indexes are asked in order, and the first that has the project serves it alone; an
        explicit one is asked only when `index` names it. Raises `IndexFailed` when one can't say
        whether it has it: the next one is not asked then, because it could be another project
        (hazard H4).
        """
        return self._once(self._asked_pages, (name, index), lambda: self._page(name, index))

    def wheel_metadata(self, file: File) -> Future[bytes]:
        """Ask for a wheel's METADATA; who asked compares its name and version with the file's.

        Raises `DownloadFailed`, `HashMismatch`, and `WheelInvalid` where it has none.
        """
        return self._once(
            self._asked_wheels, self._metadata.claim(file), lambda: self._metadata.wheel(file)
        )

    def sdist_metadata(self, file: File) -> Future[bytes | None]:
        """Ask for a source distribution's PKG-INFO (downloads the file); None when it has none.

        Raises `DownloadFailed` and `HashMismatch`.
        """
        return self._once(
            self._asked_sdists, self._metadata.claim(file), lambda: self._metadata.sdist(file)
        )

    def witnesses(self, file: File) -> tuple[Witness, ...]:
        """Give under which names metadata of a file may be kept and believed, the best first."""
        return self._metadata.witnesses(file)

    def witness(self, file: File) -> Witness | None:
        """Give under which name to keep what was just answered of a file; None: not at all."""
        return self._metadata.witness(file)

    def scope(self, url: str) -> str:
        """Name who asks an address; "" for nobody in particular."""
        return self._http.scope(url)

    def download(
        self,
        url: str,
        hashes: Mapping[str, str],
        size: int | None,
        *,
        directory: str,
        filename: str,
        listing: Listing | None = None,
    ) -> Future[str]:
        """Download a file to a new private one in `directory`; the future gives its path.

        `filename` is for messages only; `listing` is where a lock says that the file was found.
        All known hashes and the size must agree. Raises `DownloadFailed`, `HashMismatch`,
        `StorageFailed`; nothing stays in `directory` then.
        """
        wanted = Wanted(url, filename, hashes, size)
        return self._run(self._download(wanted, directory, listing))

    def local_content(self, url: str) -> Content:
        """Give sha256 and size of a file on this machine. Raises `DownloadFailed`."""
        try:
            return self._http.files.content(url)
        except FileNotFoundError:
            raise DownloadFailed(path_of(url), "there is no such file") from None
        except TransportFailed as error:
            raise DownloadFailed(path_of(url), error.reason) from error

    def later(self, index: Index) -> Sequence[Index]:
        """Give the indexes that are asked after one, as far as they serve any package."""
        indexes = self._choose(None)
        return indexes[list(indexes).index(index) + 1 :] if index in indexes else ()

    def page_on(self, index: Index, name: NormalizedName) -> Future[Releases | None]:
        """Ask one index for a project's files, whatever others have; None when it has none."""
        return self._run(self._read_page(index, name))

    def page_answer(self, name: NormalizedName, *, index: str | None = None) -> PageAnswer:
        """Give what `page` rested on, once that was answered."""
        said: list[tuple[str, str | None]] = []
        for one in self._choose(index):
            digest = self._pages.digests.get((one.url, name))
            said.append((one.url, digest))
            if digest is not None:
                break
        return tuple(said)

    def has_believed(self) -> bool:
        """Say whether any page was taken from the cache without asking its index."""
        return self._pages.has_believed

    def close(self) -> None:
        """Give up what is under way, and close the HTTP client."""
        self._http.close()
        self._executor.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _page(self, name: NormalizedName, index_name: str | None) -> Steps[ProjectPage | None]:
        for index in self._choose(index_name):
            releases = yield from self._read_page(index, name, refresh=self._refresh.everything)
            if releases is not None:
                return ProjectPage(name=name, releases=releases, index=index)
        return None

    def _download(self, wanted: Wanted, directory: str, listing: Listing | None) -> Steps[str]:
        """Download a file, from a mirror where there is one, else from where the lock says.

        After its page, where only that tells whose credentials are for it.
        """
        if listing is not None:
            for mirror in self._mirrors.of(listing.index_url):
                path = yield from self._from_mirror(mirror, wanted, directory, listing)
                if path is not None:
                    return path
            index_url = listing.index_url
            if index_url and self._needs_page(wanted.url, index_url):
                yield from self._read_page(Index(None, index_url), listing.project)
        progress = self._progress(wanted.filename)
        return (yield from download(self._http, wanted, directory, progress))

    def _from_mirror(
        self, mirror: Mirror, wanted: Wanted, directory: str, listing: Listing
    ) -> Steps[str | None]:
        """Download a file from a mirror; None where it doesn't give it, and needn't.

        Raises what asking and downloading raise; other bytes are an error, whoever else has them.
        """
        try:
            files = yield from self._files_of(mirror.place, listing.project)
            file = same_file(files, wanted.filename, wanted.hashes)
            if file is None:
                hint = _refill_hint(mirror.place)
                raise IndexFailed(_shown(mirror.place), f"has no {wanted.filename}", hint=hint)
            there = wanted._replace(url=file.url)
            progress = self._progress(wanted.filename)
            return (yield from download(self._http, there, directory, progress))
        except HashMismatch as error:
            error.hint = (
                f"{_shown(mirror.place)} is a mirror that serves other bytes than were locked: "
                "tell who runs it, or leave it out"
            )
            raise
        except (IndexFailed, DownloadFailed) as error:
            if not mirror.fallback:
                raise
            self._tell_fallback(mirror.place, error)
            return None

    def _files_of(self, index: Index, name: NormalizedName) -> Steps[Iterable[File]]:
        """Give what may be of a project; of a folder all, for files by URL have any name."""
        if is_local(index.url) and index.format == "flat":
            return self._local.every_file(index)
        releases = yield from self._read_page(index, name)
        return () if releases is None else releases.every_file()

    def _tell_fallback(self, mirror: Index, error: EnvsyncError) -> None:
        if mirror.url in self._told:
            self._reporter.detail(str(error))
            return
        self._told.add(mirror.url)
        self._reporter.warn(f"{error}: a mirror; files come from the index itself where they must")

    def _needs_page(self, url: str, index_url: str) -> bool:
        try:
            return self._http.credentials.needs_page(parse_address(url), parse_address(index_url))
        except ValueError:
            return False

    def _read_page(
        self, index: Index, name: NormalizedName, *, refresh: bool = False
    ) -> Steps[Releases | None]:
        if is_local(index.url):
            return self._read_local(index, name)
        renew = self._refresh.renews(name)
        releases = yield from self._pages.page(index, name, refresh=refresh, renew=renew)
        if releases is not None:
            every_file = releases.every_file
            self._http.credentials.read_page(
                parse_address(index.url), lambda: (file.url for file in every_file())
            )
        return releases

    def _read_local(self, index: Index, name: NormalizedName) -> Releases | None:
        page = self._local.page(index, name)
        self._pages.digests[index.url, name] = None if page is None else page.digest
        return None if page is None else page.releases

    def _choose(self, index_name: str | None) -> Sequence[Index]:
        if index_name is None:
            return [index for index in self._indexes if not index.explicit]
        chosen = [index for index in self._indexes if index.name == index_name]
        if not chosen:
            raise UsageError(f"no index is named {index_name}", hint="add it under [[index]]")
        return chosen

    def _progress(self, filename: str) -> Callable[[int], None]:
        return lambda amount: self._reporter.advance(Stage.DOWNLOADING, amount, filename)

    def _once(
        self, asked: dict[Key, Future[T]], key: Key, make: Callable[[], Steps[T]]
    ) -> Future[T]:
        with self._lock:
            known = asked.get(key)
            if known is not None:
                return known
            future = asked[key] = Future()
        # What is kept is read at once, by who asks: a thread that did it would be waited for.
        return run_steps(make(), self._submit, begin=run_here, result=future)

    def _run(self, steps: Steps[T]) -> Future[T]:
        return run_steps(steps, self._submit)

    def _submit(self, call: Callable[[], None]) -> None:
        try:
            self._executor.submit(call)
        except RuntimeError:  # closed: the steps still have to come to their end
            call()


def _refill_hint(index: Index) -> str | None:
    if not is_local(index.url):
        return None
    return f"`envsync fetch -o {shlex.quote(path_of(index.url))}` puts it there, with a network"


def _shown(index: Index) -> str:
    url = path_of(index.url) if is_local(index.url) else display_url(index.url)
    return f"{url} ({index.name})" if index.name else url


def _learn(http: HttpClient, index: Index) -> None:
    """Bind what an index's own address says to it; a bad one is told when it is asked."""
    try:
        address = parse_address(index.url)
    except ValueError:
        return
    http.credentials.learn(address)
