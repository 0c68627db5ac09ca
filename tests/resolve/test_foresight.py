"""What a search will probably need is told ahead, and no more often than it is of use."""

from collections.abc import Iterable
from typing import Literal

import pytest
from packaging.requirements import Requirement

from envsync.errors import NoSolution
from envsync.model.candidate import Candidate
from envsync.model.marker import ALWAYS, from_text
from envsync.model.resolution import RootRequirement
from envsync.resolve.candidates import ResolvePolicy
from envsync.resolve.universal import resolve
from tests.support.catalog import MemoryCatalog, Release, Universe

NEW = from_text("python_version >= '3.11'")


class Foreseeing(MemoryCatalog):
    """A catalog that reads the metadata of several versions side by side."""

    def __init__(self, universe: Universe, policy: ResolvePolicy) -> None:
        super().__init__(universe, policy)
        self.expected: list[list[str]] = []

    def expect(self, candidates: Iterable[Candidate]) -> None:
        self.expected.append([str(one.version) for one in candidates])


def foreseen(
    versions: dict[str, Release], resolution: Literal["highest", "lowest"] = "highest"
) -> list[list[str]]:
    """What is told ahead of a package none of whose versions can be used."""
    policy = ResolvePolicy(environments=NEW, resolution=resolution)
    universe: Universe = {"a": versions, "b": {"1.0": Release()}}
    catalog = Foreseeing(universe, policy)
    with pytest.raises(NoSolution):
        resolve(
            [RootRequirement(Requirement(name), ALWAYS, "env.toml") for name in "ab"],
            environments=NEW,
            policy=policy,
            preferences={},
            catalog=catalog,
        )
    return catalog.expected


def vain(*versions: str) -> dict[str, Release]:
    return {text: Release(requires=(Requirement("b>1"),)) for text in versions}


def test_after_two_versions_in_vain_more_and_more_are_looked_up_side_by_side() -> None:
    expected = foreseen(vain(*(f"1.{at}" for at in range(20))))
    assert expected[:3] == [
        [f"1.{at}" for at in (17, 16, 15, 14)],
        [f"1.{at}" for at in (15, 14, 13, 12, 11, 10, 9, 8)],
        [f"1.{at}" for at in range(11, -1, -1)],
    ]


def test_where_the_lowest_are_wanted_the_next_ones_are_higher() -> None:
    expected = foreseen(vain(*(f"1.{at}" for at in range(20))), "lowest")
    assert expected[:2] == [
        [f"1.{at}" for at in (2, 3, 4, 5)],
        [f"1.{at}" for at in (4, 5, 6, 7, 8, 9, 10, 11)],
    ]


def test_pre_releases_are_not_looked_up_while_stable_versions_are_left() -> None:
    expected = foreseen(vain("1.0", "1.1", "1.2a1", "1.2", "1.3", "1.4a1", "1.4"))
    assert expected[0] == ["1.2", "1.1", "1.0"]


def test_two_versions_are_nothing_to_look_ahead_for() -> None:
    assert foreseen(vain("1.0", "1.1")) == []
