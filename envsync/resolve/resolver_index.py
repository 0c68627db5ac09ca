"""Remember what is known while resolving: each package's versions and what each of them requires.

It outlives the regions of marker space: all of them share what was read. The catalog is asked in
an order that depends on nothing but earlier answers, so prefetching cannot change a result.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.errors import (
    BuildFailed,
    EnvsyncError,
    MetadataInvalid,
    PackageNotFound,
    SourceInvalid,
    WheelInvalid,
)
from envsync.model.candidate import Candidate, CoreMetadata
from envsync.model.local_version import is_same_release
from envsync.model.marker import ALWAYS, MarkerSet
from envsync.model.resolution import RootRequirement
from envsync.resolve.candidates import Catalog, Foresight, Listing, ResolvePolicy, may_build
from envsync.resolve.compatibility import (
    WheelJudge,
    has_upper_bound,
    python_claimed,
    python_lower_bound,
    wheels_lower_bound,
)
from envsync.resolve.offers import Claim, Offers
from envsync.resolve.rejections import (
    BadFile,
    BadMetadata,
    BrokenBuild,
    MetadataReason,
    OthersMetadata,
)
from envsync.resolve.requirements import (
    Dependencies,
    PackageRequirement,
    Refused,
    RequirementReader,
)
from envsync.resolve.versions import VersionTable, parse_specifiers, text_of
from envsync.wheel.facts import facts_digest


class PackageVersions:
    """The candidates of one project from one source. Compared by identity: there is one of each."""

    def __init__(self, listing: Listing, missing: PackageNotFound | None = None) -> None:
        self.name = listing.name
        self.rejected, self.held_back = listing.rejected, listing.held_back
        self.index_url = listing.index_url
        self.missing = missing
        """Set where nothing has the project at all."""
        self.candidates = Offers.of(listing.candidates)[::-1]
        self.table = VersionTable(self.candidates.versions(), self.candidates.prereleases())
        claims = _by_claim(self.candidates)
        self.yanked = sum(mask for claim, mask in claims.items() if claim.is_yanked)
        self.said = _by_python(claims)
        """Sets of versions, with the requires-python that the index gives for them."""
        self.pythons = tuple((python_lower_bound(one), mask) for one, mask in self.said)
        """The same, with the environments that the lower bound leaves."""
        self.refusals: dict[int, MetadataReason] = {}
        """Versions that turned out to be unusable everywhere, with the reason."""
        self.refused = 0

    def for_region(self, region: MarkerSet) -> int:
        """The versions that are for all Pythons of a region, as far as the index says."""
        return sum(mask for bound, mask in self.pythons if region.implies(bound))

    def refuse(self, at: int, reason: MetadataReason) -> None:
        """Remember that a version cannot be used anywhere."""
        self.refusals[at] = reason
        self.refused |= 1 << at

    def without_wheel(self, environment: MarkerSet, can_build: bool) -> int:
        """The versions that have neither a wheel for an environment nor a source to build."""
        judge = WheelJudge.of(environment)

        def lacks(candidate: Candidate) -> bool:
            if candidate.source is not None or (candidate.sdist is not None and can_build):
                return False
            return not any(judge.wheel_fits(wheel.filename) for wheel in candidate.wheels)

        return self._where(lacks)

    def _where(self, holds: Callable[[Candidate], bool]) -> int:
        return sum(1 << at for at, one in enumerate(self.candidates) if holds(one))


def _by_claim(offers: Offers) -> dict[Claim, int]:
    """Sets of versions of which the same is known."""
    masks: dict[Claim, int] = {}
    for at, claim in enumerate(offers.claims()):
        masks[claim] = masks.get(claim, 0) | 1 << at
    return masks


def _by_python(claims: Mapping[Claim, int]) -> tuple[tuple[SpecifierSet | None, int], ...]:
    # Texts are parsed once, so equal ones share a value; hashing specifiers is slow.
    by_value: dict[int, tuple[SpecifierSet | None, int]] = {}
    for claim, mask in claims.items():
        said = parse_specifiers(claim.requires_python)
        _, known = by_value.get(id(said), (None, 0))
        by_value[id(said)] = said, known | mask
    return tuple(by_value.values())


class Release(NamedTuple):
    """One version of a package, from one source."""

    versions: PackageVersions
    at: int
    """Its place in them."""

    @property
    def name(self) -> NormalizedName:
        """The package's name."""
        return self.versions.name

    @property
    def candidate(self) -> Candidate:
        """The version's files."""
        return self.versions.candidates[self.at]

    @property
    def version(self) -> Version:
        """The version that it is."""
        return self.versions.table.versions[self.at]


_FAILED_BUILDS = 5
"""Releases of one package whose builds may fail: what fails them all is seldom the release."""


def _broken(error: WheelInvalid | SourceInvalid | BuildFailed) -> BadFile | BrokenBuild:
    if isinstance(error, BuildFailed):
        return BrokenBuild(f"its build failed: {error.reason}", (error.lines or ("",))[-1])
    return BadFile(error.message)


class ResolverIndex:
    """Answers about projects and versions, each asked of the catalog at most once."""

    def __init__(
        self, catalog: Catalog, policy: ResolvePolicy, roots: Sequence[RootRequirement]
    ) -> None:
        self.policy = policy
        self.reader = RequirementReader(policy, roots)
        self._catalog = catalog
        self._foresight = catalog if isinstance(catalog, Foresight) else None
        self._versions: dict[tuple[NormalizedName, str | None], PackageVersions] = {}
        self._metadata: dict[Release, CoreMetadata] = {}
        self._facts: dict[Release, str] = {}
        self._dependencies: dict[Release, Dependencies] = {}
        self._requirements: dict[
            tuple[Release, NormalizedName | None], tuple[PackageRequirement, ...]
        ] = {}
        self._bounds: dict[tuple[Release, bool], MarkerSet] = {}
        self._unclaimed: dict[PackageVersions, int] = {}
        self._lacking: dict[tuple[PackageVersions, MarkerSet], int] = {}
        self._hinted: set[tuple[NormalizedName, str]] = set()
        self._failed_builds: dict[NormalizedName, list[BuildFailed]] = {}

    def versions(self, name: NormalizedName, source: str | None) -> PackageVersions:
        """What a source has of a package: nothing where no index knows the name."""
        versions = self._versions.get((name, source))
        if versions is None:
            try:
                versions = PackageVersions(self._catalog.listing(name, source))
            except PackageNotFound as error:
                # No error yet: only versions that require it are of no use.
                versions = PackageVersions(Listing(name, ()), missing=error)
            self._versions[name, source] = versions
        return versions

    def requirements(
        self, release: Release, extra: NormalizedName | None
    ) -> tuple[PackageRequirement, ...]:
        """What a version, or one of its extras, requires. Raises Refused if it cannot be used."""
        key = (release, extra)
        requirements = self._requirements.get(key)
        if requirements is None:
            dependencies = self._dependencies_of(release)
            if extra is None:
                requirements = self.reader.of_package(dependencies)
            else:
                requirements = self.reader.of_extra(dependencies, extra, release.version)
            self._requirements[key] = requirements
        return requirements

    def _dependencies_of(self, release: Release) -> Dependencies:
        dependencies = self._dependencies.get(release)
        if dependencies is None:
            dependencies = self.reader.dependencies(self.metadata(release))
            self._dependencies[release] = dependencies
        return dependencies

    def metadata(self, release: Release) -> CoreMetadata:
        """A version's core metadata. Raises Refused if it cannot be read or is another's.

        What an index has that is broken is passed over. Of a source that env.toml names there is
        nothing else: its own error says best what is wrong with it.
        """
        metadata = self._metadata.get(release)
        if metadata is None:
            candidate = release.candidate
            try:
                metadata = self._catalog.metadata(candidate)
            except MetadataInvalid as error:
                raise Refused(BadMetadata(error.file, error.reason)) from error
            except (WheelInvalid, SourceInvalid, BuildFailed) as error:
                if candidate.source is not None or self._is_enough(candidate.name, error):
                    raise
                raise Refused(_broken(error)) from error
            # A wheel's metadata may lack the local part that its file name has (H25).
            is_right = is_same_release(metadata.version, candidate.version)
            if metadata.name != candidate.name or not is_right:
                raise Refused(OthersMetadata(metadata.name, metadata.version))
            self._metadata[release] = metadata
        return metadata

    def _is_enough(self, name: NormalizedName, error: EnvsyncError) -> bool:
        """Say whether so many builds of a package failed that another one is no use."""
        failures = self._failed_builds.setdefault(name, [])
        if isinstance(error, BuildFailed):
            failures.append(error)
        return len(failures) > _FAILED_BUILDS

    def build_behind(self, error: EnvsyncError) -> BuildFailed | None:
        """Give the failed build that an explanation names, if it does: it says more by itself."""
        text = "\n".join(error.lines)
        for failed in chain.from_iterable(self._failed_builds.values()):
            if str(_broken(failed)) in text:
                return failed
        return None

    def told(self, release: Release) -> tuple[CoreMetadata, str]:
        """A version's core metadata and its digest, which a lock keeps. Raises as `metadata`."""
        metadata = self.metadata(release)
        facts = self._facts.get(release)
        if facts is None:
            facts = self._facts[release] = facts_digest(metadata)
        return metadata, facts

    def pythons(self, release: Release, *, with_wheel: bool = True) -> MarkerSet:
        """Where a version may be used, by the lower bounds that index, metadata and wheels say.

        Without `with_wheel` also where it has none. Raises Refused as `metadata` does.
        """
        bound = self._bounds.get((release, with_wheel))
        if bound is None:
            bound = python_lower_bound(release.candidate.requires_python)
            bound = bound & python_lower_bound(self.metadata(release).requires_python)
            if with_wheel:
                bound = bound & self.wheel_pythons(release)
            self._bounds[release, with_wheel] = bound
        return bound

    def wheel_pythons(self, release: Release) -> MarkerSet:
        """From which Python on a version has wheels; anywhere if it may be built."""
        candidate = release.candidate
        if candidate.wheels and not (candidate.sdist and may_build(release.name, self.policy)):
            return wheels_lower_bound(candidate.wheels)
        return ALWAYS

    def unclaimed(self, versions: PackageVersions) -> int:
        """The versions that by their own word run on no Python that is covered, as far as known."""
        mask = self._unclaimed.get(versions)
        if mask is None:
            mask = 0
            for said, those in versions.said:
                if self._claims_nothing(versions.name, said):
                    mask |= those
            self._unclaimed[versions] = mask
        return mask

    def turns_out_unclaimed(self, release: Release) -> bool:
        """Whether metadata says what the index did not: that a version is one of `unclaimed`.

        From then on it is. Raises Refused as `metadata` does.
        """
        known = self.unclaimed(release.versions)
        said = self.metadata(release).requires_python
        if known >> release.at & 1 or not self._claims_nothing(release.name, said):
            return False
        self._unclaimed[release.versions] = known | 1 << release.at
        return True

    def _claims_nothing(self, name: NormalizedName, said: SpecifierSet | None) -> bool:
        if said is None or name in self.policy.ignore_requires_python:
            return False
        return has_upper_bound(said) and python_claimed(said).is_disjoint(self.policy.environments)

    def lacking(self, versions: PackageVersions, environment: MarkerSet) -> int:
        """The versions that a required environment rules out."""
        key = (versions, environment)
        mask = self._lacking.get(key)
        if mask is None:
            can_build = may_build(versions.name, self.policy)
            mask = self._lacking[key] = versions.without_wheel(environment, can_build)
        return mask

    def known_missing(self, release: Release) -> NormalizedName | None:
        """A package that a version requires and nothing has, as far as was asked already."""
        for requirement in self._requirements.get((release, None), ()):
            for source in (None, *(key for _, key in self.reader.sources(requirement.name))):
                known = self._versions.get((requirement.name, source))
                if known is not None and known.missing is not None:
                    return requirement.name
        return None

    def expect_metadata(self, releases: Iterable[Release]) -> None:
        """Hint to the catalog that some versions are going to be tried one after the other."""
        if self._foresight is not None:
            new = [release for release in releases if release not in self._metadata]
            if new:
                self._foresight.expect(release.candidate for release in new)

    def expect(self, name: NormalizedName, specifier: SpecifierSet) -> None:
        """Hint to the catalog, once each, that a project is going to be asked for."""
        key = (name, text_of(specifier))
        if key not in self._hinted:
            self._hinted.add(key)
            self._catalog.prefetch(name, specifier)
