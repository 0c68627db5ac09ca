"""Remember which versions are hopeless in a region: of no use there, whatever else is chosen.

A version is hopeless when nothing meets one of its requirements, or only what env.toml excludes, or
what is hopeless itself. resolvelib learns nothing from conflicts; this is the part of learning that
spares the most, as it holds for the rest of the search.
"""

from collections.abc import Iterable

from packaging.utils import NormalizedName

from envsync.resolve.asks import Ask, Criteria, Key, Pin
from envsync.resolve.rejections import Abandoned
from envsync.resolve.sight import Sight

_MOST_ALIKE = 300
"""Versions of a package that fail for want of the same other one before the rest is left alone."""


class Chances:
    """The hopeless versions of one region."""

    def __init__(self, sight: Sight) -> None:
        self.hopeless: dict[Key, int] = {}
        self._sight = sight
        self._wanted: dict[NormalizedName, int] = {}
        """The versions that env.toml's own requirements accept."""
        self._alike: dict[tuple[NormalizedName, NormalizedName], int] = {}
        """How many versions of one package were hopeless because of another."""
        self._abandoned: dict[NormalizedName, Abandoned] = {}

    def begin(self, roots: Iterable[Ask]) -> None:
        """Take in what env.toml asks."""
        for ask in roots:
            name = ask.key[0]
            self._wanted[name] = self._wanted.get(name, -1) & ask.mask

    def of(self, ask: Ask) -> int:
        """The versions that could meet a requirement."""
        view = self._sight.view(ask.key[0])
        mask = ask.mask & view.fit & ~view.offer.refused & self._wanted.get(ask.key[0], -1)
        return mask & ~self.among(ask.key)

    def among(self, key: Key) -> int:
        """The hopeless versions of a package, or of an extra."""
        package = self.hopeless.get((key[0], None), 0)
        return package if key[1] is None else package | self.hopeless.get(key, 0)

    def give_up(self, pin: Pin, ask: Ask) -> None:
        """Never try a version again; nor any other one if it was always for the same reason.

        Projects with a thousand versions would be read to the end, only to say the same.
        """
        if self.among(pin.key) >> pin.at & 1:
            return
        self.hopeless[pin.key] = self.hopeless.get(pin.key, 0) | 1 << pin.at
        name, lacking = pin.key[0], ask.key[0]
        count = self._alike[name, lacking] = 1 + self._alike.get((name, lacking), 0)
        if count == _MOST_ALIKE:
            self._abandoned[name] = Abandoned(count, lacking)

    def why_abandoned(self, name: NormalizedName) -> Abandoned | None:
        """The reason for not even looking at further versions of a package."""
        return self._abandoned.get(name)

    def condemn(self, key: Key, criteria: Criteria) -> list[Pin | None]:
        """Find out who is hopeless as well, now that no version of a package could be pinned.

        These are the versions that require it if only hopeless ones meet that, and who requires
        those, and so on; None stands for env.toml.
        """
        found: list[Pin | None] = []
        waiting = [key]
        for one in waiting:
            criterion = criteria.get(one)
            for ask, parent in criterion.information if criterion else ():
                if ask.reason or self.of(ask):
                    continue
                found.append(parent)
                if parent is not None and not self.among(parent.key) >> parent.at & 1:
                    self.give_up(parent, ask)
                    waiting.append(parent.key)
        return found
