"""Solve one region of marker space, which gets one version of each package."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from packaging.utils import NormalizedName

from envsync.events import SILENT, Reporter
from envsync.model.marker import MarkerSet
from envsync.resolve.criteria import Cause, Pins
from envsync.resolve.provider import RegionProvider
from envsync.resolve.region_view import PackageKey, Pin, RegionRequirement
from envsync.resolve.requirements import PackageRequirement, StatedRoots
from envsync.resolve.search import Circling, Exhausted, History, Impossible, Search

_MOST_ROUNDS = 10_000
"""In one region; the hardest of the real sets needs 5,000 to find that there is no solution."""
_SECOND_LOOK = 300
"""Rounds for it: generated universes of nine packages need 30."""


class RegionSolution(NamedTuple):
    """A region with one version for each package that is needed somewhere in it."""

    region: MarkerSet
    roots: tuple[RegionRequirement, ...]
    pins: Mapping[PackageKey, Pin]
    requirements: Mapping[PackageKey, tuple[RegionRequirement, ...]]
    """What each pin requires in the region."""

    def all_requirements(self) -> Iterator[RegionRequirement]:
        """What env.toml and the pins require."""
        yield from self.roots
        for requirements in self.requirements.values():
            yield from requirements

    def accepted(self) -> Mapping[NormalizedName, int]:
        """The versions that meet everything that others require, of each package with a pin."""
        masks: dict[NormalizedName, int] = {}
        for owner, requirements in ((None, self.roots), *self.requirements.items()):
            for requirement in requirements:
                name = requirement.key.name
                if owner is None or owner.name != name:
                    masks[name] = masks.get(name, -1) & requirement.mask
        return masks


class Unsolvable(Exception):
    """Raised inside the resolver: a region has no solution, or none was found in time."""

    def __init__(
        self, region: MarkerSet, causes: Iterable[Cause], history: History, gave_up: str = ""
    ) -> None:
        super().__init__("no solution")
        self.region, self.causes, self.history = region, tuple(causes), history
        self.gave_up = gave_up
        """What ran out ("rounds" or "regions") where that is why."""
        self.has_held_back = False
        """Whether versions were not tried that may be taken as a last resort."""

    def finer_marker(self) -> MarkerSet | None:
        """A marker that cuts the region and has a part in the failure, if there is one."""
        if self.gave_up:
            return None
        for marker in self._markers():
            if not self.region.is_disjoint(marker) and not self.region.implies(marker):
                return marker
        return None

    def _markers(self) -> Iterator[MarkerSet]:
        """The markers of the requirements that collide, then of those that lead to them."""
        causes = [*self.causes, *self._earlier_causes()]
        yield from (cause.requirement.marker for cause in causes)
        waiting = [cause.parent.key for cause in causes if cause.parent is not None]
        seen = set(waiting)
        for key in waiting:
            for parent, requirement in self.history.parents.get(key, {}).items():
                yield requirement.marker
                if parent is not None and parent.key not in seen:
                    seen.add(parent.key)
                    waiting.append(parent.key)

    def _earlier_causes(self) -> Iterator[Cause]:
        """Why versions of the colliding packages were excluded before, and so on from there."""
        names = {cause.requirement.key.name for cause in self.causes}
        names.update(cause.parent.key.name for cause in self.causes if cause.parent is not None)
        waiting: Sequence[tuple[Cause, ...]] = self.history.rejections
        while waiting:
            later: list[tuple[Cause, ...]] = []
            for causes in waiting:
                parent = causes[-1].parent
                if parent is not None and parent.key.name in names:
                    yield from causes
                    names.update(cause.requirement.key.name for cause in causes)
                    names.update(cause.parent.key.name for cause in causes if cause.parent)
                else:
                    later.append(causes)
            if len(later) == len(waiting):
                return
            waiting = later


Trial = Callable[[MarkerSet, StatedRoots], tuple[RegionSolution, ...] | Unsolvable]
"""Solves a changed problem in one region on a small budget."""


class Budget:
    """How many rounds and regions a resolution may take, and has taken.

    A version that was tried in vain counts like a round: any number of them is tried in one.
    """

    def __init__(self, rounds: int, regions: int) -> None:
        self.rounds, self.regions = rounds, regions
        self.rounds_used = self.regions_used = 0


def solve(
    provider: RegionProvider,
    requirements: Iterable[PackageRequirement],
    budget: Budget,
    reporter: Reporter,
) -> RegionSolution:
    """Choose versions for one region.

    Raises ForkNeeded where the region must be cut first, Unsolvable where there is no solution (or
    the rounds are spent). Uses up `budget`.
    """
    if budget.regions_used == budget.regions:
        raise Unsolvable(provider.region, (), History(), "regions")
    budget.regions_used += 1
    roots = provider.roots(requirements)
    try:
        solution = _attempt(provider, roots, budget, reporter)
    except Circling:
        return _attempt(provider, roots, budget, reporter, is_thorough=True)
    except Unsolvable as error:
        second = None if error.gave_up else _second_look(provider, roots, budget)
        if second is None:
            raise
        return second
    if not _is_consistent(solution, provider):
        solution = _attempt(provider, roots, budget, reporter, is_thorough=True)
    return solution


def _attempt(
    provider: RegionProvider,
    roots: tuple[RegionRequirement, ...],
    budget: Budget,
    reporter: Reporter = SILENT,
    *,
    is_thorough: bool = False,
) -> RegionSolution:
    limit = min(budget.rounds - budget.rounds_used, _MOST_ROUNDS)
    search = Search(provider, reporter, limit, is_thorough=is_thorough)
    try:
        pins = search.run(roots)
    except Impossible as error:
        raise Unsolvable(provider.region, error.causes, search.history) from None
    except Exhausted:
        raise Unsolvable(provider.region, (), search.history, "rounds") from None
    finally:
        budget.rounds_used += search.history.rounds
    return _needed(provider, roots, pins)


def _second_look(
    provider: RegionProvider, roots: tuple[RegionRequirement, ...], budget: Budget
) -> RegionSolution | None:
    """Look for a solution that the search leapt over, at limited cost."""
    few = Budget(min(_SECOND_LOOK, budget.rounds - budget.rounds_used), 1)
    try:
        return _attempt(provider, roots, few, is_thorough=True)
    except Unsolvable:
        return None
    finally:
        budget.rounds_used += few.rounds_used


def _needed(
    provider: RegionProvider, roots: tuple[RegionRequirement, ...], pins: Pins
) -> RegionSolution:
    """Leave out what the search decided for parents that it dropped again."""
    waiting = [requirement.key for requirement in roots]
    required: dict[PackageKey, tuple[RegionRequirement, ...]] = {}
    while waiting:
        key = waiting.pop()
        if key not in required:
            required[key] = provider.requirements(pins[key])
            waiting.extend(requirement.key for requirement in required[key])
    return RegionSolution(provider.region, roots, {key: pins[key] for key in required}, required)


def _is_consistent(solution: RegionSolution, provider: RegionProvider) -> bool:
    """Whether each pin meets what the others ask, and no pre-release is left of a dropped reason.

    The search forgets what a pin requires when the pin has to change, and does not remember it if
    the reason for the change goes away (seen in one of 7,500 generated universes).
    """
    every = list(solution.all_requirements())
    if not all(one.mask >> solution.pins[one.key].at & 1 for one in every):
        return False
    for key, pin in solution.pins.items():
        if key.extra is None and pin.version.is_prerelease:
            package = provider.view.package(key.name)
            own = [one for one in every if one.key == key and one.stated.exactly is None]
            if not provider.view.allowed(package, own) >> pin.at & 1:
                return False
    return True
