"""The search of one region: what it decides, what it learns, and where it stops."""

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envsync.events import SILENT
from envsync.model.marker import ALWAYS, MarkerSet, from_text
from envsync.model.resolution import RootRequirement
from envsync.resolve import fork_points
from envsync.resolve.candidates import ResolvePolicy
from envsync.resolve.criteria import Criterion, Matches
from envsync.resolve.provider import RegionProvider
from envsync.resolve.region import Budget, Unsolvable, solve
from envsync.resolve.region_view import ForkNeeded, PackageKey, RegionRequirement, RegionView
from envsync.resolve.rejections import Abandoned
from envsync.resolve.resolver_index import ResolverIndex
from envsync.resolve.search import Circling, Exhausted, Impossible, Search
from tests.support.catalog import MemoryCatalog, Release, Universe

NEW = from_text("python_version >= '3.11'")
A, B, C = (PackageKey(canonicalize_name(name)) for name in "abc")
LIMIT = 1_000


def release(*requires: str) -> Release:
    return Release(requires=tuple(map(Requirement, requires)))


class Region:
    """A region over a universe, and what env.toml asks in it."""

    def __init__(self, universe: Universe, *roots: str, where: MarkerSet = NEW) -> None:
        policy = ResolvePolicy(environments=where)
        stated = [RootRequirement(Requirement(text), ALWAYS, "env.toml") for text in roots]
        index = ResolverIndex(MemoryCatalog(universe, policy), policy, stated)
        self.provider = RegionProvider(RegionView(index, where, {}, {}))
        self.stated = [one for root in stated for one in index.reader.of_root(root)]

    def roots(self) -> tuple[RegionRequirement, ...]:
        return self.provider.roots(self.stated)

    def search(self, *, limit: int = LIMIT, is_thorough: bool = False) -> tuple[Search, list[str]]:
        """Search, and give the search with its pins."""
        search = Search(self.provider, SILENT, limit, is_thorough=is_thorough)
        pins = search.run(self.roots())
        return search, [repr(pin) for pin in pins.values()]


PAIR: Universe = {
    "a": {"1.0": release("c==1"), "2.0": release("c==2")},
    "b": {"1.0": release("c==1")},
    "c": {"1.0": release(), "2.0": release()},
}


@pytest.mark.parametrize("is_thorough", [False, True])
def test_a_collision_sends_the_search_back_to_what_had_a_part_in_it(is_thorough: bool) -> None:
    search, pins = Region(PAIR, "a", "b").search(is_thorough=is_thorough)
    assert sorted(pins) == ["a 1.0", "b 1.0", "c 1.0"]
    assert search.history.rejections
    assert set(search.history.collisions) == {"c"}


def test_nothing_is_undone_where_env_toml_itself_is_at_fault() -> None:
    """Every version that is required collides with env.toml, so that no decision matters."""
    region = Region(PAIR, "b", "c>=2")
    with pytest.raises(Impossible) as caught:
        region.search()
    assert {str(one.requirement.stated) for one in caught.value.causes} == {"c==1", "c>=2"}
    assert region.provider.nogoods.versions == {B: 1}


def test_what_collides_with_env_toml_is_impossible_before_any_round() -> None:
    search = Search((region := Region(PAIR, "c<1")).provider, SILENT, LIMIT)
    with pytest.raises(Impossible):
        search.run(region.roots())
    assert search.history.rounds == 0


def test_rounds_end_the_search() -> None:
    with pytest.raises(Exhausted):
        Region(PAIR, "a", "b").search(limit=2)


def test_pins_that_change_each_other_end_the_search_unless_it_keeps_them() -> None:
    universe: Universe = {
        "a": {"0.0": release("b==1"), "1.0": release(), "2.0": release("b==2")},
        "b": {"0.0": release(), "1.0": release("a==2"), "2.0": release("a==0")},
    }
    region = Region(universe, "a")
    search = Search(region.provider, SILENT, LIMIT)
    with pytest.raises(Circling):
        search.run(region.roots())
    assert search.history.rounds == 61  # 20 without a collision for each of two packages, and one
    _, pins = Region(universe, "a").search(is_thorough=True)
    assert pins == ["a 1.0"]


def test_a_thousand_collisions_are_remembered() -> None:
    """Nine pigeons for eight holes: enough to explain, whatever it takes."""
    universe: dict[str, dict[str, Release]] = {
        f"p{at}": {f"{hole}.0": release(f"hole{hole}=={at}.0") for hole in range(8)}
        for at in range(9)
    }
    for hole in range(8):
        universe[f"hole{hole}"] = {f"{at}.0": release() for at in range(9)}
    region = Region(universe, *(f"p{at}" for at in range(9)))
    search = Search(region.provider, SILENT, 3_000)
    with pytest.raises(Exhausted):
        search.run(region.roots())
    assert len(search.history.rejections) == 1_000
    assert sum(search.history.collisions.values()) > 1_000


@pytest.mark.parametrize(
    ("shape", "first", "second"), [((3, 4, 5, 5), 97, 74), ((4, 5, 5, 3), 535, 300)]
)
def test_a_second_look_is_thorough_and_ends_after_300_rounds(
    shape: tuple[int, int, int, int], first: int, second: int
) -> None:
    """What the first look leapt over is looked for, with all that it learned."""
    region = Region(woven(*shape), *(f"p0-{at}" for at in range(shape[0])))
    budget = Budget(3_000, 1)
    with pytest.raises(Unsolvable) as caught:
        solve(region.provider, region.stated, budget, SILENT)
    assert caught.value.history.rounds == first
    assert budget.rounds_used == first + second


def test_requirements_that_never_meet_ask_for_a_fork() -> None:
    universe: Universe = {
        "a": {"1.0": release("c==1; sys_platform == 'win32'")},
        "b": {"1.0": release("c==2; sys_platform == 'linux'")},
        "c": {"1.0": release(), "2.0": release()},
    }
    with pytest.raises(ForkNeeded) as caught:
        Region(universe, "a", "b").search()
    assert "sys_platform" in str(caught.value.marker)
    assert caught.value.package is None


def test_where_nothing_has_a_condition_nobody_asks_where_it_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is the costly part of a collision."""
    monkeypatch.delattr(fork_points, "_where_required")
    universe: Universe = {
        **PAIR,
        "top": {"1.0": release("middle")},
        "middle": {"1.0": release("b")},
    }
    _, pins = Region(universe, "a", "top").search()
    assert "b 1.0" in pins


def test_who_asked_is_remembered_in_order() -> None:
    search, _ = Region(PAIR, "b", "c").search()
    parents = search.history.parents[C]
    assert [parent and repr(parent) for parent in parents] == [None, "b 1.0"]


# -- what is learned --------------------------------------------------------------------------


def test_nogoods_spread_to_whoever_requires_only_them() -> None:
    """C 2 is excluded, so a 2 is of no use, and so is what requires a 2."""
    universe: Universe = {**PAIR, "d": {"1.0": release(), "2.0": release("a>=2")}}
    region = Region(universe, "d", "c<2")
    _, pins = region.search()
    assert sorted(pins) == ["c 1.0", "d 1.0"]
    assert {A: 0b10, PackageKey(canonicalize_name("d")): 0b10} == region.provider.nogoods.versions


def test_the_nogoods_of_a_package_are_those_of_its_extras() -> None:
    region = Region(PAIR, "a", "c<2")
    region.search()
    extra = PackageKey(A.name, canonicalize_name("x"))
    assert region.provider.nogoods.among(extra) == region.provider.nogoods.among(A) == 0b10


def test_a_version_that_its_extra_cannot_have_is_none_for_the_package_where_both_are_asked() -> (
    None
):
    """Both get one version, whichever is decided first."""
    universe: Universe = {
        "a": {"1.0": release("c==1; extra == 'x'"), "2.0": release("c==2; extra == 'x'")},
        "c": PAIR["c"],
    }
    region = Region(universe, "a[x]", "c<2")
    _, pins = region.search()
    extra = PackageKey(A.name, canonicalize_name("x"))
    assert sorted(pins) == ["a 1.0", "a 1.0", "c 1.0"]
    assert region.provider.nogoods.versions == {extra: 0b10}
    roots = {one.key: one for one in region.roots()}
    criteria = {
        key: Criterion(region.provider.matches(key, {}, {}, added=roots[key]), ())
        for key in (A, extra)
    }
    assert region.provider.matches(A, criteria, {}).mask == 0b01
    alone = {A: criteria[A]}
    assert region.provider.matches(A, alone, {}).mask == 0b11


def test_the_300th_version_that_fails_alike_gives_the_rest_up() -> None:
    universe: Universe = {
        "a": {f"1.{at}": release("b") for at in range(310)},
        "b": {"1.0": release("nope")},
    }
    region = Region(universe, "a")
    assert region.provider.nogoods.why_abandoned(A.name) is None
    with pytest.raises(Impossible):
        region.search()
    assert Abandoned(300, B.name) == region.provider.nogoods.why_abandoned(A.name)
    assert region.provider.nogoods.versions[A].bit_count() == 300


def test_nogoods_drop_out_of_matches_and_one_version_stays_to_show_why() -> None:
    package = Region(PAIR, "a").provider.view.package(A.name)
    nogoods = {A: 0b10}
    matches = Matches(package, A, 0b11, 0b11, lambda key: nogoods[key])
    assert matches
    assert matches.mask == 0b01
    assert [repr(pin) for pin in matches.pins()] == ["a 1.0"]
    nogoods[A] = 0b11
    assert matches.mask == 0b01
    assert not Matches(package, A, 0, 0b11, lambda key: nogoods[key])


def test_whether_there_is_a_choice_is_told_as_it_first_was() -> None:
    package = Region(PAIR, "a").provider.view.package(A.name)
    nogoods = {A: 0}
    matches = Matches(package, A, 0b11, 0b11, lambda key: nogoods[key])
    assert matches.has_choice
    nogoods[A] = 0b10
    assert matches.has_choice
    assert not matches.only(0b01).has_choice


# -- the very steps ---------------------------------------------------------------------------


def woven(width: int, depth: int, versions: int, step: int) -> Universe:
    """Levels of packages; each version wants one version below it, and another new enough."""
    return {
        f"p{level}-{at}": {
            f"{v}.0": Release()
            if level + 1 == depth
            else release(
                f"p{level + 1}-{(at * step + v) % width}=={(v * step + at) % versions}.0",
                f"p{level + 1}-{(at + v) % width}>={v // 2}",
            )
            for v in range(versions)
        }
        for level in range(depth)
        for at in range(width)
    }


@pytest.mark.parametrize(
    ("shape", "is_thorough", "outcome", "rounds"),
    [
        ((2, 5, 8, 2), False, "solved", 104),
        ((3, 4, 4, 2), False, "solved", 131),
        ((4, 4, 5, 7), False, "solved", 154),
        ((4, 5, 8, 3), False, "solved", 167),
        ((2, 3, 5, 5), False, "Impossible", 107),
        ((4, 4, 4, 3), False, "Impossible", 102),
        ((4, 3, 6, 3), False, "Exhausted", 600),
        ((4, 5, 6, 7), False, "solved", 27),
        ((3, 4, 4, 5), True, "solved", 107),
        ((4, 4, 5, 7), True, "solved", 124),
        ((2, 5, 5, 5), True, "Impossible", 64),
        ((4, 5, 6, 3), True, "Impossible", 203),
        ((4, 5, 5, 7), True, "Exhausted", 600),
    ],
)
def test_the_search_takes_the_steps_that_it_took(
    shape: tuple[int, int, int, int], is_thorough: bool, outcome: str, rounds: int
) -> None:
    """Leaps that lead to a solution, and such as are taken back. Locks follow from these steps:
    whoever changes the search on purpose sets the numbers anew.
    """
    region = Region(woven(*shape), *(f"p0-{at}" for at in range(shape[0])))
    search = Search(region.provider, SILENT, 600, is_thorough=is_thorough)
    try:
        search.run(region.roots())
        ended = "solved"
    except (Impossible, Exhausted) as error:
        ended = type(error).__name__
    assert (outcome, rounds) == (ended, search.history.rounds)
