"""C4: the power fails at any moment; what the disk holds then is brought to old or new by one sync.

    python -m tests.campaigns.power                   600 states of each scenario
    python -m tests.campaigns.power --states 50 --only add --seed 7

Each scenario is run once, with every change of the disk written down (`tests.campaigns.recording`).
From the record come states that a loss of power could leave, half of them by the rules of ext4
with ordered data, half by whatever POSIX allows (`tests.campaigns.disk`); a state counts once. Each
is made real, project, cache and key together, and the system counts as started anew. Then:

- env.toml and the lock are the old or the new ones, and the new ones once the command had ended;
- `sync --check` says that there is something to do, or the environment is exact by the independent
  reader (`tests.campaigns.oracle`): neither holes nor garbage of the right size pass;
- one `sync` (or `run`) makes it exact, without `--force`, and without the network where the state
  before needed none; after it, `sync --check` agrees;
- what was the user's is in its place or in quarantine.

What it doesn't model: a disk that loses what it said it had flushed, and file systems that lose
both names of a rename.
"""

import argparse
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.campaigns import disk, oracle
from tests.campaigns.disk import Record, State
from tests.campaigns.recording import Recorder, recorder
from tests.campaigns.stage import (
    Goal,
    Restart,
    SmallWorld,
    Stage,
    publish,
    remove,
    say,
    scratch,
    small_world,
)
from tests.support.accounting import sha256
from tests.support.wheels import make_wheel

BESIDE = "was left behind"
"""How the reader speaks of folders beside the environment: no part of it."""
ORDERED, WORST = "ordered", "worst"
COPY = '[sync]\nlink-mode = "copy"\n'
EXTRA = ("late", "1.0")
"""A package that no cache knows yet."""


class Scenario(NamedTuple):
    """A run during or after which the power fails."""

    name: str
    command: tuple[str, ...]
    before: Goal | None
    """What the environment held, with the texts of env.toml and lock; None: there was none."""
    after: Goal
    begin: Callable[[], Restart | None]
    """Puts the stage where the run starts; gives whether the system was started anew before."""
    online: bool = False
    """The state before could not do without the network."""
    kept: Mapping[str, bytes] = {}
    """Bytes of the user's, by file name."""
    relock: bool = False
    """The lock on disk is outdated: the environment goes by the new one, made with the network."""
    anew: bool = False
    """The environment is removed before the sync: is what the store holds believed too easily?"""


class World:
    """The stage, its goals, and where scenarios start."""

    def __init__(self, small: SmallWorld) -> None:
        self.stage, self.server = small.stage, small.server
        self.goals = dict(small.goals)
        filename, content = make_wheel(*EXTRA, {"late/__init__.py": "", "late/big.py": "#" * 9000})
        publish(self.server, {filename: content})
        self.late = content
        self.second, self.third = self.stage.folder / "second", self.stage.folder / "third"
        self.second.write_text("the-second-run-of-the-system\n")
        self.third.write_text("the-third-run-of-the-system\n")

    def copied(self, name: str) -> Goal:
        """A goal whose files are copied, not linked; its lock is the same."""
        goal = self.goals[name]
        return goal._replace(spec=goal.spec + COPY)

    def put(self, state: State, made: Record) -> dict[int, disk.Known]:
        """Put a state on the stage."""
        remove(self.stage.live)
        self.stage.live.mkdir()
        return disk.materialise(state, self.stage.live, made.real)

    def start(self, name: str, before: Goal | None, spec: str, lock: str | None) -> None:
        """Have the environment hold one goal, env.toml and the lock say another; keep that."""
        stage = self.stage
        stage.restore("warm")
        if before is not None:
            stage.write(before)
            stage.ok("sync")
            stage.ok("sync")
        (stage.project / "env.toml").write_text(spec)
        if lock is not None:
            (stage.project / "pylock.toml").write_text(lock)
        stage.save(name)


def scenarios(world: World) -> Iterator[Scenario]:
    """Every scenario."""
    old = world.goals["old"]
    compiled = old._replace(spec=f"{old.spec}[sync]\ncompile-bytecode = true\n")
    for way, given in (("linked", old), ("copied", world.copied("old")), ("compiled", compiled)):
        yield _begun(world, f"fresh, {way}", None, given, ("sync",))
    yield _begun(world, "first of all", None, old, ("sync",), forget=("cache", "state"))
    yield _begun(world, "cold store", None, old, ("sync",), forget=("cache",))
    yield _begun(world, "store alone", None, old, ("sync",), forget=("cache",), anew=True)
    for way, from_to in (
        ("linked", (old, world.goals["new"])),
        ("copied", (world.copied("old"), world.copied("new"))),
    ):
        yield (update := _begun(world, f"update, {way}", *from_to, ("sync",)))
    yield _recovery(world, update)
    yield _begun(world, "removal", old, world.goals["less"], ("sync",))
    yield _begun(world, "repair", old, old, ("sync",), damage=True)
    yield _restarted(world)
    yield _begun(world, "lock", old, world.goals["new"], ("lock",), relock=True)
    yield _begun(world, "lock and sync", old, world.goals["new"], ("sync",), relock=True)
    yield _first_lock(world)
    yield _add(world)
    if "switched" in world.goals:
        switched = world.goals["switched"]
        yield _begun(world, "another Python", old, switched, ("sync",), damage=True)
        copied = (world.copied("old"), world.copied("switched"))
        yield _begun(world, "another Python, copied", *copied, ("sync",), damage=True)


MINE = {"part1.py": b"MINE = 1\n", "notes.txt": b"my notes\n"}


def _begun(
    world: World,
    name: str,
    before: Goal | None,
    after: Goal,
    command: tuple[str, ...],
    *,
    relock: bool = False,
    forget: tuple[str, ...] = (),
    damage: bool = False,
    anew: bool = False,
) -> Scenario:
    """A scenario from one goal to another; `relock`: the new lock is not there yet."""

    def begin() -> Restart | None:
        lock = after.lock if not relock else before.lock if before else None
        world.start("start", before, after.spec, lock)
        for folder in forget:
            remove(world.stage.live / folder)
        if damage:
            _damage(world.stage)
        return None

    return Scenario(
        name,
        command,
        before and before._replace(spec=after.spec, lock=before.lock if relock else after.lock),
        after,
        begin,
        online="cache" in forget or relock,
        kept=MINE if damage else {},
        relock=relock,
        anew=anew,
    )


def _restarted(world: World) -> Scenario:
    """The first sync after a restart compares a first environment by bytes, and notes that."""
    old = world.goals["old"]

    def begin() -> Restart:
        world.start("start", None, old.spec, old.lock)
        world.stage.ok("sync")
        return Restart(str(world.second), {})

    return Scenario("after a restart", ("sync",), old, old, begin)


def _recovery(world: World, update: Scenario) -> Scenario:
    """The power fails in the middle of an update's renames, and again while that is mended."""

    def begin() -> Restart:
        made = record(world, update)
        commit = next(at for at, step in enumerate(made.operations) if _is_journal(step))
        middle = (commit + len(made.operations)) // 2
        state = disk.ordered(made, middle, 0.0, random.Random(0))
        return Restart(str(world.second), world.put(state, made))

    return update._replace(name="recovery", begin=begin)


def _is_journal(step: disk.Operation) -> bool:
    return isinstance(step, disk.Move) and step.new_name == "journal"


def _damage(stage: Stage) -> None:
    (site,) = stage.venv.glob("lib/python*/site-packages")
    for name in ("app/part1.py", "shape/inner.py", "left-1.0.dist-info/METADATA"):
        (site / name).unlink()  # not written through a link into the store
    (site / "app/part1.py").write_bytes(MINE["part1.py"])
    (site / "notes.txt").write_bytes(MINE["notes.txt"])


def _first_lock(world: World) -> Scenario:
    """A lock where none was, with an empty cache: pages and metadata are kept on the way."""
    old = world.goals["old"]

    def begin() -> Restart | None:
        world.start("start", None, old.spec, None)
        remove(world.stage.cache)
        return None

    return Scenario("first lock", ("lock",), None, old, begin, online=True, relock=True)


def _add(world: World) -> Scenario:
    """A package comes that no cache knows; the state before needs no network, nor does the new."""
    stage, old = world.stage, world.goals["old"]

    def begin() -> Restart | None:
        world.start("start", old, old.spec, old.lock)
        return None

    begin()
    command = ("add", f"{EXTRA[0]}=={EXTRA[1]}")
    stage.ok(*command)
    after = old._replace(
        spec=(stage.project / "env.toml").read_text(),
        lock=stage.lock_text() or "",
        wheels=(*old.wheels, world.late),
    )
    return Scenario("add", command, old, after, begin)


# --- states ---


class Found(NamedTuple):
    """A state after a loss of power, and how it came to be."""

    state: State
    at: int
    """So many operations had been begun."""
    rules: str

    def __str__(self) -> str:
        return f"{self.rules} at {self.at}"


def record(world: World, scenario: Scenario) -> Record:
    """Run a scenario's command from its start, and write down what it does to the disk."""
    stage, log = world.stage, world.stage.folder / "calls"
    restart = scenario.begin()
    following = Recorder(stage.live, stage.project, restart.known if restart else {})
    ran = stage.run(*scenario.command, under=recorder(log), restart=restart)
    if ran.code != 0:
        raise RuntimeError(f"{scenario.name}: {ran}")
    return following.follow(log)


def states(made: Record, count: int, generator: random.Random) -> Iterator[Found]:
    """So many states, each another; fewer where there are no more to be found."""
    seen: set[str] = set()
    misses = 0
    while len(seen) < count and misses < 20 * count:
        found = _draw(made, generator)
        name = disk.digest(found.state)
        if name in seen:
            misses += 1
            continue
        seen.add(name)
        yield found


def _draw(made: Record, generator: random.Random) -> Found:
    """One state; that the run had just ended is as likely as four other moments together."""
    end = len(made.operations)
    at = end if generator.random() < 0.2 else generator.randint(0, end)
    if generator.random() < 0.5:
        loss = generator.choice((0.0, 0.2, 0.5, 0.9, 1.0))
        # A commit of the journal may be older than the moment, but no flush is.
        since = generator.randint(disk.last_flush(made, at), at)
        moment = generator.choice((at, since))
        return Found(disk.ordered(made, moment, loss, generator), at, f"{ORDERED} ({loss})")
    open_things = disk.undecided(made, at)
    name = generator.choice(sorted(disk.STRATEGIES))
    fates: disk.Fates = {}
    if open_things.things:
        fates = disk.STRATEGIES[name](open_things.things, generator)
    return Found(disk.worst(made, open_things, fates, generator), at, f"{WORST} ({name})")


# --- judging ---


class Judge:
    """Makes states of one scenario real, recovers them, and says what is wrong."""

    def __init__(self, world: World, scenario: Scenario, made: Record) -> None:
        self._world, self._scenario, self._made = world, scenario, made
        self._stage = world.stage
        self._end = len(made.operations)

    def judge(self, found: Found, *, by_run: bool) -> list[str]:
        """What is wrong with a state, or with what becomes of it."""
        stage, scenario = self._stage, self._scenario
        known = self._world.put(found.state, self._made)
        restart = Restart(str(self._world.third), known)
        goal, whole, wrong = self._goal(found)
        if goal is None:
            return wrong
        wrong += self._mine("after the loss", anywhere=True)
        wrong += self._checked(goal, restart)
        if scenario.anew:
            remove(stage.venv)
        self._world.server.forget()
        done = stage.run(*(("run", "true") if by_run else ("sync",)), restart=restart)
        if done.code != 0 or "Traceback" in done.err:
            return [*wrong, f"the sync exits {done.code}: {done.err.strip()[-600:]}"]
        if whole and not scenario.online and self._world.server.paths():
            wrong.append(f"the network was asked: {self._world.server.paths()}")
        if any(line.endswith(BESIDE) for line in stage.problems(goal)):
            stage.run(
                "sync", "--verify", restart=restart
            )  # a sync by the stamp looks beside nothing
        wrong += stage.problems(goal)
        if stage.lock_text() != goal.lock:
            wrong.append("the lock is not what it should be in the end")
        wrong += self._mine("in the end", anywhere=False)
        if stage.run("sync", "--check", restart=restart).code != 0:
            wrong.append("the check is not content in the end")
        if scenario.anew:
            wheels = {sha256(content): content for content in scenario.after.wheels}
            wrong += oracle.store_problems(stage.cache, wheels)
        return wrong

    def _goal(self, found: Found) -> tuple[Goal | None, bool, list[str]]:
        """What the environment must come to, going by env.toml and lock as they are on disk.

        And whether they belong together: of the two, one may be new and the other old.
        """
        before, after = self._scenario.before, self._scenario.after
        spec, lock = _text(self._stage.project / "env.toml"), self._stage.lock_text()
        known: list[tuple[str, str | None, Goal]] = [(after.spec, after.lock, after)]
        if self._scenario.relock:
            known.append((after.spec, before.lock if before else None, after))
        elif before is not None:
            known.append((before.spec, before.lock, before))
            known.append((after.spec, before.lock, after))
            known.append((before.spec, after.lock, before))
        goals = [goal for *texts, goal in known if texts == [spec, lock]]
        if not goals:
            return None, False, ["env.toml or the lock is neither the old nor the new one"]
        if found.at == self._end and (spec, lock) != (after.spec, after.lock):
            return None, False, ["env.toml or the lock is old again though the command had ended"]
        return goals[0], lock == goals[0].lock, []

    def _checked(self, goal: Goal, restart: Restart) -> list[str]:
        """What `sync --check` doesn't see, or says in a wrong way."""
        check = self._stage.run("sync", "--check", restart=restart)
        if check.code == 0:
            wrong = self._stage.problems(goal)
            return [f"the check saw nothing: {line}" for line in wrong if not line.endswith(BESIDE)]
        if check.code != 3 or "Traceback" in check.err:
            return [f"the check exits {check.code}: {check.err.strip()[-600:]}"]
        return []

    def _mine(self, when: str, *, anywhere: bool) -> list[str]:
        top = self._stage.project if anywhere else self._stage.venv / ".envsync" / "quarantine"
        there = Counter[tuple[str, bytes]]()
        for path in top.rglob("*") if self._scenario.kept else ():
            if path.is_file() and not path.is_symlink():
                there[path.name, path.read_bytes()] += 1
        kept = self._scenario.kept.items()
        return [f"{name} is lost {when}" for name, data in kept if not there[name, data]]


def _text(path: Path) -> str | None:
    return path.read_text(errors="replace") if path.exists() else None


class Tally(NamedTuple):
    """What became of the states of one scenario."""

    operations: int
    states: Counter[str]
    """By rules."""
    failed: int
    failures: list[str]


def play(world: World, scenario: Scenario, count: int, seed: int) -> Tally:
    """Record a scenario, and judge so many states."""
    generator = random.Random(f"{seed} {scenario.name}")
    made = record(world, scenario)
    judge = Judge(world, scenario, made)
    counts: Counter[str] = Counter()
    failures: list[str] = []
    failed = 0
    for number, found in enumerate(states(made, count, generator)):
        counts[found.rules.partition(" ")[0]] += 1
        wrong = judge.judge(found, by_run=number % 4 == 3)
        failed += bool(wrong)
        failures += [f"{scenario.name}, state {number}, {found}: {line}" for line in wrong]
    return Tally(len(made.operations), counts, failed, failures)


@contextmanager
def power_world(folder: Path, *, switch: bool = True) -> Iterator[World]:
    """The stage on which the power fails."""
    with small_world(folder, switch=switch) as small:
        yield World(small)


def campaign(world: World, options: argparse.Namespace) -> dict[str, Tally]:
    """Play the scenarios that were asked for; one line is printed after each."""
    results = {}
    for scenario in scenarios(world):
        if options.only and scenario.name not in options.only:
            continue
        tally = results[scenario.name] = play(world, scenario, options.states, options.seed)
        show(scenario.name, tally)
    return results


def show(name: str, tally: Tally) -> None:
    """Print one line of the table, and what failed."""
    counts = f"{tally.states[ORDERED]:8} {tally.states[WORST]:8}"
    say(f"{name:24} {tally.operations:10} {counts} {tally.failed:8}")
    for failure in tally.failures[:20]:
        say(f"    {failure}")


def main() -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--states", type=int, default=600, help="of each scenario")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", help="the scenarios of these names")
    options = parser.parse_args()
    os.umask(0o022)
    say(f"{'scenario':24} {'operations':>10} {ORDERED:>8} {WORST:>8} {'failed':>8}")
    with scratch() as folder, power_world(folder) as world:
        results = campaign(world, options)
    states = sum((tally.states for tally in results.values()), Counter[str]())
    failed = sum(tally.failed for tally in results.values())
    say(f"{'all':24} {'':10} {states[ORDERED]:8} {states[WORST]:8} {failed:8}")
    return 1 if failed or not states else 0


if __name__ == "__main__":
    sys.exit(main())
