"""One region solved: what counts against the rounds, and where a failure may be cut."""

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envsync.events import SILENT
from envsync.model.marker import ALWAYS, MarkerSet, from_text
from envsync.model.resolution import RootRequirement
from envsync.resolve.candidates import ResolvePolicy
from envsync.resolve.provider import RegionProvider
from envsync.resolve.region import Budget, RegionSolution, Unsolvable, solve
from envsync.resolve.region_view import ForkNeeded, RegionView
from envsync.resolve.resolver_index import PackageVersions, ResolverIndex
from envsync.resolve.search import Impossible, Search
from tests.support.catalog import MemoryCatalog, Release, Universe

NEW = from_text("python_version >= '3.11'")
WINDOWS, LINUX = (from_text(f"sys_platform == '{name}'") for name in ("win32", "linux"))


def release(*requires: str) -> Release:
    return Release(requires=tuple(map(Requirement, requires)))


class Region:
    """A region over a universe, and what env.toml asks in it."""

    def __init__(self, universe: Universe, *roots: str, where: MarkerSet = NEW) -> None:
        policy = ResolvePolicy(environments=where)
        stated = [RootRequirement(Requirement(text), ALWAYS, "env.toml") for text in roots]
        stated = [
            one
            if one.requirement.marker is None
            else one._replace(marker=from_text(str(one.requirement.marker)))
            for one in stated
        ]
        index = ResolverIndex(MemoryCatalog(universe, policy), policy, stated)
        self.provider = RegionProvider(RegionView(index, where, {}, {}))
        self.stated = [one for root in stated for one in index.reader.of_root(root)]

    def solve(self, budget: Budget) -> RegionSolution:
        return solve(self.provider, self.stated, budget, SILENT)


# Every a and every b wants a c of its own, and d and e only have versions to go through.
APART: Universe = {
    "a": {"1.0": release("c==1", "d"), "2.0": release("c==2", "d")},
    "b": {"1.0": release("c==3", "e"), "2.0": release("c==4", "e")},
    "c": {f"{at}.0": release() for at in range(1, 5)},
    "d": {"1.0": release(), "2.0": release()},
    "e": {"1.0": release(), "2.0": release()},
}


def test_a_second_look_counts_against_the_rounds() -> None:
    fresh = Region(APART, "a", "b")
    once = Search(fresh.provider, SILENT, 1_000)
    with pytest.raises(Impossible):
        once.run(fresh.provider.roots(fresh.stated))
    budget = Budget(1_000, 10)
    with pytest.raises(Unsolvable) as caught:
        Region(APART, "a", "b").solve(budget)
    assert caught.value.history.rounds == once.history.rounds
    assert budget.rounds_used > once.history.rounds
    assert budget.regions_used == 1


def test_every_round_of_a_search_that_goes_well_counts() -> None:
    budget = Budget(1_000, 10)
    solution = Region(APART, "a", "d", "e").solve(budget)
    assert sorted(map(repr, solution.pins.values())) == ["a 2.0", "c 2.0", "d 2.0", "e 2.0"]
    assert budget.rounds_used == 5


@pytest.mark.parametrize(("rounds", "ran_out"), [(4, "rounds"), (5, "")])
def test_rounds_end_a_region_where_the_last_one_is_missing(rounds: int, ran_out: str) -> None:
    try:
        Region(APART, "a", "d", "e").solve(Budget(rounds, 10))
        gave_up = ""
    except Unsolvable as error:
        gave_up = error.gave_up
    assert gave_up == ran_out


def test_no_region_is_begun_when_all_are_used_up() -> None:
    budget = Budget(1_000, 1)
    Region(APART, "a").solve(budget)
    with pytest.raises(Unsolvable) as caught:
        Region(APART, "a").solve(budget)
    assert caught.value.gave_up == "regions"
    assert caught.value.finer_marker() is None
    assert budget.regions_used == 1


def failed(universe: Universe, *roots: str) -> Unsolvable:
    with pytest.raises(Unsolvable) as caught:
        Region(universe, *roots).solve(Budget(1_000, 10))
    return caught.value


def test_a_failure_is_cut_where_what_collides_holds() -> None:
    universe: Universe = {
        "a": {"1.0": release("c==1; sys_platform == 'win32'")},
        "c": {"1.0": release(), "2.0": release()},
    }
    assert failed(universe, "a", "c==2").finer_marker() == NEW & WINDOWS


def test_a_failure_is_cut_where_what_leads_to_it_holds() -> None:
    universe: Universe = {
        "top": {"1.0": release("a; sys_platform == 'win32'")},
        "a": {"1.0": release("b")},
        "b": {"1.0": release("c==1")},
        "c": {"1.0": release(), "2.0": release()},
    }
    assert failed(universe, "top", "c==2").finer_marker() == NEW & WINDOWS


def test_a_failure_of_the_whole_is_not_cut() -> None:
    universe: Universe = {
        "a": {"1.0": release("c==1", "other; sys_platform == 'win32'")},
        "c": {"1.0": release(), "2.0": release()},
        "other": {"1.0": release()},
    }
    assert failed(universe, "a", "c==2").finer_marker() is None


def test_a_failure_is_cut_where_an_earlier_one_holds() -> None:
    """The newer a fails on Windows alone, and then nothing is left of a."""
    universe: Universe = {
        "a": {"1.0": release("c==1"), "2.0": release("d==1; sys_platform == 'win32'")},
        "c": {"1.0": release(), "2.0": release()},
        "d": {"1.0": release(), "2.0": release()},
    }
    assert failed(universe, "a", "c==2", "d==2").finer_marker() == NEW & WINDOWS


# -- where requirements never meet -------------------------------------------------------------


def cut(universe: Universe, *roots: str) -> MarkerSet:
    with pytest.raises(ForkNeeded) as caught:
        Region(universe, *roots).solve(Budget(1_000, 10))
    return caught.value.marker


def test_what_is_required_far_up_keeps_requirements_apart() -> None:
    """On the way there no requirement has a condition of its own, and there is a circle on it."""
    universe: Universe = {
        "a": {"1.0": release("b")},
        "b": {"1.0": release("c", "a")},
        "c": {"1.0": release("end==1", "b")},
        "x": {"1.0": release("y")},
        "y": {"1.0": release("end==2")},
        "end": {"1.0": release(), "2.0": release()},
    }
    marker = cut(universe, "a; sys_platform == 'win32'", "x; sys_platform == 'linux'")
    assert marker in (NEW & WINDOWS, NEW & LINUX)


def test_only_versions_without_a_wheel_for_a_required_environment_are_ruled_out() -> None:
    """A wheel for all, wheels for Windows, and a source that may or may not be built."""
    universe: Universe = {
        "a": {
            "1.0": Release(),
            "2.0": Release(wheels=("cp311-cp311-win_amd64",)),
            "3.0": Release(wheels=(), sdist=True),
            "4.0": Release(wheels=("cp311-cp311-win_amd64",)),
        }
    }
    linux = from_text("sys_platform == 'linux' and python_full_version >= '3.11'")
    name = canonicalize_name("a")
    policy = ResolvePolicy(environments=NEW, build_allow=frozenset({name}))
    versions = PackageVersions(MemoryCatalog(universe, policy).listing(name))
    assert versions.without_wheel(linux, can_build=True) == 0b1010
    assert versions.without_wheel(linux, can_build=False) == 0b1110
