"""Fork marker space into regions, solve each, and tell whether the result is a fixed point.

A region that turns out too coarse is cut in two along a marker, and both parts start afresh: the
one with the newer Pythons first, the other with the first one's pins as preferences, so that
versions only differ where they must. Regions are a partition of what was given. A result is a fixed
point if a search that starts from it finds it again.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.events import SILENT, Reporter
from envsync.model.marker import MarkerSet, from_text
from envsync.resolve.provider import RegionProvider
from envsync.resolve.region import Budget, RegionSolution, Trial, Unsolvable, solve
from envsync.resolve.region_view import ForkNeeded, PackageKey, Pin, Preferences, RegionView
from envsync.resolve.requirements import PackageRequirement, StatedRoots
from envsync.resolve.resolver_index import ResolverIndex

_NEWEST_PYTHONS = from_text("python_full_version >= '3.99'")
_TRIAL_ROUNDS, _TRIAL_REGIONS = 2_000, 8


class Solution(NamedTuple):
    """A solution for all regions."""

    regions: tuple[RegionSolution, ...]
    is_fixed_point: bool
    """Whether a search that starts from the result finds the same, as far as can be foreseen."""


class _Part(NamedTuple):
    """A region to solve, and the packages for which it shall not follow other regions."""

    region: MarkerSet
    apart: frozenset[NormalizedName]
    is_last_resort: bool = False
    """There is no solution otherwise: pre-releases are tried after all stable versions, and after
    those what has no wheel for the Pythons of the region, or is by its own word for none."""


class _Solved(NamedTuple):
    """A part with its solution."""

    part: _Part
    solution: RegionSolution


class _Fork(NamedTuple):
    """Why a region was cut."""

    package: NormalizedName | None
    """The package of which the parts need different versions; None: a collision."""
    pin: Pin | None
    """The version without which it would not have been cut."""


class Forking:
    """Solves regions one after the other, forking those that are too coarse."""

    def __init__(
        self, index: ResolverIndex, locked: Preferences, budget: Budget, reporter: Reporter = SILENT
    ) -> None:
        self._index, self._locked = index, locked
        self._budget, self._reporter = budget, reporter
        self._forks: list[_Fork] = []

    def run(self, regions: Sequence[MarkerSet], roots: StatedRoots) -> Solution:
        """Solve these regions in order. Raises Unsolvable for the first part without solution."""
        waiting = [_Part(region, frozenset()) for region in reversed(regions)]
        flat = [stated for group in roots for stated in group]
        solved: list[_Solved] = []
        while waiting:
            part = waiting.pop()
            try:
                solved.append(_Solved(part, self._solve(part, flat, solved)))
            except ForkNeeded as fork:
                waiting.extend(self._halves(part, fork))
            except Unsolvable as error:
                marker = error.finer_marker()
                # Before the last resort: a half may do without what was held back.
                if marker is not None:
                    whole = ForkNeeded(marker, "no solution for the whole")
                    waiting.extend(self._halves(part, whole))
                # A budget that ran out proves nothing: only where there is no solution else.
                elif error.has_held_back and not error.gave_up:
                    waiting.append(part._replace(is_last_resort=True))
                else:
                    raise
        return Solution(tuple(one.solution for one in solved), self._is_fixed_point(solved))

    def _solve(
        self, part: _Part, roots: Sequence[PackageRequirement], earlier: Iterable[_Solved]
    ) -> RegionSolution:
        followed = _followed(earlier, part.apart)
        view = RegionView(
            self._index, part.region, followed, self._locked, is_last_resort=part.is_last_resort
        )
        try:
            return solve(RegionProvider(view), roots, self._budget, self._reporter)
        except Unsolvable as error:
            error.has_held_back = view.has_held_back
            raise

    def _halves(self, part: _Part, fork: ForkNeeded) -> list[_Part]:
        """The two halves of a part, the one to solve first at the end."""
        self._reporter.detail(f"splitting on {fork.marker}: {fork}")
        self._forks.append(_Fork(fork.package, fork.pin))
        if fork.package and fork.is_about_choice:
            part = part._replace(apart=part.apart | {fork.package})
        inside, outside = part.region & fork.marker, part.region - fork.marker
        is_newer = outside.is_disjoint(_NEWEST_PYTHONS) or not inside.is_disjoint(_NEWEST_PYTHONS)
        order = (outside, inside) if is_newer else (inside, outside)
        # Each half begins without the last resort, which it may not need.
        return [part._replace(region=region, is_last_resort=False) for region in order]

    def _is_fixed_point(self, solved: Sequence[_Solved]) -> bool:
        if not self._forks:
            return True
        policy = self._index.policy
        last = policy.prereleases != "allow"
        # What can be foreseen is for the newest first; all else is searched once more.
        return policy.resolution == "highest" and _is_found_again(
            solved, self._forks, prereleases_last=last
        )


def trial(index: ResolverIndex, locked: Preferences) -> Trial:
    """Make a function that solves a changed problem in one region, at little cost."""

    def solve_changed(
        region: MarkerSet, roots: StatedRoots
    ) -> tuple[RegionSolution, ...] | Unsolvable:
        budget = Budget(_TRIAL_ROUNDS, _TRIAL_REGIONS)
        try:
            return Forking(index, locked, budget).run([region], roots).regions
        except Unsolvable as error:
            return error

    return solve_changed


def _followed(earlier: Iterable[_Solved], apart: frozenset[NormalizedName]) -> Preferences:
    """The versions that other regions have chosen, in the order of the regions."""
    chosen: dict[NormalizedName, dict[Version, None]] = {}
    for one in earlier:
        for pin in one.solution.pins.values():
            if pin.key.name not in apart:
                chosen.setdefault(pin.key.name, {})[pin.version] = None
    return {name: tuple(versions) for name, versions in chosen.items()}


# -- a fixed point? ---------------------------------------------------------------------------

_Several = Mapping[NormalizedName, Iterable[Version]]
"""The packages with several versions, and those."""


def _is_found_again(
    solved: Sequence[_Solved], forks: Iterable[_Fork], *, prereleases_last: bool
) -> bool:
    """Whether each fork and each choice would be made again; for the newest versions first.

    A fork is made again if its package ended with several versions, and what it was made for is
    among the pins. A choice is, if the pin is the first that is allowed: of what earlier regions
    have, then of what any has.
    """
    pins = {pin.release: pin for one in solved for pin in one.solution.pins.values()}
    versions: dict[NormalizedName, dict[Version, None]] = {}
    for release in pins:
        versions.setdefault(release.name, {})[release.version] = None
    several = {name: those for name, those in versions.items() if len(those) > 1}
    forks_again = all(
        fork.package in several and (fork.pin is None or fork.pin.release in pins) for fork in forks
    )
    return forks_again and all(
        _chooses_again(one, solved[:at], several, prereleases_last=prereleases_last)
        for at, one in enumerate(solved)
    )


def _chooses_again(
    solved: _Solved, earlier: Sequence[_Solved], several: _Several, *, prereleases_last: bool
) -> bool:
    part, solution = solved
    accepted = solution.accepted()
    for name, versions in several.items():
        pin = solution.pins.get(PackageKey(name))
        if pin is None:
            continue
        followed = [] if name in part.apart else _pinned(name, earlier)
        order = (*followed, *sorted(versions, reverse=True))
        allowed = accepted[name] & pin.versions.for_region(solution.region)
        if prereleases_last:
            allowed = allowed & ~pin.versions.table.prereleases or allowed
        places = (pin.versions.table.position(version) for version in order)
        first = next((at for at in places if at is not None and allowed >> at & 1), None)
        if first != pin.at:
            return False
    return True


def _pinned(name: NormalizedName, solved: Iterable[_Solved]) -> list[Version]:
    pins = [one.solution.pins.get(PackageKey(name)) for one in solved]
    return [pin.version for pin in pins if pin is not None]
