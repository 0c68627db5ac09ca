"""Search one region for pins that meet all requirements: decide, collide, jump back, and learn.

A state has the pins so far and a criterion for each package that is required. Each round pins one
package more, or changes a pin that no longer meets what is required of it. Where no version can be
pinned, decisions are undone back to one that had a part in it; what was tried there is excluded
from then on, as long as the decisions before it stand.
"""

from collections.abc import Container, Iterable, Sequence
from itertools import chain

from packaging.utils import NormalizedName

from envsync.events import Reporter, Stage
from envsync.resolve.agenda import Agenda
from envsync.resolve.criteria import Cause, Criterion, Pins, State, put_back
from envsync.resolve.fork_points import keeping_apart
from envsync.resolve.provider import RegionProvider
from envsync.resolve.region_view import ForkNeeded, PackageKey, Pin, RegionRequirement

_MOST_REJECTIONS = 1_000
"""How many are remembered, for explanations."""
_LONGEST_CALM = 20
"""Rounds without any collision, for each package that was asked for, after which two pins must be
changing each other for ever."""
_SHARE_OF_LEAPS = 0.1
"""The part of the rounds that are left which may be spent on what a leap led to. A leap that is
right saves thousands of rounds; one that is wrong costs this much, once."""


class History:
    """What happened while one region was searched: who asked for what, and what collided."""

    def __init__(self) -> None:
        self.rounds = 0
        """Decisions and vain tries."""
        self.parents: dict[PackageKey, dict[Pin | None, RegionRequirement]] = {}
        """Who asked for a package, in the order of asking."""
        self.collisions: dict[NormalizedName, int] = {}
        """How often nothing was left of a package."""
        self.rejections: list[tuple[Cause, ...]] = []
        """What collided when a version was tried, the version's own requirement last."""


class Impossible(Exception):
    """Raised inside the resolver: nothing is left to be decided otherwise."""

    def __init__(self, causes: Sequence[Cause]) -> None:
        super().__init__("no solution")
        self.causes = causes


class Exhausted(Exception):
    """Raised inside the resolver: no rounds are left."""


class Circling(Exception):
    """Raised inside the resolver: two pins change each other for ever, without any collision."""


class Search:
    """One search through a region; `run` it once.

    It leaps over decisions that had no part in a collision, as far as the colliding requirements
    tell: sometimes over one that had, as why versions were excluded before is not among them. A
    thorough search undoes the last decision first and changes no pin. It finds every solution, if
    it is given the time.
    """

    def __init__(
        self, provider: RegionProvider, reporter: Reporter, limit: int, *, is_thorough: bool = False
    ) -> None:
        self.history = History()
        self._provider, self._reporter, self._limit = provider, reporter, limit
        self._is_thorough = is_thorough
        self._states = [State({}, {})]
        """The last one is worked on. The one before it is the same without what this round did,
        and each before that without the latest pin of the one after it; the first has no pin."""
        self._conflict_set: Sequence[Pin | None] = ()
        """Of these one must go, as far as that is known for sure; None stands for env.toml."""
        self._agenda: Agenda | None = None
        """None where it has to be found out by asking about every pin."""
        self._round = -1
        self._calm = 0
        """Rounds since the last collision."""
        self._may_leap = not is_thorough
        self._before_leaps: list[State] = []
        """The states before the first leap, to go on from where leaps led nowhere."""
        self._leaps_end = 0
        """The round in which leaps that led to no solution are taken back."""

    def run(self, roots: Iterable[RegionRequirement]) -> Pins:
        """Give pins that meet everything that is required.

        Raises Impossible where there are none, Exhausted, Circling, and ForkNeeded where the
        region must be cut first.
        """
        for requirement in roots:
            if conflict := self._require(self._state.criteria, requirement, None):
                raise Impossible(conflict)
        self._push()
        while True:
            self._start_round()
            if self._before_leaps and self._round >= self._leaps_end:
                self._take_leaps_back()
                continue
            if self._agenda is None:
                criteria = self._state.criteria
                self._agenda = Agenda(key for key in criteria if not self._is_satisfied(key))
            if not self._agenda:
                return self._state.pins
            key = self._agenda.next(self._state, self._provider)
            if causes := self._pin(key):
                self._agenda = None
                self._recover(causes)
            else:
                self._agenda = self._after(self._agenda, key)
                self._push()

    @property
    def _state(self) -> State:
        return self._states[-1]

    @property
    def _kept(self) -> Pins:
        """The pins that no requirement may change."""
        return self._state.pins if self._is_thorough else {}

    def _push(self) -> None:
        self._states.append(self._state.copy())

    def _start_round(self) -> None:
        self._count()
        self._round += 1
        self._calm += 1
        if self._calm > _LONGEST_CALM * (len(self._provider.order) + 1):
            raise Circling

    def _count(self) -> None:
        if self.history.rounds == self._limit:
            raise Exhausted
        self.history.rounds += 1

    # -- deciding -----------------------------------------------------------------------------

    def _is_satisfied(self, key: PackageKey) -> bool:
        """Whether a package is pinned to a version that meets all its requirements."""
        state = self._state
        pin, criterion = state.pins.get(key), state.criteria[key]
        if pin is None:
            return False
        return all(self._provider.satisfies(pin, cause.requirement) for cause in criterion.causes)

    def _pin(self, key: PackageKey) -> tuple[Cause, ...]:
        """Try the versions that may fit, as far as is known of them; give what collided, if all do.

        What fits is asked again: who required something may be gone since the criterion was made,
        and an extra's criterion isn't made anew when something is required of its package.
        """
        criteria = self._state.criteria
        criterion = criteria[key]
        matches = self._provider.matches(key, criteria, self._kept)
        matches = matches or criterion.matches.most_wanted()
        conflicts = []
        if key.extra is not None:
            package = criteria.get(PackageKey(key.name))
            conflicts = [criterion.causes, package.causes if package else ()]
        mask, collisions = self._provider.prune(matches, criteria, self._kept)
        for pin, requirement in collisions:
            known = criteria.get(requirement.key)
            conflict = (*(known.causes if known else ()), Cause(requirement, pin))
            self._reject(conflict, pin)
            conflicts.append(conflict)
        if mask:
            criteria[key] = criterion._replace(matches=matches.only(mask))
            failed = self._try_versions(key)
            if not failed:
                return ()
            conflicts += failed
        self._conflict_set = self._blame(key, conflicts)
        return tuple(dict.fromkeys(chain.from_iterable(conflicts)))

    def _try_versions(self, key: PackageKey) -> list[tuple[Cause, ...]]:
        """Pin the most wanted version with which nothing collides; else give the collisions."""
        state = self._state
        conflicts = []
        for pin in state.criteria[key].matches.pins():
            if conflict := self._require_all(pin):
                self._reject(conflict, pin)
                conflicts.append(conflict)
                continue
            if key.extra is None:
                self._reporter.advance(Stage.RESOLVING, 1, repr(pin))
            state.pins.pop(key, None)
            state.pins[key] = pin
            return []
        return conflicts

    def _require_all(self, pin: Pin) -> tuple[Cause, ...]:
        """Add what a version requires; or give what collides, with everything as it was."""
        criteria = self._state.criteria
        before: dict[PackageKey, Criterion | None] = {}
        for requirement in self._provider.dependencies(pin, criteria):
            before.setdefault(requirement.key, criteria.get(requirement.key))
            if conflict := self._require(criteria, requirement, pin):
                put_back(criteria, before)
                return conflict
        return ()

    def _require(
        self,
        criteria: dict[PackageKey, Criterion],
        requirement: RegionRequirement,
        parent: Pin | None,
    ) -> tuple[Cause, ...]:
        """Add a requirement to criteria; or give what collides where it leaves nothing."""
        key, cause = requirement.key, Cause(requirement, parent)
        self._provider.order.setdefault(key, len(self._provider.order))
        self.history.parents.setdefault(key, {})[parent] = requirement
        if requirement.reason:
            return (cause,)
        known = criteria.get(key)
        causes = (*known.causes, cause) if known else (cause,)
        matches = self._provider.matches(key, criteria, self._kept, added=requirement)
        if not matches:
            return causes
        criteria[key] = Criterion(matches, causes, known.excluded if known else 0)
        return ()

    def _after(self, agenda: Agenda, key: PackageKey) -> Agenda | None:
        """What is to be decided now that a package has a new pin, or its first one."""
        pins = self._state.pins
        changing = set()
        for requirement in self._provider.requirements(pins[key]):
            one = requirement.key
            is_new = one not in agenda
            agenda.add(one)
            if is_new and one in pins:
                if self._provider.satisfies(pins[one], requirement):
                    agenda.remove(one)
                else:
                    changing.add(one)
        (agenda.remove if self._is_satisfied(key) else agenda.add)(key)
        if changing:
            self._forget(changing)
        return None if changing else agenda

    def _forget(self, changing: Container[PackageKey]) -> None:
        """Forget what pins require that the last one made invalid."""
        criteria = self._state.criteria
        for key, criterion in criteria.items():
            kept = tuple(
                cause
                for cause in criterion.causes
                if cause.parent is None or cause.parent.key not in changing
            )
            if len(kept) < len(criterion.causes):
                criteria[key] = criterion._replace(causes=kept)

    # -- colliding ----------------------------------------------------------------------------

    def _reject(self, causes: tuple[Cause, ...], pin: Pin) -> None:
        """Remember a collision. Raises ForkNeeded where no environment brings it about."""
        self._count()
        self._calm = 0
        if len(self.history.rejections) < _MOST_REJECTIONS:
            self.history.rejections.append(causes)
        collided, counts = causes[-1].requirement.key.name, self.history.collisions
        counts[collided] = counts.get(collided, 0) + 1
        self._provider.reject(pin, collided)
        if self._agenda is not None:
            self._agenda.forget_ranks()
        # What no environment brings together says nothing against a version: the region is cut
        # instead.
        marker = keeping_apart(self._provider.view, causes, self._state.criteria)
        if marker is not None:
            raise ForkNeeded(marker, f"{pin} collides with what it never meets")

    def _blame(
        self, key: PackageKey, conflicts: Iterable[tuple[Cause, ...]]
    ) -> Sequence[Pin | None]:
        """Of whom one must go, now that no version of a package could be pinned."""
        guilty = self._provider.nogoods.propagate(key, self._state.criteria)
        if guilty or self._is_thorough:
            return guilty
        # Nobody requires any more what only dropped versions did.
        collided = (causes[0].requirement.key.name for causes in conflicts if causes)
        return self._involved({key.name, *collided})

    def _involved(self, names: Container[NormalizedName]) -> Sequence[Pin | None]:
        """Who requires these packages; nobody if other conflicts have a part in what is left."""
        parents: dict[Pin | None, None] = {}
        for key, criterion in self._state.criteria.items():
            if key.name in names:
                if criterion.excluded:
                    return ()
                parents.update(dict.fromkeys(cause.parent for cause in criterion.causes))
        return tuple(parents)

    # -- going back ---------------------------------------------------------------------------

    def _recover(self, causes: tuple[Cause, ...]) -> None:
        """Go back to where something can be decided otherwise. Raises Impossible."""
        try:
            if not self._go_back(() if self._is_thorough else causes):
                raise Impossible(causes)
        except Impossible:
            if not self._before_leaps:
                raise
            self._take_leaps_back()
        else:
            # What has just collided is decided next (`Agenda.next`).
            self._states[-1] = self._state._replace(causes=causes)

    def _go_back(self, causes: Sequence[Cause]) -> bool:
        """Go back to the latest decision that had a part in it, where that is known for sure."""
        guilty = [pin for pin in self._conflict_set if pin is not None]
        if self._conflict_set and not guilty:
            raise Impossible(causes)
        for at in range(len(self._states) - 2, 0, -1):
            if next(reversed(self._states[at].pins.values())) in guilty:
                # The last one stays, to be dropped there as after every collision.
                del self._states[at + 1 : -1]
                theirs = (one for pin in guilty for one in self._provider.requirements(pin))
                return self._backjump([*causes, *(Cause(one, None) for one in theirs)])
        return self._backjump(causes)

    def _backjump(self, causes: Sequence[Cause]) -> bool:
        """Undo decisions until one is found that had a part in a collision, and exclude its pin.

        Nothing could be pinned in the last state, Z. The one before, Y, has the latest pin; the
        one before that, X, is as Y was before it had that pin:

            X  ->  Y  ->  Z

        Z is dropped, then Y, and so on down to the pin that is to go. A copy of the X below it
        takes over all exclusions of its Y, and the pin. If that leaves nothing of some package,
        that copy is the new Z. False where no decision is left.
        """
        keys = {cause.requirement.key for cause in causes}
        keys.update(cause.parent.key for cause in causes if cause.parent is not None)
        while len(self._states) >= 3:
            del self._states[-1]
            undone, pin = self._undo(keys, causes)
            excluded = [(key, criterion.excluded) for key, criterion in undone.criteria.items()]
            self._push()
            if self._exclude([*excluded, (pin.key, 1 << pin.at)]):
                return True
        return False

    def _undo(self, keys: set[PackageKey], causes: Sequence[Cause]) -> tuple[State, Pin]:
        """Drop states up to one whose pin had a part in a collision of these packages.

        The first state is never dropped, nor a pin leapt over if no other stands.
        """
        while True:
            undone = self._states.pop()
            _, pin = undone.pins.popitem()
            has_part = pin.key in keys
            if not self._may_leap and not has_part:
                return undone, pin
            if self._may_leap and not has_part and not self._before_leaps:
                self._remember_before_leaps()
            required = self._provider.dependencies(pin, self._state.criteria)
            if not keys.isdisjoint(one.key for one in required) or not undone.pins:
                return undone, pin
            if len(self._states) <= 1:
                raise Impossible(causes)

    def _exclude(self, exclusions: Iterable[tuple[PackageKey, int]]) -> bool:
        """Exclude versions where their package is required; False if that leaves nothing of one."""
        criteria = self._state.criteria
        for key, mask in exclusions:
            criterion = criteria.get(key)
            if not mask or criterion is None:
                continue
            matches = self._provider.matches(key, criteria, self._kept, excluded=mask)
            if not matches:
                return False
            criteria[key] = Criterion(matches, criterion.causes, criterion.excluded | mask)
        return True

    def _remember_before_leaps(self) -> None:
        self._before_leaps = [state.copy() for state in self._states]
        following = self._round + 1
        self._leaps_end = following + int((self._limit - following) * _SHARE_OF_LEAPS)

    def _take_leaps_back(self) -> None:
        """Go on from where things stood before the first leap, and leap no more.

        The states end with one that has a pin; a copy of it is worked on, so that the pin can be
        undone.
        """
        self._may_leap, self._agenda = False, None
        self._states, self._before_leaps = self._before_leaps, []
        self._push()
