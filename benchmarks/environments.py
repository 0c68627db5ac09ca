"""Time the making and entering of environments against other tools, alternating, in one run.

    python -m benchmarks.environments [--runs 10] [--python PATH]

First an empty environment: `envsync sync` of a project without dependencies whose lock is there,
`uv venv`, `virtualenv --no-seed`, `python -m venv --without-pip`. Then a command in an environment
that is up to date: `envsync run true`, `uv run true`, and bare `python -c pass`, below which no
program in Python can go. All in turn, whole processes, everything warm; the table has medians, and
medians of the ratios round by round: times of one machine at one moment mean little, ratios more.
Tools that are missing are left out (`make tools` brings virtualenv, `pip install uv` uv).
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import Spread, Timed, alternate, ratios

TOOLS = Path(__file__).parent.parent / ".tools" / "bin"
BESIDE = Path(sys.executable).parent


class Contender(NamedTuple):
    """One command, where it runs, and what it makes: that is removed before each run."""

    name: str
    command: tuple[str, ...]
    folder: Path
    makes: str = ""


def find(name: str) -> str | None:
    """Give a tool's path: beside this interpreter, in .tools, or on PATH."""
    places = os.pathsep.join((str(BESIDE), str(TOOLS), os.environ.get("PATH", os.defpath)))
    return shutil.which(name, path=places)


def projects(folder: Path, python: str) -> tuple[Path, Path]:
    """Set up a project without dependencies for envsync, and one for uv."""
    ours, theirs = folder / "envsync", folder / "uv"
    for path in (ours, theirs):
        path.mkdir()
    (ours / "env.toml").write_text(f'[env]\nrequires-python = ">=3.8"\npython = "{python}"\n')
    (theirs / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "0"\nrequires-python = ">=3.8"\n'
        "[tool.uv]\npackage = false\n"
    )
    return ours, theirs


def creators(ours: Path, theirs: Path, python: str) -> list[Contender]:
    """Give what makes an empty environment."""
    found = [Contender("envsync sync", (find("envsync") or "envsync", "sync"), ours, ".venv")]
    uv, virtualenv = find("uv"), find("virtualenv")
    if uv:
        made = (uv, "venv", "--offline", "--no-config", "-p", python, "by-uv")
        found.append(Contender("uv venv", made, theirs, "by-uv"))
    if virtualenv:
        seedless = (virtualenv, "--no-seed", "-p", python, "by-virtualenv")
        found.append(Contender("virtualenv --no-seed", seedless, theirs, "by-virtualenv"))
    plain = (python, "-m", "venv", "--without-pip", "by-venv")
    return [*found, Contender("python -m venv --without-pip", plain, theirs, "by-venv")]


def runners(ours: Path, theirs: Path, python: str) -> list[Contender]:
    """Give what runs a command in an environment that is up to date."""
    found = [Contender("envsync run true", (find("envsync") or "envsync", "run", "true"), ours)]
    uv = find("uv")
    if uv:
        found.append(Contender("uv run true", (uv, "run", "--offline", "true"), theirs))
    return [*found, Contender("python -c pass", (python, "-c", "pass"), ours)]


def timed(contender: Contender, environ: Mapping[str, str]) -> Timed:
    """Give what is to be timed of a contender, once what it makes is out of the way."""

    def ready() -> None:
        if contender.makes:
            shutil.rmtree(contender.folder / contender.makes, ignore_errors=True)

    return Timed(ready, [contender.command], contender.folder, environ)


def measure(contenders: Sequence[Contender], environ: Mapping[str, str], runs: int) -> list[str]:
    """Time commands in turn; gives the lines of a table, the first command in the first one."""
    costs = alternate({one.name: timed(one, environ) for one in contenders}, runs)
    ours = next(iter(costs.values()))
    lines = []
    for name, theirs in costs.items():
        pairs = [mine.wall / other.wall for mine, other in zip(ours, theirs, strict=True)]
        middle = Spread.of([cost.wall for cost in theirs]).middle
        spread = f"{min(pairs):.2f} to {max(pairs):.2f}"
        lines.append(f"| {name} | {middle:.0f} | {ratios(ours, theirs).wall:.2f} | {spread} |")
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--python", default=getattr(sys, "_base_executable", sys.executable))
    options = parser.parse_args()
    own = ("UV_", "VIRTUAL_ENV", "ENVSYNC_", "PYTHON")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    with tempfile.TemporaryDirectory(prefix="envsync-bench-") as name:
        folder = Path(name)
        environ |= {"ENVSYNC_CACHE_DIR": f"{name}/cache", "UV_CACHE_DIR": f"{name}/uv-cache"}
        environ |= {"XDG_STATE_HOME": f"{name}/state"}
        environ |= {"UV_PYTHON": options.python, "VIRTUALENV_OVERRIDE_APP_DATA": f"{name}/app-data"}
        ours, theirs = projects(folder, options.python)
        print("| command | median ms | ratio of envsync to it | from to |\n|---|---|---|---|")
        for contenders in (creators, runners):
            for line in measure(contenders(ours, theirs, options.python), environ, options.runs):
                print(line, flush=True)


if __name__ == "__main__":
    main()
