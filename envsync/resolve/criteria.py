"""What is required of each package at a moment of the search, and which versions that leaves."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from envsync.resolve.region_view import PackageKey, PackageView, Pin, RegionRequirement


class Cause(NamedTuple):
    """A requirement and who has it."""

    requirement: RegionRequirement
    parent: Pin | None
    """None for env.toml."""


class Matches:
    """The versions that meet some requirements, as a set of which nogoods drop out.

    The search keeps it while it goes on, and learns. When nothing else is left one version stays,
    so that trying it shows why.
    """

    __slots__ = ("_has_choice", "_mask", "_nogoods", "_package", "key", "possible")

    def __init__(
        self,
        package: PackageView,
        key: PackageKey,
        mask: int,
        possible: int,
        nogoods: Callable[[PackageKey], int],
    ) -> None:
        self._package, self.key, self._mask = package, key, mask
        self._nogoods = nogoods
        self.possible = possible
        """The versions that could be in the set if one more requirement came: some of these, or
        none (a requirement may bring pre-releases in)."""
        self._has_choice: bool | None = None

    def __bool__(self) -> bool:
        return self._mask != 0

    @property
    def mask(self) -> int:
        """The set as bits."""
        return self._mask & ~self._nogoods(self.key) or self._mask & -self._mask

    @property
    def has_choice(self) -> bool:
        """Whether there were two versions or more when this was first asked.

        The answer is kept, so that not every nogood changes what is decided next.
        """
        if self._has_choice is None:
            mask = self.mask
            self._has_choice = bool(mask & (mask - 1))
        return self._has_choice

    def most_wanted(self) -> "Matches":
        """Just the most wanted version."""
        return self.only(1 << next(self.pins()).at)

    def only(self, mask: int) -> "Matches":
        """Some of these versions."""
        return Matches(self._package, self.key, mask, self.possible, self._nogoods)

    def pins(self) -> Iterator[Pin]:
        """The versions as they are now, most wanted first."""
        for at in self._package.in_order(self.mask):
            yield self._package.pin(self.key, at)


class Criterion(NamedTuple):
    """What the search knows of a package at some moment. Never changed, only replaced."""

    matches: Matches
    """What met the requirements when the last of them came."""
    causes: tuple[Cause, ...]
    """The requirements; none where only versions had them that were dropped again."""
    excluded: int = 0
    """Versions that were tried in vain with the decisions that still stand."""


Criteria = Mapping[PackageKey, Criterion]
Pins = Mapping[PackageKey, Pin]


class State(NamedTuple):
    """The decisions so far, and what they require."""

    pins: dict[PackageKey, Pin]
    """In the order of deciding."""
    criteria: dict[PackageKey, Criterion]
    causes: tuple[Cause, ...] = ()
    """What collided last."""

    def copy(self) -> "State":
        """The same, to go on from."""
        return State(dict(self.pins), dict(self.criteria), self.causes)


def put_back(
    criteria: dict[PackageKey, Criterion], before: Mapping[PackageKey, Criterion | None]
) -> None:
    """Undo what was added to criteria; their order stays, too."""
    for key, criterion in before.items():
        if criterion is None:
            criteria.pop(key, None)
        else:
            criteria[key] = criterion
