"""Time envsync against uv on one set of requirements, alternating, in one run.

    python -m benchmarks.against_uv [--runs 5] [--python 3.11] [--only NAME ...] [--large]

Each operation is run by both in turn, whole processes, and the table has the median of each and
the median of the ratios pair by pair: times of one machine at one moment mean little, ratios more.
Both ask the public index; uv must be installed beside envsync (`pip install uv`).
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

REQUIREMENTS = (
    *("jupyter", "pandas", "scikit-learn", "flask", "sqlalchemy", "boto3", "matplotlib"),
    *("fastapi[standard]", "black", "mypy", "pytest"),
)
ENVSYNC = Path(sys.executable).with_name("envsync")
UV = Path(sys.executable).with_name("uv")


class Tool(NamedTuple):
    """One of the two, in a project and with a cache of its own."""

    name: str
    project: Path
    cache: Path
    environ: dict[str, str]
    lock: tuple[str, ...]
    sync: tuple[str, ...]
    run: tuple[str, ...]
    lock_name: str
    spec_name: str

    def call(self, command: Sequence[str]) -> float:
        """Run a command; gives seconds. Insists on success."""
        started = time.perf_counter()
        done = subprocess.run(
            command, cwd=self.project, env=self.environ, capture_output=True, check=False
        )
        seconds = time.perf_counter() - started
        if done.returncode:
            raise SystemExit(f"{' '.join(map(str, command))}:\n{done.stderr.decode()}")
        return seconds


def tools(folder: Path, python: str) -> tuple[Tool, Tool]:
    """Set up both projects."""
    listed = ", ".join(f'"{requirement}"' for requirement in REQUIREMENTS)
    ours, theirs = folder / "envsync", folder / "uv"
    for path in (ours, theirs):
        path.mkdir()
    (ours / "env.toml").write_text(
        f'[env]\nrequires-python = ">={python}"\npython = "{python}"\ndependencies = [{listed}]\n'
    )
    (theirs / "pyproject.toml").write_text(
        f'[project]\nname = "x"\nversion = "0"\nrequires-python = ">={python}"\n'
        f"dependencies = [{listed}]\n[tool.uv]\npackage = false\n"
    )
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("UV_", "VIRTUAL_ENV"))}
    found = subprocess.run(
        [UV, "python", "find", "--no-project", "--system", python],
        capture_output=True,
        check=True,
        text=True,
    )
    interpreter = found.stdout.strip()
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what an installation never does
    environ |= {"ENVSYNC_CACHE_DIR": str(folder / "envsync-cache"), "CI": ""}
    environ |= {"XDG_STATE_HOME": str(folder / "state")}
    uv_environ = environ | {"UV_CACHE_DIR": str(folder / "uv-cache"), "UV_PYTHON": interpreter}
    (ours / "env.toml").write_text(
        (ours / "env.toml")
        .read_text()
        .replace(f'python = "{python}"\n', f'python = "{interpreter}"\n')
    )
    us = (str(ENVSYNC),)
    uv = (str(UV),)
    return (
        Tool(
            "envsync",
            ours,
            folder / "envsync-cache",
            environ,
            (*us, "lock"),
            (*us, "sync"),
            (*us, "run", "true"),
            "pylock.toml",
            "env.toml",
        ),
        Tool(
            "uv",
            theirs,
            folder / "uv-cache",
            uv_environ,
            (*uv, "lock"),
            (*uv, "sync"),
            (*uv, "run", "true"),
            "uv.lock",
            "pyproject.toml",
        ),
    )


def forget(path: Path) -> None:
    """Remove a file or folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class Operation(NamedTuple):
    """What is timed, and what is undone before each run."""

    name: str
    command: Callable[[Tool], Sequence[str]]
    before: Callable[[Tool], None]


def _nothing(tool: Tool) -> None:
    pass


def _without_lock_and_cache(tool: Tool) -> None:
    forget(tool.project / tool.lock_name)
    forget(tool.cache)


def _without_lock(tool: Tool) -> None:
    forget(tool.project / tool.lock_name)


def _without_environment_and_cache(tool: Tool) -> None:
    forget(tool.project / ".venv")
    forget(tool.cache)


def _without_environment(tool: Tool) -> None:
    forget(tool.project / ".venv")


CHANGED = "idna<3.10"
"""A bound on a package that is among those locked, which gives another version of it."""


def _with_one_package_changed(tool: Tool) -> None:
    """Put the other of two locks in place, which differ in one package."""
    names = (tool.lock_name, tool.spec_name)
    other = tool.project / "other"
    if not other.exists():
        _lock_otherwise(tool, other)
    for name in names:
        here, there, kept = tool.project / name, other / name, other / "swapped"
        here.rename(kept)
        there.rename(here)
        kept.rename(there)


def _lock_otherwise(tool: Tool, other: Path) -> None:
    """Lock with another version of one package, sync that once, and keep the files in `other`."""
    other.mkdir()
    spec = tool.project / tool.spec_name
    before = {name: (tool.project / name).read_bytes() for name in (tool.lock_name, tool.spec_name)}
    first = f'"{REQUIREMENTS[0]}"'
    spec.write_text(spec.read_text().replace(first, f'"{CHANGED}", {first}', 1))
    tool.call(tool.lock)
    tool.call(tool.sync)
    for name, content in before.items():
        shutil.copy(tool.project / name, other / name)
        (tool.project / name).write_bytes(content)
    tool.call(tool.sync)


OPERATIONS = (
    Operation("lock cold", lambda tool: tool.lock, _without_lock_and_cache),
    Operation("lock warm", lambda tool: tool.lock, _without_lock),
    Operation("lock up to date", lambda tool: tool.lock, _nothing),
    Operation("sync cold", lambda tool: tool.sync, _without_environment_and_cache),
    Operation("fresh .venv, warm store", lambda tool: tool.sync, _without_environment),
    Operation("one package changed", lambda tool: tool.sync, _with_one_package_changed),
    Operation("sync, nothing to do", lambda tool: tool.sync, _nothing),
    Operation("run true", lambda tool: tool.run, _nothing),
)


def measure(operation: Operation, pair: tuple[Tool, Tool], runs: int) -> str:
    """Time one operation for both in turn; gives a line of the table."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(runs + 1):
        for tool, taken in zip(pair, times, strict=True):
            operation.before(tool)
            seconds = tool.call(operation.command(tool))
            if number:  # the first round warms both up
                taken.append(seconds)
    ratios = [ours / theirs for ours, theirs in zip(*times, strict=True)]
    ours, theirs, ratio = map(statistics.median, (*times, ratios))
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    return (
        f"| {operation.name} | {ours * 1000:.0f} | {theirs * 1000:.0f} | {ratio:.2f} | {spread} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--python", default="3.11")
    parser.add_argument("--only", nargs="*", help="parts of names of operations")
    parser.add_argument("--keep", help="a folder to work in, kept for the next time")
    options = parser.parse_args()
    folder = Path(options.keep or tempfile.mkdtemp(prefix="envsync-bench-"))
    if folder.exists() and any(folder.iterdir()):
        for name in ("envsync", "uv"):
            forget(folder / name)
    folder.mkdir(exist_ok=True)
    try:
        pair = tools(folder, options.python)
        for tool in pair:
            tool.call(tool.lock)
            tool.call(tool.sync)
        print("| operation | envsync ms | uv ms | ratio | ratios from to |\n|---|---|---|---|---|")
        for operation in OPERATIONS:
            if not options.only or any(word in operation.name for word in options.only):
                print(measure(operation, pair, options.runs), flush=True)
    finally:
        if not options.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
