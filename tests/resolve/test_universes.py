"""On generated universes the resolver agrees with brute force, and its answers hold everywhere."""

from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from envsync.errors import NoSolution
from envsync.model.resolution import Resolution
from tests.resolve.oracle import check, grid, solvable
from tests.resolve.test_scenarios import pins_of, shown
from tests.support.catalog import Scenario, read_scenario

NAMES = ("a", "b", "c", "d", "e")
VERSIONS = ("1.0", "2.0", "3.0")
PYTHONS = ("3.10.4", "3.11.4", "3.12.4")
SPECIFIERS = ("", "", ">=2", "<2", "==1.0", "==2.0", "==3.0", "!=2.0", "<3", ">2")
MARKERS = (
    *("" for _ in range(6)),
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
    needs = draw(st.lists(requirements(), max_size=3))
    needs += draw(st.lists(requirements(extra="x"), max_size=1))
    release: dict[str, Any] = {"requires": needs, "extras": ["x"]}
    if python := draw(st.sampled_from((None, None, None, ">=3.11", ">=3.12"))):
        release["requires-python"] = python
    return release


@st.composite
def universes(draw: st.DrawFn) -> Scenario:
    """Five packages with up to three versions each, some groups and extras, three Pythons."""
    packages = {
        name: {"versions": {text: draw(releases()) for text in VERSIONS[: draw(counts)]}}
        for name in NAMES
    }
    root: dict[str, Any] = {
        "requires": draw(st.lists(requirements(), min_size=1, max_size=4)),
        "requires-python": ">=3.10,<3.13",
    }
    if draw(st.booleans()):
        root["groups"] = {"dev": draw(st.lists(requirements(), max_size=2))}
    return read_scenario({"root": root, "packages": packages})


counts = st.integers(min_value=1, max_value=3)
THOROUGH = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def answer(scenario: Scenario) -> Resolution | None:
    try:
        return scenario.resolve()
    except NoSolution:
        return None


@given(universes())
@THOROUGH
def test_a_solution_is_found_where_there_is_one(scenario: Scenario) -> None:
    resolution = answer(scenario)
    expected = all(solvable(scenario, place) for place in grid(PYTHONS, groups=["dev"]))
    event("solvable" if expected else "unsolvable")
    assert expected == (resolution is not None)


@given(universes())
@THOROUGH
def test_what_is_selected_is_closed_and_consistent_everywhere(scenario: Scenario) -> None:
    resolution = answer(scenario)
    if resolution is not None:
        for place in grid(PYTHONS, groups=["dev"]):
            check(scenario, resolution, place)


@given(universes())
@THOROUGH
def test_resolving_again_with_the_own_pins_changes_nothing(scenario: Scenario) -> None:
    first = answer(scenario)
    if first is not None:
        second = scenario.resolve(preferences=pins_of(first))
        assert shown(first) == shown(second)
