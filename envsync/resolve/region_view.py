"""See the index as one region of marker space does: what fits, is required, allowed and wanted.

Inside a region each package has one version. Requirements are sets of versions, as bits, and a
version is pinned for a package and for each of its extras.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envsync.model.marker import NEVER, MarkerSet
from envsync.resolve.rejections import RegionReason
from envsync.resolve.requirements import PackageRequirement
from envsync.resolve.resolver_index import PackageVersions, Release, ResolverIndex
from envsync.resolve.versions import bits_of, first_bit

Preferences = Mapping[NormalizedName, tuple[Version, ...]]


class PackageKey(NamedTuple):
    """A package, or one of its extras."""

    name: NormalizedName
    extra: NormalizedName | None = None

    def __str__(self) -> str:
        return f"{self.name}[{self.extra}]" if self.extra else self.name


class RegionRequirement:
    """A requirement in a region: the versions that it accepts, and where in the region it holds."""

    __slots__ = ("key", "marker", "mask", "pinned", "reason", "stated", "versions")

    def __init__(
        self, stated: PackageRequirement, marker: MarkerSet, versions: PackageVersions
    ) -> None:
        self.key = PackageKey(stated.name, stated.extra)
        self.stated, self.marker, self.versions = stated, marker, versions
        self.reason: RegionReason | None = None
        """Why nothing can meet it, where it stands for a version that cannot be used."""
        table = versions.table
        if stated.exactly is None:
            self.mask = table.accepted(stated.specifier)
            self.pinned = table.pinned(stated.specifier) if versions.yanked else 0
        else:
            at = table.position(stated.exactly)
            self.mask = self.pinned = 0 if at is None else 1 << at


_NOTHING = PackageKey(canonicalize_name("-"))


class UnusableRequirement(RegionRequirement):
    """A requirement that nothing meets; it stands for those of a version that cannot be used."""

    __slots__ = ()

    def __init__(self, reason: RegionReason) -> None:
        self.key, self.marker, self.reason = _NOTHING, NEVER, reason


class Pin:
    """A version of a package, or of one of its extras. Compared by identity: a region has one."""

    __slots__ = ("at", "key", "release")

    def __init__(self, key: PackageKey, release: Release) -> None:
        self.key, self.release = key, release
        self.at = release.at
        """The place of its version."""

    @property
    def versions(self) -> PackageVersions:
        """All versions of the package."""
        return self.release.versions

    @property
    def version(self) -> Version:
        """The version it stands for."""
        return self.release.version

    def __repr__(self) -> str:
        return f"{self.key.name} {self.version}"


class ForkNeeded(Exception):
    """Raised inside the resolver: the region must be cut along this marker."""

    def __init__(
        self,
        marker: MarkerSet,
        reason: str,
        package: NormalizedName | None = None,
        *,
        pin: Pin | None = None,
        is_about_choice: bool = False,
    ) -> None:
        super().__init__(reason)
        self.marker, self.package, self.pin = marker, package, pin
        self.is_about_choice = is_about_choice
        """Whether the point is that each part gets its own best version of the package."""


class PackageView:
    """A package's versions as one region sees them."""

    __slots__ = ("fit", "lowest", "partial", "pins", "preferred", "tiers", "versions")

    def __init__(
        self, versions: PackageVersions, region: MarkerSet, *, lowest: bool, tiers: Sequence[int]
    ) -> None:
        self.versions, self.lowest = versions, lowest
        self.tiers = tiers
        """Sets of versions that together are all; those of one come after those of the one before,
        whichever are preferred."""
        self.fit = self.partial = 0
        """Versions for some of the region's Pythons, and those of them not for all."""
        for bound, mask in versions.pythons:
            if not region.is_disjoint(bound):
                self.fit |= mask
                if not region.implies(bound):
                    self.partial |= mask
        self.preferred: list[int] = []
        """Versions to keep if possible, most wanted first."""
        self.pins: dict[tuple[PackageKey, int], Pin] = {}

    def pin(self, key: PackageKey, at: int) -> Pin:
        """The one value for a version of this package or of its extra."""
        pin = self.pins.get((key, at))
        if pin is None:
            pin = self.pins[key, at] = Pin(key, Release(self.versions, at))
        return pin

    def choice(self, mask: int) -> int | None:
        """The most wanted version of a set; None if it is empty."""
        mask = self.best(mask)
        for at in self.preferred:
            if mask >> at & 1:
                return at
        return first_bit(mask, lowest=self.lowest) if mask else None

    def best(self, mask: int) -> int:
        """Those of a set that come before all others of it by their tier."""
        return next((mask & tier for tier in self.tiers if mask & tier), 0)

    def in_order(self, mask: int) -> Iterator[int]:
        """The versions of a set, most wanted first."""
        for tier in self.tiers:
            left = mask & tier
            for at in self.preferred:
                if left >> at & 1:
                    left ^= 1 << at
                    yield at
            yield from bits_of(left, lowest=self.lowest)


class RegionView:
    """The packages of a region, under the policy and with what shall be kept if possible."""

    def __init__(
        self,
        index: ResolverIndex,
        region: MarkerSet,
        followed: Preferences,
        locked: Preferences,
        *,
        is_last_resort: bool = False,
    ) -> None:
        self.region = region
        self.has_held_back = False
        """Whether versions were left out that may be taken as a last resort."""
        self.is_last_resort = is_last_resort
        self.direct: frozenset[NormalizedName] = frozenset()
        """The packages that env.toml itself asks for."""
        self.index = index
        self._followed, self._locked = followed, locked
        self._packages: dict[NormalizedName, PackageView] = {}

    def knows(self, name: NormalizedName) -> bool:
        """Whether a project was looked at already."""
        return name in self._packages

    def package(self, name: NormalizedName) -> PackageView:
        """A project as this region sees it. Raises ForkNeeded if it has several sources here."""
        package = self._packages.get(name)
        if package is None:
            versions = self.index.versions(name, self._source(name))
            lowest, tiers = self._wants_lowest(name), tuple(self._tiers(versions))
            package = PackageView(versions, self.region, lowest=lowest, tiers=tiers)
            package.preferred = list(self._preferred(package))
            self._packages[name] = package
        return package

    def cuts(self, marker: MarkerSet) -> bool:
        """Whether a marker holds in a part of the region only."""
        return not self.region.is_disjoint(marker) and not self.region.implies(marker)

    def choice(self, package: PackageView, requirements: Iterable[RegionRequirement]) -> int | None:
        """The version that would be picked if nothing else were asked."""
        return package.choice(self.allowed(package, requirements))

    def allowed(self, package: PackageView, requirements: Iterable[RegionRequirement]) -> int:
        """The versions that meet these requirements and that the policy lets through."""
        requirements = tuple(requirements)
        return self.permitted(package, requirements, self.meeting(package, requirements))

    def permitted(
        self, package: PackageView, requirements: Iterable[RegionRequirement], mask: int
    ) -> int:
        """What the policy lets through of `mask`, the versions that meet these requirements."""
        if package.versions.yanked:
            # A yanked version stays where somebody names it, or the lock had it already (PEP 592).
            pinned = 0
            for requirement in requirements:
                pinned |= requirement.pinned
            kept = sum(1 << at for at in package.preferred)
            mask &= ~package.versions.yanked | pinned | kept
        mask = self._without_unclaimed(mask, self.index.unclaimed(package.versions))
        return self._without_prereleases(mask, package.versions.table.prereleases)

    def meeting(self, package: PackageView, requirements: Iterable[RegionRequirement]) -> int:
        """The versions that meet these requirements, whatever the policy says."""
        mask = package.fit & ~package.versions.refused
        for requirement in requirements:
            mask &= requirement.mask
        return mask

    def _without_unclaimed(self, mask: int, unclaimed: int) -> int:
        """What claims to run on some covered Python, where there is any such version."""
        claimed = mask & ~unclaimed
        if claimed in {0, mask} or self.is_last_resort:
            return mask
        self.has_held_back = True
        return claimed

    def _without_prereleases(self, mask: int, prereleases: int) -> int:
        """Stable versions where there are any; the last resort is to try the others after them."""
        policy = self.index.policy.prereleases
        if not mask & prereleases or policy == "allow":
            return mask
        stable = mask & ~prereleases
        if policy == "disallow":
            return stable
        if not stable or self.is_last_resort:
            return mask
        self.has_held_back = True
        return stable

    def _tiers(self, versions: PackageVersions) -> Iterator[int]:
        """Stable versions before pre-releases; as a last resort also what has no wheel here, and
        what by its own word runs on no covered Python.
        """
        last = 0 if self.index.policy.prereleases == "allow" else versions.table.prereleases
        without = 0
        if self.is_last_resort:
            without = self._without_wheel(versions) | self.index.unclaimed(versions)
        for part in (~without, without):
            yield part & ~last
            yield part & last

    def _without_wheel(self, versions: PackageVersions) -> int:
        releases = (Release(versions, at) for at in range(len(versions.candidates)))
        fits = self.index.wheel_pythons
        return sum(1 << one.at for one in releases if fits(one).is_disjoint(self.region))

    def _preferred(self, package: PackageView) -> Iterator[int]:
        """Versions to keep if possible: what other regions chose, then what the old lock has."""
        name, position = package.versions.name, package.versions.table.position
        locked = sorted(self._locked.get(name, ()), reverse=not package.lowest)
        places = map(position, (*self._followed.get(name, ()), *locked))
        return (at for at in dict.fromkeys(places) if at is not None)

    def _source(self, name: NormalizedName) -> str | None:
        for marker, source in self.index.reader.sources(name):
            if self.region.implies(marker):
                return source
            if not self.region.is_disjoint(marker):
                raise ForkNeeded(marker, f"{name} comes from several sources", name)
        return None

    def _wants_lowest(self, name: NormalizedName) -> bool:
        resolution = self.index.policy.resolution
        return resolution == "lowest" or (resolution == "lowest-direct" and name in self.direct)
