"""Dependency groups that include each other."""

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envsync.spec.includes import MAX_EXPANDED, Entries, Include
from envsync.spec.includes import expand as expand_parts
from envsync.spec.lines import KeyPath
from envsync.spec.model import Part
from tests.support.effort import calls

Written = dict[str, list[str]]
"""Groups as lists, an include written "+NAME"."""


def expand(written: Written) -> tuple[dict[str, list[str]], list[tuple[str, KeyPath]]]:
    """Expand groups; give them as text, and what was reported."""
    reported: list[tuple[str, KeyPath]] = []
    groups: dict[Part, Entries] = {
        Part("group", canonicalize_name(name)): [
            Include(Part("group", canonicalize_name(entry[1:])), (name, position))
            if entry.startswith("+")
            else Requirement(entry)
            for position, entry in enumerate(entries)
        ]
        for name, entries in written.items()
    }
    expanded = expand_parts(groups, lambda text, path: reported.append((text, path)))
    return {part.name: [str(each) for each in found] for part, found in expanded.items()}, reported


def test_includes_stand_where_they_are_written() -> None:
    expanded, reported = expand({"a": ["x", "+b", "y"], "b": ["z", "+c"], "c": ["w"]})
    assert expanded == {"a": ["x", "z", "w", "y"], "b": ["z", "w"], "c": ["w"]}
    assert reported == []


def test_a_group_that_is_reached_twice_counts_once() -> None:
    expanded, _ = expand({"a": ["+b", "+c"], "b": ["+d"], "c": ["+d", "x"], "d": ["x", "x"]})
    assert expanded["a"] == ["x", "x", "x"]


def test_a_group_that_includes_itself() -> None:
    expanded, reported = expand({"a": ["x", "+a"]})
    assert reported == [("groups include each other in a circle: a -> a", ("a", 1))]
    assert expanded == {"a": ["x"]}


def test_circles_are_named_once_each() -> None:
    _, reported = expand({"start": ["+a"], "a": ["+b"], "b": ["+c", "+b"], "c": ["x", "+a"]})
    assert reported == [
        ("groups include each other in a circle: a -> b -> c -> a", ("c", 1)),
        ("groups include each other in a circle: b -> b", ("b", 1)),
    ]


def test_a_long_circle_is_shown_short() -> None:
    _, reported = expand({f"g{n}": [f"+g{(n + 1) % 50}"] for n in range(50)})
    assert reported[0][0].endswith(
        "g0 -> g1 -> g2 -> g3 -> g4 -> g5 -> ... -> g46 -> g47 -> g48 -> g49 -> g0"
    )


def test_a_missing_group_gets_a_near_miss() -> None:
    _, reported = expand({"dev": ["+lnit"], "lint": []})
    assert reported == [("there is no group 'lnit'; did you mean 'lint'?", ("dev", 0))]


def test_sixty_levels_that_double_are_instant() -> None:
    written: Written = {"g0": ["x"]}
    written |= {f"g{n}": [f"+g{n - 1}", f"+g{n - 1}"] for n in range(1, 61)}
    backwards = dict(reversed(written.items()))
    assert expand(backwards)[0]["g60"] == ["x"]
    assert calls(lambda: expand(backwards)) < 61 * 200


def test_a_deep_chain_needs_no_deep_stack() -> None:
    expanded, reported = expand(
        {f"g{n}": [f"+g{n + 1}"] for n in range(20_000)} | {"g20000": ["x"]}
    )
    assert (expanded["g0"], reported) == (["x"], [])


def test_expanding_is_bounded() -> None:
    chain = {f"g{n}": [f"x{n}", f"+g{n + 1}"] for n in range(1000)}
    _, reported = expand(chain | {"g1000": []})
    assert reported == [
        (f"groups and extras hold over {MAX_EXPANDED} requirements", ("dependency-groups",))
    ]
