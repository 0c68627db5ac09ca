"""C1: kill -9 before every mutating call of `sync` and `lock`, and again while recovering.

    python -m tests.campaigns.crash                     every point of every scenario
    python -m tests.campaigns.crash --pairs 1000        death during recovery, so many pairs
    python -m tests.campaigns.crash --points 20         so many points of each scenario

After each death: `sync --check` says that something is to be done, or the environment is exact by
the independent reader; the lock is the old or the new one; then one `sync` makes all of it exact.
"""

import argparse
import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.campaigns import tracing
from tests.campaigns.stage import Goal, SmallWorld, Stage, remove, say, scratch, small_world
from tests.campaigns.tracing import Point

SITE_STRAY = "notes.txt"
BESIDE = "was left behind"
"""How the reader speaks of folders beside the environment: no part of it."""

SHARED = 8
"""Lets even small work be shared by two processes."""


class Scenario(NamedTuple):
    """A run to be killed: where it starts, and what must be there in the end."""

    name: str
    start: str
    """Of a saved stage."""
    before: Goal | None
    """What the environment held; None: there was none."""
    after: Goal
    command: tuple[str, ...] = ("sync",)
    locks: tuple[str, ...] = ()
    """Texts that the lock may have after the death; none given: that of `after` alone."""
    kept: Mapping[str, bytes] = {}
    """Bytes of the user's that must be in quarantine in the end, by file name."""
    share: int = 0
    is_marked: bool = False
    """The environment has a stamp, which a copy of what was saved has not."""


def scenarios(world: SmallWorld) -> Iterator[Scenario]:
    """Save where each scenario starts, and give it."""
    stage, goals = world.stage, world.goals
    old, new, less = goals["old"], goals["new"], goals["less"]

    def begin(name: str, goal: Goal | None) -> None:
        stage.restore("warm")
        if goal is not None:
            stage.write(goal)
            stage.ok("sync")
            stage.ok("sync")  # once more: now the stamp trusts the folders
        if name != "warm":
            stage.save(name)

    begin("old", old)
    begin("new", new)
    yield from _arrivals(world)
    for name, start, before, after in (
        ("no-op", "old", old, old),
        ("upgrade", "old", old, new),
        ("downgrade", "new", new, old),
        ("remove", "old", old, less),
    ):
        stage.restore(start)
        stage.write(after._replace(spec=f"# once more\n{after.spec}"))
        stage.save(f"{name}-start")
        yield Scenario(name, f"{name}-start", before, after)
        if before != after:
            yield Scenario(f"{name}, marked", start, before, after, is_marked=True)
    yield _repair(world)
    stage.restore("old")
    stage.write(new, lock=False)
    stage.save("relock-start")
    locks = (old.lock, new.lock)
    yield Scenario("lock and sync", "relock-start", old, new, locks=locks)
    yield Scenario("lock", "relock-start", old, new, ("lock",), locks)
    if "switched" in goals:
        yield _switch(world)
    yield from _linked(world)


def _arrivals(world: SmallWorld) -> Iterator[Scenario]:
    """New environments: out of a warm store, with two processes, and from a cold store."""
    stage, old = world.stage, world.goals["old"]
    stage.restore("warm")
    stage.write(old)
    stage.save("fresh-start")
    yield Scenario("fresh", "fresh-start", None, old)
    yield Scenario("fresh, two processes", "fresh-start", None, old, share=SHARED)
    stage.restore("fresh-start")
    remove(stage.cache / "wheels-v1")
    remove(stage.cache / "goals-v3")
    stage.save("cold-start")
    yield Scenario("fresh, cold store", "cold-start", None, old)


def _site(stage: Stage) -> Path:
    (found,) = stage.venv.glob("lib/python*/site-packages")
    return found


def _repair(world: SmallWorld) -> Scenario:
    stage, old = world.stage, world.goals["old"]
    stage.restore("old")
    site = _site(stage)
    edited, stray = b"MINE = 1\n", b"my notes\n"
    for name in ("app/part1.py", "app/main.py"):
        (site / name).unlink()  # a new file: the store's own is not written through the link
    (site / "app/part1.py").write_bytes(edited)
    (site / "shape/inner.py").unlink()
    (site / "shape" / SITE_STRAY).write_bytes(stray)
    (stage.venv / "bin" / "app").chmod(0o600)
    (stage.venv / "share" / "mine.conf").write_bytes(stray)
    for folder, mode in ((site / "app", 0o777), (site / "shape", 0o500), (stage.venv, 0o700)):
        folder.chmod(mode)
    stage.save("repair-start")
    kept = {"part1.py": edited, SITE_STRAY: stray, "mine.conf": stray}
    return Scenario("repair", "repair-start", old, old, kept=kept)


def _switch(world: SmallWorld) -> Scenario:
    """Another interpreter: the whole environment is replaced, the user's files are kept."""
    stage, old, switched = world.stage, world.goals["old"], world.goals["switched"]
    stage.restore("old")
    site = _site(stage)
    (site / SITE_STRAY).write_bytes(b"site notes\n")
    (stage.venv / "top.txt").write_bytes(b"top notes\n")
    (site / "app" / "part2.py").unlink()
    (site / "app" / "part2.py").write_bytes(b"MINE = 2\n")
    stage.write(switched)
    stage.save("switch-start")
    kept = {SITE_STRAY: b"site notes\n", "top.txt": b"top notes\n", "part2.py": b"MINE = 2\n"}
    locks = (old.lock, switched.lock)
    return Scenario("interpreter switch", "switch-start", old, switched, locks=locks, kept=kept)


def _linked(world: SmallWorld) -> Iterator[Scenario]:
    """Behind the user's link: a first environment, and one that is replaced, inside the folder."""
    stage, old = world.stage, world.goals["old"]
    stage.restore("warm")
    stage.write(old)
    (stage.project / "fast").mkdir()
    stage.venv.symlink_to("fast")
    stage.save("linked-start")
    yield Scenario("fresh, linked", "linked-start", None, old)
    stage.restore("old")
    stage.venv.rename(stage.live / "fast")
    stage.venv.symlink_to("../fast")
    site = _site(stage)
    (site / SITE_STRAY).write_bytes(b"site notes\n")
    (site / "app" / "part2.py").unlink()
    (site / "app" / "part2.py").write_bytes(b"MINE = 2\n")
    after = old._replace(spec=old.spec.replace("[env]", "[env]\nsystem-site-packages = true", 1))
    stage.write(after)
    stage.save("replace-start")
    kept = {SITE_STRAY: b"site notes\n", "part2.py": b"MINE = 2\n"}
    yield Scenario("replaced, linked", "replace-start", old, after, kept=kept)


class Tally(NamedTuple):
    """What became of the runs of one scenario."""

    points: int
    died: int
    """Runs that the signal really hit."""
    seen: int
    """Runs after which `sync --check` said that something is to be done."""
    failures: list[str]


def set_out(stage: Stage, scenario: Scenario) -> None:
    """Put the stage where the scenario starts."""
    stage.restore(scenario.start)
    if scenario.is_marked and scenario.before is not None:
        for _ in range(2):  # the second one trusts the folders
            stage.ok("sync")
        stage.write(scenario.after._replace(spec=f"# once more\n{scenario.after.spec}"))


def recorded(stage: Stage, scenario: Scenario) -> list[Point]:
    """The points of a whole run of the scenario's command on the stage as it is."""
    log = stage.folder / "calls"
    ran = stage.run(*scenario.command, under=tracing.recorder(log), share=scenario.share)
    if ran.code != 0:
        raise RuntimeError(f"{scenario.name}: {ran}")
    return tracing.points(log)


def kill_at(stage: Stage, scenario: Scenario, point: Point) -> bool:
    """Run the scenario's command on the stage as it is, up to a point; True when it died there."""
    ran = stage.run(*scenario.command, under=tracing.killing(point), share=scenario.share)
    if "Traceback" in ran.err:
        raise RuntimeError(f"{scenario.name} at {point}: {ran.err}")
    return ran.code not in (0, 1, 2, 3)


def judge(stage: Stage, scenario: Scenario) -> tuple[bool, list[str]]:
    """See what a death left, then sync once: (the check saw it, what is wrong)."""
    wrong: list[str] = []
    text = stage.lock_text()
    if text not in (scenario.locks or (scenario.after.lock,)):
        wrong.append("the lock is neither the old nor the new one")
    if scenario.command == ("lock",) and scenario.before is not None:
        wrong += stage.problems(scenario.before)
    check = stage.run("sync", "--check")
    if check.code == 0:
        inside = (line for line in stage.problems(scenario.after) if not line.endswith(BESIDE))
        wrong += [f"the check saw nothing: {line}" for line in inside]
    elif check.code != 3:
        wrong.append(f"the check exits {check.code}: {check.err}")
    done = stage.run("sync")
    if done.code != 0 or "Traceback" in done.err:
        wrong.append(f"the sync after it exits {done.code}: {done.err}")
    wrong += stage.problems(scenario.after)
    if stage.lock_text() != scenario.after.lock:
        wrong.append("the lock is not the new one")
    wrong += _lost(stage, scenario)
    if leftovers := set(_state(stage)) - {"id", "manifest", "quarantine", "times"}:
        wrong.append(f"left in .envsync: {sorted(leftovers)}")
    return check.code != 0, wrong


def _state(stage: Stage) -> list[str]:
    folder = stage.venv / ".envsync"
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def _lost(stage: Stage, scenario: Scenario) -> list[str]:
    quarantine = stage.venv / ".envsync" / "quarantine"
    found = [(path.name, path.read_bytes()) for path in quarantine.rglob("*") if path.is_file()]
    return [
        f"{name} is not in quarantine"
        for name, data in scenario.kept.items()
        if (name, data) not in found
    ]


def every_point(stage: Stage, scenario: Scenario, limit: int | None) -> Tally:
    """Kill at each point, or at so many of them."""
    set_out(stage, scenario)
    points = recorded(stage, scenario)
    chosen = points if limit is None else tracing.evenly(points, limit)
    died = seen = 0
    failures = []
    for point in chosen:
        set_out(stage, scenario)
        died += kill_at(stage, scenario, point)
        saw, wrong = judge(stage, scenario)
        seen += saw
        failures += [f"{scenario.name} {point}: {line}" for line in wrong]
    return Tally(len(chosen), died, seen, failures)


def pairs(stage: Stage, scenario: Scenario, count: int, generator: random.Random) -> Tally:
    """Kill at a point, then kill the recovering run at one of its own, `count` times."""
    set_out(stage, scenario)
    firsts = recorded(stage, scenario)
    generator.shuffle(firsts)
    done = died = seen = 0
    failures = []
    while done < count and firsts:
        first = firsts.pop()
        set_out(stage, scenario)
        if not kill_at(stage, scenario, first):
            continue
        seconds = recorded(stage, scenario)
        # A few of each, so that many first points are met, the late ones of a recovery too.
        for second in generator.sample(seconds, min(len(seconds), 8, count - done)):
            # Not from a copy of what the first death left: a journal counts in its own folder only.
            set_out(stage, scenario)
            kill_at(stage, scenario, first)
            died += kill_at(stage, scenario, second)
            saw, wrong = judge(stage, scenario)
            seen += saw
            done += 1
            failures += [f"{scenario.name} {first}, {second}: {line}" for line in wrong]
    return Tally(done, died, seen, failures)


def campaign(folder: Path, options: argparse.Namespace) -> dict[str, Tally]:
    """Run the scenarios that were asked for; one line is printed after each."""
    generator = random.Random(options.seed)
    results: dict[str, Tally] = {}
    with small_world(folder) as world:
        for scenario in scenarios(world):
            if options.only and scenario.name not in options.only:
                continue
            if options.pairs:
                tally = pairs(world.stage, scenario, options.pairs, generator)
            else:
                tally = every_point(world.stage, scenario, options.points)
            results[scenario.name] = tally
            show(scenario.name, tally)
    return results


def show(name: str, tally: Tally) -> None:
    """Print one line of the table, and what failed."""
    say(
        f"{name:24} {tally.points:6} {tally.died:6} {tally.seen:10} {len(tally.failures):9}",
    )
    for failure in tally.failures[:20]:
        say(f"    {failure}")


def main() -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--points", type=int, help="of each scenario; all where not given")
    parser.add_argument("--pairs", type=int, default=0, help="of each scenario, instead of points")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", help="the scenarios of these names")
    options = parser.parse_args()
    say(f"{'scenario':24} {'points':>6} {'killed':>6} {'seen':>10} {'failures':>9}")
    with scratch() as folder:
        results = campaign(folder, options)
    failures = sum(len(tally.failures) for tally in results.values())
    total = sum(tally.points for tally in results.values())
    say(f"{'all':24} {total:6} {sum(t.died for t in results.values()):6} {'':10} {failures:9}")
    return 1 if failures or not total else 0


if __name__ == "__main__":
    sys.exit(main())
