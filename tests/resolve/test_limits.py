"""Hard and hostile universes end in bounded time, and with useful words (hazards H15, H19)."""

import pytest
from packaging.requirements import Requirement

from envsync.errors import NoSolution
from envsync.model.marker import ALWAYS, from_text
from envsync.model.resolution import Resolution, RootRequirement
from envsync.resolve.candidates import ResolvePolicy
from envsync.resolve.universal import resolve
from tests.support.catalog import MemoryCatalog, Release, Universe

NEW = from_text("python_version >= '3.11'")


def release(*requires: str) -> Release:
    return Release(requires=tuple(map(Requirement, requires)))


def resolved(universe: Universe, roots: list[str], *, max_rounds: int = 50_000) -> Resolution:
    policy = ResolvePolicy(environments=NEW, max_rounds=max_rounds)
    return resolve(
        [
            RootRequirement(Requirement(text), ALWAYS, "env.toml: env.dependencies")
            for text in roots
        ],
        environments=NEW,
        policy=policy,
        preferences={},
        catalog=MemoryCatalog(universe, policy),
    )


def test_extras_that_double_at_each_level_are_read_once_each() -> None:
    """60 levels are 2**60 ways."""
    requires = [
        f"a[{side}{level + 1}]; extra == '{other}{level}'"
        for level in range(60)
        for side in "xy"
        for other in "xy"
    ]
    universe = {"a": {"1.0": release(*requires, "b; extra == 'x60'")}, "b": {"1.0": release()}}
    resolution = resolved(universe, ["a[x0]"])
    assert [package.name for package in resolution.packages] == ["a", "b"]
    assert resolution.rounds < 200


def test_a_chain_with_a_dead_end_is_proved_dead() -> None:
    universe: dict[str, dict[str, Release]] = {
        f"p{at}": {f"{v}.0": release(f"p{at + 1}=={v}.0") for v in range(1, 30)} for at in range(30)
    }
    universe["p30"] = {"99.0": release()}
    with pytest.raises(NoSolution) as caught:
        resolved(universe, ["p0"])
    assert "p29 29.0 requires p30==29.0, but the only version is 99.0" in str(caught.value)


def test_mutually_exclusive_versions_end_within_the_rounds() -> None:
    """Eight pigeons for seven holes: no reason shorter than the whole."""
    universe: dict[str, dict[str, Release]] = {
        f"p{at}": {f"{hole}.0": release(f"hole{hole}=={at}.0") for hole in range(7)}
        for at in range(8)
    }
    for hole in range(7):
        universe[f"hole{hole}"] = {f"{at}.0": release() for at in range(8)}
    with pytest.raises(NoSolution) as caught:
        resolved(universe, [f"p{at}" for at in range(8)], max_rounds=2_000)
    assert "gave up after 2000 rounds" in str(caught.value)
    assert "hole" in str(caught.value)
    assert "lower bound" in str(caught.value.hint)


def test_each_version_is_read_once_however_often_it_is_tried() -> None:
    universe: dict[str, dict[str, Release]] = {
        "a": {f"{v}.0": release(f"c=={v}.0") for v in range(40)},
        "b": {f"{v}.0": release(f"c=={v + 40}.0" if v else "c==0.0") for v in range(40)},
        "c": {f"{v}.0": release() for v in range(80)},
    }
    policy = ResolvePolicy(environments=NEW)
    catalog = MemoryCatalog(universe, policy)
    roots = [
        RootRequirement(Requirement(name), ALWAYS, "env.toml: env.dependencies") for name in "ab"
    ]
    resolution = resolve(roots, environments=NEW, policy=policy, preferences={}, catalog=catalog)
    assert [f"{package.name} {package.version}" for package in resolution.packages] == [
        "a 0.0",
        "b 0.0",
        "c 0.0",
    ]
    assert len(catalog.asked) == len(set(catalog.asked))


def test_a_hundred_packages_that_agree_take_a_round_each() -> None:
    universe = {
        f"p{at}": {
            f"{v}.0": release(*(f"p{other}>=1" for other in range(at + 1, min(at + 6, 100))))
            for v in range(20)
        }
        for at in range(100)
    }
    resolution = resolved(universe, ["p0"])
    assert len(resolution.packages) == 100
    assert resolution.rounds <= 101
