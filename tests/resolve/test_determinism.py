"""The same questions have the same answer, whatever comes first and whatever is fetched ahead."""

import os
import subprocess
import sys
from collections.abc import Iterable

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from envsync.model.candidate import Candidate, CoreMetadata
from envsync.resolve.candidates import Catalog, Foresight, Listing
from envsync.resolve.universal import resolve
from tests.resolve.test_scenarios import SOLVABLE, name_of, shown
from tests.support.catalog import SCENARIOS, MemoryCatalog, Scenario, load_scenario

SCRIPT = """
from tests.resolve.test_scenarios import SOLVABLE, shown
for scenario in SOLVABLE:
    resolution = scenario.resolve()
    edges = [(p.name, [(e.name, str(e.version), str(e.marker)) for e in p.dependencies])
             for p in resolution.packages]
    print(scenario.name, shown(resolution), edges, resolution.notices, resolution.rounds)
"""


class Clairvoyant:
    """A catalog that reads everything as soon as it gets a hint, as threads might."""

    def __init__(self, catalog: MemoryCatalog) -> None:
        self._catalog = catalog
        self.expected: list[str] = []

    def listing(self, name: NormalizedName, source: str | None = None) -> Listing:
        return self._catalog.listing(name, source)

    def metadata(self, candidate: Candidate) -> CoreMetadata:
        return self._catalog.metadata(candidate)

    def prefetch(self, name: NormalizedName, specifier: SpecifierSet) -> None:
        self._catalog.prefetch(name, specifier)

    def expect(self, candidates: Iterable[Candidate]) -> None:
        self.expected.extend(f"{one.name} {one.version}" for one in candidates)


def run(scenario: Scenario, catalog: Catalog) -> list[str]:
    resolution = resolve(
        scenario.roots,
        environments=scenario.environments,
        policy=scenario.policy,
        preferences=scenario.preferences,
        catalog=catalog,
    )
    return shown(resolution)


def output(seed: str) -> str:
    root = os.path.dirname(os.path.dirname(SCENARIOS))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=os.path.realpath(root),
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_hash_seed_does_not_matter() -> None:
    assert output("1") == output("2")


@pytest.mark.parametrize("scenario", SOLVABLE, ids=name_of)
def test_hints_do_not_matter(scenario: Scenario) -> None:
    silent = MemoryCatalog(scenario.universe, scenario.policy)
    clairvoyant = Clairvoyant(MemoryCatalog(scenario.universe, scenario.policy))
    assert isinstance(clairvoyant, Foresight)
    assert not isinstance(silent, Foresight)
    assert run(scenario, silent) == run(scenario, clairvoyant)


@pytest.mark.parametrize("scenario", SOLVABLE, ids=name_of)
def test_the_order_of_files_and_packages_does_not_matter(scenario: Scenario) -> None:
    reversed_universe = {
        name: dict(reversed(list(releases.items())))
        for name, releases in reversed(list(scenario.universe.items()))
    }
    turned = scenario._replace(universe=reversed_universe)
    assert shown(scenario.resolve()) == shown(turned.resolve())


def test_a_project_is_hinted_at_before_it_is_asked_for() -> None:
    scenario = load_scenario(os.path.join(SCENARIOS, "plain", "diamond.toml"))
    catalog = MemoryCatalog(scenario.universe, scenario.policy)
    run(scenario, catalog)
    assert catalog.hints == [("a", ""), ("b", ""), ("c", ">=1.1")]
    names = [name for kind, name in catalog.asked if kind == "listing"]
    assert names == ["a", "b", "c"]


def test_versions_that_are_tried_in_a_row_are_expected() -> None:
    scenario = load_scenario(os.path.join(SCENARIOS, "plain", "diamond.toml"))
    universe = {
        "a": {f"{v}.0": scenario.universe["a"]["1.0"] for v in range(30)},
        "b": scenario.universe["b"],
        "c": {"1.0": scenario.universe["c"]["1.0"]},
    }
    catalog = Clairvoyant(MemoryCatalog(universe, scenario.policy))
    with pytest.raises(Exception, match="no versions satisfy"):
        run(scenario._replace(universe=universe), catalog)
    assert catalog.expected[:4] == ["a 27.0", "a 26.0", "a 25.0", "a 24.0"]
