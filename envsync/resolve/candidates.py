"""Turn the files that an index lists for a project into candidates, and reasons for the rest."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envsync.model.candidate import Candidate, CoreMetadata, File, Rejected
from envsync.model.marker import ALWAYS, MarkerSet
from envsync.resolve.tags import WheelJudge
from envsync.resolve.versions import parse_specifiers, parse_version

LONGEST_FILENAME = 255
_WHEEL_PARTS = (5, 6)
ALL = ":all:"


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
    """Everything that a resolution asks of the world."""

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
    name: NormalizedName, files: Iterable[File], index_url: str | None, policy: ResolvePolicy
) -> Listing:
    """Group an index page's files by version and judge each version under the policy.

    The candidates come newest first. Yanked versions and pre-releases stay in: whether they may
    be used depends on who asks. Costs about 4 microseconds a file.
    """
    page = _Page(name, index_url, policy)
    for file in files:
        page.add(file)
    candidates = page.candidates()
    return Listing(name, candidates, tuple(page.rejected), index_url)


class _Page:
    """The state of `candidates_of`: files by version, and what was refused so far."""

    def __init__(self, name: NormalizedName, index_url: str | None, policy: ResolvePolicy) -> None:
        self.name, self.index_url, self.policy = name, index_url, policy
        self.rejected: list[Rejected] = []
        self._files: dict[str, list[File]] = {}
        self._text_of = _version_reader(name)
        self._judge = WheelJudge.of(policy.environments)
        self._too_new = _age_test(policy.exclude_newer)

    def add(self, file: File) -> None:
        """Put a file beside the others of its version text, or refuse it."""
        text = self._text_of(file.filename)
        if text is None:
            self._reject(file, "", "not the name of a wheel or source distribution of this project")
            return
        if self._too_new is not None and (reason := self._too_new(file.upload_time)):
            self._reject(file, text, reason)
            return
        self._files.setdefault(text, []).append(file)

    def candidates(self) -> tuple[Candidate, ...]:
        """One candidate for each usable version, newest first."""
        by_version: dict[Version, list[File]] = {}
        for text, files in self._files.items():
            version = parse_version(text)
            if version is None:
                self._reject(files[0], text, "not a version (PEP 440)")
            elif (known := by_version.get(version)) is not None:
                known.extend(files)
            else:
                by_version[version] = files
        found = (self._candidate(v, by_version[v]) for v in sorted(by_version, reverse=True))
        return tuple(candidate for candidate in found if candidate is not None)

    def _candidate(self, version: Version, files: list[File]) -> Candidate | None:
        kept = [file for file in files if file.yanked is None] or files
        fitting = [file for file in kept if self._judge.python_fits(file.requires_python)]
        if not fitting:
            needed = kept[0].requires_python
            self._refuse(version, kept, f"needs Python {needed}")
            return None
        wheels, sdist = self._usable(fitting)
        if not wheels and not (sdist and self._may_build()):
            self._refuse(version, fitting, self._why_unusable(fitting, sdist))
            return None
        first = fitting[0]
        return Candidate(
            name=self.name,
            version=version,
            wheels=wheels,
            sdist=sdist,
            index_url=self.index_url,
            requires_python=parse_specifiers(first.requires_python),
            yanked=first.yanked,
        )

    def _usable(self, files: list[File]) -> tuple[tuple[File, ...], File | None]:
        sources = [file for file in files if not file.filename.endswith(".whl")]
        sdist = min(sources, key=_sdist_rank) if sources else None
        if self.name in self.policy.no_binary or ALL in self.policy.no_binary:
            return (), sdist
        fits = self._judge.wheel_fits
        wheels = (f for f in files if f.filename.endswith(".whl") and fits(f.filename))
        return tuple(wheels), sdist

    def _may_build(self) -> bool:
        return may_build(self.name, self.policy)

    def _why_unusable(self, files: list[File], sdist: File | None) -> str:
        if sdist is None:
            return "no wheel fits the environments, and there is no source distribution"
        has_wheel = any(file.filename.endswith(".whl") for file in files)
        wheels = "no wheel may be used" if has_wheel else "there is no wheel"
        return f"{wheels}, and {HELD_BACK}"

    def _refuse(self, version: Version, files: list[File], reason: str) -> None:
        self.rejected.append(Rejected(files[0].filename, str(version), reason))

    def _reject(self, file: File, version: str, reason: str) -> None:
        self.rejected.append(Rejected(file.filename[:LONGEST_FILENAME], version[:40], reason))


HELD_BACK = "building the source distribution is not allowed"
"""How the reason ends where a version was passed over only for want of leave to build it."""


def may_build(name: str, policy: ResolvePolicy) -> bool:
    """Whether `[build] allow` gives leave to build this package's source distributions."""
    return name in policy.build_allow or ALL in policy.build_allow


def _sdist_rank(file: File) -> tuple[bool, str]:
    return not file.filename.endswith(".tar.gz"), file.filename


def _version_reader(name: str) -> Callable[[str], str | None]:
    """A function from a file name of the project to its version text, without parsing either."""
    length = len(name)
    known: dict[str, bool] = {}

    def is_project(prefix: str) -> bool:
        answer = known.get(prefix)
        if answer is None:
            answer = known[prefix] = canonicalize_name(prefix) == name
        return answer

    def read(filename: str) -> str | None:
        if len(filename) > LONGEST_FILENAME:
            return None
        if filename.endswith(".whl"):
            parts = filename[:-4].split("-")
            return parts[1] if len(parts) in _WHEEL_PARTS and is_project(parts[0]) else None
        stem = filename.removesuffix(".tar.gz").removesuffix(".zip")
        if stem == filename:
            return None
        if stem[length : length + 1] == "-" and is_project(stem[:length]):
            return stem[length + 1 :]
        # Names with runs of separators are longer than their normalized form (PEP 503).
        prefix, _, text = stem.rpartition("-")
        return text if is_project(prefix) else None

    return read


def _age_test(limit: datetime | None) -> Callable[[str | None], str | None] | None:
    """A function from an upload time to the reason for refusing it, or None where all is allowed.

    Times of one form compare as text, which is what makes this cheap.
    """
    if limit is None:
        return None
    limit = limit.astimezone(UTC)
    seconds = limit.strftime("%Y-%m-%dT%H:%M:%S")

    def reason(upload_time: str | None) -> str | None:
        if not upload_time:
            return "the index gives no upload time, which exclude-newer needs"
        head = upload_time[:19]
        if upload_time[-1] == "Z" and len(head) == len(seconds) and head != seconds:
            late = head > seconds
        else:
            moment = _parse_time(upload_time)
            late = moment is None or moment >= limit
        return f"uploaded {upload_time}, not before exclude-newer" if late else None

    return reason


def _parse_time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def held_back(rejected: Iterable[Rejected]) -> Iterator[Rejected]:
    """The versions that only want leave to be built."""
    return (one for one in rejected if one.reason.endswith(HELD_BACK))
