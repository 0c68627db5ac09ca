"""What binds of a requires-python, and from which Python on wheels can be used."""

import pytest
from packaging.specifiers import SpecifierSet

from envsync.model.candidate import File
from envsync.model.marker import ALWAYS, NEVER, from_text
from envsync.resolve.compatibility import (
    WheelJudge,
    has_upper_bound,
    python_claimed,
    python_lower_bound,
    python_not_promised,
    wheels_lower_bound,
)
from tests.support.effort import calls


@pytest.mark.parametrize(
    ("requires_python", "expected"),
    [
        (">=3.9", "python_version >= '3.9'"),
        (">=3.9,<3.13", "python_version >= '3.9'"),
        (">=3.9,!=3.9.7", "python_version >= '3.9'"),
        ("~=3.9", "python_version >= '3.9'"),
        ("==3.11.*", "python_version >= '3.11'"),
        (">=2.7,!=3.0.*,!=3.1.*", "python_version >= '2.7'"),
        (">=3.9,>=3.10", "python_version >= '3.10'"),
    ],
)
def test_the_lower_bound_binds(requires_python: str, expected: str) -> None:
    assert from_text(expected) == python_lower_bound(SpecifierSet(requires_python))


@pytest.mark.parametrize("requires_python", [None, SpecifierSet(), SpecifierSet("<3.12")])
def test_without_a_lower_bound_nothing_binds(requires_python: SpecifierSet | None) -> None:
    assert python_lower_bound(requires_python) == ALWAYS


@pytest.mark.parametrize("requires_python", ["<3", "==2.7.*", ">=2.6,<3.0", "~=2.7"])
def test_a_release_for_python_2_is_for_no_python_3(requires_python: str) -> None:
    assert python_lower_bound(SpecifierSet(requires_python)) == NEVER


def test_what_is_not_promised_is_above_the_lower_bound_and_below_python_4() -> None:
    assert python_not_promised(None) == NEVER
    assert python_not_promised(SpecifierSet(">=3.9,<4")) == NEVER
    expected = from_text("python_version >= '3.13' and python_version < '4'")
    assert expected == python_not_promised(SpecifierSet(">=3.9,<3.13"))
    assert not python_not_promised(SpecifierSet(">=3.9,!=3.9.7")).is_never()


def wheels(*tags: str) -> list[File]:
    return [File(f"a-1.0-{tag}.whl", f"https://files.example/{tag}", {}) for tag in tags]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["py3-none-any"], "3.0"),
        (["py2.py3-none-any"], "3.0"),
        (["cp311-cp311-win_amd64", "cp310-cp310-win_amd64"], "3.10"),
        (["cp38-abi3-win_amd64"], "3.8"),
        (["py39-none-any"], "3.9"),
        (["pp310-pypy310_pp73-win_amd64", "cp312-cp312-win_amd64"], "3.10"),
    ],
)
def test_wheels_begin_with_a_python(tags: list[str], expected: str) -> None:
    marker = from_text(f"python_version >= '{expected}'")
    assert marker == wheels_lower_bound(wheels(*tags))


def test_a_judge_knows_its_environments() -> None:
    judge = WheelJudge.of(from_text("sys_platform == 'linux' and python_version >= '3.10'"))
    assert judge.wheel_fits("a-1.0-py3-none-any.whl")
    assert judge.wheel_fits("a-1.0-3-cp310-cp310-musllinux_1_2_aarch64.whl")
    assert not judge.wheel_fits("a-1.0-cp310-cp310-win_amd64.whl")
    assert not judge.wheel_fits("a-1.0-cp39-cp39-linux_x86_64.whl")
    assert judge.python_fits(None)
    assert judge.python_fits(">=3.12")
    assert not WheelJudge.of(from_text("python_version < '3.10'")).python_fits(">=3.12")
    assert judge.python_fits("no specifier")
    assert judge.python_fits(">=3.12" + ",!=3.9" * 100)
    assert not judge.python_fits(">=3.12" + ",!=3.9" * 200)


@pytest.mark.parametrize(
    ("requires_python", "expected"),
    [(">=3.9", False), (">3.9", False), (">=3.9,<3.12", True), ("==3.9.*", True), ("", False)],
)
def test_an_upper_bound_is_what_excludes_newer_pythons(
    requires_python: str, expected: bool
) -> None:
    assert expected is has_upper_bound(SpecifierSet(requires_python))


def test_pythons_whose_wheels_would_fit_are_named_oldest_first() -> None:
    judge = WheelJudge.of(from_text("sys_platform == 'linux' and python_version >= '3.12'"))
    names = [
        "a-1.0-cp310-cp310-manylinux_2_17_x86_64.whl",
        "a-1.0-cp39-cp39-manylinux_2_17_x86_64.whl",
        "a-1.0-2-cp38.cp37-none-any.whl",
        "a-1.0-cp36-cp36m-win_amd64.whl",
        "a-1.0-pp310-pypy310_pp73-manylinux_2_17_x86_64.whl",
    ]
    assert judge.other_pythons(names) == ["3.7", "3.8", "3.9", "3.10"]
    assert judge.other_pythons([]) == []


def test_more_than_a_bound_is_a_bound() -> None:
    assert python_lower_bound(SpecifierSet(">3.9")) == from_text("python_full_version > '3.9.0'")
    assert python_claimed(SpecifierSet("==3.11.*")) == from_text("python_version == '3.11'")


def test_no_wheel_at_all_begins_nowhere() -> None:
    assert wheels_lower_bound([]) == from_text("python_version >= '3.0'")


@pytest.mark.parametrize(
    ("requires_python", "expected"),
    [
        ("===3.11", "python_version >= '3.11'"),
        ("===3.11.*", "python_version >= '3.11'"),
        (">=3.9,===whatever", "python_version >= '3.9'"),
        ("==3.11+local", "python_version >= '3.11'"),
        ("~=3.9.dev0", "python_version >= '3.9'"),
    ],
)
def test_a_bound_that_no_range_can_have_is_read_without_fault(
    requires_python: str, expected: str
) -> None:
    """PEP 440 allows `===` with any text, and a local version after `==`."""
    assert python_lower_bound(SpecifierSet(requires_python)) == from_text(expected)
    assert python_not_promised(SpecifierSet(requires_python)) != ALWAYS
    covered = WheelJudge.of(from_text("python_version >= '3.12'"))
    assert covered.python_fits(requires_python)


def test_what_names_no_version_bounds_nothing() -> None:
    assert python_lower_bound(SpecifierSet("===whatever")) == ALWAYS


def test_equal_texts_are_judged_once() -> None:
    judge = WheelJudge(from_text("sys_platform == 'linux' and python_version >= '3.12'"))
    for ask in (
        lambda: judge.python_fits(">=3.8,!=3.9.*"),
        lambda: judge.wheel_fits("a-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"),
    ):
        assert calls(ask) > 10
        assert calls(ask) <= 10
