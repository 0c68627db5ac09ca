"""The words for what can't be solved: what is true, and a hint that leads somewhere."""

from datetime import UTC, datetime

import pytest
from packaging.requirements import Requirement

from envsync.errors import NoSolution, PackageNotFound
from envsync.model.marker import ALWAYS, from_text
from envsync.model.resolution import RootRequirement
from envsync.resolve.candidates import ResolvePolicy
from envsync.resolve.universal import resolve
from tests.support.catalog import MemoryCatalog, Release, Universe

NEW = from_text("python_version >= '3.11'")
POLICY = ResolvePolicy(environments=NEW)


def failure(root: str, release: Release, policy: ResolvePolicy = POLICY) -> NoSolution:
    """Ask for one requirement of one release of `a`."""
    with pytest.raises(NoSolution) as caught:
        resolve(
            [RootRequirement(Requirement(root), ALWAYS, "env.toml: env.dependencies")],
            environments=NEW,
            policy=policy,
            preferences={},
            catalog=MemoryCatalog({"a": {"1.0": release}}, policy),
        )
    return caught.value


def test_bounds_that_exclude_each_other_are_called_so() -> None:
    error = failure("a>3,<2", Release())
    assert "asks for a<2,>3, and these bounds exclude each other" in str(error)
    assert "leave out the bound" in str(error.hint)


def test_a_wheel_for_another_python_comes_before_a_build() -> None:
    wheels = ("cp39-cp39-manylinux_2_17_x86_64", "cp310-cp310-win_amd64")
    error = failure("a", Release(wheels=wheels, sdist=True))
    assert "its wheels are for Python 3.9 to 3.10, and building the source" in str(error)
    assert error.hint == (
        'a 1.0 has a wheel for Python 3.10: requires-python = "==3.10.*" under [env] locks for '
        "that; or `envsync lock --allow-build a` allows building a"
    )


def test_a_wheel_for_another_platform_leads_to_no_other_python() -> None:
    policy = POLICY._replace(environments=NEW & from_text("sys_platform == 'linux'"))
    error = failure("a", Release(wheels=("cp39-cp39-win_amd64",)), policy)
    assert "no wheel fits the environments" in str(error)


def test_files_without_a_time_need_no_later_one() -> None:
    policy = POLICY._replace(exclude_newer=datetime(2026, 1, 1, tzinfo=UTC))
    error = failure("a", Release(), policy)
    assert str(error.hint).startswith("take exclude-newer out of [lock], or have a from an index")


def test_files_whose_names_tell_no_version_are_no_empty_page() -> None:
    error = failure("a", Release(wheels=("py3-none",)))
    assert "no file of it there has the name of a wheel or source distribution: a-1" in str(error)


def test_a_page_without_files_is_called_empty() -> None:
    error = failure("a", Release(wheels=()))
    assert "but its page on https://index.example/simple/ is empty" in str(error)


def told(universe: Universe, *roots: str, policy: ResolvePolicy = POLICY) -> list[str]:
    """The lines that say why there is no solution, and the rest of its words."""
    with pytest.raises(NoSolution) as caught:
        resolve(
            [RootRequirement(Requirement(name), ALWAYS, "env.toml") for name in roots],
            environments=NEW,
            policy=policy,
            preferences={},
            catalog=MemoryCatalog(universe, policy),
        )
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


def requiring(text: str) -> Release:
    return Release(requires=(Requirement(text),))


def test_what_has_no_part_in_it_is_left_out() -> None:
    others = {f"other{at}": {"1.0": requiring("end")} for at in range(30)}
    universe = {"end": {"1.0": Release()}, "a": {"1.0": requiring("end>1")}, **others}
    assert told(universe, *others, "a", "end") == [
        "a 1.0 requires end>1, but the only version is 1.0",
        "env.toml asks for a",
    ]


@pytest.mark.parametrize("roots", ["ax", "xa", "axy", "xay", "xya"])
def test_what_collides_by_itself_and_has_another_version_is_left_out(roots: str) -> None:
    """Wherever it stands in env.toml, and though it was met first."""
    tried = {"1.0": Release(), "2.0": requiring("end>5")}
    hopeless = {"1.0": requiring("end>1"), "2.0": requiring("end>1")}
    universe: Universe = {"end": {"1.0": Release()}, "a": hopeless, "x": tried, "y": tried}
    assert told(universe, *roots) == [
        "a 1.0 and 2.0 require end>1, but the only version is 1.0",
        "env.toml asks for a",
    ]


def test_only_versions_that_were_asked_for_are_called_passed_over() -> None:
    policy = POLICY._replace(exclude_newer=datetime(2026, 1, 1, tzinfo=UTC))
    years = {"1.0": 2025, "2.0": 2026, "3.0": 2027}
    universe = {
        "a": {at: Release(upload_time=f"{year}-06-01T00:00:00Z") for at, year in years.items()}
    }
    assert told(universe, "a>=3", policy=policy)[1:] == [
        "a 3.0 was passed over: not uploaded before exclude-newer, 2026-01-01T00:00:00Z"
    ]
    assert told(universe, "a>3", policy=policy)[1:] == []


def test_more_than_six_of_a_kind_are_counted() -> None:
    ends = {f"end{at}": {"1.0": Release()} for at in range(10)}
    colliding = {f"{at}.0": requiring(f"end{at}>1") for at in range(10)}
    broken = {f"{at}.0": Release(broken=f"reason {at}") for at in range(10, 19)}
    lines = told({**ends, "a": {**colliding, **broken}}, "a")
    assert [line.split(",")[0] for line in lines[:6]] == [
        f"a {at}.0 requires end{at}>1" for at in range(9, 3, -1)
    ]
    assert lines[6:12] == [
        f"a {at}.0 cannot be used: a-{at}.0: reason {at}" for at in range(18, 12, -1)
    ]
    assert lines[12:] == ["and 7 more collisions of this kind", "env.toml asks for a"]


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "a 1.0 requires end>1"),
        (2, "a 1.0 and 2.0 require end>1"),
        (3, "a 1.0, 2.0 and 3.0 require end>1"),
        (4, "a 1.0 to 4.0 (4 versions) require end>1"),
    ],
)
def test_three_versions_are_named_and_more_are_counted(count: int, words: str) -> None:
    versions = {f"{at}.0": requiring("end>1") for at in range(1, count + 1)}
    lines = told({"end": {"1.0": Release()}, "a": versions}, "a")
    assert lines[0] == f"{words}, but the only version is 1.0"


def test_two_that_exclude_each_other_are_told_and_not_what_else_is_asked() -> None:
    both = Release(requires=(Requirement("c>=1"), Requirement("c==1")))
    universe: Universe = {
        "a": {"1.0": both},
        "b": {"1.0": requiring("c==2")},
        "c": {"1.0": Release(), "2.0": Release()},
    }
    lines = told(universe, "a", "b")
    assert lines[0] in (
        "b 1.0 requires c==2, but a 1.0 requires c==1",
        "a 1.0 requires c==1, but b 1.0 requires c==2",
    )
    assert sorted(lines[1:]) == ["env.toml asks for a", "env.toml asks for b"]


def test_three_that_have_no_version_together_are_all_told() -> None:
    universe: Universe = {
        **{name: {"1.0": requiring(f"c!={at}")} for at, name in enumerate("xyz", 1)},
        "c": {f"{at}.0": Release() for at in (1, 2, 3)},
    }
    lines = told(universe, "x", "y", "z")
    assert lines[0] == "no version of c satisfies all of these:"
    assert sorted(lines[1:4]) == [
        f"- {name} 1.0 requires c!={at}" for at, name in enumerate("xyz", 1)
    ]


def test_the_way_down_to_what_collides_is_told_from_env_toml_on() -> None:
    universe: Universe = {
        "top": {"1.0": requiring("middle")},
        "middle": {"1.0": requiring("low")},
        "low": {"1.0": requiring("end>1")},
        "end": {"1.0": Release()},
    }
    assert told(universe, "top") == [
        "low 1.0 requires end>1, but the only version is 1.0",
        "env.toml asks for top",
        "top 1.0 requires middle",
        "middle 1.0 requires low",
    ]


def test_the_way_down_to_what_nothing_has_is_told_from_env_toml_on() -> None:
    universe: Universe = {"top": {"1.0": requiring("middle")}, "middle": {"1.0": requiring("gone")}}
    with pytest.raises(PackageNotFound) as caught:
        resolve(
            [RootRequirement(Requirement("top"), ALWAYS, "env.toml")],
            environments=NEW,
            policy=POLICY,
            preferences={},
            catalog=MemoryCatalog(universe, POLICY),
        )
    assert "env.toml asks for top; top 1.0 requires middle; middle 1.0 requires gone" in str(
        caught.value
    )


def hint(universe: Universe, *roots: str) -> str:
    with pytest.raises(NoSolution) as caught:
        resolve(
            [RootRequirement(Requirement(text), ALWAYS, "env.toml") for text in roots],
            environments=NEW,
            policy=POLICY,
            preferences={},
            catalog=MemoryCatalog(universe, POLICY),
        )
    return str(caught.value.hint)


def test_only_a_bound_that_would_help_is_offered_to_be_left_out() -> None:
    universe: Universe = {
        "a": {"1.0": Release(), "2.0": requiring("b==2")},
        "b": {"1.0": Release(), "2.0": Release()},
        "c": {"1.0": requiring("a==1")},
    }
    assert hint(universe, "b", "c", "a>=2") == (
        "without the bounds of `a>=2` (env.toml) there is a solution, with a 1.0"
    )
    stuck: Universe = {**universe, "d": {"1.0": requiring("e==1"), "2.0": requiring("e==2")}}
    stuck = {**stuck, "e": {"3.0": Release()}}
    assert hint(stuck, "d>=1", "a") == "None"
