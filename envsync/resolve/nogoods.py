"""Learn nogoods: versions that are of no use in a region, whatever else is chosen there.

A version is one when nothing meets one of its requirements, or only what env.toml excludes, or what
is a nogood itself. Of what can be learned from conflicts this spares the most, as it holds for the
rest of the search and for every other search in the region.
"""

from collections.abc import Iterable, Sequence

from packaging.utils import NormalizedName

from envsync.resolve.criteria import Criteria
from envsync.resolve.region_view import PackageKey, Pin, RegionRequirement, RegionView
from envsync.resolve.rejections import Abandoned

_MOST_ALIKE = 300
"""Versions of a package that fail for want of the same other one before the rest is left alone."""


class Nogoods:
    """The nogoods of one region."""

    def __init__(self, view: RegionView) -> None:
        self.versions: dict[PackageKey, int] = {}
        """Of each package or extra, as bits. Those of a package are none of its extras' own."""
        self.keys: dict[NormalizedName, list[PackageKey]] = {}
        """The keys of `versions` by package."""
        self._view = view
        self._accepted: dict[NormalizedName, int] = {}
        """The versions that env.toml's own requirements accept."""
        self._alike: dict[tuple[NormalizedName, NormalizedName], int] = {}
        """How many versions of one package are nogoods because of another."""
        self._abandoned: dict[NormalizedName, Abandoned] = {}

    def begin(self, roots: Iterable[RegionRequirement]) -> None:
        """Take in what env.toml asks."""
        for requirement in roots:
            name = requirement.key.name
            self._accepted[name] = self._accepted.get(name, -1) & requirement.mask

    def usable(self, requirement: RegionRequirement) -> int:
        """The versions that could meet a requirement."""
        name = requirement.key.name
        package = self._view.package(name)
        mask = requirement.mask & package.fit & ~package.versions.refused
        return mask & self._accepted.get(name, -1) & ~self.among(requirement.key)

    def among(self, key: PackageKey) -> int:
        """The nogoods of a package, or of an extra: its own and those of its package."""
        own = self.versions.get(key, 0)
        return own if key.extra is None else own | self.versions.get(PackageKey(key.name), 0)

    def add(self, pin: Pin, requirement: RegionRequirement) -> None:
        """Never try a version again; nor any other one if it was always for the same reason.

        Projects with a thousand versions would be read to the end, only to say the same.
        """
        if self._has(pin):
            return
        if pin.key not in self.versions:
            self.keys.setdefault(pin.key.name, []).append(pin.key)
        self.versions[pin.key] = self.versions.get(pin.key, 0) | 1 << pin.at
        name, lacking = pin.key.name, requirement.key.name
        count = self._alike[name, lacking] = 1 + self._alike.get((name, lacking), 0)
        if count == _MOST_ALIKE:
            self._abandoned[name] = Abandoned(count, lacking)

    def _has(self, pin: Pin) -> bool:
        return bool(self.among(pin.key) >> pin.at & 1)

    def why_abandoned(self, name: NormalizedName) -> Abandoned | None:
        """The reason for not even looking at further versions of a package."""
        return self._abandoned.get(name)

    def propagate(self, key: PackageKey, criteria: Criteria) -> Sequence[Pin | None]:
        """Add what is a nogood as well, now that no version of a package could be pinned.

        These are the versions that require it if only nogoods meet that, and who requires those,
        and so on. Gives the conflict set: all of them, of which one must go; None stands for
        env.toml.
        """
        conflict_set: list[Pin | None] = []
        waiting = [key]
        # It grows while it is gone through.
        for one in waiting:
            criterion = criteria.get(one)
            for requirement, parent in criterion.causes if criterion else ():
                if requirement.reason or self.usable(requirement):
                    continue
                conflict_set.append(parent)
                if parent is not None and not self._has(parent):
                    self.add(parent, requirement)
                    waiting.append(parent.key)
        return conflict_set
