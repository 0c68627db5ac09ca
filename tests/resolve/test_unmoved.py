"""A pin that comes first in any case can be freed: the search stays the same, in any universe."""

import tomllib

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from packaging.utils import NormalizedName

from envsync.model.resolution import Resolution
from tests.resolve.test_scenarios import pins_of, shown
from tests.resolve.test_universes import answer, universes, unstable_universes
from tests.support.catalog import Scenario, read_scenario


def freed(scenario: Scenario, found: Resolution, *names: NormalizedName) -> Resolution:
    """Lock again as `-P` does, from the pins that were found."""
    policy = scenario.policy._replace(upgrade=frozenset(names))
    return scenario._replace(policy=policy).resolve(preferences=pins_of(found))


def told(resolution: Resolution) -> list[object]:
    """All that goes into a lock and to the terminal."""
    edges = [(one.name, one.dependencies, one.extras) for one in resolution.packages]
    return [shown(resolution), edges, resolution.notices]


@given(st.one_of(universes(), unstable_universes()), st.data())
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
def test_freeing_what_is_unmoved_gives_the_same(scenario: Scenario, data: st.DataObject) -> None:
    found = answer(scenario)
    if found is None or not found.unmoved:
        event("none")
        return
    names = data.draw(st.sets(st.sampled_from(sorted(found.unmoved)), min_size=1))
    event(f"{len(names)} freed, {len(found.packages)} locked")

    again = freed(scenario, found, *names)

    assert told(again) == told(found)
    if len(found.unmoved) == len(found.packages):
        event("all")
        assert told(scenario.resolve(preferences={})) == told(found)


def unmoved(text: str) -> set[str]:
    """What is unmoved of the answer to a small scenario."""
    return set(read_scenario(tomllib.loads(text)).resolve().unmoved)


ROOT = '[root]\nrequires = ["a"]\nrequires-python = ">=3.10"\n'


@pytest.mark.parametrize(
    ("more", "expected", "why"),
    [
        ('[packages.a.versions]\n"1.0" = {}\n"2.0" = {}\n', {"a"}, "the newest"),
        ('[packages.a.versions]\n"1.0" = {}\n"2.0a1" = {}\n', {"a"}, "pre-releases come last"),
        ('[packages.a.versions]\n"1.0" = {}\n"2.0" = {yanked = true}\n', {"a"}, "so do yanked"),
        ('[packages.a.versions]\n"1.0a1" = {}\n', set(), "a stable one would come before it"),
        (
            (
                '[packages.a.versions]\n"1.0" = {requires = ["b==1.0"]}\n'
                '[packages.b.versions]\n"1.0" = {yanked = true}\n'
            ),
            {"a"},
            "yanked ones are taken only where they are named",
        ),
        (
            '[packages.a.versions]\n"1.0" = {}\n"2.0" = {broken = "no Name"}\n',
            set(),
            "what was refused is told of, and only where it was looked at",
        ),
        (
            (
                '[packages.a.versions]\n"1.0" = {requires = ["b<2"]}\n'
                '[packages.b.versions]\n"1.0" = {}\n"2.0" = {}\n'
            ),
            {"a"},
            "an older one is kept for being locked",
        ),
        (
            '[packages.a.versions]\n"1.0" = {}\n"2.0" = {requires-python = ">=3.12"}\n',
            set(),
            "two versions",
        ),
        (
            '[packages.a.versions]\n"1.0" = {}\n"2.0" = {}\n[lock]\nresolution = "lowest"\n',
            set(),
            "the oldest first",
        ),
        (
            '[packages.a.versions]\n"1.0a1" = {}\n[lock]\nprereleases = "allow"\n',
            {"a"},
            "pre-releases are like others",
        ),
    ],
)
def test_what_is_unmoved(more: str, expected: set[str], why: str) -> None:
    assert unmoved(ROOT + more) == expected, why
