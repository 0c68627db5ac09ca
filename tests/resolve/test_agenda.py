"""What the search decides next is kept between rounds, and is what a look at all would give."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envsync.events import SILENT
from envsync.model.marker import ALWAYS, from_text
from envsync.model.resolution import RootRequirement
from envsync.resolve.agenda import Agenda
from envsync.resolve.candidates import ResolvePolicy
from envsync.resolve.criteria import Criterion, State, put_back
from envsync.resolve.provider import RegionProvider
from envsync.resolve.region_view import PackageKey, Pin, RegionRequirement, RegionView
from envsync.resolve.resolver_index import ResolverIndex
from envsync.resolve.search import Search
from tests.resolve.test_universes import answer, universes
from tests.support.catalog import MemoryCatalog, Release, Scenario, Universe

NEW = from_text("python_version >= '3.11'")


def slow_next(state: State, provider: RegionProvider) -> PackageKey:
    """The key to decide next, found by looking at all of them."""
    waiting = []
    for key, criterion in state.criteria.items():
        pin = state.pins.get(key)
        causes = criterion.causes
        if pin is None or not all(provider.satisfies(pin, one.requirement) for one in causes):
            waiting.append(key)
    extras = [key for key in waiting if key.extra and PackageKey(key.name) in state.pins]
    if len(waiting) == 1 or extras:
        return (extras or waiting)[0]
    if state.causes:
        collided = {one.requirement.key for one in state.causes}
        collided.update(one.parent.key for one in state.causes if one.parent)
        waiting = [key for key in waiting if key in collided] or waiting
    return min(
        waiting,
        key=lambda key: (
            state.criteria[key].matches.has_choice,
            -provider.conflicts.get(key.name, 0),
            provider.order[key],
        ),
    )


@contextmanager
def compared() -> Iterator[list[int]]:
    """Compare each decision with the slow one; gives the rounds in which that was done."""
    rounds: list[int] = []
    original = Agenda.next

    def both(self: Agenda, state: State, provider: RegionProvider) -> PackageKey:
        found = original(self, state, provider)
        assert found == slow_next(state, provider)
        rounds.append(len(rounds))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Agenda, "next", both)
        yield rounds


@given(universes())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_agenda_is_what_a_look_at_all_packages_gives(scenario: Scenario) -> None:
    with compared():
        answer(scenario)


def provider_of(universe: Universe, *roots: str) -> tuple[RegionProvider, list[RegionRequirement]]:
    policy = ResolvePolicy(environments=NEW)
    stated = [RootRequirement(Requirement(text), ALWAYS, "env.toml") for text in roots]
    index = ResolverIndex(MemoryCatalog(universe, policy), policy, stated)
    provider = RegionProvider(RegionView(index, NEW, {}, {}))
    return provider, list(
        provider.roots([one for root in stated for one in index.reader.of_root(root)])
    )


def test_a_pin_that_changes_and_pins_that_collide_are_seen_at_once() -> None:
    """B pins c anew, and the first version of d collides."""
    universe: Universe = {
        "a": {"1": Release((Requirement("c"), Requirement("d")))},
        "b": {"1": Release((Requirement("c<2"),)), "2": Release((Requirement("c<2"),))},
        "c": {"1": Release(), "2": Release((Requirement("e"),))},
        "d": {"1": Release(), "2": Release((Requirement("b<1"),))},
        "e": {"1": Release()},
    }
    with compared() as rounds:
        provider, roots = provider_of(universe, "a", "b")
        pins = Search(provider, SILENT, 1_000).run(roots)
    assert {"a 1", "b 2", "c 1", "d 1"} <= set(map(repr, pins.values()))
    assert rounds


@pytest.mark.parametrize("size", [20, 80])
def test_a_round_asks_about_what_it_touched(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pin is judged when it is made and when more is required of it, not in every round."""
    universe: Universe = {
        f"p{at}": {"1": Release((Requirement("common"),)), "2": Release((Requirement("common"),))}
        for at in range(size)
    } | {"common": {"1": Release(), "2": Release()}}
    count = 0
    original = RegionProvider.satisfies

    def counting(self: RegionProvider, pin: Pin, requirement: RegionRequirement) -> bool:
        nonlocal count
        count += 1
        return original(self, pin, requirement)

    monkeypatch.setattr(RegionProvider, "satisfies", counting)
    provider, roots = provider_of(universe, *(f"p{at}" for at in range(size)))
    Search(provider, SILENT, 1_000).run(roots)
    assert count <= 4 * size


def test_criteria_are_put_back_in_their_order() -> None:
    provider, roots = provider_of({"a": {"1": Release()}, "b": {"1": Release()}}, "a", "b")
    a, b = (one.key for one in roots)
    c = PackageKey(canonicalize_name("c"))
    first, second = (Criterion(provider.matches(one.key, {}, {}, added=one), ()) for one in roots)
    criteria = {a: second, b: second, c: first}

    put_back(criteria, {c: None, a: first})

    assert list(criteria.items()) == [(a, first), (b, second)]
