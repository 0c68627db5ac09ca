"""Judge mutants: run the tests that reach the changed line, and see whether one fails.

Works in a copy of the tree with an environment of its own, so that whole commands run the changed
code too. Which tests reach which line is measured once, commands that are processes included.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

COVERAGE = "coverage==7.17.5"
_CONFIG = """[run]
branch = true
parallel = true
source = envsync
dynamic_context = test_function
context = ${PYTEST_CURRENT_TEST-}
patch = subprocess, _exit, execv, fork
disable_warnings = no-data-collected, module-not-imported, dynamic-conflict

[json]
show_contexts = true
"""


class Reach(NamedTuple):
    """What the tests reach."""

    lines: Mapping[str, Mapping[int, frozenset[str]]]
    """Module's path -> line -> names of tests, without their parameters."""
    seconds: Mapping[str, float]
    """Test's name -> how long its longest case took."""
    branches: Mapping[str, float]
    """Folder -> percent of its lines and branches that are reached."""

    def of(self, path: str, line: int, *, anywhere: bool) -> frozenset[str]:
        """Give the tests that reach a line of a module, or any of its lines."""
        lines = self.lines.get(path, {})
        return frozenset().union(*lines.values()) if anywhere else lines.get(line, frozenset())


class Copy:
    """A copy of the project in which files may be changed."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        self._root = root

    def make(self) -> None:
        """Copy what is tracked, and set it up."""
        for stale in ("envsync", "tests"):
            shutil.rmtree(self.folder / stale, ignore_errors=True)
        tracked = subprocess.run(
            ["git", "ls-files", "-z"], cwd=self._root, capture_output=True, text=True, check=True
        )
        for name in tracked.stdout.split("\0")[:-1]:
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self._root / name, target, follow_symlinks=False)
        subprocess.run(["make", "--quiet", "setup"], cwd=self.folder, check=True)
        install = [self._python, "-m", "pip", "install", "--quiet", COVERAGE]
        subprocess.run(install, check=True)

    def measure(self, tests: Sequence[str], folders: Sequence[str], workers: int) -> Reach:
        """Run tests and see what they reach."""
        (self.folder / "coverage.ini").write_text(_CONFIG)
        for old in self.folder.glob(".coverage*"):
            old.unlink()
        report = self.folder / "times.xml"
        run = [self._python, "-m", "coverage", "run", "--rcfile=coverage.ini", "-m", "pytest"]
        options = ["-q", "-n", str(workers), "--dist", "worksteal", f"--junitxml={report}"]
        subprocess.run([*run, *options, *tests], cwd=self.folder, check=False)
        combine = [self._python, "-m", "coverage", "combine", "--rcfile=coverage.ini", "--quiet"]
        subprocess.run(combine, cwd=self.folder, check=True)
        return Reach(self._contexts(), _times(report), self._percent(folders))

    def survives(self, path: str, text: str, tests: Sequence[str], seconds: float) -> bool:
        """Say whether no test fails with this text in the place of a module's own."""
        place = self.folder / path
        before = place.read_text()
        place.write_text(text)
        options = ["-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no"]
        try:
            done = subprocess.run(
                [self._python, "-m", "pytest", *options, *tests],
                cwd=self.folder,
                timeout=seconds,
                capture_output=True,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
        finally:
            place.write_text(before)
        return done.returncode == 0

    @property
    def _python(self) -> str:
        return str(self.folder / ".venv/bin/python")

    def _contexts(self) -> Mapping[str, Mapping[int, frozenset[str]]]:
        reached: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        with sqlite3.connect(self.folder / ".coverage") as database:
            rows = database.execute(
                "select file.path, context.context, arc.fromno, arc.tono from arc"
                " join file on file.id = arc.file_id join context on context.id = arc.context_id"
            )
            for path, context, begin, end in rows:
                for test in _tests_of(context):
                    relative = os.path.relpath(path, self.folder)
                    for line in (begin, end):
                        reached[relative][line].add(test)
        return {
            path: {line: frozenset(tests) for line, tests in lines.items()}
            for path, lines in reached.items()
        }

    def _percent(self, folders: Iterable[str]) -> Mapping[str, float]:
        percent = {}
        for folder in folders:
            where = f"--include=envsync/{folder}/*"
            command = [self._python, "-m", "coverage", "json", "--rcfile=coverage.ini", where]
            report = self.folder / f"{folder}.json"
            options = ["--quiet", "-o", str(report)]
            subprocess.run([*command, *options], cwd=self.folder, check=True)
            percent[folder] = json.loads(report.read_text())["totals"]["percent_covered"]
        return percent


def _tests_of(context: str) -> Iterable[str]:
    """The tests that a context names: a function's dotted name, or pytest's own name of a test."""
    for part in context.split("|"):
        name = part.strip()
        if "::" in name:
            yield name.rpartition(" (")[0].partition("[")[0]
        elif ".test_" in name:
            module, _, function = name.rpartition(".")
            yield f"{module.replace('.', '/')}.py::{function}"


def _times(report: Path) -> Mapping[str, float]:
    """Read how long each test took that passed, from a JUnit report of our own making."""
    import xml.etree.ElementTree as ElementTree

    longest: dict[str, float] = {}
    failed: set[str] = set()
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name', '')}"
        name = name.partition("[")[0]
        longest[name] = longest.get(name, 0.0) + float(case.get("time", "0"))
        if any(case.find(kind) is not None for kind in ("failure", "error")):
            failed.add(name)
    return {name: seconds for name, seconds in longest.items() if name not in failed}


class Verdict(NamedTuple):
    """What became of the mutants of a folder."""

    judged: int
    survivors: tuple[str, ...]
    percent_reached: float

    @property
    def score(self) -> float:
        """Percent that a test noticed."""
        return 100 * (1 - len(self.survivors) / self.judged) if self.judged else 100.0


def chosen(names: Iterable[str], seconds: Mapping[str, float], limit: float) -> list[str]:
    """Give the quickest tests of those, as many as fit into `limit` seconds together."""
    taken: list[str] = []
    spent = 0.0
    for name in sorted((name for name in names if name in seconds), key=seconds.__getitem__):
        spent += seconds[name]
        if spent > limit and taken:
            break
        taken.append(name)
    return taken


def say(line: str) -> None:
    """Print progress."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()
