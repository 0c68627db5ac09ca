"""Judge a sample of the mutants of some folders; exits with 1 below the score that is asked."""

import argparse
import random
import sys
from pathlib import Path

from tests.mutants.judge import Copy, Reach, Verdict, chosen, say
from tests.mutants.mutations import Mutant, mutants

ROOT = Path(__file__).parent.parent.parent
FOLDERS = ("environment", "operations", "resolve")
LAYERS = ("environment", "sync", "operations", "resolve", "catalog", "acquire", "project", "cli")
TESTS = (*(f"tests/{name}" for name in LAYERS), "tests/commands")


def main() -> int:
    """Read the arguments, measure, judge, report."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("folders", nargs="*", default=FOLDERS, help="folders of envsync/")
    parser.add_argument("--sample", type=int, default=60, help="mutants of each folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least", type=float, default=85.0, help="percent that tests must notice")
    parser.add_argument("--seconds", type=float, default=60.0, help="of tests for one mutant")
    parser.add_argument("--tests", nargs="*", default=TESTS)
    parser.add_argument("--workers", type=int, default=2, help="processes that measure")
    parser.add_argument("--copy", type=Path, default=ROOT / ".tools/mutants")
    options = parser.parse_args()
    copy = Copy(ROOT, options.copy)
    copy.make()
    tests = [one for one in options.tests if (ROOT / one).exists()]
    reach = copy.measure(tests, options.folders, options.workers)
    scores = {}
    for folder in options.folders:
        sample = _sample(folder, options.sample, options.seed)
        scores[folder] = _judge(folder, sample, copy, reach, options.seconds)
    for folder, verdict in scores.items():
        say(
            f"{folder}: {verdict.score:.0f} % of {verdict.judged} mutants noticed; "
            f"{verdict.percent_reached:.1f} % of lines and branches reached"
        )
        for survivor in verdict.survivors:
            say(f"    {survivor}")
    return int(any(verdict.score < options.least for verdict in scores.values()))


def _sample(folder: str, count: int, seed: int) -> list[tuple[str, Mutant]]:
    """Take mutants of a folder, the same for the same code and seed."""
    every = [
        (str(path.relative_to(ROOT)), mutant)
        for path in sorted((ROOT / "envsync" / folder).rglob("*.py"))
        for mutant in mutants(path.read_text())
    ]
    say(f"{folder}: {len(every)} mutants")
    taken = random.Random(seed).sample(range(len(every)), min(count, len(every)))
    return [every[at] for at in sorted(taken)]


def _judge(
    folder: str, sample: list[tuple[str, Mutant]], copy: Copy, reach: Reach, limit: float
) -> Verdict:
    survivors = []
    for path, mutant in sample:
        names = reach.of(path, mutant.line, anywhere=mutant.runs_on_import)
        tests = chosen(names, reach.seconds, limit)
        spent = sum(reach.seconds[name] for name in tests)
        if not tests or copy.survives(path, mutant.text, tests, 3 * spent + 30):
            where = f"{path}:{mutant.line}: {mutant.what} ({len(tests)} of {len(names)} tests)"
            survivors.append(where)
            say(f"survived {where}")
    return Verdict(len(sample), tuple(survivors), reach.branches.get(folder, 0.0))


if __name__ == "__main__":
    sys.exit(main())
