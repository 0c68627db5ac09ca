"""C2: kill -9 of the whole process group, at any time, while 20,000 files and more are changed.

    python -m tests.campaigns.kill --kills 300            envsync
    python -m tests.campaigns.kill --kills 300 --tool uv  the same harness on uv

A round starts from an environment or none, aims at another set of wheels (or the first), and kills
one to three runs one after the other, at uniform times in 1.1 times the measured run. Then comes
one sync that is let to its end, and every file is compared with the wheels by size and hash.
"""

import argparse
import os
import random
import signal
import stat
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from tests.campaigns import oracle
from tests.campaigns.stage import (
    SECONDS,
    Goal,
    Stage,
    minor_version,
    publish,
    remove,
    say,
    scratch,
    spec_text,
    this_python,
    wait_for_group,
)
from tests.support.index_server import IndexServer
from tests.support.wheels import make_wheel

UV = Path(sys.executable).parent / "uv"


def large_wheels(files: int, packages: int) -> dict[str, dict[str, bytes]]:
    """Two versions of packages with so many small files: half of them differ, some come and go."""
    sets: dict[str, dict[str, bytes]] = {"old": {}, "new": {}}
    for number in range(packages):
        for version, name in (("1.0", "old"), ("2.0", "new")):
            package = f"bulk{number}"
            filename, content = make_wheel(
                package, version, _bulk(package, version, files // packages)
            )
            sets[name][filename] = content
    return sets


def _bulk(package: str, version: str, count: int) -> dict[str, str]:
    found = {}
    for number in range(count):
        folder = f"{package}/part{number // 40}"
        if number % 20 == 0:
            folder += f"/only{version[0]}"
        changes = version if number % 2 else ""
        found[f"{folder}/m{number}.py"] = f"N = {number}  # {package} {changes}\n" * (number % 7)
    return found


class Damage(NamedTuple):
    """How many files are not as the wheels say."""

    missing: int = 0
    wrong: int = 0
    extra: int = 0
    example: str = ""

    def __bool__(self) -> bool:
        return bool(self.missing or self.wrong or self.extra)


class Subject(Protocol):
    """A tool that makes an environment match a lock."""

    venv: Path
    command: Sequence[str]
    environ: Mapping[str, str]
    project: Path

    def aim(self, name: str) -> None:
        """Let the project ask for this set of wheels."""

    def chill(self) -> None:
        """Empty the store of unpacked wheels."""

    def says_fine(self) -> bool:
        """Whether the tool's own check finds nothing to do."""

    def damage(self, name: str) -> Damage:
        """Compare the environment with the set, file by file."""

    def close(self) -> None:
        """End what was started for it."""


class Envsync:
    """envsync as a subject."""

    def __init__(
        self, folder: Path, server: IndexServer, sets: Mapping[str, Mapping[str, bytes]]
    ) -> None:
        self._stage = Stage(folder, server.url)
        self.venv, self.project = self._stage.venv, self._stage.project
        self.command: Sequence[str] = [sys.executable, "-m", "envsync", "sync"]
        self.environ: Mapping[str, str] = self._stage.environ
        self._goals: dict[str, Goal] = {}
        python = this_python()
        for name, wheels in sets.items():
            pins = [_pin(filename) for filename in wheels]
            goal = Goal(spec_text(pins, python), "", tuple(wheels.values()), minor_version(python))
            self._stage.write(goal, lock=False)
            self._stage.ok("sync")
            self._goals[name] = goal._replace(lock=self._stage.lock_text() or "")

    def aim(self, name: str) -> None:
        self._stage.write(self._goals[name])

    def chill(self) -> None:
        remove(self._stage.cache / "wheels-v1")

    def says_fine(self) -> bool:
        return self._stage.run("sync", "--check").code == 0

    def damage(self, name: str) -> Damage:
        lines = self._stage.problems(self._goals[name])
        missing = sum(" is missing," in line for line in lines)
        extra = sum("nobody asked for it" in line or "left behind" in line for line in lines)
        example = lines[0] if lines else ""
        return Damage(missing, len(lines) - missing - extra, extra, example)

    def close(self) -> None:
        self._stage.close()


def _pin(filename: str) -> str:
    name, version, _ = filename.split("-", 2)
    return f"{name}=={version}"


class Uv:
    """uv as a subject: `uv sync --frozen` with a lock of its own."""

    def __init__(
        self, folder: Path, server: IndexServer, sets: Mapping[str, Mapping[str, bytes]]
    ) -> None:
        self.project, self.venv = folder / "project", folder / "project" / ".venv"
        self.project.mkdir(parents=True)
        self.command: Sequence[str] = [str(UV), "sync", "--frozen", "--quiet"]
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
        self.environ: Mapping[str, str] = {
            **kept,
            "UV_CACHE_DIR": str(folder / "cache"),
            "UV_DEFAULT_INDEX": server.url,
            "UV_PYTHON": this_python(),
            "UV_PYTHON_DOWNLOADS": "never",
        }
        self._texts: dict[str, tuple[str, str]] = {}
        self._sets = sets
        for name, wheels in sets.items():
            pins = ", ".join(f'"{_pin(filename)}"' for filename in wheels)
            text = (
                '[project]\nname = "campaign"\nversion = "1"\nrequires-python = ">=3.11"\n'
                f"dependencies = [{pins}]\n"
            )
            (self.project / "pyproject.toml").write_text(text)
            for command in ("lock", "sync"):
                self._run(command)
            self._texts[name] = text, (self.project / "uv.lock").read_text()
        layout = oracle.Layout.of(minor_version(this_python()))
        self._site = self.venv / layout.site

    def _run(self, *arguments: str) -> None:
        subprocess.run([UV, *arguments, "--quiet"], cwd=self.project, env=self.environ, check=True)

    def aim(self, name: str) -> None:
        text, lock = self._texts[name]
        (self.project / "pyproject.toml").write_text(text)
        (self.project / "uv.lock").write_text(lock)

    def chill(self) -> None:
        remove(Path(self.environ["UV_CACHE_DIR"]))

    def says_fine(self) -> bool:
        done = subprocess.run(
            [*self.command, "--check"],
            cwd=self.project,
            env=self.environ,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return done.returncode == 0

    def damage(self, name: str) -> Damage:
        wanted, _ = oracle.expected(self._sets[name].values(), oracle.Layout("", ""), "")
        wanted = {path.lstrip("/"): entry for path, entry in wanted.items()}
        found = oracle.read_tree(self._site) if self._site.is_dir() else {}
        missing = [path for path in wanted if path not in found]
        wrong = [p for p, e in wanted.items() if p in found and found[p].content != e.content]
        extra = [
            path
            for path, entry in found.items()
            if path.startswith("bulk")
            and not stat.S_ISDIR(entry.mode)
            and path not in wanted
            and not path.endswith(("/INSTALLER", "/RECORD", "/REQUESTED"))
        ]
        example = next(iter((*missing, *wrong, *extra)), "")
        return Damage(len(missing), len(wrong), len(extra), example)

    def close(self) -> None:
        pass


TOOLS: Mapping[str, Callable[..., Subject]] = {"envsync": Envsync, "uv": Uv}


class Result(NamedTuple):
    """What came of a campaign."""

    rounds: int = 0
    kills: int = 0
    hit: int = 0
    """Kills that found the process alive."""
    bad_rounds: int = 0
    """After the one sync something was missing, wrong or extra, or it failed."""
    unseen: int = 0
    """Rounds in which the tool's check found nothing, before the sync or after it, though
    something was damaged."""
    missing: int = 0
    wrong: int = 0
    extra: int = 0
    most: int = 0
    """Files missing or wrong in the worst round."""


def launch(subject: Subject) -> subprocess.Popen[bytes]:
    """Start a run as the leader of a process group."""
    return subprocess.Popen(
        subject.command,
        cwd=subject.project,
        env=subject.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def measure(subject: Subject, times_each: int) -> dict[str, float]:
    """Seconds of whole runs: a new environment, and a change of all packages."""
    times: dict[str, list[float]] = {"cold": [], "fresh": [], "change": []}
    for _ in range(times_each):
        for kind, seconds in times.items():
            if kind != "change":
                remove(subject.venv)
            if kind == "cold":
                subject.chill()
            subject.aim("new" if kind == "change" else "old")
            started = time.monotonic()
            if launch(subject).wait(SECONDS) != 0:
                raise RuntimeError(f"a whole run of {subject.command} failed")
            seconds.append(time.monotonic() - started)
    return {kind: statistics.median(seconds) for kind, seconds in times.items()}


def kill(subject: Subject, delay: float) -> bool:
    """Kill a run's group after so many seconds; True when it was still alive."""
    process = launch(subject)
    time.sleep(delay)
    alive = process.poll() is None
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(SECONDS)
    wait_for_group(process.pid)
    return alive


def campaign(subject: Subject, kills: int, generator: random.Random, measured: int = 3) -> Result:
    """Play rounds until so many kills were dealt; whole runs are `measured` so often first."""
    times = measure(subject, measured)
    say("whole runs: " + ", ".join(f"{kind} {seconds:.2f} s" for kind, seconds in times.items()))
    result = Result()
    held = "new"
    while result.kills < kills:
        kind = generator.choice(("fresh", "upgrade", "downgrade"))
        start, goal = {"fresh": (None, "old"), "upgrade": ("old", "new")}.get(kind, ("new", "old"))
        if start is None:
            remove(subject.venv)
            if kind == "cold":
                subject.chill()
        elif held != start:
            subject.aim(start)
            launch(subject).wait(SECONDS)
        subject.aim(goal)
        hits = 0
        count = generator.choice((1, 1, 2, 3))
        for _ in range(count):
            seconds = times[kind if start is None else "change"]
            hits += kill(subject, generator.uniform(0, 1.1 * seconds))
        result = finish(subject, goal, result, f"{kind}, {count} kills")
        result = result._replace(kills=result.kills + count, hit=result.hit + hits)
        held = goal
        if result.rounds % 20 == 0:
            say(f"    {result.kills} kills, {result.bad_rounds} bad rounds")
        if result.bad_rounds and subject.damage(goal):
            remove(subject.venv)  # what a tool leaves for good is counted once
            launch(subject).wait(SECONDS)
    return result


def finish(subject: Subject, goal: str, result: Result, what: str) -> Result:
    """Check, sync once, and compare everything."""
    unseen = subject.says_fine() and bool(subject.damage(goal))
    code = launch(subject).wait(SECONDS)
    damage = subject.damage(goal)
    bad = bool(damage) or code != 0
    unseen = unseen or (bool(damage) and subject.says_fine())
    if bad or unseen:
        say(f"    {what}: exit {code}, {damage}{', not seen by the check' if unseen else ''}")
    return result._replace(
        rounds=result.rounds + 1,
        bad_rounds=result.bad_rounds + bad,
        unseen=result.unseen + unseen,
        missing=result.missing + damage.missing,
        wrong=result.wrong + damage.wrong,
        extra=result.extra + damage.extra,
        most=max(result.most, damage.missing + damage.wrong),
    )


@contextmanager
def subject_of(tool: str, folder: Path, files: int, packages: int) -> Iterator[Subject]:
    """A tool with both sets locked and fetched."""
    sets = large_wheels(files, packages)
    with IndexServer(metadata=True) as server:
        for wheels in sets.values():
            publish(server, wheels)
        subject: Subject = TOOLS[tool](folder, server, sets)
        try:
            yield subject
        finally:
            subject.close()


def main() -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--files", type=int, default=20_400)
    parser.add_argument("--packages", type=int, default=17)
    parser.add_argument("--tool", choices=sorted(TOOLS), default="envsync")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with (
        scratch() as folder,
        subject_of(options.tool, folder, options.files, options.packages) as subject,
    ):
        result = campaign(subject, options.kills, random.Random(options.seed))
    for name, value in zip(result._fields, result, strict=True):
        say(f"{name:12} {value:8}")
    return 1 if result.bad_rounds or result.unseen or not result.kills else 0


if __name__ == "__main__":
    sys.exit(main())
