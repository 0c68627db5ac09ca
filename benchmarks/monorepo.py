"""Time a workspace of twelve packages beside uv's, operation by operation, in one run.

    python -m benchmarks.monorepo [--runs 7] [--folder PATH] [--python PATH]

Twelve packages in layers: each needs up to three of those before it and one or two from the index,
with hatchling as the back end; both tools lock the same folders (pyproject.toml; `[workspace]` of
env.toml here, `[tool.uv.workspace]` there). Both ask the same copy of the public index. Each
operation is timed from the root and, where it says so, from the folder of a member. The peer is
looked for in .tools/bench/uv (`make peers`).
"""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.contest import PEERS, serve
from benchmarks.measure import Failed, Timed, alternate
from benchmarks.report import HEAD, Row
from benchmarks.tools import Command, Envsync, Setting, Tool, Uv
from benchmarks.workloads import Workload

COUNT = 12
WORK = Workload("monorepo", "a workspace of twelve packages", ())
FROM_INDEX = (
    ("packaging",),
    ("attrs",),
    ("click", "idna"),
    ("markupsafe",),
    ("jinja2",),
    ("rich",),
    ("httpx",),
    ("pydantic",),
    ("sqlalchemy",),
    ("flask",),
    ("fastapi", "uvicorn"),
    ("pytest",),
)
CHANGED = 5
"""The member of which a requirement comes and goes."""
MEMBER = 7
"""The one that is worked in."""


def name_of(number: int) -> str:
    """Give the name of a member."""
    return f"part{number:02}"


def needs(number: int) -> tuple[str, ...]:
    """Give what a member requires."""
    before = [name_of(number - step) for step in (1, 2, 4) if number >= step]
    return (*before, *FROM_INDEX[number])


def pyproject(number: int, python: str, more: Sequence[str] = (), extra: str = "") -> str:
    """Give a member's pyproject.toml."""
    listed = ", ".join(f'"{one}"' for one in (*needs(number), *more))
    return (
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        f'[project]\nname = "{name_of(number)}"\nversion = "1.0"\nrequires-python = "{python}"\n'
        f"dependencies = [{listed}]\n{extra}"
    )


def uv_sources(number: int) -> str:
    """Say to uv which requirements are members."""
    members = [one for one in needs(number) if one.startswith("part")]
    lines = "".join(f"{one} = {{ workspace = true }}\n" for one in members)
    return f"[tool.uv.sources]\n{lines}" if lines else ""


class _Workspace(Tool):
    """What both have in common."""

    def set_up(self) -> None:
        self.trash.mkdir(parents=True, exist_ok=True)
        for number in range(COUNT):
            self.write_member(number)
            module = self.member(number) / "src" / name_of(number) / "__init__.py"
            module.parent.mkdir(parents=True, exist_ok=True)
            module.write_text(f"NUMBER = {number}\n")
        (self.project / self.spec_name).write_text(self.spec(""))

    def member(self, number: int) -> Path:
        """Give a member's folder."""
        return self.project / "packages" / name_of(number)

    def write_member(self, number: int, more: Sequence[str] = ()) -> None:
        """Write a member's pyproject.toml."""
        self.member(number).mkdir(parents=True, exist_ok=True)
        extra = uv_sources(number) if isinstance(self, Uv) else ""
        text = pyproject(number, self.work.requires_python, more, extra)
        (self.member(number) / "pyproject.toml").write_text(text)


class EnvsyncWorkspace(_Workspace, Envsync):
    """The tool of this repository."""

    def spec(self, listed: str) -> str:
        return f'{super().spec(listed)}[workspace]\nmembers = ["packages/*"]\n'


class UvWorkspace(_Workspace, Uv):
    """uv, with a root that is no package."""

    def spec(self, listed: str) -> str:
        return f'{super().spec(listed)}[tool.uv.workspace]\nmembers = ["packages/*"]\n'


ALL: Command = ("sync", "--all-packages")
ONE: Command = ("sync", "--package", name_of(MEMBER))


def _nothing() -> None:
    pass


def _at_root(tool: _Workspace, words: Command, ready: Callable[[], None] = _nothing) -> Timed:
    return Timed(ready, [tool.command(words)], tool.project, tool.environ())


def _in_member(tool: _Workspace, words: Command, ready: Callable[[], None] = _nothing) -> Timed:
    return Timed(ready, [tool.command(words)], tool.member(MEMBER), tool.environ())


def _changing(tool: _Workspace) -> Callable[[], None]:
    """Let one member's requirements change before each run."""
    turn = iter(range(1_000_000))
    return lambda: tool.write_member(CHANGED, () if next(turn) % 2 else ("iniconfig",))


def _is_fresh(tool: _Workspace) -> Callable[[], None]:
    return lambda: tool.put_aside(tool.environment)


def _has(tool: _Workspace, words: Command) -> Callable[[], None]:
    return lambda: tool.call(words)


OPERATIONS: Mapping[str, Callable[[_Workspace], Timed]] = {
    "lock anew": lambda tool: _at_root(
        tool, ("lock",), lambda: tool.put_aside(tool.project / tool.lock_name)
    ),
    "lock up to date": lambda tool: _at_root(tool, ("lock",)),
    "lock up to date, from a member": lambda tool: _in_member(tool, ("lock",)),
    "lock, one member changed": lambda tool: _at_root(tool, ("lock",), _changing(tool)),
    "all members, fresh": lambda tool: _at_root(tool, ALL, _is_fresh(tool)),
    "all members, nothing to do": lambda tool: _at_root(tool, ALL, _has(tool, ALL)),
    "all members, one changed": lambda tool: _at_root(tool, ALL, _changing(tool)),
    "one member, fresh": lambda tool: _at_root(tool, ONE, _is_fresh(tool)),
    "from all to one member": lambda tool: _in_member(tool, ("sync",), _has(tool, ALL)),
    # What is timed before these leaves the member's.
    "nothing to do, from a member": lambda tool: _in_member(tool, ("sync",)),
    "run, from a member": lambda tool: _in_member(tool, ("run", "true")),
}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.monorepo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--only", nargs="+", help="operations, by their whole names")
    parser.add_argument("--folder", type=Path, help="where everything is kept for the next time")
    parser.add_argument("--python", default=getattr(sys, "_base_executable", sys.executable))
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        index = stack.enter_context(serve(folder / "index"))
        tools = list(_contenders(Setting(folder, index, options.python)))
        print(f"## {WORK.about}\n\n{HEAD}", flush=True)
        for name, of in OPERATIONS.items():
            if options.only and name not in options.only:
                continue
            costs = alternate({tool.label: of(tool) for tool in tools}, options.runs)
            print("\n".join(Row(WORK.name, name, costs).lines()), flush=True)
            for tool in tools:
                tool.set_up()
                tool.empty_trash()
                tool.call(("lock",))
                if name != "nothing to do, from a member":
                    tool.call(ALL)
    return 0


def _contenders(setting: Setting) -> Iterator[_Workspace]:
    """Give the tools that are there, each with a first lock and environment."""
    ours = str(Path(sys.executable).with_name("envsync"))
    tools: list[_Workspace] = [EnvsyncWorkspace(ours, "envsync", WORK, setting)]
    peer = PEERS / "uv" / "bin" / "uv"
    if peer.exists():
        tools.append(UvWorkspace(str(peer), "uv", WORK, setting))
    for tool in tools:
        try:
            tool.set_up()
            tool.call(("lock",))
            tool.call(ALL)
        except Failed as failed:
            if isinstance(tool, Envsync):
                raise
            print(f"left out: {failed}", flush=True)
            continue
        yield tool


if __name__ == "__main__":
    sys.exit(main())
