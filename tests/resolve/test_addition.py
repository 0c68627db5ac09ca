"""What is apart from all that is locked can be resolved alone: in any universe that is enough."""

from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from packaging.version import Version

from envsync.errors import EnvsyncError
from envsync.model.resolution import Resolution
from envsync.resolve.unmoved import LockedPin, is_apart
from tests.resolve.test_scenarios import pins_of
from tests.resolve.test_unmoved import told
from tests.support.catalog import Scenario, read_scenario

NAMES = tuple("abcdefgh")
SPECIFIERS = (*("" for _ in range(7)), ">=2", "<3", "==3.0", "!=2.0", ">=1", "<=2", ">=3.0a1")
MARKERS = (*("" for _ in range(6)), "sys_platform == 'win32'", "python_version < '3.12'")


@st.composite
def growing(draw: st.DrawFn) -> tuple[Scenario, Scenario]:
    """A problem, and the same with one or two requirements more."""

    def requirement() -> str:
        name, extra = draw(st.sampled_from(NAMES)), draw(st.sampled_from(("", "", "", "", "[x]")))
        marker = draw(st.sampled_from(MARKERS))
        text = f"{name}{extra}{draw(st.sampled_from(SPECIFIERS))}"
        return f"{text}; {marker}" if marker else text

    def release() -> dict[str, Any]:
        made: dict[str, Any] = {
            "requires": [requirement() for _ in range(draw(st.integers(0, 2)))],
            "extras": ["x"],
        }
        if python := draw(st.sampled_from((None, None, None, None, None, ">=3.11", ">=3.12"))):
            made["requires-python"] = python
        if draw(st.integers(0, 15)) == 0:
            made["yanked"] = True
        return made

    texts = st.lists(
        st.sampled_from(("1.0", "2.0", "3.0a1", "3.0")), min_size=1, max_size=3, unique=True
    )
    packages = {
        name: {"versions": {text: release() for text in sorted(draw(texts), key=Version)}}
        for name in NAMES
    }
    requires = [requirement() for _ in range(draw(st.integers(1, 3)))]
    more = [requirement() for _ in range(draw(st.integers(1, 2)))]

    def problem(requires: list[str]) -> Scenario:
        root = {"requires": requires, "requires-python": ">=3.10"}
        return read_scenario({"root": root, "packages": packages})

    return problem(requires), problem([*requires, *more])


def resolved(scenario: Scenario, found: Resolution | None = None) -> Resolution | None:
    try:
        return scenario.resolve(preferences=pins_of(found) if found else {})
    except EnvsyncError:
        return None


@given(growing())
@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
def test_an_addition_that_is_apart_changes_nothing_else(
    problems: tuple[Scenario, Scenario],
) -> None:
    before, after = problems
    locked = resolved(before)
    if locked is None:
        event("no lock")
        return
    added = after._replace(roots=after.roots[len(before.roots) :])
    alone = resolved(added, locked)
    firm = {
        one.name: LockedPin(one.version, one.marker)
        for one in locked.packages
        if one.name in locked.firm
    }
    names = [one.name for one in locked.packages]
    if alone is None or not is_apart(alone, firm, names):
        event("not apart")
        return
    new = [one for one in alone.packages if one.name not in names]
    event(f"{len(new)} of {len(alone.packages)} new")

    full = resolved(after, locked)

    assert full is not None
    joined = sorted((*locked.packages, *new), key=lambda one: (one.name, one.version))
    assert told(full) == told(locked._replace(packages=tuple(joined)))
    # And from there on: what is remembered of the lock holds for the larger one.
    firm_new = {one.name for one in new}
    assert locked.firm | firm_new == full.firm
    assert locked.unmoved | firm_new == full.unmoved
