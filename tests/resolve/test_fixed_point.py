"""An answer for which regions were cut is looked for again from itself, unless it shows to stay."""

import os
from typing import Literal

import pytest

from envsync.events import Reporter
from envsync.resolve.universal import resolve
from tests.support.catalog import SCENARIOS, MemoryCatalog, load_scenario


class Cuts(Reporter):
    """Counts how often a region was cut."""

    def __init__(self) -> None:
        self.count = 0

    def detail(self, text: str) -> None:
        self.count += text.startswith("splitting on")


@pytest.mark.parametrize(
    ("scenario", "resolution", "cuts"),
    [
        ("forks/disjoint-pins", "highest", 1),  # both parts would choose the same again
        ("forks/nested", "highest", 2),
        ("forks/disjoint-pins", "lowest", 2),  # a lower pin is no sign of that: cut once more
        ("forks/nested", "lowest", 4),
        ("forks/parents-on-different-platforms", "highest", 2),  # what is not shared may move
        ("plain/cycle", "highest", 0),
    ],
)
def test_an_answer_is_looked_for_again_where_it_might_not_stay(
    scenario: str, resolution: Literal["highest", "lowest"], cuts: int
) -> None:
    problem = load_scenario(os.path.join(SCENARIOS, f"{scenario}.toml"))
    policy = problem.policy._replace(resolution=resolution)
    told = Cuts()
    resolve(
        problem.roots,
        environments=problem.environments,
        policy=policy,
        preferences=problem.preferences,
        catalog=MemoryCatalog(problem.universe, policy),
        reporter=told,
    )
    assert told.count == cuts
