"""Run whole processes in turn, and say what each costs: time, processor, memory, instructions."""

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Cost(NamedTuple):
    """What one run of a command took, the processes that it waited for included."""

    wall: float
    """Milliseconds from start to end."""
    cpu: float
    """Milliseconds of user and system time, on all cores."""
    memory: float
    """The largest of its processes, in MB of resident memory; never below this one's own."""


class Failed(Exception):
    """A command that was to be timed ended with an error; the message has what it wrote."""


class Spread(NamedTuple):
    """The median and the quartiles of some figures."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Spread":
        """Summarise at least one figure."""
        if len(figures) == 1:
            return cls(figures[0], figures[0], figures[0])
        return cls(*statistics.quantiles(figures, n=4, method="inclusive"))


class Timed(NamedTuple):
    """One thing to time: what makes it ready, and the commands that then run together."""

    ready: Callable[[], None]
    commands: Sequence[Sequence[str]]
    folder: Path
    environ: Mapping[str, str]


def run(timed: Timed) -> Cost:
    """Make ready, run, and say what it took. Raises `Failed`."""
    timed.ready()
    os.sync()  # what made it ready is not written to disk on the time of what is measured
    with tempfile.TemporaryFile() as said:
        begin = time.perf_counter()
        started = [
            subprocess.Popen(
                command,
                cwd=timed.folder,
                env=timed.environ,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
            for command in timed.commands
        ]
        ends = [os.wait4(process.pid, 0) for process in started]
        wall = time.perf_counter() - begin
        for process, (_, status, _) in zip(started, ends, strict=True):
            process.returncode = os.waitstatus_to_exitcode(status)
        if any(process.returncode for process in started):
            said.seek(0)
            raise Failed(
                f"{' '.join(timed.commands[0])}: {said.read()[-2000:].decode(errors='replace')}"
            )
    usages = [usage for _, _, usage in ends]
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    return Cost(wall * 1e3, cpu * 1e3, max(usage.ru_maxrss for usage in usages) / 1024)


def alternate(contenders: Mapping[str, Timed], runs: int) -> Mapping[str, Sequence[Cost]]:
    """Run all in turn, `runs` times after one that warms up; who is first changes every time.

    One that fails is left out from there on; `Failed` when it is the first of them.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in contenders}
    first = next(iter(contenders))
    for number in range(runs + 1):
        names = list(costs)
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            try:
                cost = run(contenders[name])
            except Failed as failed:
                if name == first:
                    raise
                print(f"  left out: {name}: {failed}", flush=True)
                del costs[name]
                continue
            if number:
                costs[name].append(cost)
    return costs


def ratios(ours: Sequence[Cost], theirs: Sequence[Cost]) -> Cost:
    """The median of the ratios, pair by pair, of each figure."""
    pairs = list(zip(ours, theirs, strict=True))
    wall, cpu, memory = (
        statistics.median(mine[at] / max(other[at], 1e-6) for mine, other in pairs)
        for at in range(len(Cost._fields))
    )
    return Cost(wall, cpu, memory)


def instructions(timed: Timed) -> int | None:
    """Count the instructions of one command in its first process; None without valgrind.

    Steadier than any time: it depends on the code alone, if hashes of strings are not random.
    """
    if shutil.which("valgrind") is None:
        return None
    timed.ready()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        tool = [
            "valgrind",
            "--tool=callgrind",
            f"--log-file={log}",
            "--callgrind-out-file=/dev/null",
        ]
        subprocess.run(
            [*tool, *timed.commands[0]],
            cwd=timed.folder,
            env={**timed.environ, "PYTHONHASHSEED": "0"},
            capture_output=True,
            check=True,
        )
        counts = [line for line in log.read_text().splitlines() if "Collected :" in line]
    return int(counts[-1].rpartition(":")[2])
