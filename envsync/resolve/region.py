"""Solve one region of marker space with resolvelib."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from resolvelib.resolvers import ResolutionImpossible, ResolutionTooDeep

from envsync.events import SILENT, Reporter
from envsync.model.marker import MarkerSet
from envsync.resolve.asks import Ask, Cause, Key, Pin
from envsync.resolve.engine import Circling, Engine, Exhausted, History, ThoroughEngine, Watcher
from envsync.resolve.needs import Need
from envsync.resolve.provider import RegionProvider

_MOST_ROUNDS = 10_000
"""In one region; the hardest of the real sets needs 5,000 to find that there is no solution."""
_SECOND_LOOK = 300
"""Rounds for it: generated universes of nine packages need 30."""


class Solved(NamedTuple):
    """A region with one version for each package that is needed somewhere in it."""

    region: MarkerSet
    roots: tuple[Ask, ...]
    pins: Mapping[Key, Pin]
    asks: Mapping[Key, tuple[Ask, ...]]
    """What each pin requires in the region."""


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
            for parent, ask in self.history.parents.get(key, {}).items():
                yield ask.marker
                if parent is not None and parent.key not in seen:
                    seen.add(parent.key)
                    waiting.append(parent.key)

    def _earlier_causes(self) -> Iterator[Cause]:
        """Why versions of the colliding packages were excluded before, and so on from there."""
        names = {cause.requirement.key[0] for cause in self.causes}
        names.update(cause.parent.key[0] for cause in self.causes if cause.parent is not None)
        waiting, count = list(self.history.rejections), -1
        while count != len(waiting):
            count, later = len(waiting), []
            for causes in waiting:
                parent = causes[-1].parent
                if parent is not None and parent.key[0] in names:
                    yield from causes
                    names.update(cause.requirement.key[0] for cause in causes)
                    names.update(cause.parent.key[0] for cause in causes if cause.parent)
                else:
                    later.append(causes)
            waiting = later


class Budget:
    """How many rounds and regions a resolution may take, and has taken.

    A version that was tried in vain counts like a round: resolvelib tries any number in one.
    """

    def __init__(self, rounds: int, regions: int) -> None:
        self.rounds, self.regions = rounds, regions
        self.rounds_used = self.regions_used = 0


def solve(
    provider: RegionProvider, needs: Iterable[Need], budget: Budget, reporter: Reporter
) -> Solved:
    """Choose versions for one region.

    Raises Split where the region must be cut first, Unsolvable where there is no solution (or the
    rounds are spent). Uses up `budget`.
    """
    if budget.regions_used == budget.regions:
        raise Unsolvable(provider.region, (), History(), "regions")
    budget.regions_used += 1
    roots = provider.roots(needs)
    try:
        solved = _attempt(provider, roots, budget, reporter)
    except Circling:
        return _attempt(provider, roots, budget, reporter, thorough=True)
    except Unsolvable as error:
        second = None if error.gave_up else _second_look(provider, roots, budget)
        if second is None:
            raise
        return second
    if not _is_consistent(solved, provider):
        solved = _attempt(provider, roots, budget, reporter, thorough=True)
    return solved


def _attempt(
    provider: RegionProvider,
    roots: tuple[Ask, ...],
    budget: Budget,
    reporter: Reporter = SILENT,
    *,
    thorough: bool = False,
) -> Solved:
    limit = min(budget.rounds - budget.rounds_used, _MOST_ROUNDS)
    watcher = Watcher(provider, reporter, limit)
    resolution = (ThoroughEngine if thorough else Engine)(provider, watcher)
    provider.now = lambda: resolution.state
    provider.keeps_pins = thorough
    try:
        state = resolution.resolve(roots, max_rounds=watcher.limit)
    except ResolutionImpossible as error:
        raise Unsolvable(provider.region, error.causes, watcher.history) from None
    except (ResolutionTooDeep, Exhausted):
        raise Unsolvable(provider.region, (), watcher.history, "rounds") from None
    finally:
        budget.rounds_used += watcher.history.rounds
    return _needed(provider, roots, state.mapping)


def _second_look(provider: RegionProvider, roots: tuple[Ask, ...], budget: Budget) -> Solved | None:
    """Look for a solution that resolvelib jumped over, at limited cost."""
    few = Budget(min(_SECOND_LOOK, budget.rounds - budget.rounds_used), 1)
    try:
        return _attempt(provider, roots, few, thorough=True)
    except Unsolvable:
        return None
    finally:
        budget.rounds_used += few.rounds_used


def _needed(provider: RegionProvider, roots: tuple[Ask, ...], pins: Mapping[Key, Pin]) -> Solved:
    """Leave out what resolvelib decided for parents that it dropped again."""
    waiting = [ask.key for ask in roots]
    asks: dict[Key, tuple[Ask, ...]] = {}
    while waiting:
        key = waiting.pop()
        if key not in asks:
            asks[key] = provider.asks(pins[key])
            waiting.extend(ask.key for ask in asks[key])
    return Solved(provider.region, roots, {key: pins[key] for key in asks}, asks)


def _is_consistent(solved: Solved, provider: RegionProvider) -> bool:
    """Whether each pin meets what the others ask, and no pre-release is left of a dropped reason.

    resolvelib forgets what a pin asks when the pin has to change, and does not remember it if the
    reason for the change goes away (1.2.1; seen in one of 7,500 generated universes).
    """
    every = [ask for asks in (solved.roots, *solved.asks.values()) for ask in asks]
    if not all(ask.mask >> solved.pins[ask.key].at & 1 for ask in every):
        return False
    for key, pin in solved.pins.items():
        if key[1] is None and pin.version.is_prerelease:
            asks = [ask for ask in every if ask.key == key and ask.need.exactly is None]
            if not provider.sight.allowed(provider.sight.view(key[0]), asks) >> pin.at & 1:
                return False
    return True
