"""Resolve for every environment at once, to a fixed point, and join the regions into one answer.

In no environment do two versions of a package apply, and resolving again with the answer's own
versions as preferences changes nothing.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, product

from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.events import SILENT, Reporter, Stage, during
from envsync.model.marker import ALWAYS, NEVER, MarkerSet
from envsync.model.resolution import Resolution, ResolvedPackage, RootRequirement
from envsync.resolve.candidates import Catalog, ResolvePolicy
from envsync.resolve.forking import Forking, Solution, trial
from envsync.resolve.marker_propagation import packages_of
from envsync.resolve.notices import notices_of, notices_of_search
from envsync.resolve.region import Budget, RegionSolution, Unsolvable
from envsync.resolve.region_view import Preferences
from envsync.resolve.resolver_index import ResolverIndex
from envsync.resolve.unmoved import Lasting, lasting_pins

_PASSES = 4
"""How often the answer is resolved again at most; one that still changes then is taken."""


def resolve(
    roots: Sequence[RootRequirement],
    *,
    environments: MarkerSet,
    policy: ResolvePolicy,
    preferences: Preferences,
    catalog: Catalog,
    reporter: Reporter = SILENT,
) -> Resolution:
    """Choose versions for everything that `environments` covers.

    `preferences` are the old lock's versions; they are kept where they still fit, apart from what
    `policy.upgrade` frees. Raises NoSolution, BuildFailed where a build stands in the way of all
    solutions, PackageNotFound for a name that nothing has, and whatever the catalog raises but what
    tells of one broken version.
    """
    policy = policy._replace(environments=environments)
    problem = _Problem(roots, policy, catalog, reporter)
    locked = _kept(preferences, policy.upgrade)
    with during(Stage.RESOLVING, reporter):
        solution = problem.solve(locked)
    regions, index = solution.regions, problem.index
    packages = problem.packages(regions)
    about_search = notices_of_search(regions, index, locked)
    is_found_again = solution.is_fixed_point and not about_search
    lasting = lasting_pins(regions, index) if is_found_again else Lasting()
    return Resolution(
        packages,
        environments,
        (*notices_of(packages, regions, index), *about_search),
        rounds=problem.rounds,
        unmoved=lasting.unmoved,
        firm=lasting.firm,
    )


class _Problem:
    """What is to be solved, apart from preferences."""

    def __init__(
        self,
        roots: Sequence[RootRequirement],
        policy: ResolvePolicy,
        catalog: Catalog,
        reporter: Reporter,
    ) -> None:
        self.index = ResolverIndex(catalog, policy, roots)
        self.rounds = 0
        self._policy, self._reporter = policy, reporter
        self._roots = [self.index.reader.of_root(root) for root in roots]
        self._branches = list(_branches(policy.environments, policy.conflicts))
        self._compatible = _compatible(policy.conflicts)

    def solve(self, locked: Preferences) -> Solution:
        """Search, and search again from the answer until it stays. Raises as `resolve` does."""
        try:
            solution = self._search(locked)
        except Unsolvable as error:
            from envsync.resolve.explain import explain  # noqa: PLC0415  (most have a solution)

            told = explain(error, self.index, self._roots, trial(self.index, locked))
            raise self.index.build_behind(told) or told from None
        for _ in range(_PASSES):
            if solution.is_fixed_point:
                break
            packages = self.packages(solution.regions)
            try:
                # Where this finds nothing, for want of rounds say, the answer before it still is
                # one.
                again = self._search(_pins_of(packages))
            except Unsolvable:
                break
            if self.packages(again.regions) == packages:
                return solution._replace(is_fixed_point=True)
            solution = again
        return solution

    def packages(self, regions: Sequence[RegionSolution]) -> tuple[ResolvedPackage, ...]:
        """Join regions into packages."""
        return packages_of(regions, allowed=self._compatible, told=self.index.told)

    def _search(self, locked: Preferences) -> Solution:
        budget = Budget(self._policy.max_rounds - self.rounds, self._policy.max_regions)
        try:
            forking = Forking(self.index, locked, budget, self._reporter)
            return forking.run(self._branches, self._roots)
        finally:
            self.rounds += budget.rounds_used


def _kept(preferences: Preferences, upgrade: bool | frozenset[str]) -> Preferences:
    if upgrade is True:
        return {}
    freed = upgrade or frozenset()
    return {name: versions for name, versions in preferences.items() if name not in freed}


def _pins_of(packages: Sequence[ResolvedPackage]) -> Preferences:
    """What a lock with these packages would prefer."""
    pins: dict[NormalizedName, tuple[Version, ...]] = {}
    for package in packages:
        pins[package.name] = (*pins.get(package.name, ()), package.version)
    return pins


def _compatible(conflicts: Sequence[Sequence[MarkerSet]]) -> MarkerSet:
    """The choices of extras and groups in which no declared conflict is violated."""
    allowed = ALWAYS
    for members in conflicts:
        for one, other in combinations(members, 2):
            allowed = allowed - (one & other)
    return allowed


def _branches(
    environments: MarkerSet, conflicts: Sequence[Sequence[MarkerSet]]
) -> Iterator[MarkerSet]:
    """One region for each choice of at most one member from every declared conflict."""
    for choices in product(*([None, *members] for members in conflicts)):
        region = environments
        for chosen, members in zip(choices, conflicts, strict=True):
            for member in members:
                region = region & member if member is chosen else region - member
        if region is not NEVER:
            yield region
