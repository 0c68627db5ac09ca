"""resolvelib's search, taught what it does not know: what is hopeless, and where to go back to.

Three things are set right here: resolvelib asks in every round whether each pin still satisfies;
it tries matches that are out of date; and when it takes a bold leap back, it may lose the state
that the search has to go on from.
"""

from collections.abc import Container, Iterator

from packaging.utils import NormalizedName
from resolvelib import BaseReporter
from resolvelib.resolvers import (
    Criterion,
    RequirementInformation,
    Resolution,
    ResolutionImpossible,
)
from resolvelib.structs import build_iter_view

from envsync.events import Reporter, Stage
from envsync.resolve.asks import Ask, Cause, Key, Matches, Pin, Split
from envsync.resolve.coarse import between
from envsync.resolve.provider import RegionProvider

_MOST_REJECTIONS = 1_000
"""How many are remembered, for explanations."""


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


class Exhausted(Exception):
    """No rounds are left."""


class Circling(Exception):
    """Two pins change each other for ever, without any collision."""


_LONGEST_CALM = 20
"""Rounds for each package that was asked for, after which that is what it must be."""
_UNASKED: Criterion[Ask, Pin] = Criterion((), [], [])


class Engine(Resolution[Ask, Pin, Key]):
    """resolvelib's resolution with the changes that this module is about."""

    def __init__(self, provider: RegionProvider, watcher: "Watcher") -> None:
        super().__init__(provider, watcher)
        self._provider = provider
        self._guilty: list[Pin | None] = []
        """Of these one must go, as far as that is known for sure; None stands for env.toml."""
        self._satisfied: dict[Key, tuple[Pin, Criterion[Ask, Pin]]] = {}

    def _attempt_to_pin_criterion(self, name: Key) -> list[Criterion[Ask, Pin]]:
        """Try versions, but not those that cannot fit as far as is known of them already."""
        criteria = self.state.criteria
        mine = criteria[name]
        matches = self._provider.matches_now(name) or Matches.of(mine).one()
        causes = [] if name[1] is None else [mine, *self._package_of(name)]
        mask, collisions = self._provider.sift(matches)
        for pin, ask in collisions:
            known = criteria.get(ask.key, _UNASKED)
            information = [*known.information, RequirementInformation(ask, pin)]
            collision = Criterion(known.candidates, information, known.incompatibilities)
            self._r.rejecting_candidate(collision, pin)
            causes.append(collision)
        if mask:
            criteria[name] = Criterion(
                build_iter_view(matches.only(mask)), mine.information, mine.incompatibilities
            )
            failed = super()._attempt_to_pin_criterion(name)
            if not failed:
                return []
            causes += failed
        self._guilty = self._provider.chances.condemn(name, criteria)
        if not self._guilty:
            # Nobody requires any more what only dropped versions did.
            keys = [next(one.iter_requirement()).key for one in causes if one.information]
            self._guilty = self._involved({name[0], *(key[0] for key in keys)})
        return causes

    def _package_of(self, extra: Key) -> Iterator[Criterion[Ask, Pin]]:
        if (package := self.state.criteria.get((extra[0], None))) is not None:
            yield package

    def _involved(self, names: Container[NormalizedName]) -> list[Pin | None]:
        """Who asks for these packages; nobody if other conflicts have a part in what is left."""
        if self._provider.keeps_pins:
            return []
        found: dict[Pin | None, None] = {}
        for key, criterion in self.state.criteria.items():
            if key[0] in names:
                if criterion.incompatibilities:
                    return []
                found.update(dict.fromkeys(criterion.iter_parent()))
        return list(found)

    def _backjump(self, causes: list[Cause]) -> bool:
        """Go back to the latest decision that had a part in it, where that is known for sure."""
        pins = {pin for pin in self._guilty if pin is not None}
        if self._guilty and not pins:
            raise ResolutionImpossible(causes)
        for at in range(len(self._states) - 2, 0, -1):
            if pins and next(reversed(self._states[at].mapping.values())) in pins:
                del self._states[at + 1 : -1]
                asked = [ask for pin in pins for ask in self._provider.asks(pin)]
                guilt = [RequirementInformation(ask, None) for ask in asked]
                return super()._backjump([*causes, *guilt])
        return super()._backjump(causes)

    def _rollback_states(self) -> None:
        """Return to how things stood before resolvelib's first bold leap.

        The states that it kept (1.2.1) end with one that has a pin, where the search needs a copy
        of it to work on; without one it could never undo that pin.
        """
        super()._rollback_states()
        self._push_new_state()

    def _is_current_pin_satisfying(self, name: Key, criterion: Criterion[Ask, Pin]) -> bool:
        """Whether the pin meets all requirements, which is asked in every round of every pin.

        That makes resolvelib quadratic. A pin that satisfied the same criterion before still does:
        criteria are never changed in place. Should a later resolvelib ask otherwise, this is only
        slower.
        """
        pin = self._states[-1].mapping.get(name)
        if pin is None:
            return False
        known = self._satisfied.get(name)
        if known is not None and known[1] is criterion and known[0] is pin:
            return True
        satisfies = super()._is_current_pin_satisfying(name, criterion)
        if satisfies:
            self._satisfied[name] = pin, criterion
        return satisfies


class ThoroughEngine(Engine):
    """The same without leaps: the last decision is undone first, and no pin is ever changed.

    resolvelib jumps back over decisions that had no part in a conflict, and sometimes over one that
    had (it does not add the reasons for which versions were excluded before). This finds every
    solution, if it is given the time.
    """

    def __init__(self, provider: RegionProvider, watcher: "Watcher") -> None:
        super().__init__(provider, watcher)
        self._optimistic_backjumping_ratio = 0.0

    def _backjump(self, causes: list[Cause]) -> bool:  # noqa: ARG002
        return super()._backjump([])


class Watcher(BaseReporter[Ask, Pin, Key]):
    """Keeps the history, counts collisions, and stops resolvelib where a collision is none."""

    def __init__(self, provider: RegionProvider, reporter: Reporter, limit: int) -> None:
        self._provider, self._reporter = provider, reporter
        self.limit = limit
        self.history = History()
        self._calm = 0
        """Rounds since the last collision."""

    def starting_round(self, index: int) -> None:  # noqa: ARG002 (resolvelib names it)
        """Count a round. Raises Circling."""
        self._count()
        self._calm += 1
        if self._calm > _LONGEST_CALM * (len(self._provider.order) + 1):
            raise Circling

    def adding_requirement(self, requirement: Ask, parent: Pin | None) -> None:
        """Remember who asked first."""
        self._provider.order.setdefault(requirement.key, len(self._provider.order))
        self.history.parents.setdefault(requirement.key, {})[parent] = requirement

    def pinning(self, candidate: Pin) -> None:
        """Report progress."""
        if candidate.key[1] is None:
            self._reporter.advance(Stage.RESOLVING, 1, repr(candidate))

    def rejecting_candidate(self, criterion: Criterion[Ask, Pin], candidate: Pin) -> None:
        """Remember a collision. Raises Split where no environment brings it about."""
        self._count()
        self._calm = 0
        causes = tuple(criterion.information)
        self._remember(causes, candidate)
        marker = between(self._provider.sight, causes, self._provider.now().criteria)
        if marker is not None:
            raise Split(marker, f"{candidate} collides with what it never meets")

    def _count(self) -> None:
        if self.history.rounds == self.limit:
            raise Exhausted
        self.history.rounds += 1

    def _remember(self, causes: tuple[Cause, ...], candidate: Pin) -> None:
        if len(self.history.rejections) < _MOST_REJECTIONS:
            self.history.rejections.append(causes)
        collided, counts = causes[-1].requirement.key[0], self.history.collisions
        counts[collided] = counts.get(collided, 0) + 1
        self._provider.rejected(candidate)
        for name in {collided, candidate.key[0]}:
            self._provider.conflicts[name] = self._provider.conflicts.get(name, 0) + 1
