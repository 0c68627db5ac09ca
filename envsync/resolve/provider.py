"""Answer what the search asks about one region: which versions fit, and what each of them requires.

Sets of versions are bits, so finding matches is cheap; what can never be used in the region is not
tried twice; and a requirement that cannot be met is given first, so that a vain try costs little.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from envsync.model.marker import NEVER, MarkerSet
from envsync.resolve.criteria import Criteria, Matches, Pins
from envsync.resolve.fork_points import check_conditions, check_pythons, check_siblings
from envsync.resolve.nogoods import Nogoods
from envsync.resolve.region_view import (
    PackageKey,
    Pin,
    RegionRequirement,
    RegionView,
    UnusableRequirement,
)
from envsync.resolve.rejections import LacksExtra, NoCoveredPython, OutsideRegion
from envsync.resolve.requirements import PackageRequirement, Refused
from envsync.resolve.resolver_index import PackageVersions, Release
from envsync.resolve.versions import bits_of

_PATIENCE = 2
"""Versions of a package that are tried in vain before the next ones are looked up side by side."""


class RegionProvider:
    """One region: its packages, what they require, and what all searches in it have learned."""

    def __init__(self, view: RegionView) -> None:
        self.view, self.index, self.region = view, view.index, view.region
        self.nogoods = Nogoods(self.view)
        self.conflicts: Counter[NormalizedName] = Counter()
        """How often a package took part in a collision."""
        self.order: dict[PackageKey, int] = {}
        """In which order packages were first asked for."""
        self._vain: dict[PackageKey, int] = {}
        """How many versions were tried in vain."""
        self._requirements: dict[Pin, tuple[RegionRequirement, ...]] = {}
        self._read_pins: dict[PackageKey, list[Pin]] = {}
        """The keys of `_requirements` by package."""
        self._offers_extra: dict[PackageKey, bool] = {}

    def roots(self, requirements: Iterable[PackageRequirement]) -> tuple[RegionRequirement, ...]:
        """What env.toml asks in this region. Raises ForkNeeded as `dependencies` does."""
        stated = tuple(requirements)
        self.view.direct = frozenset(requirement.name for requirement in stated)
        roots = self._read(stated)
        self.nogoods.begin(roots)
        return roots

    def matches(
        self,
        key: PackageKey,
        criteria: Criteria,
        kept: Pins,
        *,
        added: RegionRequirement | None = None,
        excluded: int = 0,
    ) -> Matches:
        """The versions that meet all requirements, with one that is `added`, but for exclusions.

        An extra also heeds what is asked of its package: both get one version. Of what is `kept`
        that version alone.
        """
        package = self.view.package(key.name)
        requirements = [added] if added is not None else []
        for one in (key,) if key.extra is None else (key, PackageKey(key.name)):
            if (criterion := criteria.get(one)) is not None:
                requirements += [cause.requirement for cause in criterion.causes]
                excluded |= criterion.excluded
        # A package and its extras get one version.
        for one in self.nogoods.keys.get(key.name, ()):
            if one == key or one.extra is None or one in criteria:
                excluded |= self.nogoods.versions[one]
        left = ~excluded
        if (pin := kept.get(key)) is not None:
            left &= 1 << pin.at
        possible = self.view.meeting(package, requirements)
        allowed = self.view.permitted(package, requirements, possible)
        return Matches(package, key, allowed & left, possible & left, self.nogoods.among)

    def prune(
        self, matches: Matches, criteria: Criteria, kept: Pins
    ) -> tuple[int, list[tuple[Pin, RegionRequirement]]]:
        """Tell which versions may fit the present requirements, from what is known of them.

        Also gives, for each package (and marker) on which others collide, one that does.
        """
        mask = matches.mask
        collisions: dict[object, tuple[Pin, RegionRequirement]] = {}
        possible: dict[PackageKey, int] = {}
        for pin in self._read_pins.get(matches.key, ()):
            if not mask >> pin.at & 1:
                continue
            for requirement in self._requirements[pin]:
                key = requirement.key
                if key in criteria and key not in possible:
                    possible[key] = self.matches(key, criteria, kept).possible
                if requirement.reason or not possible.get(key, -1) & requirement.mask:
                    mask ^= 1 << pin.at
                    collisions.setdefault((key, requirement.marker), (pin, requirement))
                    break
        return mask, list(collisions.values())

    def satisfies(self, pin: Pin, requirement: RegionRequirement) -> bool:
        """Whether a version meets a requirement, on all Pythons for which it is asked."""
        if not requirement.mask >> pin.at & 1:
            return False
        if not self.view.package(pin.key.name).partial >> pin.at & 1:
            return True
        return requirement.marker.implies(self._pythons(pin.release))

    def dependencies(self, pin: Pin, criteria: Criteria) -> Sequence[RegionRequirement]:
        """What a version requires, where these criteria hold.

        Raises ForkNeeded where the version is not for all Pythons that it is asked for, or is older
        than it need be for some.
        """
        requirements = self.requirements(pin)
        if pin.versions.refused >> pin.at & 1:
            return requirements
        if (criterion := criteria.get(pin.key)) is not None:
            asked = [cause.requirement for cause in criterion.causes]
            if self.view.package(pin.key.name).partial >> pin.at & 1:
                check_pythons(pin, asked, self._pythons(pin.release))
            check_conditions(self.view, pin, asked)
        return self._colliding_first(pin, requirements, criteria)

    def requirements(self, pin: Pin) -> tuple[RegionRequirement, ...]:
        """What a version requires in this region, whatever else holds."""
        requirements = self._requirements.get(pin)
        if requirements is None:
            abandoned = self.nogoods.why_abandoned(pin.key.name)
            requirements = (UnusableRequirement(abandoned),) if abandoned else self._look_up(pin)
            self._requirements[pin] = requirements
            self._read_pins.setdefault(pin.key, []).append(pin)
        return requirements

    def reject(self, pin: Pin, collided: NormalizedName) -> None:
        """A version could not be pinned; after a few of them the next ones are looked up ahead."""
        self.conflicts.update({collided, pin.key.name})
        count = self._vain[pin.key] = self._vain.get(pin.key, 0) + 1
        # After 2, 4, 8 … vain tries, for twice as many: a short row costs few requests, a long one
        # does not wait for one version after the other.
        if count >= _PATIENCE and count & (count - 1) == 0:
            package = self.view.package(pin.key.name)
            less_wanted = -(2 << pin.at) if package.lowest else (1 << pin.at) - 1
            ahead = bits_of(package.best(package.fit & less_wanted), lowest=package.lowest)
            self.index.expect_metadata(
                Release(package.versions, at) for at in islice(ahead, 2 * count)
            )

    def _colliding_first(
        self, pin: Pin, requirements: Sequence[RegionRequirement], criteria: Criteria
    ) -> Sequence[RegionRequirement]:
        """Put a requirement that cannot be met at the front, so that trying it costs little.

        A version with a requirement that nothing in the region meets, or that env.toml's own
        exclude, is not tried again.
        """
        for requirement in requirements:
            if requirement.reason:
                return requirements
            is_hopeless = not self.nogoods.usable(requirement)
            if is_hopeless:
                self.nogoods.add(pin, requirement)
            known = criteria.get(requirement.key)
            if is_hopeless or (known is not None and not known.matches.mask & requirement.mask):
                return (requirement, *(one for one in requirements if one is not requirement))
        return requirements

    # -- what is required ----------------------------------------------------------------------

    def _look_up(self, pin: Pin) -> tuple[RegionRequirement, ...]:
        release = pin.release
        try:
            stated = self.index.requirements(release, pin.key.extra)
            pythons = self._pythons(release)
        except Refused as refused:
            # Of use in no region: metadata is the same in all.
            release.versions.refuse(release.at, refused.reason)
            return (UnusableRequirement(refused.reason),)
        if pythons.is_disjoint(self.region):
            return (UnusableRequirement(OutsideRegion(pythons)),)
        if self.index.turns_out_unclaimed(release):
            self.view.has_held_back = True
            return (UnusableRequirement(NoCoveredPython()),)
        if not self.region.implies(pythons):
            self.view.package(release.name).partial |= 1 << release.at
        if reason := self._lacks_extra(pin):
            return (UnusableRequirement(reason),)
        return self._read(stated, pin)

    def _pythons(self, release: Release) -> MarkerSet:
        """Where a version may be used; as a last resort also where it has no wheel.

        Raises Refused for metadata that cannot be read.
        """
        with_wheel = self.index.pythons(release)
        if not with_wheel.is_disjoint(self.region):
            return with_wheel
        without = self.index.pythons(release, with_wheel=False)
        if self.view.is_last_resort:
            return without
        self.view.has_held_back |= not without.is_disjoint(self.region)
        return with_wheel

    def _lacks_extra(self, pin: Pin) -> LacksExtra | None:
        """The reason for not taking a version without an extra, if a more wanted one has it."""
        extra = pin.key.extra
        if extra is None:
            return None
        has_extra = extra in self.index.metadata(pin.release).provides_extra
        most_wanted_has_it = self._offers_extra.setdefault(pin.key, has_extra)
        if has_extra or not most_wanted_has_it:
            return None
        return LacksExtra(extra)

    def _read(
        self, requirements: Sequence[PackageRequirement], parent: Pin | None = None
    ) -> tuple[RegionRequirement, ...]:
        """The requirements that count in this region.

        Raises ForkNeeded where those on one package differ by it.
        """
        region, view = self.region, self.view
        here = [
            (stated, marker)
            for stated in requirements
            if (marker := stated.marker & region) is not NEVER
        ]
        # All hints come before the first question, which waits for its answer.
        for stated, _ in here:
            if not view.knows(stated.name):
                self.index.expect(stated.name, stated.specifier)
        read: list[RegionRequirement] = []
        has_required = bool(self.index.policy.required_environments)
        for stated, marker in here:
            versions = view.package(stated.name).versions
            read.append(RegionRequirement(stated, marker, versions))
            if has_required and stated.extra is None and stated.exactly is None:
                read.extend(self._required_wheels(stated, marker, versions))
        check_siblings(self.view, read, parent)
        return tuple(read)

    def _required_wheels(
        self, stated: PackageRequirement, marker: MarkerSet, versions: PackageVersions
    ) -> Iterator[RegionRequirement]:
        """Rule versions out that have no wheel for a required environment, where it counts."""
        for environment in self.index.policy.required_environments:
            where = marker & environment
            if not where.is_never() and (lacking := self.index.lacking(versions, environment)):
                origin = self.index.policy.place("lock.required-environments")
                wheel = stated._replace(specifier=SpecifierSet(), origin=origin)
                requirement = RegionRequirement(wheel, where, versions)
                requirement.mask &= ~lacking
                yield requirement
