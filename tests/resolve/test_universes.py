"""On generated universes the resolver agrees with brute force, and its answers hold everywhere."""

from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from packaging.version import Version

from envsync.errors import NoSolution
from envsync.model.resolution import Resolution
from tests.resolve.oracle import (
    asked_in,
    check,
    contained,
    grid,
    solvable,
    stabilized,
    stable_fits,
)
from tests.resolve.test_scenarios import pins_of, shown
from tests.support.catalog import Scenario, read_scenario

NAMES = ("a", "b", "c", "d", "e")
VERSIONS = ("1.0", "2.0", "3.0")
PYTHONS = ("3.10.4", "3.11.4", "3.12.4")
SPECIFIERS = ("", "", "", ">=2", "<2", "==1.0", "==3.0", "!=2.0", "<3", ">=1")
MARKERS = (
    *("" for _ in range(5)),
    "sys_platform == 'win32'",
    "sys_platform != 'win32'",
    "python_version < '3.11'",
    "python_version >= '3.11'",
    "python_version >= '3.12' and sys_platform == 'linux'",
)


@st.composite
def requirements(draw: st.DrawFn, *, extra: str = "") -> str:
    name = draw(st.sampled_from(NAMES))
    extras = draw(st.sampled_from(("", "", "", "[x]")))
    specifier = draw(st.sampled_from(SPECIFIERS))
    marker = draw(st.sampled_from(MARKERS))
    if extra:
        marker = f"extra == '{extra}'" + (f" and {marker}" if marker else "")
    return f"{name}{extras}{specifier}" + (f"; {marker}" if marker else "")


@st.composite
def releases(draw: st.DrawFn) -> dict[str, Any]:
    needs = draw(st.lists(requirements(), max_size=2))
    needs += draw(st.lists(requirements(extra="x"), max_size=1))
    release: dict[str, Any] = {"requires": needs, "extras": ["x"]}
    if python := draw(st.sampled_from((None, None, None, ">=3.11", ">=3.12"))):
        release["requires-python"] = python
    return release


@st.composite
def universes(draw: st.DrawFn) -> Scenario:
    """Five packages with up to three versions each, a group now and then, three Pythons."""
    counts = st.integers(min_value=1, max_value=3)
    packages = {
        name: {"versions": {text: draw(releases()) for text in VERSIONS[: draw(counts)]}}
        for name in NAMES
    }
    root: dict[str, Any] = {
        "requires": draw(st.lists(requirements(), min_size=1, max_size=3)),
        "requires-python": ">=3.10,<3.13",
    }
    if draw(st.booleans()):
        root["groups"] = {"dev": draw(st.lists(requirements(), max_size=1))}
    return read_scenario({"root": root, "packages": packages})


def answer(scenario: Scenario) -> Resolution | None:
    try:
        return scenario.resolve()
    except NoSolution:
        return None


@given(universes())
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
def test_answers_agree_with_brute_force_and_hold_everywhere(scenario: Scenario) -> None:
    resolution = answer(scenario)

    places = list(grid(PYTHONS, groups=["dev"]))
    expected = all(solvable(scenario, place) for place in places)
    event("solvable" if expected else "unsolvable")
    assert expected == (resolution is not None)
    if resolution is None:
        return
    for place in places:
        check(scenario, resolution, place)
    again = scenario.resolve(preferences=pins_of(resolution))
    assert shown(resolution) == shown(again)


PRE_NAMES = ("a", "b", "c")
PRE_VERSIONS = ("1.0", "2.0a1", "2.0", "3.0b1")
PRE_SPECIFIERS = ("", "", ">=2.0a1", ">=2", "<2", ">=3.0a1", "==2.0a1", "!=2.0", "<3")


@st.composite
def unstable_universes(draw: st.DrawFn) -> Scenario:
    """Three packages with stable versions and pre-releases."""

    def requirement() -> str:
        name, extra = draw(st.sampled_from(PRE_NAMES)), draw(st.sampled_from(("", "", "[x]")))
        marker = draw(st.sampled_from(("", "", "", "; sys_platform == 'win32'")))
        return f"{name}{extra}{draw(st.sampled_from(PRE_SPECIFIERS))}{marker}"

    def release() -> dict[str, Any]:
        needs = [requirement() for _ in range(draw(st.integers(0, 2)))]
        return {"requires": needs, "extras": ["x"]}

    chosen = st.lists(st.sampled_from(PRE_VERSIONS), min_size=1, max_size=3, unique=True)
    packages = {
        name: {"versions": {text: release() for text in sorted(draw(chosen), key=Version)}}
        for name in PRE_NAMES
    }
    requires = [requirement() for _ in range(draw(st.integers(1, 3)))]
    root = {"requires": requires, "requires-python": ">=3.11"}
    return read_scenario({"root": root, "packages": packages})


@given(unstable_universes())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
def test_prereleases_come_after_everything_stable(scenario: Scenario) -> None:
    """There is an answer wherever brute force finds one with them; and where it finds one that
    takes them only for want of a stable version, so does the answer, or nothing else would do.
    """
    resolution = answer(scenario)

    places = list(grid(["3.11.4"]))
    assert all(solvable(scenario, place) for place in places) == (resolution is not None)
    if resolution is None:
        return
    for place in places:
        check(scenario, resolution, place)
    assert shown(resolution) == shown(scenario.resolve(preferences=pins_of(resolution)))
    if not all(contained(scenario, place) for place in places):
        event("a last resort")
        return
    asked: dict[tuple[str, Version], list[Any]] = {}
    for place in places:
        selected, of_each = asked_in(scenario, resolution, place)
        for name, version in selected.items():
            asked.setdefault((name, version), []).extend(of_each[name])
    for (name, version), requirements in asked.items():
        if version.is_prerelease and stable_fits(scenario, name, requirements, places[0]):
            stable = stabilized(scenario, name)
            assert not all(solvable(stable, place) for place in places), (name, version)
