"""C6: many processes on one cold store, on same and different environments, with prunes and kills.

    python -m tests.campaigns.together --processes 8 --rounds 50

Every sync that is let to its end exits 0; an environment that one process has to itself is exact
after each; those that two processes share are exact in the end. Half as many processes more edit
one project together with `add`, `remove` and `lock`, each a package of its own: what one of them
wrote is there after each of its commands, and in the end env.toml, lock and environment agree.
Meanwhile loops prune and clean the cache as hard as they can, every tenth command is killed, and no
command may take longer than a minute.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tests.campaigns import oracle
from tests.campaigns.stage import (
    SECONDS,
    Goal,
    SmallWorld,
    remove,
    say,
    scratch,
    small_world,
    wait_for_group,
)
from tests.support.wheels import make_wheel

LONGEST = 60.0
"""Seconds that a command may take, waiting for others included."""

PRUNES = (
    ("cache", "prune", "--unused-for", "0"),
    ("cache", "prune", "--max-size", "0"),
    ("cache", "clean"),
)


class Crowd:
    """The processes and what they found."""

    def __init__(self, world: SmallWorld, seed: int) -> None:
        self._stage, self._goals = world.stage, world.goals
        self._seed = seed
        self._wanted: dict[tuple[str, Path], oracle.Wanted] = {}
        self._guard = threading.Lock()
        self.done = threading.Event()
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        self.slowest = 0.0

    def _fail(self, text: str) -> None:
        with self._guard:
            self.failures.append(text)

    def _count(self, what: str) -> None:
        with self._guard:
            self.counts[what] += 1

    def _command(
        self, project: Path, arguments: Sequence[str], kill_after: float | None = None
    ) -> tuple[int | None, str]:
        """Run envsync in a project: (exit code, what it said); None for one that was killed."""
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "envsync", *arguments],
            cwd=project,
            env=self._stage.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            _, said = process.communicate(timeout=LONGEST if kill_after is None else kill_after)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            wait_for_group(process.pid)
            if kill_after is None:
                self._fail(f"{project.name}: {' '.join(arguments)} took more than {LONGEST:.0f} s")
            return None, ""
        with self._guard:
            self.slowest = max(self.slowest, time.monotonic() - started)
        return process.returncode, said.decode(errors="replace")

    def _problems(self, project: Path, name: str) -> list[str]:
        goal, key = self._goals[name], (name, project)
        if key not in self._wanted:
            self._wanted[key] = oracle.Wanted.by(goal.wheels, goal.version, project / ".venv")
        return oracle.problems(project / ".venv", self._wanted[key])

    def work(self, number: int, project: Path, rounds: int, *, alone: bool) -> None:
        """Be one of the processes."""
        generator = random.Random(f"{self._seed} {number}")
        for _ in range(rounds):
            name = generator.choice(("old", "new", "less"))
            if generator.random() < 0.6 or not alone or not (project / "env.toml").exists():
                put(project, self._goals[name])
            else:
                name = self._held(project)
            self._disturb(project, generator, alone=alone)
            kill_after = generator.uniform(0.0, 0.8) if generator.random() < 0.1 else None
            code, said = self._command(project, ["sync"], kill_after)
            self._count("syncs")
            if code is None:
                self._count("killed")
            elif code != 0 or "Traceback" in said:
                self._fail(f"{project.name}: sync exits {code}: {said.strip()[-600:]}")
            elif alone:
                self._count("compared")
                for line in self._problems(project, name):
                    self._fail(f"{project.name}: {line}")

    def _held(self, project: Path) -> str:
        text = (project / "env.toml").read_text()
        return next(name for name, goal in self._goals.items() if goal.spec == text)

    def _disturb(self, project: Path, generator: random.Random, *, alone: bool) -> None:
        """Do what people do to an environment between two syncs."""
        venv, act = project / ".venv", generator.random()
        if act < 0.1 and alone:
            remove(venv)
        elif act < 0.3:
            with suppress(OSError, IndexError):
                (generator.choice(sorted(venv.glob("lib/python*/site-packages/*/*.py")))).unlink()
        elif act < 0.4:
            code, said = self._command(project, ["sync", "--check"])
            self._count("checks")
            if code not in (None, 0, 3):
                self._fail(f"{project.name}: sync --check exits {code}: {said.strip()[-600:]}")

    def edit(self, number: int, project: Path, rounds: int) -> None:
        """Be one of those that edit one project together, each a package of its own."""
        generator = random.Random(f"{self._seed} edit {number}")
        package = f"one{number}"
        for _ in range(rounds):
            act = generator.choice(("add", "add", "remove", "lock"))
            before = package in edited(project)
            if act == "remove" and not before:
                act = "add"
            command = {"lock": ["lock", "-P", package]}.get(act, [act, package])
            command += ["--no-sync"] if act != "lock" and generator.random() < 0.3 else []
            kill_after = generator.uniform(0.0, 0.8) if generator.random() < 0.1 else None
            code, said = self._command(project, command, kill_after)
            self._count(f"edits: {act}")
            if code is None:
                self._count("killed")
                continue
            wanted = {"add": True, "remove": False, "lock": before}[act]
            if code != 0 or "Traceback" in said:
                self._fail(f"{' '.join(command)} exits {code}: {said.strip()[-600:]}")
            elif (package in edited(project)) is not wanted:
                self._fail(f"{' '.join(command)} was lost")

    def settle_edited(self, project: Path, wheels: Mapping[str, bytes], goal: Goal) -> None:
        """In the end env.toml, lock and environment hold the same packages."""
        code, said = self._command(project, ["sync"])
        if code != 0:
            self._fail(f"{project.name}: the last sync exits {code}: {said.strip()[-600:]}")
            return
        there = edited(project)
        lock = (project / "pylock.toml").read_text()
        locked = {name for name in wheels if f'name = "{name}"' in lock}
        if locked != there & set(wheels):
            self._fail(f"env.toml has {sorted(there)}, the lock {sorted(locked)}")
        content = (*goal.wheels, *(wheels[name] for name in sorted(locked)))
        wanted = oracle.Wanted.by(content, goal.version, project / ".venv")
        for line in oracle.problems(project / ".venv", wanted):
            self._fail(f"{project.name}: in the end {line}")

    def prune(self, number: int) -> None:
        """Be one of the loops that empty the cache."""
        generator = random.Random(f"{self._seed} prune {number}")
        while not self.done.wait(generator.uniform(0.0, 0.3)):
            arguments = generator.choice(PRUNES)
            kill_after = generator.uniform(0.0, 0.5) if generator.random() < 0.1 else None
            code, said = self._command(self._stage.project, arguments, kill_after)
            self._count("prunes")
            if code not in (None, 0):
                self._fail(f"{' '.join(arguments)} exits {code}: {said.strip()[-600:]}")

    def settle(self, project: Path) -> None:
        """One last sync, with nobody else there, makes the environment exact."""
        code, said = self._command(project, ["sync"])
        if code != 0:
            self._fail(f"{project.name}: the last sync exits {code}: {said.strip()[-600:]}")
            return
        for line in self._problems(project, self._held(project)):
            self._fail(f"{project.name}: in the end {line}")


def edited(project: Path) -> set[str]:
    """Which of the editors' packages env.toml asks for."""
    return set(re.findall(r'"(one\d+)', (project / "env.toml").read_text()))


def put(project: Path, goal: Goal) -> None:
    """Give a project another goal, each file whole at any time."""
    for name, text in (("env.toml", goal.spec), ("pylock.toml", goal.lock)):
        beside = project / f".{name}.{threading.get_ident()}"
        beside.write_text(text)
        beside.replace(project / name)


def one_wheel(number: int) -> bytes:
    """The package that one of the editors adds and removes."""
    return make_wheel(f"one{number}", "1.0", {f"one{number}/__init__.py": f"N = {number}\n"})[1]


def campaign(world: SmallWorld, processes: int, rounds: int, seed: int, prunes: int) -> Crowd:
    """Let half of the processes have an environment each, and pairs of the others share one."""
    stage = world.stage
    stage.restore("warm")
    remove(stage.cache)
    crowd = Crowd(world, seed)
    own = processes - processes // 2
    places = [f"own{number}" for number in range(own)]
    places += [f"shared{number // 2}" for number in range(processes - own)]
    projects = [stage.live / name for name in places]
    for project in projects:
        project.mkdir(exist_ok=True)
    shared, editors = stage.live / "edited", max(processes // 2, 2)
    shared.mkdir(exist_ok=True)
    put(shared, world.goals["less"])
    wheels = {f"one{number}": one_wheel(number) for number in range(editors)}
    for name, content in wheels.items():
        world.server.add(name, f"{name}-1.0-py3-none-any.whl", content)
    with ThreadPoolExecutor(processes + prunes + editors) as pool:
        loops = [pool.submit(crowd.prune, number) for number in range(prunes)]
        workers = [
            pool.submit(crowd.work, number, project, rounds, alone=number < own)
            for number, project in enumerate(projects)
        ]
        workers += [pool.submit(crowd.edit, number, shared, rounds) for number in range(editors)]
        try:
            for worker in workers:
                worker.result()
        finally:
            crowd.done.set()
        for loop in loops:
            loop.result(SECONDS)
    for project in sorted(set(projects)):
        crowd.settle(project)
    crowd.settle_edited(shared, wheels, world.goals["less"])
    return crowd


def main() -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--prunes", type=int, default=2, help="loops that prune")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with scratch() as folder, small_world(folder, switch=False) as world:
        crowd = campaign(world, options.processes, options.rounds, options.seed, options.prunes)
    for failure in crowd.failures:
        say(f"    {failure}")
    for name, count in sorted(crowd.counts.items()):
        say(f"{name:24} {count:6}")
    say(f"{'slowest command, s':24} {crowd.slowest:6.1f}")
    say(f"{'failures':24} {len(crowd.failures):6}")
    return 1 if crowd.failures or not crowd.counts["syncs"] else 0


if __name__ == "__main__":
    sys.exit(main())
