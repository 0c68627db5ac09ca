"""Answer the resolver's two questions: which versions there are, and what one of them requires.

Answers depend on the indexes and files alone. What is fetched ahead (see `speculation`) only makes
them come sooner: whoever comes first, the resolver or a guess, each answer is made once and kept.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.catalog.choice import check_identity
from envsync.catalog.memory import MetadataMemory
from envsync.catalog.places import INDEX_KEY, elsewhere, source_of, sources_by_key
from envsync.catalog.speculation import Guide, Speculation
from envsync.errors import BuildNotAllowed, MetadataInvalid, OwnNameRequired, PackageNotFound
from envsync.events import SILENT, Reporter, Stage
from envsync.index.client import IndexClient, PageAnswer
from envsync.index.urls import display_url
from envsync.lock.urls import public_url
from envsync.model.candidate import Candidate, CoreMetadata, File
from envsync.model.file_urls import is_local, path_of
from envsync.model.speaker import listed_speaker, metadata_wheel
from envsync.resolve.candidates import (
    Listing,
    ResolvePolicy,
    may_build,
)
from envsync.resolve.page_judge import candidates_of
from envsync.resolve.rejections import StrangeName
from envsync.spec.model import Spec
from envsync.wheel.metadata import parse_metadata, static_sdist_metadata

if TYPE_CHECKING:
    from envsync.catalog.direct import BuildMetadata, DirectReader, ReadRepository

K = TypeVar("K")
T = TypeVar("T")


def no_builds(candidate: Candidate) -> CoreMetadata:
    """A `BuildMetadata` for callers that can't build: always raises `BuildNotAllowed`."""
    raise BuildNotAllowed(f"{candidate.name}=={candidate.version}")


class _Cell(Generic[T]):
    """One answer, made by whoever needs it first; an error is an answer too."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make: Callable[[], T] | None = make
        self._lock = threading.Lock()
        self._value: Future[T] = Future()

    def get(self) -> T:
        with self._lock:
            if self._make is not None:
                # Under the lock: who asks meanwhile waits for this answer, and makes no second one.
                make, self._make = self._make, None
                try:
                    self._value.set_result(make())
                except Exception as error:
                    self._value.set_exception(error)
                except BaseException:
                    # Interrupted: no answer, and nobody may wait for one for ever.
                    self._make = make
                    raise
        return self._value.result()


class IndexCatalog:
    """The catalog of one resolution (`resolve.candidates.Catalog`); close it when that is over."""

    def __init__(
        self,
        client: IndexClient,
        spec: Spec,
        policy: ResolvePolicy,
        *,
        root: str,
        cache_dir: str,
        build_metadata: "BuildMetadata" = no_builds,
        preferences: Mapping[NormalizedName, tuple[Version, ...]] | None = None,
        refresh: Callable[[NormalizedName], bool] = lambda _: False,
        read_repository: "ReadRepository | None" = None,
        reporter: Reporter = SILENT,
    ) -> None:
        """`root` is the project's folder, absolute. `preferences`, the old lock's pins, only guide
        what is fetched ahead. `refresh` tells of whom not to believe what a URL held last.
        """
        self._client, self._spec, self._policy = client, spec, policy
        self._build, self._reporter = build_metadata, reporter
        self._sources = sources_by_key(spec)
        self._memory = MetadataMemory(cache_dir)
        self._root, self._cache_dir, self._refresh = root, cache_dir, refresh
        self._direct: DirectReader | None = None
        self._read_repository = read_repository
        self._lock = threading.Lock()
        self._listings: dict[tuple[NormalizedName, str | None], _Cell[Listing]] = {}
        self._metadata: dict[str, _Cell[CoreMetadata]] = {}
        self._is_by_pages_alone = True
        self._speculation = Speculation(
            self,
            Guide(
                environments=policy.environments,
                lowest=policy.resolution == "lowest",
                prereleases=policy.prereleases == "allow",
                preferences=preferences or {},
                elsewhere=elsewhere(spec),
            ),
        )

    def listing(self, name: NormalizedName, source: str | None = None) -> Listing:
        """What there is of a project (`Catalog.listing`)."""
        return self._cell(self._listings, (name, source), lambda: self._list(name, source)).get()

    def metadata(self, candidate: Candidate) -> CoreMetadata:
        """A candidate's core metadata (`Catalog.metadata`)."""
        return self._cell(self._metadata, _identity(candidate), lambda: self._read(candidate)).get()

    def prefetch(self, name: NormalizedName, specifier: SpecifierSet) -> None:
        """Ask ahead for a project and its likeliest version in `specifier` (`Catalog.prefetch`)."""
        self._speculation.hint(name, specifier)

    def expect(self, candidates: Iterable[Candidate]) -> None:
        """Ask ahead for the metadata of several versions (`Foresight.expect`)."""
        self._speculation.expect(candidates)

    def decided_by(self) -> Mapping[tuple[NormalizedName, str | None], PageAnswer] | None:
        """Give the pages that all answers so far rest on; None where some rest on more than that.

        By project and index name, as `IndexClient.page` was asked.
        """
        if not self._is_by_pages_alone:
            return None
        with self._lock:
            asked = [(name, _index_of(source)) for name, source in self._listings]
        return {(name, index): self._client.page_answer(name, index=index) for name, index in asked}

    def close(self) -> None:
        """End the guessing; the client stays open."""
        self._speculation.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # -- for the guesses

    def is_listed(self, name: NormalizedName) -> bool:
        """Start to fetch a project's page; say whether it is there (`speculation.Answers`)."""
        return self._client.page(name).done()

    def when_listed(self, name: NormalizedName, call: Callable[[], None]) -> None:
        """Start to fetch a project's page (`speculation.Answers`)."""
        self._client.page(name).add_done_callback(lambda _: call())

    def when_known(self, candidate: Candidate, call: Callable[[], None]) -> None:
        """Start to fetch a wheel's metadata (`speculation.Answers`); never a source's."""
        if not candidate.wheels:
            return
        file = metadata_wheel(candidate.wheels)
        known = self._remembered(file)
        if known is None:
            self._client.wheel_metadata(file).add_done_callback(lambda _: call())
        else:
            self._cell(self._metadata, _identity(candidate), lambda: known).get()
            call()

    def _awaited(self, future: Future[T]) -> T:
        if not future.done():
            self._speculation.begin()
        return future.result()

    # -- listings

    def _list(self, name: NormalizedName, source: str | None) -> Listing:
        if source is None and name == self._spec.own_name:
            # No index hears of it: there it could be anybody's (H102).
            raise OwnNameRequired(name)
        if source is None or source.startswith(INDEX_KEY):
            return self._list_page(name, _index_of(source))
        self._is_by_pages_alone = False
        try:
            place = source_of(source, self._sources)
        except ValueError as error:
            raise MetadataInvalid(display_url(source), str(error)) from error
        direct = self._direct_reader().read(name, place)
        cell = self._cell(self._metadata, _identity(direct.candidate), lambda: direct.metadata)
        # Kept right away: asking for the metadata later must not build the source once more.
        cell.get()
        return Listing(name, (direct.candidate,))

    def _direct_reader(self) -> "DirectReader":
        """The reader of direct sources; most projects have none."""
        if self._direct is None:
            from envsync.catalog import direct  # noqa: PLC0415

            leave = direct.DirectPolicy(lambda name: may_build(name, self._policy), self._refresh)
            read = self._read_repository or direct.no_repositories
            self._direct = direct.DirectReader(
                self._root, self._client, self._cache_dir, self._build, leave, read
            )
        return self._direct

    def _list_page(self, name: NormalizedName, index: str | None) -> Listing:
        page = self._awaited(self._client.page(name, index=index))
        if page is None:
            raise PackageNotFound(name, self._asked(index))
        self._reporter.advance(Stage.RESOLVING, 1, name)
        url = public_url(page.index.url)
        listing = candidates_of(name, page.releases, url, self._policy.at_index(url))
        self._tell_skipped(name, page.releases.outline.strangers)
        return listing

    def _tell_skipped(self, name: NormalizedName, filenames: Iterable[str]) -> None:
        """Name what looks like a wheel or source distribution by its end and isn't one."""
        odd = [one for one in filenames if one.endswith((".whl", ".tar.gz", ".zip"))]
        if odd:
            more = f" and {len(odd) - 1} more" if odd[1:] else ""
            self._reporter.detail(f"{name}: skipped {odd[0]}{more}: {StrangeName()}")

    def _asked(self, index: str | None) -> list[str]:
        """The indexes that were asked, for people."""
        indexes = [each for each in self._spec.indexes if index in (None, each.name)]
        asked = [_shown(each.url) for each in indexes if index or not each.explicit]
        has_default = index is not None or any(each.default for each in self._spec.indexes)
        return asked if has_default else [*asked, "the public index"]

    # -- metadata

    def _read(self, candidate: Candidate) -> CoreMetadata:
        if candidate.wheels:
            return self._read_wheel(metadata_wheel(candidate.wheels))
        if candidate.sdist is not None:
            return self._read_sdist(candidate, candidate.sdist)
        label = f"{candidate.name} {candidate.version}"
        raise MetadataInvalid(label, "has neither a wheel nor a source distribution")

    def _read_wheel(self, file: File) -> CoreMetadata:
        known = self._remembered(file)
        if known is not None:
            return known
        data = self._awaited(self._client.wheel_metadata(file))
        metadata = check_identity(parse_metadata(data, file=file.filename), file.filename)
        # Checked before it is kept: what contradicts its file's name is asked for again (H10).
        self._remember(file, metadata)
        return metadata

    def _read_sdist(self, candidate: Candidate, file: File) -> CoreMetadata:
        """Static metadata (PEP 643), else a build where there is leave for one."""
        known = self._remembered(file)
        if known is not None:
            return known
        data = self._awaited(self._client.sdist_metadata(file))
        metadata = None if data is None else static_sdist_metadata(data, file=file.filename)
        if metadata is not None:
            self._remember(file, check_identity(metadata, file.filename))
            return metadata
        if not may_build(candidate.name, self._policy):
            raise MetadataInvalid(file.filename, "only a build could tell what it requires")
        self._is_by_pages_alone = False
        return check_identity(self._build(candidate), file.filename)

    def _remembered(self, file: File) -> CoreMetadata | None:
        known = (self._memory.get(*witness) for witness in self._client.witnesses(file))
        metadata = next((one for one in known if one is not None), None)
        return None if metadata is None else check_identity(metadata, file.filename)

    def _remember(self, file: File, metadata: CoreMetadata) -> None:
        witness = self._client.witness(file)
        if witness is None:
            self._is_by_pages_alone = False
        else:
            self._memory.put(witness.key, metadata, witness.group)

    def _cell(self, cells: dict[K, _Cell[T]], key: K, make: Callable[[], T]) -> _Cell[T]:
        with self._lock:
            return cells.setdefault(key, _Cell(make))


def _shown(url: str) -> str:
    return path_of(url) or "." if is_local(url) else display_url(url)


def _index_of(source: str | None) -> str | None:
    return None if source is None else source.removeprefix(INDEX_KEY)


def _identity(candidate: Candidate) -> str:
    """What a candidate's metadata comes from, as a key."""
    source = candidate.source
    if source is not None:
        place = source.url or source.path
        return f"{candidate.name} @ {place} {source.subdirectory} {source.commit}"
    file = listed_speaker(candidate)
    return f"{candidate.name} {candidate.version} {file.url if file else ''}"
