"""Tables of what was measured, and the ratios that are kept to be compared with later."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import Cost, Spread, ratios

KEPT = Path(__file__).with_name("kept.json")
WORSE = 1.2
"""A ratio this many times the kept one is a failure."""

HEAD = (
    "| operation | tool | wall ms (quartiles) | CPU ms | MB | wall, ours to it | CPU | MB |\n"
    "|---|---|---|---|---|---|---|---|"
)


class Row(NamedTuple):
    """What one operation cost, by tool; the first is ours."""

    workload: str
    operation: str
    costs: Mapping[str, Sequence[Cost]]
    instructions: int | None = None

    def lines(self) -> list[str]:
        """Lines of the table, one for each tool."""
        ours = next(iter(self.costs.values()))
        return [
            f"| {self.operation if number == 0 else ''} | {tool} | {_times(costs)} |"
            f" {_ratios(ours, costs) if number else '  |  | '} |"
            for number, (tool, costs) in enumerate(self.costs.items())
        ]

    def kept(self) -> dict[str, float]:
        """What is compared the next time: ratios of processor time and memory, instructions."""
        names = list(self.costs)
        known = {}
        if "uv" in names:
            ratio = ratios(self.costs[names[0]], self.costs["uv"])
            known = {"cpu to uv": round(ratio.cpu, 2), "memory to uv": round(ratio.memory, 2)}
        if self.instructions:
            known["million instructions"] = round(self.instructions / 1e6, 1)
        return known


def _times(costs: Sequence[Cost]) -> str:
    wall = Spread.of([cost.wall for cost in costs])
    cpu = Spread.of([cost.cpu for cost in costs])
    memory = Spread.of([cost.memory for cost in costs])
    return (
        f"{wall.middle:.0f} ({wall.low:.0f} to {wall.high:.0f}) | {cpu.middle:.0f} |"
        f" {memory.middle:.0f}"
    )


def _ratios(ours: Sequence[Cost], theirs: Sequence[Cost]) -> str:
    ratio = ratios(ours, theirs)
    return f"{ratio.wall:.2f} | {ratio.cpu:.2f} | {ratio.memory:.2f}"


def read_kept(path: Path = KEPT) -> dict[str, dict[str, float]]:
    """Give what was kept, by `WORKLOAD: OPERATION`."""
    kept: dict[str, dict[str, float]] = json.loads(path.read_bytes()) if path.exists() else {}
    return kept


def keep(rows: Sequence[Row], path: Path = KEPT) -> None:
    """Write figures into the kept ones."""
    kept = read_kept(path) | {f"{row.workload}: {row.operation}": row.kept() for row in rows}
    path.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")


def worse(rows: Sequence[Row], path: Path = KEPT) -> list[str]:
    """Say which figures are more than `WORSE` times the kept ones.

    Where instructions were counted both times they alone decide: times of one moment vary more.
    """
    kept = read_kept(path)
    said = []
    for row in rows:
        name = f"{row.workload}: {row.operation}"
        before, now = kept.get(name, {}), row.kept()
        if "million instructions" in before and "million instructions" in now:
            now.pop("cpu to uv", None)
        for figure, value in now.items():
            if figure in before and value > WORSE * before[figure]:
                said.append(f"{name}: {figure}: {value}, kept {before[figure]}")
    return said
