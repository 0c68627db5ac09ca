"""Lock real and hard sets of requirements with envsync and uv, and compare cost and answers.

    python -m benchmarks.real_sets [--keep DIR] [--only NAME ...] [--cold] [--check]

Each set is locked by both for every platform and every Python from its lower bound on, first with
an empty cache, then without the lock but with what the cache holds by then. uv may not build from
source, as envsync may not without leave, but in sets that name packages to build. Both ask their
default index, or what the environment says.

`rounds` are decisions and vain tries, as `envsync lock -v` reports them; `read` counts the
distributions whose metadata envsync has read, guesses that were wrong included. `--check` has each
lock judged by `tests/support/lock_oracle.py`, which shares no code with the resolver; it reads the
metadata of every locked distribution, and says in how many environments it looked.
"""

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.support.lock_oracle import RemoteShelf, judge

ENVSYNC = Path(sys.executable).with_name("envsync")
UV = Path(sys.executable).with_name("uv")
SETS = Path(__file__).with_name("sets.toml")
_ROUNDS = re.compile(r"([0-9]+) rounds? for ([0-9]+) packages?")
_PATIENCE = 300.0

Versions = Mapping[str, tuple[str, ...]]


class RealSet(NamedTuple):
    """What is to be locked."""

    name: str
    about: str
    requirements: tuple[str, ...]
    requires_python: str = ">=3.11"
    build_allow: tuple[str, ...] = ()
    exclude_newer: str | None = None


class Run(NamedTuple):
    """One process: what it took and said."""

    succeeded: bool
    seconds: float
    cpu: float
    """Seconds of the process and its children, on all cores."""
    said: str
    """What it wrote to standard error."""


class Result(NamedTuple):
    """Both runs of one tool on one set."""

    cold: Run | None
    warm: Run
    versions: Versions


def read_sets(path: Path = SETS) -> list[RealSet]:
    """The table of sets."""
    return [
        RealSet(
            name=row["name"],
            about=row["about"],
            requirements=tuple(row["requirements"]),
            requires_python=row.get("requires-python", ">=3.11"),
            build_allow=tuple(row.get("build-allow", ())),
            exclude_newer=row.get("exclude-newer"),
        )
        for row in tomllib.loads(path.read_text())["set"]
    ]


# -- projects ---------------------------------------------------------------------------------


def env_toml(one: RealSet) -> str:
    """The set as envsync's file."""
    lines = ["[env]", f"requires-python = {_text(one.requires_python)}"]
    lines.append(f"dependencies = {_array(one.requirements)}")
    if one.exclude_newer:
        lines += ["[lock]", f"exclude-newer = {_text(one.exclude_newer)}"]
    if one.build_allow:
        lines += ["[build]", f"allow = {_array(one.build_allow)}"]
    return "\n".join(lines) + "\n"


def pyproject(one: RealSet) -> str:
    """The set as uv's file."""
    lines = ["[project]", 'name = "real-set"', 'version = "0"']
    lines.append(f"requires-python = {_text(one.requires_python)}")
    lines.append(f"dependencies = {_array(one.requirements)}")
    lines += ["[tool.uv]", "package = false"]
    if one.exclude_newer:
        lines.append(f"exclude-newer = {_text(one.exclude_newer)}")
    if not one.build_allow:
        lines.append("no-build = true")
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    return f'"{value}"'


def _array(values: Iterable[str]) -> str:
    return "[" + ", ".join(map(_text, values)) + "]"


# -- runs -------------------------------------------------------------------------------------


class Bench:
    """Runs both tools in one folder, each set in a project and with a cache of its own."""

    def __init__(self, folder: Path, *, cold: bool, limit: float) -> None:
        self._folder, self._cold, self._limit = folder, cold, limit
        self._environ = {
            name: value for name, value in os.environ.items() if not name.startswith("VIRTUAL_ENV")
        }

    def envsync(self, one: RealSet) -> Result:
        """Lock with envsync."""
        project = self._project(one, "envsync")
        (project / "env.toml").write_text(env_toml(one))
        cache = self._cache(one, "envsync")
        command = [str(ENVSYNC), "lock", "-v", "--no-progress", "--cache-dir", str(cache)]
        return self._both(command, project / "pylock.toml", cache)

    def uv(self, one: RealSet) -> Result:
        """Lock with uv."""
        project = self._project(one, "uv")
        (project / "pyproject.toml").write_text(pyproject(one))
        cache = self._cache(one, "uv")
        command = [str(UV), "lock", "--no-progress", "--cache-dir", str(cache)]
        return self._both(command, project / "uv.lock", cache)

    def lock_path(self, one: RealSet) -> Path:
        """Where envsync's lock of a set is."""
        return self._folder / one.name / "envsync" / "pylock.toml"

    def metadata_read(self, one: RealSet) -> int:
        """How many distributions' metadata envsync's cache of a set holds."""
        return sum(
            1 for path in (self._cache(one, "envsync") / "core-v3").rglob("*") if path.is_file()
        )

    def _project(self, one: RealSet, tool: str) -> Path:
        path = self._folder / one.name / tool
        path.mkdir(parents=True, exist_ok=True)
        return path

    def _cache(self, one: RealSet, tool: str) -> Path:
        return self._folder / one.name / f"{tool}-cache"

    def _both(self, command: list[str], lock: Path, cache: Path) -> Result:
        cold = None
        if self._cold or not cache.exists():
            shutil.rmtree(cache, ignore_errors=True)
            cold = self._run(command, lock)
        if cold is not None and cold.seconds >= self._limit:
            return Result(cold, cold, {})
        warm = self._run(command, lock)
        return Result(cold, warm, _locked(lock) if warm.succeeded else {})

    def _run(self, command: list[str], lock: Path) -> Run:
        lock.unlink(missing_ok=True)
        before, started = _children_cpu(), time.perf_counter()
        try:
            done = subprocess.run(
                command,
                cwd=lock.parent,
                env=self._environ,
                capture_output=True,
                timeout=self._limit,
                check=False,
            )
            succeeded, said = done.returncode == 0, done.stderr.decode(errors="replace")
        except subprocess.TimeoutExpired:
            succeeded, said = False, f"error: not done after {self._limit:.0f} s"
        seconds = time.perf_counter() - started
        return Run(succeeded, seconds, _children_cpu() - before, said)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _locked(path: Path) -> Versions:
    """The versions of each package in a lock of either tool."""
    found: dict[str, set[str]] = {}
    document = tomllib.loads(path.read_text())
    for package in document.get("packages", document.get("package", [])):
        if package["name"] != "real-set":
            found.setdefault(package["name"], set()).add(package.get("version", "?"))
    return {name: tuple(sorted(versions)) for name, versions in sorted(found.items())}


# -- report -----------------------------------------------------------------------------------


def difference(ours: Versions, theirs: Versions) -> Iterator[str]:
    """Where the answers differ, a phrase for each package: ours, then theirs."""
    for name in sorted({*ours, *theirs}):
        if ours.get(name) != theirs.get(name):
            yield f"{name} {_or_none(ours.get(name))} / {_or_none(theirs.get(name))}"


def _or_none(versions: tuple[str, ...] | None) -> str:
    return ", ".join(versions) if versions else "-"


def check(one: RealSet, lock: Path) -> str:
    """What the independent oracle says of a lock; a gap in the wheels is no fault, it is told."""
    shelf = RemoteShelf()
    judgement = judge(
        lock.read_bytes(),
        env_toml(one),
        shelf,
        told=lambda _: True,
        hashes=False,
        every_wheel=False,
    )
    found = judgement.violations
    return f"{len(found)} faults: {found[0]}" if found else f"ok in {judgement.places}"


def row(one: RealSet, bench: Bench, *, checks: bool) -> str:
    """Lock one set with both; gives its line of the table."""
    ours, theirs = bench.envsync(one), bench.uv(one)
    rounds = _ROUNDS.search(ours.warm.said)
    cells = [
        one.name,
        rounds[1] if rounds else "-",
        str(bench.metadata_read(one)),
        _count(ours),
        _count(theirs),
        _seconds(ours.cold),
        _seconds(theirs.cold),
        _seconds(ours.warm),
        _seconds(theirs.warm),
        check(one, bench.lock_path(one)) if checks and ours.warm.succeeded else "",
        _verdict(ours, theirs),
    ]
    return "| " + " | ".join(cells) + " |"


def _count(result: Result) -> str:
    return str(sum(map(len, result.versions.values()))) if result.warm.succeeded else "failed"


def _seconds(run: Run | None) -> str:
    return f"{run.seconds:.1f} ({run.cpu:.1f})" if run else ""


def _verdict(ours: Result, theirs: Result) -> str:
    failures = [
        f"{name}: {_first_words(result.warm.said)}"
        for name, result in (("envsync", ours), ("uv", theirs))
        if not result.warm.succeeded
    ]
    if failures:
        return "; ".join(failures)
    return "; ".join(difference(ours.versions, theirs.versions)) or "equal"


def _first_words(said: str) -> str:
    lines = [line.strip() for line in said.splitlines()]
    start = next((at for at, line in enumerate(lines) if "error" in line[:6]), 0)
    return " ".join(lines[start:])[:300].replace("|", "/")


HEADER = (
    "| set | rounds | read | packages | uv's | cold s (CPU) | uv's | warm s (CPU) | uv's | check "
    "| differences: envsync / uv |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--keep", help="a folder to work in; its caches are used again")
    parser.add_argument("--only", nargs="*", help="names of sets")
    parser.add_argument("--cold", action="store_true", help="empty kept caches first")
    parser.add_argument("--limit", type=float, default=_PATIENCE, help="seconds for one lock")
    parser.add_argument("--check", action="store_true", help="let the oracle read every wheel")
    options = parser.parse_args()
    folder = Path(options.keep or tempfile.mkdtemp(prefix="envsync-sets-"))
    bench = Bench(folder, cold=options.cold, limit=options.limit)
    try:
        print(HEADER)
        for one in read_sets():
            if not options.only or one.name in options.only:
                print(row(one, bench, checks=options.check), flush=True)
    finally:
        if not options.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
