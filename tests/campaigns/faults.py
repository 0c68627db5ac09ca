"""C3: calls of `sync` and `lock` that fail, once or from then on, with every errno that disks have.

    python -m tests.campaigns.faults --runs 1000

After each: exit code 0 or 1 and no traceback; exit 0 only with the new state; otherwise exactly the
old state or the new one, or a check that says that something is to be done; the lock is the old or
the new one. Then one `sync` without faults makes it exact.
"""

import argparse
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.campaigns import crash, tracing
from tests.campaigns.crash import BESIDE, Scenario
from tests.campaigns.stage import Stage, say, scratch, small_world
from tests.campaigns.tracing import Point

ERRORS = (
    *("ENOSPC", "EDQUOT", "EIO", "EROFS", "EACCES", "EPERM", "EMFILE", "ENFILE", "ENAMETOOLONG"),
    *("EXDEV", "EMLINK", "EOPNOTSUPP", "ENOLCK", "EINTR"),
)
_ONCE = {"EINTR"}
"""A call that is interrupted for ever is repeated for ever: that is what it asks for."""


ON_DISK = tuple(call for call in tracing.MUTATING if call not in ("open", "openat"))
"""Calls that only a change of the disk makes."""

_NAMED = ("SSL_CERT_",)
"""What the caller named and what can't be read is a wrong use: exit code 2."""


class Fault(NamedTuple):
    """One call that fails."""

    point: Point
    error: str
    onwards: bool

    def __str__(self) -> str:
        return f"{self.point}{'+' if self.onwards else ''} {self.error}"


def recorded(stage: Stage, scenario: Scenario) -> Mapping[str, Sequence[Point]]:
    """The points of a whole run by call, those of looking calls too."""
    crash.set_out(stage, scenario)
    log = stage.folder / "calls"
    calls = (*tracing.MUTATING, *tracing.READING)
    stage.run(*scenario.command, under=tracing.recorder(log, calls), share=scenario.share)
    found: dict[str, list[Point]] = defaultdict(list)
    for point in tracing.to_disk(log):
        found[point.call].append(point)
    return found


def draw(points: Mapping[str, Sequence[Point]], generator: random.Random) -> Fault:
    """Choose a fault: first the kind of call, for some are made a hundred times as often."""
    calls = sorted(points)
    weights = [3 if call in tracing.MUTATING else 1 for call in calls]
    (call,) = generator.choices(calls, weights)
    error = generator.choice(ERRORS)
    # Where nothing can be written, no error can be shown: that disk is full in `full_disk`.
    onwards = error not in _ONCE and call != "write" and generator.random() < 0.4
    return Fault(generator.choice(points[call]), error, onwards)


def judge(stage: Stage, scenario: Scenario, fault: Fault) -> tuple[int, list[str]]:
    """Run with the fault and see what is left: (exit code, what is wrong)."""
    crash.set_out(stage, scenario)
    under = tracing.failing(fault.point, fault.error, onwards=fault.onwards)
    ran = stage.run(*scenario.command, under=under, share=scenario.share)
    wrong = []
    if ran.code not in (0, 1) and not (ran.code == 2 and any(t in ran.err for t in _NAMED)):
        wrong.append(f"exit code {ran.code}: {ran.err.strip()[-300:]}")
    if "Traceback" in ran.err:
        wrong.append(f"a traceback: {brief(ran.err)}")
    elif ran.code == 1 and "error:" not in ran.err:
        wrong.append(f"no error is shown: {ran.err!r}")
    wrong += _state(stage, scenario, ran.code)
    _, after = crash.judge(stage, scenario)
    return ran.code, wrong + after


def brief(trace: str) -> str:
    """Of a traceback, where it came from and what it said."""
    lines = trace.splitlines()
    frames = [line.strip() for line in lines if line.lstrip().startswith("File ")]
    own = [frame.rpartition("/envsync/")[2] for frame in frames if "/envsync/" in frame]
    said = [line for line in lines if line[:1].isupper() and "Error" in line.partition(":")[0]]
    return f"{own[-1] if own else frames[-1:]}; {' | '.join(said)}"


def _state(stage: Stage, scenario: Scenario, code: int) -> list[str]:
    """What is wrong with the environment right after the run."""
    wrong = []
    texts = (scenario.after.lock, *scenario.locks, *([None] if scenario.before is None else []))
    if stage.lock_text() not in texts:
        wrong.append("the lock is neither the old nor the new one")
    aim = scenario.before if scenario.command == ("lock",) else scenario.after
    if aim is None:
        return wrong
    new = [line for line in stage.problems(aim) if not line.endswith(BESIDE)]
    if code == 0:
        return wrong + [f"exit 0, but {line}" for line in new]
    if new and not _is_old(stage, scenario) and stage.run("sync", "--check").code != 3:
        wrong += [f"neither old nor new, and no check sees it: {line}" for line in new[:3]]
    return wrong


def _is_old(stage: Stage, scenario: Scenario) -> bool:
    if scenario.before is None:
        return not stage.venv.exists()
    return not stage.problems(scenario.before)


class Result(NamedTuple):
    """What came of a campaign."""

    runs: int
    codes: Mapping[int, int]
    failures: list[str]


def campaign(
    folder: Path,
    runs: int,
    generator: random.Random,
    only: Sequence[str] = (),
    calls: Sequence[str] = (),
) -> Result:
    """Spread so many faults over the scenarios; `only` those and these `calls`, where given."""
    codes, failures, done = Counter[int](), list[str](), 0
    with small_world(folder) as world:
        stage = world.stage
        chosen = [s for s in crash.scenarios(world) if not only or s.name in only]
        for position, scenario in enumerate(chosen):
            points = recorded(stage, scenario)
            points = {call: points[call] for call in points if not calls or call in calls}
            share = (runs - done) // (len(chosen) - position)
            failed = 0
            for _ in range(share):
                fault = draw(points, generator)
                code, wrong = judge(stage, scenario, fault)
                codes[code] += 1
                failed += bool(wrong)
                failures += [f"{scenario.name} {fault}: {line}" for line in wrong]
            done += share
            say(f"{scenario.name:24} {share:6} {failed:8}")
            for line in failures[len(failures) - failed :]:
                say(f"    {line}")
    return Result(done, codes, failures)


def main() -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", default=[], help="the scenarios of these names")
    options = parser.parse_args()
    say(f"{'scenario':24} {'runs':>6} {'failures':>8}")
    with scratch() as folder:
        result = campaign(folder, options.runs, random.Random(options.seed), options.only)
    for code, count in sorted(result.codes.items()):
        say(f"exit code {code:<14} {count:6}")
    causes = Counter(line.partition(": ")[2].partition(";")[0][:90] for line in result.failures)
    for cause, count in causes.most_common():
        say(f"{count:6} x {cause}")
    say(f"{'all':24} {result.runs:6} {len(result.failures):8}")
    return 1 if result.failures or not result.runs else 0


if __name__ == "__main__":
    sys.exit(main())
