"""What made real sets hard, in small: each ends within few rounds, and with a fair answer."""

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.errors import NoSolution
from envsync.model.marker import ALWAYS, from_text
from envsync.model.resolution import Resolution, RootRequirement
from envsync.resolve.candidates import ResolvePolicy
from envsync.resolve.universal import resolve
from tests.support.catalog import MemoryCatalog, Release, Universe

NEW = from_text("python_version >= '3.11'")
POLICY = ResolvePolicy(environments=NEW)


def release(*requires: str, year: int | None = None) -> Release:
    time = f"{year}-01-01T00:00:00Z" if year else None
    return Release(requires=tuple(map(Requirement, requires)), upload_time=time)


def from_source() -> Release:
    return Release(wheels=(), sdist=True)


def resolved(
    catalog: MemoryCatalog, *roots: str, locked: str = "", policy: ResolvePolicy = POLICY
) -> Resolution:
    """Resolve; `locked` is "name version" of the old lock."""
    name, _, version = locked.partition(" ")
    return resolve(
        [
            RootRequirement(Requirement(text), ALWAYS, "env.toml: env.dependencies")
            for text in roots
        ],
        environments=NEW,
        policy=policy,
        preferences={canonicalize_name(name): (Version(version),)} if locked else {},
        catalog=catalog,
    )


def pins(resolution: Resolution) -> list[str]:
    return [f"{package.name} {package.version}" for package in resolution.packages]


def test_a_thousand_versions_with_one_flaw_are_not_all_read() -> None:
    """Nightly builds that all require what would have to be built (tfds-nightly and promise)."""
    universe: Universe = {
        "nightly": {f"1.{at}": release("promise") for at in range(1000)},
        "promise": {"2.3": from_source()},
    }
    catalog = MemoryCatalog(universe, POLICY)
    with pytest.raises(NoSolution) as caught:
        resolved(catalog, "nightly")
    message = str(caught.value)
    assert "nightly 1.700 to 1.999 (300 versions) require promise, but" in message
    assert (
        "nightly 1.0 to 1.699 (700 versions) cannot be used: 300 others were looked at, and "
        "what they require of promise cannot be met"
    ) in message
    assert caught.value.hint == "`envsync lock --allow-build promise` allows building promise"
    assert len({one for kind, one in catalog.asked if kind == "metadata"}) == 300


def test_a_version_without_the_flaw_is_found_far_down() -> None:
    versions = {f"1.{at}": release("promise") for at in range(1, 250)}
    universe: Universe = {
        "nightly": {"1.0": release(), **versions},
        "promise": {"2.3": from_source()},
    }
    assert pins(resolved(MemoryCatalog(universe, POLICY), "nightly")) == ["nightly 1.0"]


def test_extras_are_tried_in_versions_that_their_package_may_have() -> None:
    """One extra holds the package back after another was asked for."""
    extras = [f"{name}; extra == '{name}'" for name in ("one", "two", "three")]
    newest = [f"1.{at}" for at in range(1, 60)]
    universe: Universe = {
        "provider": {
            "1.0": release(*extras),
            **{text: release(*extras[:-1], "three>2; extra == 'three'") for text in newest},
        },
        "app": {"1.0": release("provider[one]", "provider[two]", "provider[three]")},
        **{name: {"1.0": release()} for name in ("one", "two", "three")},
    }
    resolution = resolved(MemoryCatalog(universe, POLICY), "app")
    assert "provider 1.0" in pins(resolution)
    assert resolution.rounds < 300


def test_two_narrow_requirements_on_one_package_meet_soon() -> None:
    """Each boto3 wants its own botocore, and so does each aiobotocore, some releases behind."""
    count, behind = 150, 25
    universe: Universe = {
        "boto3": {f"1.{at}": release(f"botocore==1.{at}") for at in range(count)},
        "aiobotocore": {f"2.{at}": release(f"botocore==1.{at}") for at in range(count - behind)},
        "botocore": {f"1.{at}": release() for at in range(count)},
        "s3fs": {"3.0": release("aiobotocore")},
    }
    resolution = resolved(MemoryCatalog(universe, POLICY), "boto3", "s3fs")
    newest = count - behind - 1
    assert pins(resolution) == [
        f"aiobotocore 2.{newest}",
        f"boto3 1.{newest}",
        f"botocore 1.{newest}",
        "s3fs 3.0",
    ]
    assert resolution.rounds < 500


def test_a_long_search_without_result_gives_up() -> None:
    """A chain of exact pins that is dead at its end: 200 packages in 100 versions (hazards H19).

    A proof would have to walk it a hundred times.
    """
    universe: dict[str, dict[str, Release]] = {
        f"p{at}": {f"{v}.0": release(f"p{at + 1}=={v}.0") for v in range(100)} for at in range(200)
    }
    universe["p200"] = {"999.0": release()}
    few = POLICY._replace(max_rounds=2_000)
    with pytest.raises(NoSolution) as caught:
        resolved(MemoryCatalog(universe, few), "p0", policy=few)
    assert "gave up after 2000 rounds" in str(caught.value)
    assert caught.value.hint == "give p200 and what requires it a lower bound"


def test_a_leap_that_is_taken_back_loses_nothing() -> None:
    """After a tenth of the rounds the search stops to leap, and goes on from before it."""
    universe: dict[str, dict[str, Release]] = {
        f"p{at}": {f"{v}.0": release(f"p{at + 1}=={v}.0") for v in range(20)} for at in range(60)
    }
    universe["p60"] = {"3.0": release()}
    few = POLICY._replace(max_rounds=2_000)
    resolution = resolved(MemoryCatalog(universe, few), "p0", policy=few)
    assert "p0 3.0" in pins(resolution)


def test_what_was_asked_by_a_dropped_version_does_not_count() -> None:
    """The newest b wants an old a, and goes because of c; then a may be new."""
    universe: Universe = {
        "a": {"1.0": release("d==1"), "2.0": release("d==2"), "3.0": release("d==3")},
        "b": {"1.0": release(), "2.0": release("a<3", "c>=2")},
        "c": {"1.0": release(), "2.0": release("d==9")},
        "d": {f"{at}.0": release() for at in range(1, 9)},
    }
    resolution = resolved(MemoryCatalog(universe, POLICY), "b", "a", "d>=3")
    assert pins(resolution) == ["a 3.0", "b 1.0", "d 3.0"]


def test_two_packages_that_chase_each_other_are_stopped() -> None:
    """Each version asks for another version of who asked for it; nothing ever collides."""
    universe: Universe = {
        "a": {"0.0": release("b==1"), "1.0": release(), "2.0": release("b==2")},
        "b": {"0.0": release(), "1.0": release("a==2"), "2.0": release("a==0")},
    }
    resolution = resolved(MemoryCatalog(universe, POLICY), "a")
    assert pins(resolution) == ["a 1.0"]
    assert resolution.rounds < 100


def test_one_region_may_not_take_all_rounds() -> None:
    """Nine pigeons for eight holes, which is a search through all orders."""
    universe: dict[str, dict[str, Release]] = {
        f"p{at}": {f"{hole}.0": release(f"hole{hole}=={at}.0") for hole in range(8)}
        for at in range(9)
    }
    for hole in range(8):
        universe[f"hole{hole}"] = {f"{at}.0": release() for at in range(9)}
    with pytest.raises(NoSolution) as caught:
        resolved(MemoryCatalog(universe, POLICY), *(f"p{at}" for at in range(9)))
    assert "gave up after 10000 rounds" in str(caught.value)


TRAP: Universe = {
    "web": {
        "0.1": release(year=2019),
        **{f"1.{at}": release("base>=2", year=2025) for at in range(5)},
    },
    "base": {"1.0": release(year=2024), "2.0": release(year=2025)},
}


def test_a_release_from_long_ago_is_not_taken_silently() -> None:
    resolution = resolved(MemoryCatalog(TRAP, POLICY), "base<2", "web")
    assert pins(resolution) == ["base 1.0", "web 0.1"]
    assert "; ".join(resolution.notices) == (
        "web 0.1 is of 2019, though 1.4 of 2025 meets what is required of it: "
        "nothing newer was found to fit the rest"
    )


def test_an_old_release_that_was_asked_for_needs_no_word() -> None:
    assert resolved(MemoryCatalog(TRAP, POLICY), "web<1").notices == ()


def test_an_old_release_of_the_lock_needs_no_word() -> None:
    resolution = resolved(MemoryCatalog(TRAP, POLICY), "base", "web", locked="web 0.1")
    assert "web 0.1" in pins(resolution)
    assert resolution.notices == ()
