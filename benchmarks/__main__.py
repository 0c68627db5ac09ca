"""Compare envsync with its peers, operation by operation, in turn, against one copied index.

    python -m benchmarks [WORKLOAD ...] [--only WORD ...] [--tools NAME ...] [--runs 7]

Workloads: flask and eleven where none is named; `--list` names all. Every command is a whole
process; each tool has a project, a cache and a home of its own, and asks a copy of the public index
on loopback (benchmarks/mirror.py). The table has medians, and medians of the ratios pair by pair.
Peers are looked for in .tools/bench/NAME/bin (`make peers` puts them there), and left out where
they are missing.

`--before PATH` adds another envsync, so that a change is measured in one run with what was before.
With `--latency MS` the index answers as one over a network does. `--note` keeps the ratios in
benchmarks/kept.json; `--check` exits with 1 when one is 20 % worse.
"""

import argparse
import contextlib
import platform
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.contest import PEERS, begins, serve
from benchmarks.measure import Timed, alternate, instructions
from benchmarks.operations import OPERATIONS, Operation
from benchmarks.report import HEAD, Row, keep, worse
from benchmarks.tools import KINDS, Envsync, Setting, Tool, console_script
from benchmarks.workloads import Workload, workloads


def main() -> int:
    """Measure and print."""
    options = _arguments()
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        every = workloads(folder / "index" / "made")
        if options.list:
            print("\n".join(every))
            return 0
        chosen = [every[name]() for name in options.workloads]
        index = stack.enter_context(serve(folder / "index", options.latency))
        setting = Setting(folder, index, options.python)
        print(_machine(options.python), flush=True)
        rows = [row for work in chosen for row in _measure(work, setting, options)]
    if options.note:
        keep(rows)
    said = worse(rows) if options.check else []
    print("\n".join(f"worse: {line}" for line in said))
    return int(bool(said))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("workloads", nargs="*", default=["flask", "eleven"])
    parser.add_argument("--list", action="store_true", help="name the workloads")
    parser.add_argument("--only", nargs="+", help="operations, by their whole names")
    parser.add_argument("--tools", nargs="+", default=["uv"], choices=list(KINDS), help="peers")
    parser.add_argument("--before", type=Path, help="another envsync to compare with")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--python", default=getattr(sys, "_base_executable", sys.executable))
    parser.add_argument("--folder", type=Path, help="where everything is kept for the next time")
    parser.add_argument("--latency", type=float, default=0.0, help="milliseconds of each answer")
    parser.add_argument("--note", action="store_true", help="keep the ratios")
    parser.add_argument("--check", action="store_true", help="compare with the kept ratios")
    return parser.parse_args()


def _measure(work: Workload, setting: Setting, options: argparse.Namespace) -> Iterator[Row]:
    print(f"\n## {work.name}: {work.about}\n\n{HEAD}", flush=True)
    contenders = [tool for tool in _contenders(work, setting, options) if begins(tool)]
    for operation in OPERATIONS:
        wanted = not options.only or operation.name in options.only
        if not wanted or (operation.installs and not work.installs):
            continue
        row = _row(operation, contenders, options.runs)
        if row is not None:
            print("\n".join(row.lines()), flush=True)
            yield row


def _row(operation: Operation, contenders: Sequence[Tool], runs: int) -> Row | None:
    timed: dict[str, Timed] = {}
    for tool in contenders:
        one = operation.of(tool)
        if one is not None:
            timed[tool.label] = one
    ours = contenders[0]
    if ours.label not in timed:
        return None
    costs = alternate(timed, runs)
    for tool in contenders:
        tool.empty_trash()
        tool.set_up()
    counted = instructions(timed[ours.label]) if operation.steady else None
    return Row(ours.work.name, operation.name, costs, counted)


def _contenders(work: Workload, setting: Setting, options: argparse.Namespace) -> Iterator[Tool]:
    yield Envsync(console_script(setting.folder), "envsync", work, setting)
    if options.before:
        yield Envsync(str(options.before.absolute()), "before", work, setting)
    for name in options.tools:
        executable = PEERS / name / "bin" / name
        if executable.exists():
            yield KINDS[name](str(executable), name, work, setting)
        else:
            print(f"left out: {name} is not in {executable.parent}")


def _machine(python: str) -> str:
    how = sysconfig.get_config_var("CONFIG_ARGS") or ""
    # Distributions optimise by other ways, too: this says what is known.
    optimised = "configured with" if "--enable-optimizations" in how else "not configured with"
    return (
        f"Python {platform.python_version()} runs envsync, {optimised} --enable-optimizations;"
        f" environments are for {Path(python).name}; {platform.system()} {platform.machine()}"
    )


if __name__ == "__main__":
    sys.exit(main())
