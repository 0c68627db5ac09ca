"""Cut marker space into regions and solve each.

A region that turns out too coarse is cut in two along a marker, and both parts start afresh: the
one with the newer Pythons first, the other with the first one's pins as preferences, so that
versions only differ where they must. Regions are a partition of what was given.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.events import SILENT, Reporter
from envsync.model.marker import MarkerSet, from_text
from envsync.resolve.asks import Split
from envsync.resolve.explain import Needs, Trial
from envsync.resolve.needs import Need
from envsync.resolve.provider import RegionProvider
from envsync.resolve.region import Budget, Solved, Unsolvable, solve
from envsync.resolve.settle import Cut, Names, repeats
from envsync.resolve.sight import Preferences
from envsync.resolve.world import World

_NEWEST_PYTHONS = from_text("python_full_version >= '3.99'")
_TRIAL_ROUNDS, _TRIAL_REGIONS = 2_000, 8


class Found(NamedTuple):
    """A solution for all regions."""

    regions: tuple[Solved, ...]
    is_settled: bool
    """Whether a search that starts from the result finds the same, as far as can be foreseen."""


class _Part(NamedTuple):
    """A region to solve, and the packages for which it shall not follow other regions."""

    region: MarkerSet
    apart: Names
    is_last_resort: bool = False
    """There is no solution otherwise: pre-releases are tried after all stable versions, and after
    those what has no wheel for the Pythons of the region, or is by its own word for none."""


class Search:
    """Solves regions one after the other, cutting them where they are too coarse."""

    def __init__(
        self, world: World, locked: Preferences, budget: Budget, reporter: Reporter = SILENT
    ) -> None:
        self._world, self._locked = world, locked
        self._budget, self._reporter = budget, reporter
        self._cuts: list[Cut] = []

    def run(self, regions: Sequence[MarkerSet], needs: Needs) -> Found:
        """Solve these regions in order. Raises Unsolvable for the first part without solution."""
        waiting = [_Part(region, frozenset()) for region in reversed(regions)]
        flat = [need for group in needs for need in group]
        solved: list[Solved] = []
        apart: list[Names] = []
        while waiting:
            part = waiting.pop()
            try:
                solved.append(self._solve(part, flat, solved))
                apart.append(part.apart)
            except Split as split:
                waiting.extend(self._cut_for(part, split))
            except Unsolvable as error:
                marker = error.finer_marker()
                if marker is not None:
                    waiting.extend(self._cut_for(part, Split(marker, "no solution for the whole")))
                elif error.has_held_back and not error.gave_up:
                    waiting.append(part._replace(is_last_resort=True))
                else:
                    raise
        return Found(tuple(solved), self._is_settled(solved, apart))

    def _solve(self, part: _Part, needs: Sequence[Need], earlier: Iterable[Solved]) -> Solved:
        followed = _followed(earlier, part.apart)
        provider = RegionProvider(
            self._world, part.region, followed, self._locked, is_last_resort=part.is_last_resort
        )
        try:
            return solve(provider, needs, self._budget, self._reporter)
        except Unsolvable as error:
            error.has_held_back = provider.sight.has_held_back
            raise

    def _cut_for(self, part: _Part, split: Split) -> list[_Part]:
        """The two halves of a part, the one to solve first at the end."""
        self._reporter.detail(f"splitting on {split.marker}: {split}")
        self._cuts.append(Cut(split.package, split.pin))
        if split.package and split.is_about_choice:
            part = part._replace(apart=part.apart | {split.package})
        inside, outside = part.region & split.marker, part.region - split.marker
        is_newer = outside.is_disjoint(_NEWEST_PYTHONS) or not inside.is_disjoint(_NEWEST_PYTHONS)
        order = (outside, inside) if is_newer else (inside, outside)
        return [part._replace(region=region, is_last_resort=False) for region in order]

    def _is_settled(self, solved: Sequence[Solved], apart: Sequence[Names]) -> bool:
        if not self._cuts:
            return True
        policy = self._world.policy
        last = policy.prereleases != "allow"
        return policy.resolution == "highest" and repeats(
            solved, apart, self._cuts, prereleases_last=last
        )


def trial(world: World, locked: Preferences) -> Trial:
    """Make a function that solves a changed problem in one region, at little cost."""

    def solve_changed(region: MarkerSet, needs: Needs) -> tuple[Solved, ...] | Unsolvable:
        budget = Budget(_TRIAL_ROUNDS, _TRIAL_REGIONS)
        try:
            return Search(world, locked, budget).run([region], needs).regions
        except Unsolvable as error:
            return error

    return solve_changed


def _followed(earlier: Iterable[Solved], apart: Names) -> Preferences:
    """The versions that other regions have chosen, in the order of the regions."""
    found: dict[NormalizedName, dict[Version, None]] = {}
    for solved in earlier:
        for pin in solved.pins.values():
            if pin.offer.name not in apart:
                found.setdefault(pin.offer.name, {})[pin.version] = None
    return {name: tuple(versions) for name, versions in found.items()}
