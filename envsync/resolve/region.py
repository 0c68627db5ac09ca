"""Solve one region of marker space with resolvelib."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from resolvelib import BaseReporter
from resolvelib.resolvers import Criterion, Resolution, ResolutionImpossible, ResolutionTooDeep

from envsync.events import SILENT, Reporter
from envsync.model.marker import MarkerSet
from envsync.resolve.asks import Ask, Cause, Key, Pin, Split
from envsync.resolve.coarse import between
from envsync.resolve.needs import Need
from envsync.resolve.provider import RegionProvider

_SECOND_LOOK = 300
"""Rounds for it: generated universes of nine packages need 30."""
_MOST_REJECTIONS = 1_000
"""How many are remembered, for explanations."""


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
        self, region: MarkerSet, causes: Iterable[Cause], history: "History", gave_up: str = ""
    ) -> None:
        super().__init__("no solution")
        self.region, self.causes, self.history = region, tuple(causes), history
        self.gave_up = gave_up
        """What ran out ("rounds" or "regions") where that is why."""

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


class History:
    """What happened while one region was solved: who asked for what, and what collided."""

    def __init__(self) -> None:
        self.rounds = 0
        self.parents: dict[Key, dict[Pin | None, Ask]] = {}
        """Who asked for a package, in the order of asking."""
        self.collisions: dict[str, int] = {}
        """How often nothing was left of a package."""
        self.rejections: list[tuple[Cause, ...]] = []
        """What collided when a version was tried, the version's own requirement last."""


class _Exhausted(Exception):
    """No rounds are left."""


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
    except Unsolvable as error:
        second = None if error.gave_up else _second_look(provider, roots, budget)
        if second is None:
            raise
        return second
    if not _is_consistent(solved):
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
    watcher = _Watcher(provider, reporter, budget.rounds - budget.rounds_used)
    resolution = (_Thorough if thorough else _Resolution)(provider, watcher)
    provider.now = lambda: resolution.state
    provider.keeps_pins = thorough
    try:
        state = resolution.resolve(roots, max_rounds=watcher.limit)
    except ResolutionImpossible as error:
        raise Unsolvable(provider.region, error.causes, watcher.history) from None
    except (ResolutionTooDeep, _Exhausted):
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


def _is_consistent(solved: Solved) -> bool:
    """Whether each pin meets what the others ask.

    resolvelib forgets what a pin asks when the pin has to change, and does not remember it if the
    reason for the change goes away (1.2.1; seen in one of 7,500 generated universes).
    """
    every = (ask for asks in (solved.roots, *solved.asks.values()) for ask in asks)
    return all(ask.mask >> solved.pins[ask.key].at & 1 for ask in every)


class _Resolution(Resolution[Ask, Pin, Key]):
    """resolvelib's resolution, which asks in every round anew whether each pin still satisfies.

    That makes it quadratic. A pin that satisfied the same criterion before still does: criteria are
    never changed in place. Should a later resolvelib ask otherwise, this is only slower.
    """

    def __init__(self, provider: RegionProvider, watcher: "_Watcher") -> None:
        super().__init__(provider, watcher)
        self._satisfied: dict[Key, tuple[Pin | None, Criterion[Ask, Pin]]] = {}

    def _is_current_pin_satisfying(self, name: Key, criterion: Criterion[Ask, Pin]) -> bool:
        known = self._satisfied.get(name)
        pin = self._states[-1].mapping.get(name)
        if known is not None and known[1] is criterion and known[0] is pin:
            return True
        satisfies = super()._is_current_pin_satisfying(name, criterion)
        if satisfies:
            self._satisfied[name] = pin, criterion
        return satisfies


class _Thorough(_Resolution):
    """The same without leaps: the last decision is undone first, and no pin is ever changed.

    resolvelib jumps back over decisions that had no part in a conflict, and sometimes over one that
    had (it does not add the reasons for which versions were excluded before). This finds every
    solution, if it is given the time.
    """

    def __init__(self, provider: RegionProvider, watcher: "_Watcher") -> None:
        super().__init__(provider, watcher)
        self._optimistic_backjumping_ratio = 0.0

    def _backjump(self, causes: list[Cause]) -> bool:  # noqa: ARG002
        return super()._backjump([])


class _Watcher(BaseReporter[Ask, Pin, Key]):
    """Keeps the history, counts collisions, and stops resolvelib where a collision is none."""

    def __init__(self, provider: RegionProvider, reporter: Reporter, limit: int) -> None:
        self._provider, self._reporter = provider, reporter
        self.limit = limit
        self.history = History()

    def starting_round(self, index: int) -> None:  # noqa: ARG002 (resolvelib names it)
        self._count()

    def adding_requirement(self, requirement: Ask, parent: Pin | None) -> None:
        self._provider.order.setdefault(requirement.key, len(self._provider.order))
        self.history.parents.setdefault(requirement.key, {})[parent] = requirement

    def pinning(self, candidate: Pin) -> None:
        if candidate.key[1] is None:
            self._reporter.advance("resolving", 1, repr(candidate))

    def rejecting_candidate(self, criterion: Criterion[Ask, Pin], candidate: Pin) -> None:
        self._count()
        causes = tuple(criterion.information)
        self._remember(causes, candidate)
        marker = between(self._provider.sight, causes, self._provider.now().criteria)
        if marker is not None:
            raise Split(marker, f"{candidate} collides with what it never meets")

    def _count(self) -> None:
        if self.history.rounds == self.limit:
            raise _Exhausted
        self.history.rounds += 1

    def _remember(self, causes: tuple[Cause, ...], candidate: Pin) -> None:
        if len(self.history.rejections) < _MOST_REJECTIONS:
            self.history.rejections.append(causes)
        collided, counts = causes[-1].requirement.key[0], self.history.collisions
        counts[collided] = counts.get(collided, 0) + 1
        self._provider.rejected(candidate)
        for name in {collided, candidate.key[0]}:
            self._provider.conflicts[name] = self._provider.conflicts.get(name, 0) + 1
