"""The words for what can't be solved: what is true, and a hint that leads somewhere."""

from datetime import UTC, datetime

import pytest
from packaging.requirements import Requirement

from envsync.errors import NoSolution
from envsync.model.marker import ALWAYS, from_text
from envsync.model.resolution import RootRequirement
from envsync.resolve.candidates import ResolvePolicy
from envsync.resolve.universal import resolve
from tests.support.catalog import MemoryCatalog, Release

NEW = from_text("python_version >= '3.11'")
POLICY = ResolvePolicy(environments=NEW)


def failure(root: str, release: Release, policy: ResolvePolicy = POLICY) -> NoSolution:
    """RegionRequirement for one requirement of one release of `a`."""
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
