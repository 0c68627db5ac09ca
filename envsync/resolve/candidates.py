"""Turn the files that an index lists for a project into candidates, and reasons for the rest."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.index.releases import LONGEST_FILENAME, SOURCE, Releases, by_release
from envsync.model.candidate import Candidate, Chosen, CoreMetadata, File, Files
from envsync.model.marker import ALWAYS, MarkerSet
from envsync.resolve.compatibility import WheelJudge
from envsync.resolve.rejections import (
    ListingReason,
    NeedsPython,
    NotAVersion,
    NoUploadTime,
    NoUsableFile,
    Rejected,
    StrangeName,
    TooNew,
)
from envsync.resolve.versions import parse_specifiers, parse_version

ALL = ":all:"


def _in_env_toml(key: str) -> str:
    return f"env.toml: {key}"


class ResolvePolicy(NamedTuple):
    """Everything that steers a resolution besides the requirements and the old pins."""

    environments: MarkerSet = ALWAYS
    """What is covered; wheels that fit nowhere in it don't count."""
    required_environments: tuple[MarkerSet, ...] = ()
    """A package without a source that may be built needs a wheel for each of these."""
    resolution: Literal["highest", "lowest", "lowest-direct"] = "highest"
    prereleases: Literal["if-necessary-or-explicit", "allow", "disallow"] = (
        "if-necessary-or-explicit"
    )
    exclude_newer: datetime | None = None
    """Files uploaded at this time (with time zone) or later are refused."""
    constraints: tuple[Requirement, ...] = ()
    overrides: tuple[Requirement, ...] = ()
    ignore_requires_python: frozenset[str] = frozenset()
    no_binary: frozenset[str] = frozenset()
    build_allow: frozenset[str] = frozenset()
    upgrade: bool | frozenset[str] = False
    """True, or the names whose pins of the old lock are not kept."""
    sources: Mapping[str, tuple[tuple[MarkerSet, str], ...]] = {}
    """`[sources]`: where a name comes from instead of the index order, by marker. The texts are
    keys that only the catalog understands."""
    conflicts: tuple[tuple[MarkerSet, ...], ...] = ()
    """Extras or groups (as `extra(..)`, `group(..)`) of which at most one is ever installed."""
    place: Callable[[str], str] = _in_env_toml
    """Says for explanations where a key of env.toml stands."""
    max_rounds: int = 50_000
    max_regions: int = 100


class Listing(NamedTuple):
    """What one source offers of one project."""

    name: NormalizedName
    candidates: tuple[Candidate, ...]
    """Newest first."""
    rejected: tuple[Rejected, ...] = ()
    index_url: str | None = None
    """Of the index that answered, without credentials."""


class Catalog(Protocol):
    """Everything that a resolution has to ask for."""

    def listing(self, name: NormalizedName, source: str | None = None) -> Listing:
        """What there is of a project; `source` is a key of `ResolvePolicy.sources`, the URL of a
        direct requirement, or None for the indexes in their order.

        Raises PackageNotFound where nothing has the project, IndexFailed and the like where that
        cannot be told.
        """

    def metadata(self, candidate: Candidate) -> CoreMetadata:
        """The candidate's core metadata; MetadataInvalid makes the resolver pass it over."""

    def prefetch(self, name: NormalizedName, specifier: SpecifierSet) -> None:
        """A hint, for threads: the listing will be asked for, and then the metadata of its best
        version in `specifier`. Hints never change results.
        """


@runtime_checkable
class Foresight(Protocol):
    """What a catalog may offer besides: to read the metadata of several versions side by side."""

    def expect(self, candidates: Sequence[Candidate]) -> None:
        """A hint, for threads: `metadata` will probably be asked for these, in this order."""


def candidates_of(
    name: NormalizedName,
    files: Releases | Iterable[File],
    index_url: str | None,
    policy: ResolvePolicy,
) -> Listing:
    """Judge each version of an index page under the policy.

    The candidates come newest first. Yanked versions and pre-releases stay in: whether they may
    be used depends on who asks. Costs about 8 microseconds a version.
    """
    releases = files if isinstance(files, Releases) else by_release(name, Files.of(files))
    page = _Page(name, releases, index_url, policy)
    candidates = page.candidates()
    return Listing(name, candidates, tuple(page.rejected), index_url)


class _Page:
    """The state of `candidates_of`: what fits, and what was refused so far.

    Files are their places in the page: most of them never become values.
    """

    def __init__(
        self, name: NormalizedName, releases: Releases, index_url: str | None, policy: ResolvePolicy
    ) -> None:
        self.name, self.index_url, self.policy = name, index_url, policy
        self.rejected: list[Rejected] = []
        self._releases, self._files = releases, releases.files
        judge = WheelJudge.of(policy.environments)
        # Judged once for each text: a page has many files, and few texts for all of them.
        texts = set(releases.files.requires_python)
        self._pythons = {text for text in texts if judge.python_fits(text)}
        tags = enumerate(releases.tags, SOURCE + 1)
        self._wheels = {kind for kind, text in tags if judge.wheel_fits(f"x-0-{text}")}

    def candidates(self) -> tuple[Candidate, ...]:
        """One candidate for each usable version, newest first."""
        for at in self._releases.strangers():
            self._reject(at, "", StrangeName())
        by_version: dict[Version, Sequence[int]] = {}
        for text, places in self._old_enough():
            version = parse_version(text)
            if version is None:
                self._reject(places[0], text, NotAVersion())
            else:
                known = by_version.get(version)
                by_version[version] = places if known is None else [*known, *places]
        newest_first = sorted(by_version, reverse=True)
        judged = (self._candidate(version, by_version[version]) for version in newest_first)
        return tuple(candidate for candidate in judged if candidate is not None)

    def _old_enough(self) -> Iterator[tuple[str, Sequence[int]]]:
        """The versions, without files that `exclude-newer` shuts out."""
        too_new = _age_test(self.policy.exclude_newer)
        if too_new is None:
            yield from self._releases.places()
            return
        for text, places in self._releases.places():
            reasons = {at: too_new(self._files.upload_time[at]) for at in places}
            for at, reason in reasons.items():
                if reason is not None:
                    self._reject(at, text, reason)
            old = [at for at in places if reasons[at] is None]
            if old:
                yield text, old

    def _candidate(self, version: Version, places: Sequence[int]) -> Candidate | None:
        files, pythons = self._files, self._pythons
        yanked, needed = files.yanked, files.requires_python
        # A yanked file leaves the others of its version; where all are yanked, the version is (PEP
        # 592).
        kept = [at for at in places if yanked[at] is None] or places
        fitting = [at for at in kept if needed[at] in pythons]
        if not fitting:
            self._refuse(version, kept, NeedsPython(str(needed[kept[0]])))
            return None
        wheels, sdist = self._usable(fitting)
        if not wheels and (sdist is None or not self._may_build()):
            self._refuse(version, fitting, self._why_unusable(fitting, sdist))
            return None
        first = fitting[0]
        return Candidate(
            name=self.name,
            version=version,
            wheels=Chosen(files, wheels),
            sdist=None if sdist is None else files[sdist],
            index_url=self.index_url,
            requires_python=parse_specifiers(needed[first]),
            yanked=yanked[first],
        )

    def _usable(self, places: Sequence[int]) -> tuple[list[int], int | None]:
        """The wheels that may be used, and the source distribution."""
        kind, names = self._releases.kind, self._files.filename
        sources = [at for at in places if kind[at] == SOURCE]
        sdist = min(sources, key=lambda at: _sdist_rank(names[at])) if sources else None
        if self._no_wheels():
            return [], sdist
        wheels = self._wheels
        return [at for at in places if kind[at] in wheels], sdist

    def _no_wheels(self) -> bool:
        return self.name in self.policy.no_binary or ALL in self.policy.no_binary

    def _may_build(self) -> bool:
        return may_build(self.name, self.policy)

    def _why_unusable(self, places: Sequence[int], sdist: int | None) -> NoUsableFile:
        names = [self._files.filename[at] for at in places if self._releases.kind[at] != SOURCE]
        judge = WheelJudge.of(self.policy.environments)
        others = () if self._no_wheels() else tuple(judge.other_pythons(names))
        return NoUsableFile(has_wheels=bool(names), has_source=sdist is not None, pythons=others)

    def _refuse(self, version: Version, places: Sequence[int], reason: ListingReason) -> None:
        filename = self._files.filename[places[0]]
        self.rejected.append(Rejected(filename, str(version), reason))

    def _reject(self, at: int, version: str, reason: ListingReason) -> None:
        filename = self._files.filename[at]
        # Text of a stranger, kept for messages: in bounds (H17).
        self.rejected.append(Rejected(filename[:LONGEST_FILENAME], version[:40], reason))


def may_build(name: str, policy: ResolvePolicy) -> bool:
    """Whether `[build] allow` gives leave to build this package's source distributions."""
    return name in policy.build_allow or ALL in policy.build_allow


def _sdist_rank(filename: str) -> tuple[bool, str]:
    return not filename.endswith(".tar.gz"), filename


def _age_test(
    limit: datetime | None,
) -> Callable[[str | None], TooNew | NoUploadTime | None] | None:
    """A function from an upload time to the reason for refusing it, or None where all is allowed.

    Times of one form compare as text, which is what makes this cheap.
    """
    if limit is None:
        return None
    limit = limit.astimezone(UTC)
    seconds = limit.strftime("%Y-%m-%dT%H:%M:%S")
    late_reason = TooNew(seconds)

    def reason(upload_time: str | None) -> TooNew | NoUploadTime | None:
        if not upload_time:
            return NoUploadTime()
        head = upload_time[:19]
        # Within the same second the fractions decide, which text of other lengths can't tell.
        if upload_time[-1] == "Z" and len(head) == len(seconds) and head != seconds:
            late = head > seconds
        else:
            moment = _parse_time(upload_time)
            late = moment is None or moment >= limit
        return late_reason if late else None

    return reason


def _parse_time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
