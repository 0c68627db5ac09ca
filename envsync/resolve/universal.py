"""Resolve for every environment at once: search, settle, and join the regions into one answer.

In no environment do two versions of a package apply, and resolving again with the answer's own
versions as preferences changes nothing.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, product

from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.events import SILENT, Reporter, Stage
from envsync.model.marker import ALWAYS, NEVER, MarkerSet
from envsync.model.resolution import Resolution, ResolvedPackage, Wanted
from envsync.resolve.candidates import Catalog, ResolvePolicy
from envsync.resolve.explain import explain
from envsync.resolve.notices import notices_of
from envsync.resolve.reach import packages_of
from envsync.resolve.region import Budget, Solved, Unsolvable
from envsync.resolve.search import Found, Search, trial
from envsync.resolve.sight import Preferences
from envsync.resolve.world import World

_PASSES = 4
"""How often the answer is resolved again at most; one that still changes then is taken."""


def resolve(
    roots: Sequence[Wanted],
    *,
    environments: MarkerSet,
    policy: ResolvePolicy,
    preferences: Preferences,
    catalog: Catalog,
    reporter: Reporter = SILENT,
) -> Resolution:
    """Choose versions for everything that `environments` covers.

    `preferences` are the old lock's versions; they are kept where they still fit, apart from what
    `policy.upgrade` frees. Raises NoSolution, PackageNotFound for a name that nothing has, and
    whatever the catalog raises but MetadataInvalid.
    """
    policy = policy._replace(environments=environments)
    problem = _Problem(roots, policy, catalog, reporter)
    reporter.begin(Stage.RESOLVING)
    locked = _kept(preferences, policy.upgrade)
    try:
        solved = problem.solve(locked)
    finally:
        reporter.end(Stage.RESOLVING)
    packages = problem.packages(solved)
    notices = notices_of(packages, solved, problem.world, locked)
    return Resolution(packages, environments, notices, rounds=problem.rounds)


class _Problem:
    """What is to be solved, apart from preferences."""

    def __init__(
        self, roots: Sequence[Wanted], policy: ResolvePolicy, catalog: Catalog, reporter: Reporter
    ) -> None:
        self.world = World(catalog, policy, roots)
        self.rounds = 0
        self._policy, self._reporter = policy, reporter
        self._needs = [self.world.reader.of_root(wanted) for wanted in roots]
        self._branches = list(_branches(policy.environments, policy.conflicts))
        self._compatible = _compatible(policy.conflicts)

    def solve(self, locked: Preferences) -> tuple[Solved, ...]:
        """Search, and search again from the answer until it stays. Raises as `resolve` does."""
        try:
            found = self._search(locked)
        except Unsolvable as error:
            raise explain(error, self.world, self._needs, trial(self.world, locked)) from None
        for _ in range(_PASSES):
            if found.is_settled:
                break
            packages = self.packages(found.regions)
            try:
                again = self._search(_pins_of(packages))
            except Unsolvable:
                break
            if self.packages(again.regions) == packages:
                break
            found = again
        return found.regions

    def packages(self, solved: Sequence[Solved]) -> tuple[ResolvedPackage, ...]:
        """Join regions into packages."""
        return packages_of(solved, allowed=self._compatible, told=self.world.told)

    def _search(self, locked: Preferences) -> Found:
        budget = Budget(self._policy.max_rounds - self.rounds, self._policy.max_regions)
        try:
            return Search(self.world, locked, budget, self._reporter).run(
                self._branches, self._needs
            )
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
