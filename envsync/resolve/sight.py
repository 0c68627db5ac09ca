"""See the world as one region of marker space does: what fits, what is allowed, what is wanted."""

from collections.abc import Iterable, Iterator, Mapping

from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.model.marker import MarkerSet
from envsync.resolve.asks import Ask, Split, View
from envsync.resolve.offer import Offer
from envsync.resolve.world import World

Preferences = Mapping[NormalizedName, tuple[Version, ...]]


class Sight:
    """Views of offers in a region, under the policy and with what shall be kept if possible."""

    def __init__(
        self,
        world: World,
        region: MarkerSet,
        followed: Preferences,
        locked: Preferences,
        *,
        is_last_resort: bool = False,
    ) -> None:
        self.region = region
        self.has_held_back = False
        """Whether versions were left out that may be taken as a last resort."""
        self.is_last_resort = is_last_resort
        self.direct: frozenset[NormalizedName] = frozenset()
        """The packages that env.toml itself asks for."""
        self._world = world
        self._followed, self._locked = followed, locked
        self._views: dict[NormalizedName, View] = {}

    def knows(self, name: NormalizedName) -> bool:
        """Whether a project was looked at already."""
        return name in self._views

    def view(self, name: NormalizedName) -> View:
        """A project as this region sees it. Raises Split if it has several sources here."""
        view = self._views.get(name)
        if view is None:
            offer = self._world.offer(name, self._source(name))
            lowest = self._wants_lowest(name)
            view = View(offer, self.region, lowest=lowest, tiers=tuple(self._tiers(offer)))
            view.preferred = list(self._preferred(view))
            self._views[name] = view
        return view

    def cuts(self, marker: MarkerSet) -> bool:
        """Whether a marker holds in a part of the region only."""
        return not self.region.is_disjoint(marker) and not self.region.implies(marker)

    def choice(self, view: View, asks: Iterable[Ask]) -> int | None:
        """The version that would be picked if nothing else were asked."""
        return view.choice(self.allowed(view, asks))

    def allowed(self, view: View, asks: Iterable[Ask]) -> int:
        """The versions that meet these requirements and that the policy lets through."""
        asks = tuple(asks)
        mask = self.meeting(view, asks)
        pinned = 0
        for ask in asks:
            pinned |= ask.pinned
        if view.offer.yanked:
            kept = sum(1 << at for at in view.preferred)
            mask &= ~view.offer.yanked | pinned | kept
        mask = self._without_unclaimed(mask, self._world.unclaimed(view.offer))
        return self._without_prereleases(mask, view.offer.table.prereleases)

    def meeting(self, view: View, asks: Iterable[Ask]) -> int:
        """The versions that meet these requirements, whatever the policy says."""
        mask = view.fit & ~view.offer.refused
        for ask in asks:
            mask &= ask.mask
        return mask

    def _without_unclaimed(self, mask: int, unclaimed: int) -> int:
        """What claims to run on some covered Python, where there is any such version."""
        claimed = mask & ~unclaimed
        if claimed in {0, mask} or self.is_last_resort:
            return mask
        self.has_held_back = True
        return claimed

    def _without_prereleases(self, mask: int, prereleases: int) -> int:
        """Stable versions where there are any; the last resort is to try the others after them."""
        policy = self._world.policy.prereleases
        if not mask & prereleases or policy == "allow":
            return mask
        stable = mask & ~prereleases
        if policy == "disallow":
            return stable
        if not stable or self.is_last_resort:
            return mask
        self.has_held_back = True
        return stable

    def _tiers(self, offer: Offer) -> Iterator[int]:
        """Stable versions before pre-releases; as a last resort also what has no wheel here, and
        what by its own word runs on no covered Python.
        """
        last = 0 if self._world.policy.prereleases == "allow" else offer.table.prereleases
        without = 0
        if self.is_last_resort:
            without = self._without_wheel(offer) | self._world.unclaimed(offer)
        for part in (~without, without):
            yield part & ~last
            yield part & last

    def _without_wheel(self, offer: Offer) -> int:
        places = range(len(offer.candidates))
        fits = self._world.wheel_pythons
        return sum(1 << at for at in places if fits(offer, at).is_disjoint(self.region))

    def _preferred(self, view: View) -> Iterator[int]:
        """Versions to keep if possible: what other regions chose, then what the old lock has."""
        name, position = view.offer.name, view.offer.table.position
        locked = sorted(self._locked.get(name, ()), reverse=not view.lowest)
        places = map(position, (*self._followed.get(name, ()), *locked))
        return (at for at in dict.fromkeys(places) if at is not None)

    def _source(self, name: NormalizedName) -> str | None:
        for marker, source in self._world.reader.sources(name):
            if self.region.implies(marker):
                return source
            if not self.region.is_disjoint(marker):
                raise Split(marker, f"{name} comes from several sources", name)
        return None

    def _wants_lowest(self, name: NormalizedName) -> bool:
        resolution = self._world.policy.resolution
        return resolution == "lowest" or (resolution == "lowest-direct" and name in self.direct)
