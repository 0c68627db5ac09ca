"""Answer resolvelib's questions for one region of marker space.

resolvelib keeps no memory of conflicts. What helps it here: sets of versions are bits, so finding
matches is cheap; packages that collided come first; what can never be used in the region is not
tried twice; and a requirement that cannot be met is shown first, so that a vain try costs little.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import attrgetter, methodcaller

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from resolvelib import AbstractProvider
from resolvelib.structs import IteratorMapping, State

from envsync.model.marker import MarkerSet
from envsync.resolve.asks import NOTHING, Ask, Cause, Impossible, Key, Matches, Pin
from envsync.resolve.chances import Chances
from envsync.resolve.coarse import check_conditions, check_pythons, check_siblings
from envsync.resolve.needs import Need, Refused
from envsync.resolve.offer import Offer
from envsync.resolve.rejections import LacksExtra, NoCoveredPython, OutsideRegion
from envsync.resolve.sight import Preferences, Sight
from envsync.resolve.versions import bits_of
from envsync.resolve.world import World

_PATIENCE = 2
"""Versions of a package that are tried in vain before the next ones are looked up side by side."""


class RegionProvider(AbstractProvider[Ask, Pin, Key]):
    """What resolvelib asks about one region: matches, dependencies, and what to decide next."""

    def __init__(
        self,
        world: World,
        region: MarkerSet,
        followed: Preferences,
        locked: Preferences,
        *,
        is_last_resort: bool = False,
    ) -> None:
        self.world, self.region = world, region
        self.sight = Sight(world, region, followed, locked, is_last_resort=is_last_resort)
        self.now: Callable[[], State[Ask, Pin, Key]] = lambda: State({}, {}, [])
        """The pins and the requirements that hold at the moment; set when resolvelib starts."""
        self.chances = Chances(self.sight)
        self.keeps_pins = False
        """Whether a requirement that a pin does not meet is a conflict: else the pin changes."""
        self.conflicts: dict[NormalizedName, int] = {}
        """How often a package took part in a collision."""
        self.order: dict[Key, int] = {}
        """In which order packages were first asked for."""
        self.vain: set[Pin] = set()
        """What could not be pinned once."""
        self._vain_count: dict[Key, int] = {}
        self._asks: dict[Pin, tuple[Ask, ...]] = {}
        self._read_pins: dict[Key, list[Pin]] = {}
        """The keys of `_asks` by package."""
        self._extras: dict[NormalizedName, dict[Key, None]] = {}
        self._offers_extra: dict[Key, bool] = {}

    def roots(self, needs: Iterable[Need]) -> tuple[Ask, ...]:
        """What env.toml asks in this region. Raises Split as `get_dependencies` does."""
        here = tuple(needs)
        self.sight.direct = frozenset(need.name for need in here)
        asks = self._read(here)
        self.chances.begin(asks)
        return asks

    def identify(self, requirement_or_candidate: Ask | Pin) -> Key:
        """The package or extra that a requirement or version belongs to."""
        return requirement_or_candidate.key

    def find_matches(
        self,
        identifier: Key,
        requirements: Mapping[Key, Iterator[Ask]],
        incompatibilities: Mapping[Key, Iterator[Pin]],
    ) -> Sequence[Pin]:
        """The versions that meet all requirements, most wanted first.

        An extra also heeds what is asked of its package: both get one version.
        """
        if identifier == NOTHING:
            return ()
        name, extra = identifier
        view = self.sight.view(name)
        asks = list(requirements[identifier])
        excluded = list(incompatibilities[identifier])
        if extra is not None and (name, None) in requirements:
            asks += requirements[name, None]
            excluded += incompatibilities[name, None]
        left = -1
        for pin in excluded:
            left &= ~(1 << pin.at)
        for key in self._bound(identifier, requirements):
            left &= ~self.chances.hopeless.get(key, 0)
        if self.keeps_pins and (kept := self.now().mapping.get(identifier)) is not None:
            left &= 1 << kept.at
        allowed, possible = self.sight.allowed(view, asks), self.sight.meeting(view, asks)
        return Matches(view, identifier, allowed & left, possible & left, self.chances.among)

    def matches_now(self, key: Key) -> Matches:
        """The versions that meet what is asked as things stand.

        resolvelib looks when something is asked. It does not look again when whoever asked is
        dropped, nor for an extra when something is asked of its package.
        """
        criteria = self.now().criteria
        matches = self.find_matches(
            key,
            IteratorMapping(criteria, methodcaller("iter_requirement")),
            IteratorMapping(criteria, attrgetter("incompatibilities")),
        )
        return matches if isinstance(matches, Matches) else Matches.of(criteria[key])

    def sift(self, matches: Matches) -> tuple[int, list[tuple[Pin, Ask]]]:
        """Tell which versions may fit the present requirements, from what is known of them.

        Also gives, for each package (and marker) on which others collide, one that does.
        """
        mask, asked = matches.mask, self.now().criteria
        collisions: dict[object, tuple[Pin, Ask]] = {}
        possible: dict[Key, int] = {}
        for pin in self._read_pins.get(matches.key, ()):
            if not mask >> pin.at & 1:
                continue
            for ask in self._asks[pin]:
                if ask.key in asked and ask.key not in possible:
                    possible[ask.key] = self.matches_now(ask.key).possible
                if ask.reason or not possible.get(ask.key, -1) & ask.mask:
                    mask ^= 1 << pin.at
                    collisions.setdefault((ask.key, ask.marker), (pin, ask))
                    break
        return mask, list(collisions.values())

    def is_satisfied_by(self, requirement: Ask, candidate: Pin) -> bool:
        """Whether a version meets a requirement, on all Pythons for which it is asked."""
        at = candidate.at
        if not requirement.mask >> at & 1:
            return False
        if not self.sight.view(candidate.key[0]).partial >> at & 1:
            return True
        return requirement.marker.implies(self._pythons(candidate))

    def get_dependencies(self, candidate: Pin) -> Sequence[Ask]:
        """What a version asks for in this region.

        Raises Split where the version is not for all Pythons that it is asked for, or is older than
        it need be for some.
        """
        asks = self.asks(candidate)
        if candidate.offer.refused >> candidate.at & 1:
            return asks
        if (criterion := self.now().criteria.get(candidate.key)) is not None:
            self._check(candidate, list(criterion.iter_requirement()))
        return self._colliding_first(candidate, asks)

    def _check(self, pin: Pin, asks: Sequence[Ask]) -> None:
        if self.sight.view(pin.key[0]).partial >> pin.at & 1:
            check_pythons(pin, asks, self._pythons(pin))
        check_conditions(self.sight, pin, asks)

    def asks(self, pin: Pin) -> tuple[Ask, ...]:
        """What a version asks for, whatever else holds."""
        asks = self._asks.get(pin)
        if asks is None:
            abandoned = self.chances.why_abandoned(pin.key[0])
            asks = (Impossible(abandoned),) if abandoned else self._dependencies(pin)
            self._asks[pin] = asks
            self._read_pins.setdefault(pin.key, []).append(pin)
        return asks

    def narrow_requirement_selection(
        self,
        identifiers: Iterable[Key],
        resolutions: Mapping[Key, Pin],
        candidates: Mapping[Key, Iterator[Pin]],  # noqa: ARG002 (resolvelib names them)
        information: Mapping[Key, Iterator[Cause]],  # noqa: ARG002
        backtrack_causes: Sequence[Cause],
    ) -> Iterable[Key]:
        """What to decide next: one key, so that `get_preference` need not be asked for each.

        An extra of a decided package; else what has just collided; of these what has no choice,
        then what collides most, then what was asked for first.
        """
        keys = list(identifiers)
        for key in keys:
            if key[1] is not None and (key[0], None) in resolutions:
                return [key]
        if backtrack_causes:
            causes = {cause.requirement.key for cause in backtrack_causes}
            causes.update(cause.parent.key for cause in backtrack_causes if cause.parent)
            keys = [key for key in keys if key in causes] or keys
        return [min(keys, key=self._rank)]

    def get_preference(
        self,
        identifier: Key,
        resolutions: Mapping[Key, Pin],  # noqa: ARG002 (resolvelib names them)
        candidates: Mapping[Key, Iterator[Pin]],  # noqa: ARG002
        information: Mapping[Key, Iterator[Cause]],  # noqa: ARG002
        backtrack_causes: Sequence[Cause],  # noqa: ARG002
    ) -> tuple[bool, int, int]:
        """See `narrow_requirement_selection`."""
        return self._rank(identifier)

    def _rank(self, key: Key) -> tuple[bool, int, int]:
        has_choice = Matches.of(self.now().criteria[key]).has_choice
        return has_choice, -self.conflicts.get(key[0], 0), self.order[key]

    def rejected(self, pin: Pin) -> None:
        """A version could not be pinned; after a few of them the next ones are looked up ahead."""
        self.vain.add(pin)
        count = self._vain_count[pin.key] = self._vain_count.get(pin.key, 0) + 1
        if count >= _PATIENCE and count & (count - 1) == 0:
            view = self.sight.view(pin.key[0])
            older = view.fit & ~((2 << pin.at) - 1 if view.lowest else -1 << pin.at)
            ahead = bits_of(view.best(older), lowest=view.lowest)
            self.world.expect_metadata(view.offer, islice(ahead, 2 * count))

    def _bound(self, key: Key, requirements: Mapping[Key, Iterator[Ask]]) -> Iterator[Key]:
        """The keys that get one version with this one: a package and its extras."""
        name, extra = key
        yield key
        if extra is not None:
            yield name, None
        for other in self._extras.get(name, ()):
            if other != key and other in requirements:
                yield other

    def _colliding_first(self, pin: Pin, asks: Sequence[Ask]) -> Sequence[Ask]:
        """Put a requirement that cannot be met at the front, so that trying it costs little.

        A version with a requirement that nothing in the region meets, or that env.toml's own
        exclude, is not tried again.
        """
        criteria = self.now().criteria
        for ask in asks:
            if ask.reason:
                return asks
            if not self.chances.of(ask):
                self.chances.give_up(pin, ask)
                return (ask, *(one for one in asks if one is not ask))
            known = criteria.get(ask.key)
            if known is not None and not Matches.of(known).mask & ask.mask:
                return (ask, *(one for one in asks if one is not ask))
        return asks

    # -- what is asked -----------------------------------------------------------------------

    def _dependencies(self, pin: Pin) -> tuple[Ask, ...]:
        offer, at = pin.offer, pin.at
        try:
            needs = self.world.needs(offer, at, pin.key[1])
            pythons = self._pythons(pin)
        except Refused as refused:
            offer.refuse(at, refused.reason)
            return (Impossible(refused.reason),)
        if pythons.is_disjoint(self.region):
            return (Impossible(OutsideRegion(pythons)),)
        if self.world.turns_out_unclaimed(offer, at):
            self.sight.has_held_back = True
            return (Impossible(NoCoveredPython()),)
        if not self.region.implies(pythons):
            self.sight.view(offer.name).partial |= 1 << at
        if reason := self._lacks_extra(pin):
            return (Impossible(reason),)
        return self._read(needs, pin)

    def _pythons(self, pin: Pin) -> MarkerSet:
        """Where a version may be used; as a last resort also where it has no wheel.

        Raises Refused for metadata that cannot be read.
        """
        with_wheel = self.world.pythons(pin.offer, pin.at)
        if not with_wheel.is_disjoint(self.region):
            return with_wheel
        without = self.world.pythons(pin.offer, pin.at, with_wheel=False)
        if self.sight.is_last_resort:
            return without
        self.sight.has_held_back |= not without.is_disjoint(self.region)
        return with_wheel

    def _lacks_extra(self, pin: Pin) -> LacksExtra | None:
        """The reason for not taking a version without an extra, if a more wanted one has it."""
        extra = pin.key[1]
        if extra is None:
            return None
        has_extra = extra in self.world.metadata(pin.offer, pin.at).provides_extra
        most_wanted_has_it = self._offers_extra.setdefault(pin.key, has_extra)
        if has_extra or not most_wanted_has_it:
            return None
        return LacksExtra(extra)

    def _read(self, needs: Sequence[Need], parent: Pin | None = None) -> tuple[Ask, ...]:
        """The requirements that count in this region. Raises Split where siblings differ by it."""
        here = [(need, need.marker & self.region) for need in needs]
        here = [(need, marker) for need, marker in here if not marker.is_never()]
        for need, _ in here:
            if not self.sight.knows(need.name):
                self.world.expect(need.name, need.specifier)
        asks: list[Ask] = []
        for need, marker in here:
            offer = self.sight.view(need.name).offer
            asks.append(Ask(need, marker, offer))
            if need.extra is not None:
                self._extras.setdefault(need.name, {})[need.name, need.extra] = None
            if need.extra is None and need.exactly is None:
                asks.extend(self._required(need, marker, offer))
        check_siblings(self.sight, asks, parent)
        return tuple(asks)

    def _required(self, need: Need, marker: MarkerSet, offer: Offer) -> Iterator[Ask]:
        """Rule versions out that have no wheel for a required environment, where it counts."""
        for environment in self.world.policy.required_environments:
            where = marker & environment
            if not where.is_never() and (lacking := self.world.lacking(offer, environment)):
                origin = self.world.policy.place("lock.required-environments")
                wheel = need._replace(specifier=SpecifierSet(), origin=origin)
                ask = Ask(wheel, where, offer)
                ask.mask &= ~lacking
                yield ask
