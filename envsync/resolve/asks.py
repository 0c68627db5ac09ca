"""The values that resolvelib juggles in one region: requirements as sets of versions, and pins."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import overload

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version
from resolvelib.resolvers import Criterion, RequirementInformation

from envsync.model.candidate import Candidate
from envsync.model.marker import NEVER, MarkerSet
from envsync.resolve.needs import Need
from envsync.resolve.offer import Offer
from envsync.resolve.rejections import RegionReason
from envsync.resolve.versions import bits_of, first_bit

Key = tuple[NormalizedName, NormalizedName | None]
"""A package, or one of its extras."""
Cause = RequirementInformation["Ask", "Pin"]
"""A requirement and who has it; the parent is None for env.toml."""
Criteria = Mapping[Key, Criterion["Ask", "Pin"]]
"""The requirements on each package at some moment."""


class Ask:
    """A need in a region: the versions that it accepts, and the part of the region it holds in."""

    __slots__ = ("key", "marker", "mask", "need", "offer", "pinned", "reason")

    def __init__(self, need: Need, marker: MarkerSet, offer: Offer) -> None:
        self.key: Key = (need.name, need.extra)
        self.need, self.marker, self.offer = need, marker, offer
        self.reason: RegionReason | None = None
        """Why nothing can meet it, where it stands for a version that cannot be used."""
        table = offer.table
        if need.exactly is None:
            self.mask = table.accepted(need.specifier)
            self.pinned = table.pinned(need.specifier) if offer.yanked else 0
        else:
            at = table.position(need.exactly)
            self.mask = self.pinned = 0 if at is None else 1 << at


class Pin:
    """A version of a package, or of one of its extras."""

    __slots__ = ("at", "key", "offer")

    def __init__(self, key: Key, offer: Offer, at: int) -> None:
        self.key, self.offer, self.at = key, offer, at

    @property
    def candidate(self) -> Candidate:
        """The version's files."""
        return self.offer.candidates[self.at]

    @property
    def version(self) -> Version:
        """The version it stands for."""
        return self.offer.version(self.at)

    def __repr__(self) -> str:
        return f"{self.key[0]} {self.version}"


class View:
    """A project's offer as one region sees it."""

    __slots__ = ("fit", "lowest", "offer", "partial", "pins", "preferred", "tiers")

    def __init__(
        self, offer: Offer, region: MarkerSet, *, lowest: bool, tiers: Sequence[int] = (-1,)
    ) -> None:
        self.offer, self.lowest = offer, lowest
        self.tiers = tiers
        """Sets of versions that together are all; those of one come after those of the one before,
        whichever are preferred."""
        self.fit = self.partial = 0
        """Versions for some of the region's Pythons, and those of them not for all."""
        for bound, mask in offer.pythons:
            if not region.is_disjoint(bound):
                self.fit |= mask
                if not region.implies(bound):
                    self.partial |= mask
        self.preferred: list[int] = []
        """Versions to keep if possible, most wanted first."""
        self.pins: dict[tuple[Key, int], Pin] = {}

    def pin(self, key: Key, at: int) -> Pin:
        """The one value for a version of this project or of its extra."""
        pin = self.pins.get((key, at))
        if pin is None:
            pin = self.pins[key, at] = Pin(key, self.offer, at)
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


class Matches(Sequence[Pin]):
    """A set of versions as pins, most wanted first, each made when it is looked at.

    resolvelib keeps it while the search goes on, and what turned out hopeless since drops out. When
    nothing else is left one version stays, so that trying it shows why.
    """

    def __init__(
        self, view: View, key: Key, mask: int, possible: int, hopeless: Callable[[Key], int]
    ) -> None:
        self._view, self.key, self._mask = view, key, mask
        self._hopeless = hopeless
        self.possible = possible
        """The versions that could be in the set if one more requirement came: some of these, or
        none (a requirement may bring pre-releases in)."""

    @staticmethod
    def of(criterion: Criterion[Ask, Pin]) -> "Matches":
        """The matches of a criterion, which resolvelib wraps."""
        walk = iter(criterion.candidates)
        if not isinstance(walk, _Walk):
            raise TypeError("resolvelib no longer iterates over what it was given")
        return walk.matches

    @property
    def mask(self) -> int:
        """The set as bits."""
        return self.hopeful or self._mask & -self._mask

    @property
    def hopeful(self) -> int:
        """The set without what is hopeless."""
        return self._mask & ~self._hopeless(self.key)

    @cached_property
    def has_choice(self) -> bool:
        """Whether there were two versions or more when this was first asked."""
        mask = self.mask
        return bool(mask & (mask - 1))

    def one(self) -> "Matches":
        """Just the most wanted version."""
        return self.only(1 << next(self.pins()).at)

    def only(self, mask: int) -> "Matches":
        """Some of these versions."""
        return Matches(self._view, self.key, mask, self.possible, self._hopeless)

    def __len__(self) -> int:
        return self.mask.bit_count()

    def __iter__(self) -> "_Walk":
        return _Walk(self)

    def pins(self) -> Iterator[Pin]:
        """The versions in order."""
        for at in self._view.in_order(self.mask):
            yield self._view.pin(self.key, at)

    @overload
    def __getitem__(self, index: int) -> Pin: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Pin]: ...
    def __getitem__(self, index: int | slice) -> Pin | Sequence[Pin]:
        return tuple(self)[index]


class _Walk(Iterator[Pin]):
    """One pass over matches, which knows what it goes over."""

    __slots__ = ("_rest", "matches")

    def __init__(self, matches: Matches) -> None:
        self.matches = matches
        self._rest: Iterator[Pin] | None = None

    def __next__(self) -> Pin:
        if self._rest is None:
            self._rest = self.matches.pins()
        return next(self._rest)


NOTHING: Key = (canonicalize_name("-"), None)
"""The key of a requirement that nothing can meet."""


class Impossible(Ask):
    """Stands for the dependencies of a version that cannot be used."""

    __slots__ = ()

    def __init__(self, reason: RegionReason) -> None:
        self.key, self.marker, self.reason = NOTHING, NEVER, reason
        self.mask = self.pinned = 0


class Split(Exception):
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
