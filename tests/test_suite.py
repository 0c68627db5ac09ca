"""The suite itself: no folder of it is left out unseen."""

import os
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement

from tests.bounds import PYPROJECT, at_the_edge

TESTS = Path(__file__).parent


def test_every_folder_is_looked_into(pytestconfig: pytest.Config) -> None:
    """By its own default, pytest leaves out folders called build and venv."""
    left_out = pytestconfig.getini("norecursedirs")
    folders = [name for _, names, _ in os.walk(TESTS) for name in names if name != "__pycache__"]
    assert "venv" in folders
    assert [name for name in folders if any(fnmatch(name, one) for one in left_out)] == []


def test_every_file_of_tests_is_known_by_its_name() -> None:
    """Tests in a file that isn't called test_*.py would never run."""
    others = [path for path in TESTS.rglob("*.py") if not path.name.startswith("test_")]
    assert [path for path in others if "\ndef test_" in path.read_text()] == []


def test_a_matrix_is_sampled_evenly_and_cut_nowhere_else(request: pytest.FixtureRequest) -> None:
    class Case(NamedTuple):
        nodeid: str
        sample: int | None

        def get_closest_marker(self, name: str) -> object:
            mark = pytest.mark.matrix(self.sample).mark
            return mark if name == "matrix" and self.sample is not None else None

    plugin = next(
        each
        for each in request.config.pluginmanager.get_plugins()
        if hasattr(each, "beyond_samples")
    )
    cases = [Case(f"a.py::big[{number}]", 3) for number in range(9)]
    others = [Case("a.py::small[1]", 3), Case("a.py::plain[1]", None), Case("a.py::plain[2]", None)]
    left_out = plugin.beyond_samples([*cases, *others])
    assert sorted(left_out) == [f"a.py::big[{number}]" for number in (1, 2, 4, 5, 7, 8)]


def test_pinned_libraries_are_within_the_bounds_and_each_has_a_lower_one() -> None:
    """`make test` runs with the pins, `make lowest` with the lower bounds: both are admitted."""
    pins = dict(
        line.split(" ")[0].split("==")
        for line in (TESTS / "requirements.txt").read_text().splitlines()
        if "==" in line and not line.startswith((" ", "#"))
    )
    declared = tomllib.loads(PYPROJECT.read_text())["project"]["dependencies"]
    lowest = [Requirement(one) for one in at_the_edge(declared, "lowest")]
    assert [one.name for one in lowest] == [Requirement(one).name for one in declared]
    outside = [one for one in map(Requirement, declared) if pins[one.name] not in one.specifier]
    assert outside == []
