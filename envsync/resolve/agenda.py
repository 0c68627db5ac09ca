"""Keep what the search has to decide, and tell what comes next."""

from collections.abc import Collection, Iterable
from typing import TypeAlias

from envsync.resolve.criteria import State
from envsync.resolve.provider import RegionProvider
from envsync.resolve.region_view import PackageKey

_Rank: TypeAlias = tuple[bool, int, int]


class Agenda:
    """The packages without a pin that meets all that is required of them, in one state.

    Most of them stay the same from round to round, and so do their ranks.
    """

    def __init__(self, keys: Iterable[PackageKey]) -> None:
        self._keys = set(keys)
        self._extras = {key for key in self._keys if key.extra is not None}
        self._ranks: dict[PackageKey, _Rank] = {}

    def __bool__(self) -> bool:
        return bool(self._keys)

    def __contains__(self, key: PackageKey) -> bool:
        return key in self._keys

    def add(self, key: PackageKey) -> None:
        """Something new is required of a package."""
        self._keys.add(key)
        if key.extra is not None:
            self._extras.add(key)
        self._ranks.pop(key, None)

    def remove(self, key: PackageKey) -> None:
        """A package has its pin."""
        self._keys.discard(key)
        self._extras.discard(key)
        self._ranks.pop(key, None)

    def forget_ranks(self) -> None:
        """Packages have collided, which counts."""
        self._ranks.clear()

    def next(self, state: State, provider: RegionProvider) -> PackageKey:
        """What to decide next; there is something.

        An extra of a decided package, that which was required first; else what has just collided;
        of these what has no choice, then what collides most, then what was asked for first.
        """
        keys: Collection[PackageKey] = self._keys
        if len(keys) == 1:
            return next(iter(keys))
        pins, criteria = state.pins, state.criteria
        extras = {key for key in self._extras if PackageKey(key.name) in pins}
        if extras:
            return next(key for key in (extras if len(extras) == 1 else criteria) if key in extras)
        if state.causes:
            collided = {cause.requirement.key for cause in state.causes}
            collided.update(cause.parent.key for cause in state.causes if cause.parent)
            keys = self._keys & collided or keys
        ranks = self._ranks
        for key in keys - ranks.keys():
            has_choice = criteria[key].matches.has_choice
            ranks[key] = has_choice, -provider.conflicts.get(key.name, 0), provider.order[key]
        return min(keys, key=ranks.__getitem__)
