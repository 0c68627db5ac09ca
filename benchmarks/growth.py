"""How cost grows with size: packages of a lock, files of an environment; exponents of both tools.

    python -m benchmarks.growth [--runs 3] [--folder DIR]

An exponent of 1 is twice the cost for twice the size. It is fitted to the processor time of the
larger sizes less that of an operation on nothing, which is the start of a process.
"""

import argparse
import contextlib
import math
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.contest import PEERS, begins, serve
from benchmarks.measure import alternate
from benchmarks.operations import OPERATIONS
from benchmarks.tools import Envsync, Setting, Tool, Uv, console_script
from benchmarks.workloads import FILES, PACKAGES, workloads

CURVES: Mapping[str, tuple[str, Sequence[int], Sequence[str]]] = {
    "packages": ("universe", PACKAGES, ("lock anew", "lock up to date")),
    "files": ("files", FILES, ("sync cold", "fresh", "sync", "run")),
}


def exponent(sizes: Sequence[int], costs: Sequence[float]) -> float:
    """Fit `cost = start + a * size ** e`, with the smallest size's cost for the start."""
    start = costs[0]
    pairs = zip(sizes[1:], costs[1:], strict=True)
    points = [(math.log(size), math.log(max(cost - start, 1.0))) for size, cost in pairs]
    slope, _ = statistics.linear_regression(*zip(*points, strict=True))
    return slope


def main() -> None:
    """Print a table for each curve."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.growth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--python", default=getattr(sys, "_base_executable", sys.executable))
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        index = stack.enter_context(serve(folder / "index"))
        setting = Setting(folder, index, options.python)
        for what, (prefix, sizes, operations) in CURVES.items():
            costs = _costs(setting, prefix, sizes, operations, options.runs)
            print(f"\n| {what}, CPU ms | tool | {' | '.join(map(str, sizes))} | exponent |")
            print("|---" * (len(sizes) + 3) + "|")
            for (operation, tool), row in costs.items():
                cells = " | ".join(f"{cost:.0f}" for cost in row)
                print(
                    f"| {operation} | {tool} | {cells} | {exponent(sizes, row):.2f} |", flush=True
                )


def _costs(
    setting: Setting, prefix: str, sizes: Sequence[int], names: Sequence[str], runs: int
) -> Mapping[tuple[str, str], list[float]]:
    """Give the medians of processor time, by operation and tool, a figure for each size."""
    made: dict[tuple[str, str], list[float]] = {}
    every = workloads(setting.folder / "index" / "made")
    for size in sizes:
        work = every[f"{prefix}-{size}"]()
        ours = console_script(setting.folder)
        tools: list[Tool] = [Envsync(ours, "envsync", work, setting)]
        tools.append(Uv(str(PEERS / "uv/bin/uv"), "uv", work, setting))
        if not all(begins(tool) for tool in tools):
            continue
        for operation in OPERATIONS:
            if operation.name not in names:
                continue
            timed = {tool.label: operation.of(tool) for tool in tools}
            ready = {name: one for name, one in timed.items() if one is not None}
            for name, costs in alternate(ready, runs).items():
                middle = statistics.median(cost.cpu for cost in costs)
                made.setdefault((operation.name, name), []).append(middle)
            for tool in tools:
                tool.empty_trash()
    return made


if __name__ == "__main__":
    main()
