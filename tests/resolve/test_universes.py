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
