"""Every scenario under fixtures/scenarios resolves as it says, for good, and the same each time."""

from collections.abc import Mapping
from itertools import combinations

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.errors import EnvsyncError
from envsync.model.marker import MarkerSet, from_marker
from envsync.model.resolution import Resolution
from tests.support.catalog import Scenario, load_scenario, scenario_files

SCENARIOS = [load_scenario(path) for path in scenario_files()]
SOLVABLE = [scenario for scenario in SCENARIOS if scenario.expected.error is None]
UNSOLVABLE = [scenario for scenario in SCENARIOS if scenario.expected.error is not None]


def name_of(scenario: Scenario) -> str:
    return scenario.name


def shown(resolution: Resolution) -> list[str]:
    """The packages as requirement texts, the way scenarios write them."""
    lines = []
    for package in resolution.packages:
        marker = package.marker.simplify(resolution.environments)
        condition = "" if marker.is_always() else f"; {marker}"
        lines.append(f"{package.name}=={package.version}{condition}")
    return lines


def meaning(line: str, environments: MarkerSet) -> tuple[str, str, MarkerSet]:
    requirement = Requirement(line)
    marker = from_marker(requirement.marker) & environments
    return requirement.name, str(requirement.specifier), marker


def possible(scenario: Scenario) -> MarkerSet:
    """The environments, with the extras and groups that may be chosen together."""
    found = scenario.environments
    for conflict in scenario.policy.conflicts:
        for one, other in combinations(conflict, 2):
            found &= ~(one & other)
    return found


def pins_of(resolution: Resolution) -> Mapping[NormalizedName, tuple[Version, ...]]:
    pins: dict[NormalizedName, tuple[Version, ...]] = {}
    for package in resolution.packages:
        pins[package.name] = (*pins.get(package.name, ()), package.version)
    return pins


@pytest.mark.parametrize("scenario", SOLVABLE, ids=name_of)
def test_a_scenario_has_the_packages_that_it_says(scenario: Scenario) -> None:
    resolution = scenario.resolve()

    environments = possible(scenario)
    expected = [meaning(line, environments) for line in scenario.expected.packages]
    found = [meaning(line, environments) for line in shown(resolution)]
    assert sorted(expected, key=str) == sorted(found, key=str), shown(resolution)
    for notice in scenario.expected.notices:
        assert [line for line in resolution.notices if notice in line], resolution.notices
    if not scenario.expected.notices:
        assert resolution.notices == ()


@pytest.mark.parametrize("scenario", SOLVABLE, ids=name_of)
def test_resolving_again_with_the_own_pins_changes_nothing(scenario: Scenario) -> None:
    first = scenario.resolve()
    second = scenario.resolve(preferences=pins_of(first))
    assert first.packages == second.packages


@pytest.mark.parametrize("scenario", UNSOLVABLE, ids=name_of)
def test_a_scenario_fails_with_the_words_that_it_says(scenario: Scenario) -> None:
    with pytest.raises(EnvsyncError) as caught:
        scenario.resolve()

    text = str(caught.value)
    assert type(caught.value).__name__ == scenario.expected.error, text
    for part in scenario.expected.says:
        assert part in text
    assert scenario.expected.hint in (caught.value.hint or "")
