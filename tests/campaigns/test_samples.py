"""A short sample of each campaign; `--campaigns` runs them at length."""

import random
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.campaigns import (
    crash,
    drift,
    faults,
    full_disk,
    kill,
    power,
    sabotage,
    stage,
    together,
    tracing,
)
from tests.campaigns.stage import SmallWorld, small_world

needs_strace = pytest.mark.skipif(not tracing.works(), reason="strace can't attach here")
needs_mount = pytest.mark.skipif(
    not full_disk.can_mount(), reason="unshare -rm with a tmpfs is not possible here"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    with stage.scratch() as path:
        yield path


@pytest.fixture
def world(folder: Path) -> Iterator[SmallWorld]:
    with small_world(folder, switch=False) as made:
        yield made


def crashes(
    folder: Path, *, points: int | None = None, pairs: int = 0, only: Sequence[str] = ()
) -> list[str]:
    options = Namespace(points=points, pairs=pairs, seed=0, only=only)
    results = crash.campaign(folder, options)
    assert sum(tally.died for tally in results.values()) > 0
    return [failure for tally in results.values() for failure in tally.failures]


@needs_strace
def test_death_at_some_points(folder: Path) -> None:
    assert crashes(folder, points=2) == []


@needs_strace
def test_death_while_recovering(folder: Path) -> None:
    assert crashes(folder, pairs=2, only=("upgrade", "interpreter switch")) == []


@needs_strace
@pytest.mark.campaign
def test_death_at_every_point(folder: Path) -> None:
    assert crashes(folder) == []


@needs_strace
@pytest.mark.campaign
def test_death_while_recovering_everywhere(folder: Path) -> None:
    assert crashes(folder, pairs=110) == []


def kills(folder: Path, files: int, packages: int, count: int, measured: int = 3) -> kill.Result:
    with kill.subject_of("envsync", folder, files, packages) as subject:
        return kill.campaign(subject, count, random.Random(0), measured)


def test_some_kills_at_any_time(folder: Path) -> None:
    result = kills(folder, 3200, 4, 3, measured=1)
    assert (result.bad_rounds, result.unseen) == (0, 0)
    assert result.kills >= 3


@pytest.mark.campaign
def test_many_kills_at_any_time(folder: Path) -> None:
    result = kills(folder, 20_400, 17, 300)
    assert (result.bad_rounds, result.unseen) == (0, 0)


@needs_strace
def test_some_calls_that_fail(folder: Path) -> None:
    only = ("upgrade", "repair", "remove")
    result = faults.campaign(folder, 9, random.Random(1), only, faults.ON_DISK)
    assert result.failures == []


@needs_strace
@pytest.mark.campaign
def test_many_calls_that_fail(folder: Path) -> None:
    assert faults.campaign(folder, 1000, random.Random(0)).failures == []


def powerless(folder: Path, states: int, only: Sequence[str] = ()) -> tuple[int, list[str]]:
    with power.power_world(folder, switch=not only) as world:
        results = power.campaign(world, Namespace(states=states, seed=0, only=only))
    failures = [failure for tally in results.values() for failure in tally.failures]
    return sum(tally.states.total() for tally in results.values()), failures


@needs_strace
def test_some_losses_of_power(folder: Path) -> None:
    only = ("fresh, copied", "update, linked", "add", "repair")
    states, failures = powerless(folder, 8, only)
    assert failures == []
    assert states >= 20


@needs_strace
@pytest.mark.campaign
def test_many_losses_of_power(folder: Path) -> None:
    states, failures = powerless(folder, 400)
    assert failures == []
    assert states >= 5000


@needs_mount
def test_full_disk_of_some_sizes(world: SmallWorld, folder: Path) -> None:
    counts, failures = full_disk.campaign(world, 2, folder, only=("both, upgrade",))
    assert failures == []
    assert sum(counts.values()) == 2


@needs_mount
@pytest.mark.campaign
def test_full_disk_of_thirty_sizes(world: SmallWorld, folder: Path) -> None:
    assert full_disk.campaign(world, 30, folder)[1] == []


def test_a_few_processes_together(world: SmallWorld) -> None:
    crowd = together.campaign(world, 4, 3, seed=0, prunes=1)
    assert crowd.failures == []
    assert crowd.counts["edits: add"] > 0


@pytest.mark.campaign
def test_eight_processes_together(world: SmallWorld) -> None:
    assert together.campaign(world, 8, 50, seed=0, prunes=2).failures == []


def test_every_kind_of_drift_once(world: SmallWorld) -> None:
    kinds = len(drift.SEEN) + len(drift.HIDDEN)
    assert drift.mutate(world, kinds + 5, random.Random(0)) == 0


def test_environments_in_use_are_clean(world: SmallWorld) -> None:
    assert drift.use(world, 5, random.Random(0)) == 0


@pytest.mark.campaign
def test_drift_at_length(world: SmallWorld) -> None:
    assert drift.mutate(world, 500, random.Random(0)) == 0
    assert drift.use(world, 500, random.Random(0)) == 0


def test_every_guard_of_the_sabotage_is_where_it_is_said_to_be() -> None:
    for switch in sabotage.SWITCHES:
        text = Path(sabotage.PROJECT, "envsync", switch.module).read_text("utf-8")
        assert text.count(switch.guard) == 1, switch.name


@pytest.mark.parametrize("name", ["no flush of a written file", "drift ignores times"])
def test_sabotage_is_caught(name: str) -> None:
    (switch,) = [switch for switch in sabotage.SWITCHES if switch.name == name]
    assert sabotage.is_caught(switch)


@pytest.mark.campaign
@pytest.mark.parametrize("switch", sabotage.SWITCHES, ids=lambda switch: switch.name)
def test_every_sabotage_is_caught(switch: sabotage.Switch) -> None:
    assert sabotage.is_caught(switch)
