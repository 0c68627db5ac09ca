"""Marker sets: laws, agreement with packaging, impossible worlds, short text, bounds on work."""

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Set as AbstractSet
from itertools import chain, combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Marker, UndefinedComparison
from packaging.ranges import VersionRange
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envsync.model.marker import (
    ALWAYS,
    NEVER,
    MarkerSet,
    extra,
    from_marker,
    from_requires_python,
    from_text,
    group,
)
from tests.support.markers import (
    GRID,
    IMPLEMENTATIONS,
    NAMES,
    PLATFORMS,
    PYTHON_LITERALS,
    PYTHONS,
    VERSION_OPERATORS,
    all_comparisons,
    choices,
    comparisons,
    environment,
    environments,
    marker_texts,
    usual_comparisons,
)

LINUX = environment("3.11.7", PLATFORMS[0], "x86_64", IMPLEMENTATIONS[0])

quick = settings(max_examples=80, deadline=None)
sets = marker_texts(all_comparisons()).map(from_text)
writable_sets = marker_texts(comparisons()).map(from_text)


def by_packaging(
    text: str,
    where: dict[str, str],
    extras: frozenset[str] = frozenset(),
    groups: frozenset[str] = frozenset(),
) -> bool | None:
    """What packaging says; None where it says that the comparison is undefined."""
    values: dict[str, str | AbstractSet[str]] = {
        **where,
        "extras": extras,
        "dependency_groups": groups,
    }
    values.setdefault("extra", "")
    try:
        return Marker(text).evaluate(values, context="lock_file")
    except UndefinedComparison:
        return None


# -- agreement with packaging ---------------------------------------------------------------------


@quick
@given(
    marker_texts(all_comparisons()),
    st.lists(environments(), min_size=1, max_size=8),
    choices(),
    choices(),
    st.sampled_from(("", *NAMES)),
)
def test_a_marker_is_true_where_packaging_says_so(
    text: str,
    places: list[dict[str, str]],
    extras: frozenset[str],
    groups: frozenset[str],
    package_extra: str,
) -> None:
    marker = from_text(text)
    for place in places:
        place["extra"] = package_extra
        expected = by_packaging(text, place, extras, groups)
        if expected is not None:
            assert expected == marker.evaluate(place, extras=extras, groups=groups)
            assert expected != (~marker).evaluate(place, extras=extras, groups=groups)


@pytest.mark.parametrize(
    "text",
    [
        'python_version >= "3.9" and python_version < "3.13"',
        'python_full_version > "3.12.0b1" or sys_platform == "win32"',
        'python_version in "3.8, 3.11" and platform_system != "Windows"',
        'os_name == "posix" and implementation_name == "pypy"',
        'platform_python_implementation != "CPython" or "linux" in sys_platform',
        'implementation_version < "3.10" and platform_machine in "x86_64 AMD64"',
        'platform_release >= "10" and platform_release != "22.6"',
        '"3.10" <= python_version and "win" not in sys_platform',
    ],
)
def test_a_marker_agrees_with_packaging_on_the_whole_grid(text: str) -> None:
    marker = from_text(text)
    assert [by_packaging(text, place) for place in GRID] == [
        marker.evaluate(place) for place in GRID
    ]


NEAR = [
    *(f"3.{minor}.0{suffix}" for minor in (8, 9, 10, 12, 13) for suffix in ("a0", "b3", "rc1", "")),
    *("2.7.18", "3.0.0", "3.9.0a1", "3.9.13", "3.9.14", "3.10.0rc2", "3.13.0rc2", "3.13.1rc1"),
    *("3.8.1", "3.11.7", "3.13.1", "4.0.0a1", "4.0.0", "4.1.0"),
]


@pytest.mark.parametrize("name", ["python_version", "python_full_version"])
@pytest.mark.parametrize("operator", VERSION_OPERATORS)
def test_every_comparison_with_python_agrees_on_versions_near_it(name: str, operator: str) -> None:
    literals = [text for text in PYTHON_LITERALS if operator != "~=" or text.count(".") in (1, 2)]
    for literal, is_mirrored in product(literals, (False, True)):
        operands = (f'"{literal}"', name) if is_mirrored else (name, f'"{literal}"')
        text = f" {operator} ".join(operands)
        places = [environment(python, PLATFORMS[0], "", IMPLEMENTATIONS[1]) for python in NEAR]
        answers = [by_packaging(text, place) for place in places]
        if None not in answers:
            marker = from_text(text)
            assert answers == [marker.evaluate(place) for place in places], text


def test_a_build_between_releases_counts_as_its_release() -> None:
    place = LINUX | {"python_full_version": "3.13.0+", "python_version": "3.13"}
    assert from_text('python_full_version == "3.13.0"').evaluate(place)
    assert not from_text('python_full_version > "3.13.0"').evaluate(place)


def test_extras_are_compared_by_their_normalised_names() -> None:
    assert from_text('"Dev.Tools" in extras') == extra("dev_tools")
    assert extra("dev-tools").evaluate(LINUX, extras=("Dev_Tools",))
    assert group("Lint").evaluate(LINUX, groups={"LINT"})
    assert not group("lint").evaluate(LINUX, extras={"lint"})


def test_evaluate_names_the_variable_that_is_missing() -> None:
    with pytest.raises(KeyError, match="platform_machine"):
        from_text('platform_machine == "x86_64"').evaluate({"sys_platform": "linux"})


# -- laws -----------------------------------------------------------------------------------------


@quick
@given(sets, sets, sets)
def test_sets_form_a_boolean_algebra(one: MarkerSet, two: MarkerSet, three: MarkerSet) -> None:
    assert one & two == two & one
    assert (one & two) & three == one & (two & three)
    assert (one | two) | three == one | (two | three)
    assert one & (two | three) == (one & two) | (one & three)
    assert one | (two & three) == (one | two) & (one | three)
    assert one & (one | two) == one | (one & two) == one & one == one | one == one
    assert ~(one & two) == ~one | ~two
    assert ~~one == one
    assert one - two == one & ~two
    assert (one & ~one).is_never()
    assert (one | ~one).is_always()
    assert one & ALWAYS == one | NEVER == one


@quick
@given(sets, sets)
def test_disjoint_and_implied_are_comparisons(one: MarkerSet, two: MarkerSet) -> None:
    assert one.is_disjoint(two) == (one & two == NEVER)
    assert one.implies(two) == (one | two == two)
    assert (one & two).implies(one)
    assert one.is_disjoint(~one)
    if one.is_disjoint(two):
        assert not any(one.evaluate(place) and two.evaluate(place) for place in GRID)


@quick
@given(sets, sets)
def test_simplify_keeps_the_meaning_where_the_assumption_holds(
    marker: MarkerSet, assumption: MarkerSet
) -> None:
    assert marker.simplify(assumption) & assumption == marker & assumption


@quick
@given(sets)
def test_simplify_by_what_is_known_already_leaves_nothing(marker: MarkerSet) -> None:
    assert marker.simplify(ALWAYS) == marker
    assert marker.simplify(NEVER) == NEVER
    if not marker.is_never():
        assert marker.simplify(marker) == ALWAYS
    assert (~marker).simplify(marker) == NEVER


@quick
@given(writable_sets)
def test_text_reads_back_as_the_same_set(marker: MarkerSet) -> None:
    for one in (marker, ~marker):
        if not one.is_always() and not one.is_never():
            written = one.to_marker()
            assert from_marker(written) is one
            assert from_text(str(one)) is one
            assert str(written) == str(one)


@quick
@given(sets)
def test_what_can_be_written_at_all_reads_back(marker: MarkerSet) -> None:
    if not marker.is_never() and "not (" not in str(marker):
        assert from_marker(marker.to_marker()) is marker


@quick
@given(sets, choices())
def test_extras_put_in_give_what_evaluating_with_them_gives(
    marker: MarkerSet, active: frozenset[str]
) -> None:
    for package_extra in active or {""}:
        one = marker.assign_extras([package_extra] if package_extra else [])
        place = LINUX | {"extra": package_extra}
        assert one.evaluate(LINUX | {"extra": "other"}) == marker.evaluate(place)
    assert marker.assign_extras(active).assign_extras(()) == marker.assign_extras(active)


@quick
@given(writable_sets, choices(), choices())
def test_without_extras_holds_for_some_choice(
    marker: MarkerSet, extras: frozenset[str], groups: frozenset[str]
) -> None:
    possible = marker.without_extras()
    assert marker.implies(possible)
    assert possible.without_extras() == possible
    if marker.evaluate(LINUX, extras=extras, groups=groups):
        assert possible.evaluate(LINUX)


@quick
@given(sets, environments())
def test_python_range_holds_every_python_for_which_it_is_true(
    marker: MarkerSet, place: dict[str, str]
) -> None:
    if marker.evaluate(place):
        assert place["python_full_version"] in marker.python_range()


SYSTEMS = (
    *PLATFORMS[0:1],
    *PLATFORMS[3:5],
    ("posix", "aix", "AIX", "7", ""),
    ("java", "java17", "Java", "17", ""),
)
WORLDS = [
    environment(f"{minor}.0", system, machine, IMPLEMENTATIONS[0])
    for minor in (
        "2.6",
        "2.7",
        "2.8",
        "3.0",
        "3.7",
        *(f"3.{n}" for n in range(8, 16)),
        "4.0",
        "4.1",
    )
    for system, machine in product(SYSTEMS, ("x86_64", "arm64", "riscv64"))
]
CHOICES = list(chain.from_iterable(combinations(NAMES, size) for size in range(len(NAMES) + 1)))


@settings(max_examples=60, deadline=None)
@given(marker_texts(usual_comparisons()), marker_texts(usual_comparisons()))
def test_usual_markers_are_equal_just_if_they_agree_in_every_world(first: str, second: str) -> None:
    one, two = from_text(first), from_text(second)
    difference = (one - two) | (two - one)
    is_seen = any(
        assigned.evaluate(world)
        for assigned in {difference.assign_extras(active) for active in CHOICES}
        for world in WORLDS
    )
    assert is_seen == (one is not two)


# -- possible worlds ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "sys_platform == 'win32' and os_name == 'posix'",
        "os_name == 'nt' and platform_system == 'Linux'",
        "sys_platform == 'linux' and platform_system != 'Linux'",
        "platform_system == 'Darwin' and os_name != 'posix'",
        "sys_platform == 'cygwin' and os_name == 'nt'",
        "platform_python_implementation == 'CPython' and implementation_name == 'pypy'",
        "implementation_name == 'cpython' and platform_python_implementation != 'CPython'",
        "sys_platform == 'linux' and 'win' in sys_platform",
        "os_name == 'nt' and 'Win' not in platform_system",
        "platform_machine == 'arm64' and platform_machine == 'x86_64'",
        "platform_machine == 'arm64' and platform_machine not in 'arm64 aarch64'",
        "python_version == '3.9.1'",
        "python_version < '3.9' and python_full_version >= '3.9.0'",
        "python_version > '3.9' and python_full_version < '3.10.0a0'",
        "python_full_version == '3.9.1' and python_version in '3.8, 3.10'",
        "python_full_version > '3.9.1' and python_full_version < '3.9.2'",
        "implementation_version < '7' and implementation_version >= '7.3'",
        "platform_release >= '20' and platform_release < '20'",
        "sys_platform < 'linux'",
        "'a' in extras and 'a' not in extras",
        "extra == 'a' and extra != 'A'",
        "'x' == extras",
    ],
)
def test_what_cannot_be_is_never(text: str) -> None:
    assert from_text(text).is_never()
    assert (~from_text(text)).is_always()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("os_name == 'nt'", "platform_system == 'Windows'"),
        ("sys_platform == 'darwin'", "platform_system == 'Darwin'"),
        ("platform_python_implementation == 'PyPy'", "implementation_name == 'pypy'"),
        ("python_version > '3.9'", "python_version >= '3.10'"),
        ("python_version == '3.9.*'", "python_version == '3.9'"),
        ("python_version ~= '3.9'", "python_version >= '3.9' and python_version < '4'"),
        ("python_version < '3.10'", "python_full_version < '3.10'"),
        ("python_version <= '3.9'", "python_full_version < '3.10.0a0'"),
        ("python_version in '3.8, 3.9'", "python_version >= '3.8' and python_version < '3.10'"),
        ("python_version in '3.11'", "python_version == '3.1' or python_version == '3.11'"),
        ("'3.8' <= python_version", "python_version >= '3.8'"),
        ("python_full_version in '3.8.10'", "python_full_version in '3.8.1 3.8.10'"),
        ("python_full_version <= '3.9.1'", "python_full_version < '3.9.2'"),
        ("python_full_version >= '3.9.0a0'", "python_version >= '3.9'"),
        ("sys_platform <= 'linux'", "'linux' == sys_platform"),
        ("python_implementation == 'CPython'", "implementation_name == 'cpython'"),
        ("sys_platform in 'linux win32' and os_name == 'nt'", "os.name == 'nt'"),
    ],
)
def test_two_ways_to_say_one_thing_are_one_set(first: str, second: str) -> None:
    assert from_text(first) is from_text(second)


def test_pre_releases_of_a_minor_version_have_its_python_version() -> None:
    minor = from_text("python_version >= '3.13'")
    full = from_text("python_full_version >= '3.13'")
    assert full.implies(minor)
    early = minor - full
    assert early == from_text("python_version == '3.13' and python_full_version < '3.13.0rc9'") | (
        from_text("python_full_version >= '3.13.0rc9'") - full
    )
    assert early.evaluate(LINUX | {"python_full_version": "3.13.0rc1"})
    assert not early.evaluate(LINUX | {"python_full_version": "3.13.0"})


def test_root_extras_and_a_package_s_extras_are_different_variables() -> None:
    assert not extra("x").is_disjoint(from_text("extra != 'x'"))
    assert extra("x").assign_extras({"x"}) is extra("x")
    assert from_text("extra == 'x'").without_extras().is_always()


def test_a_package_s_extras_can_be_active_together() -> None:
    marker = from_text("extra == 'a' and extra == 'b' and os_name == 'nt'")
    assert marker.assign_extras({"a", "B"}) == from_text("os_name == 'nt'")
    assert marker.assign_extras({"a"}) == NEVER
    assert from_text("extra == ''").assign_extras(()) == ALWAYS


# -- requires-python ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        ">=3.9",
        ">=3.8,<4",
        "~=3.9",
        "~=3.9.1",
        "==3.11.*",
        "!=3.9.*,>=3.8",
        ">3.8",
        "<=3.12",
        "<3",
        ">=3.9.2",
        "!=3.9.13",
        "==3.11.7",
        "===3.11.7",
        ">=3.13.0rc1",
        "<3.9.0a2",
        "",
        ">=1!3",
    ],
)
def test_requires_python_agrees_with_packaging_on_releases(text: str) -> None:
    specifiers = SpecifierSet(text)
    marker = from_requires_python(specifiers)
    releases = [python for python in (*PYTHONS, *NEAR) if not Version(python).is_prerelease]
    assert [specifiers.contains(python, prereleases=True) for python in releases] == [
        marker.evaluate(LINUX | {"python_full_version": python}) for python in releases
    ]


def test_a_pre_release_counts_as_its_release_for_requires_python() -> None:
    assert from_requires_python(SpecifierSet(">=3.13")) is from_text("python_version >= '3.13'")
    assert ~from_requires_python(SpecifierSet(">=3.13")) is from_text("python_version < '3.13'")
    assert from_requires_python(SpecifierSet(">=3.13,<3.15")) == from_text(
        "python_version == '3.13' or python_version == '3.14'"
    )


def test_a_requires_python_that_names_a_pre_release_is_exact() -> None:
    assert from_requires_python(SpecifierSet(">=3.13.0rc1")) is from_text(
        "python_full_version >= '3.13.0rc1'"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sys_platform == 'linux'", VersionRange.full()),
        ("python_version >= '3.9'", SpecifierSet(">=3.9.dev0").to_range()),
        ("python_version == '3.9' or python_version == '3.12'", ">=3.9.dev0,<3.13"),
        ("python_version < '3.9' and os_name == 'nt'", "<3.9"),
        ("python_full_version >= '3.9' and python_version <= '3.12'", ">=3.9,<3.13"),
        ("python_version >= '3.12' and python_version < '3.12'", VersionRange.empty()),
    ],
)
def test_python_range_is_the_hull(text: str, expected: VersionRange | str) -> None:
    wanted = SpecifierSet(expected).to_range() if isinstance(expected, str) else expected
    assert wanted == from_text(text).python_range()


# -- text -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("python_version >= '3.9'", None),
        ("python_version >= '3.8' and python_version < '3.12'", None),
        ("python_full_version >= '3.8' and python_full_version < '3.12'", None),
        ("python_full_version >= '3.8.1' and python_full_version < '3.12.4'", None),
        ("python_version < '3.8' or python_version >= '3.10'", None),
        ("python_version != '3.9'", None),
        ("python_full_version != '3.9.1'", None),
        ("python_full_version == '3.13.0rc1'", None),
        ("python_full_version == '3.13.0a0'", None),
        ("python_full_version == '3.9.1.*'", None),
        ("python_version >= '3.8' and python_version != '3.9'", None),
        ("implementation_version >= '7.3' and implementation_version < '7.4'", None),
        ("sys_platform == 'win32'", None),
        ("sys_platform != 'darwin' and sys_platform != 'win32'", None),
        ("sys_platform == 'darwin' or sys_platform == 'linux'", None),
        ("'gui' in extras and 'dev' not in dependency_groups", None),
        ("'arm' in platform_machine", None),
        ("platform_version not in '#1 SMP'", None),
        ("platform_release != '20.1'", None),
        ("platform_release >= '20.1' and platform_release < '23'", None),
        ("platform_release > '20' and platform_release <= '21.post1'", None),
        ("'5' != platform_release", None),
        (
            "python_version > '3.9' and python_version <= '3.11'",
            "python_version >= '3.10' and python_version < '3.12'",
        ),
        ("os_name == 'nt' and platform_system == 'Windows'", "sys_platform == 'win32'"),
        (
            "python_version >= '3.9' or python_version < '3.9' and os_name == 'nt'",
            "python_version >= '3.9' or sys_platform == 'win32'",
        ),
        (
            "sys_platform == 'linux' and os_name == 'posix' or sys_platform == 'darwin'",
            "sys_platform == 'darwin' or sys_platform == 'linux'",
        ),
        ("os_name == 'posix' and sys_platform != 'win32'", "os_name == 'posix'"),
        (
            "'b' in extras and os_name == 'java' or 'a' in extras and os_name == 'java'",
            "os_name == 'java' and ('a' in extras or 'b' in extras)",
        ),
        (
            "sys_platform == 'darwin' or sys_platform in 'darwin linux' and extra == 'x'",
            "sys_platform == 'darwin' or sys_platform in 'darwin linux' and extra == 'x'",
        ),
        (
            "python_version < '3.9' and os_name == 'nt' or python_version < '3.11'",
            "python_version < '3.11'",
        ),
    ],
)
def test_text_is_short(text: str, expected: str | None) -> None:
    assert (expected or text).replace("'", '"') == str(from_text(text))


def test_always_has_no_marker_and_never_cannot_be_written() -> None:
    assert ALWAYS.to_marker() is None
    assert from_marker(None) is ALWAYS
    assert [str(ALWAYS), str(NEVER)] == ["always", "never"]
    with pytest.raises(ValueError, match="never true"):
        NEVER.to_marker()


def test_what_pep_508_cannot_say_is_refused_but_shown() -> None:
    marker = ~from_text("platform_release >= '20'")
    assert str(marker) == 'not (platform_release >= "20")'
    with pytest.raises(ValueError, match="PEP 508 cannot say"):
        marker.to_marker()


def test_a_literal_with_a_double_quote_is_put_in_single_ones() -> None:
    marker = from_text("""platform_version == 'say "hi"'""")
    assert from_text(str(marker)) is marker


@pytest.mark.parametrize(
    ("text", "assumption", "expected"),
    [
        ("python_version >= '3.9' and os_name == 'nt'", ">=3.9", "sys_platform == 'win32'"),
        ("python_version >= '3.9' and python_version < '3.12'", ">=3.9", "python_version < '3.12'"),
        ("python_version < '3.9'", ">=3.9", "never"),
        ("python_version >= '3.8'", ">=3.9", "always"),
        ("sys_platform == 'linux'", "linux or mac", "sys_platform == 'linux'"),
        ("sys_platform != 'win32'", "linux or mac", "always"),
        ("os_name == 'posix'", "linux or mac", "always"),
        (
            "platform_system != 'Darwin' and extra == 'x'",
            "linux or mac",
            "sys_platform == 'linux' and extra == 'x'",
        ),
        (
            "'a' in extras or 'b' in extras and os_name == 'posix'",
            "linux or mac",
            "'a' in extras or 'b' in extras",
        ),
    ],
)
def test_simplify_leaves_out_what_is_assumed(text: str, assumption: str, expected: str) -> None:
    if assumption == "linux or mac":
        known = from_text("sys_platform == 'linux' or sys_platform == 'darwin'")
    else:
        known = from_requires_python(SpecifierSet(assumption))
    assert expected.replace("'", '"') == str(from_text(text).simplify(known))


# -- values ---------------------------------------------------------------------------------------


def test_sets_are_values_that_survive_copying() -> None:
    for marker in (ALWAYS, NEVER, from_text("python_version < '3.9' or 'x' in extras")):
        assert copy.deepcopy(marker) is marker
        assert pickle.loads(pickle.dumps(marker)) is marker
        assert {marker: 1}[marker & marker] == 1
    assert repr(ALWAYS) == "<MarkerSet 'always'>"


def run_python(script: str, seed: str = "0") -> str:
    return subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONHASHSEED": seed},
    ).stdout


def test_text_depends_neither_on_hash_seeds_nor_on_what_was_made_before() -> None:
    script = """
import random
from envsync.model.marker import NEVER, extra, from_text
pieces = [from_text(f"python_version < '3.{n}' and sys_platform == '{name}'") & extra(name)
          for n in range(8, 12) for name in ("linux", "darwin", "win32")]
random.shuffle(pieces)
result = NEVER
for piece in pieces:
    result = result | piece
print(result, result.simplify(from_text("python_version >= '3.9' and os_name == 'posix'")))
"""
    assert len({run_python(script, seed) for seed in ("1", "2", "3")}) == 1


def test_importing_it_imports_only_packaging() -> None:
    script = """
import sys
before = set(sys.modules)
import envsync.model.marker
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(new - set(sys.stdlib_module_names)))
"""
    assert run_python(script) == "['envsync', 'packaging']\n"


# -- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a marker"),
        ("os_name", "not a marker"),
        ("os_name == 'nt' and", "not a marker"),
        ("os_name == 'a\nb'", "not a marker"),
        ("'a' == 'b'", "does not compare"),
        ("os_name == sys_platform", "does not compare"),
        ("python_version ~= '3'", "~="),
        ("os_name ~= 'nt'", "not a version"),
        ("os_name === 'nt'", "not a version"),
        ("platform_release ~= '5'", "not a version specifier"),
        ("extras == 'a'", "can only be used"),
        ("'a' ~= extras", "can only be used"),
        (r"os_name == 'a\\b'", "cannot carry"),
        (r"os_name == '\x22\x27'", "quote"),
        ("os_name == '\ud800'", "not a marker"),
        ("python_version >= '1." + "9" * 4000 + "'", "128 characters"),
        ("os_name == '" + "x" * 4096 + "'", "4096 bytes"),
        ("os_name == '" + "é" * 2100 + "'", "4096 bytes"),
        ("(" * 101 + "os_name == 'nt'" + ")" * 101, "nested"),
    ],
)
def test_bad_markers_are_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        from_text(text)


def test_long_but_plain_markers_are_read_and_written() -> None:
    listed = " or ".join(f"'e{number:03}' in extras" for number in range(150))
    assert listed.replace("'", '"') == str(from_text(listed))
    nested = "(" * 99 + "os_name == 'java'" + ")" * 99
    assert str(from_text(nested)) == 'os_name == "java"'


def test_many_versions_in_a_text_are_still_told_apart() -> None:
    marker = from_text(f"python_version in '{'1' * 2000}.{'1' * 2000}'")
    assert marker.evaluate(LINUX | {"python_version": "1.11"})
    assert not marker.evaluate(LINUX)


@pytest.mark.parametrize("size", [20, 48])
def test_exponential_markers_are_refused_in_bounded_time(size: int) -> None:
    pairs = [f"'a{number:02}' in extras and 'z{number:02}' in extras" for number in range(size)]
    with pytest.raises(ValueError, match="too large"):
        from_text(" or ".join(pairs))


def test_markers_with_too_many_alternatives_are_refused() -> None:
    parity = NEVER
    for number in range(12):
        one = extra(f"e{number}")
        parity = (parity - one) | (one - parity)
    with pytest.raises(ValueError, match="512 alternatives"):
        parity.to_marker()
