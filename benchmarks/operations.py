"""What is timed: the operations that a person waits for, and what makes each ready."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import Timed
from benchmarks.tools import Command, Tool

PARALLEL = 16


class Operation(NamedTuple):
    """One row of the table."""

    name: str
    about: str
    of: Callable[[Tool], Timed | None]
    """Gives what to time for a tool; None where the tool can't do it."""
    installs: bool = True
    """Whether it needs an environment; else a lock is enough."""
    steady: bool = False
    """Whether its number of instructions is about the same each time."""


def _timed(
    tool: Tool,
    words: Command | None,
    ready: Callable[[], None],
    door: str = "fresh",
    times: int = 1,
) -> Timed | None:
    if words is None:
        return None
    return Timed(ready, [tool.command(words)] * times, tool.project, tool.environ(door))


def _nothing() -> None:
    pass


def _lock_cold(tool: Tool) -> Timed | None:
    def ready() -> None:
        tool.empty_trash()
        tool.put_aside(tool.project / tool.lock_name, tool.cache)

    return _timed(tool, tool.lock, ready)


def _lock_anew(door: str) -> Callable[[Tool], Timed | None]:
    def of(tool: Tool) -> Timed | None:
        return _timed(tool, tool.lock, lambda: tool.put_aside(tool.project / tool.lock_name), door)

    return of


def _lock(tool: Tool) -> Timed | None:
    return _timed(tool, tool.lock, _nothing)


def _upgrade(tool: Tool) -> Timed | None:
    return _timed(tool, tool.upgrade, _nothing, "asked")


def _upgrade_one(tool: Tool) -> Timed | None:
    words = tool.upgrade_one and (*tool.upgrade_one, _first_name(tool))
    return _timed(tool, words, _nothing, "asked")


def _first_name(tool: Tool) -> str:
    return tool.work.requirements[0].partition("[")[0].partition(">")[0].partition("=")[0]


def _add(tool: Tool) -> Timed | None:
    """Add a package that was not there; before each run what it changes is put back."""
    if not tool.add or not tool.work.small:
        return None
    kept: dict[Path, bytes] = {}
    places = (tool.project / tool.spec_name, tool.project / tool.lock_name)

    def ready() -> None:
        if not kept:
            kept.update({place: place.read_bytes() for place in places})
            return
        for place, content in kept.items():
            place.write_bytes(content)
        if tool.sync:
            tool.call(tool.sync)

    return _timed(tool, (*tool.add, tool.work.small), ready)


def _sync_cold(tool: Tool) -> Timed | None:
    def ready() -> None:
        tool.empty_trash()
        tool.put_aside(tool.environment, tool.cache)

    return _timed(tool, tool.sync, ready)


def _fresh(tool: Tool) -> Timed | None:
    def ready() -> None:
        tool.put_aside(tool.environment)

    return _timed(tool, tool.sync, ready)


def _changed(tool: Tool) -> Timed | None:
    """Sync to the other of two locks that differ in one package."""
    if not tool.sync or not tool.lock or not all(tool.work.changed):
        return None
    lock = tool.project / tool.lock_name
    spec = tool.project / tool.spec_name
    versions: list[tuple[bytes, bytes]] = []
    turn = iter(range(1_000_000))

    def ready() -> None:
        if not versions:
            for change in tool.work.changed:
                tool.write((*tool.work.requirements, change))
                tool.call(tool.lock or ())
                tool.call(tool.sync or ())
                versions.append((spec.read_bytes(), lock.read_bytes()))
        texts = versions[next(turn) % 2]
        spec.write_bytes(texts[0])
        lock.write_bytes(texts[1])

    return _timed(tool, tool.sync, ready)


def _tree(tool: Tool) -> Timed | None:
    return _timed(tool, tool.tree, _nothing)


def _why(tool: Tool) -> Timed | None:
    return _timed(tool, tool.why and (*tool.why, _first_name(tool)), _nothing)


def _list(tool: Tool) -> Timed | None:
    return _timed(tool, tool.listing, _nothing)


def _difference(tool: Tool) -> Timed | None:
    """Compare the lock with one that says nothing of requirements."""
    if not tool.difference:
        return None
    if tool.spec_name != "env.toml":
        return _timed(tool, (*tool.difference, _first_name(tool)), _nothing)
    other = tool.cache.parent / f"other-{tool.lock_name}"
    # A requirement less, so that it is another file, and all is compared.
    lines = (tool.project / tool.lock_name).read_text().splitlines(keepends=True)
    other.write_text("".join(line for line in lines if "{ requirement = " not in line))
    return _timed(tool, (*tool.difference, str(other)), _nothing)


def _sync(tool: Tool) -> Timed | None:
    return _timed(tool, tool.sync, _nothing)


def _run(tool: Tool) -> Timed | None:
    return _timed(tool, tool.run, _nothing)


def _runs(tool: Tool) -> Timed | None:
    return _timed(tool, tool.run, _nothing, times=PARALLEL)


def _repair(tool: Tool) -> Timed | None:
    """One file of a package was edited: envsync finds it; others are told which package."""
    if not tool.repair:
        return None
    places = sorted(tool.environment.glob("lib/python*/site-packages/*/__init__.py"))
    if not places:
        return None
    place = random.Random(1).choice(places)
    folder = place.parent.name
    words = (*tool.repair, folder) if tool.repairs_by_name else tool.repair

    def ready() -> None:
        content = place.read_bytes()
        place.unlink()  # what is linked into caches is not touched
        place.write_bytes(content + b"\n# edited\n")

    return _timed(tool, words, ready)


def _first_import(tool: Tool) -> Timed | None:
    """The first import in an environment that was just made."""
    if not tool.sync or not tool.work.imported:
        return None
    python = str(tool.environment / "bin/python")

    def ready() -> None:
        tool.put_aside(tool.environment)
        tool.call(tool.sync or ())

    words = [python, "-c", f"import {tool.work.imported}"]
    return Timed(ready, [words], tool.project, tool.environ())


def _first_import_compiled(tool: Tool) -> Timed | None:
    """The same in the third environment of a machine, once what the second left to be done is."""
    timed = _first_import(tool)
    if timed is None:
        return None
    is_compiled = False

    def ready() -> None:
        nonlocal is_compiled
        if not is_compiled:
            tool.have_compiled()
            is_compiled = True
        timed.ready()

    return timed._replace(ready=ready)


OPERATIONS = (
    Operation("lock cold", "no lock, empty cache", _lock_cold, installs=False),
    Operation(
        "lock anew", "no lock; pages in the cache, fresh", _lock_anew("fresh"), installs=False
    ),
    Operation(
        "lock anew, pages asked", "no lock; pages asked whether they changed (304)",
        _lock_anew("asked"), installs=False,
    ),
    Operation("lock up to date", "", _lock, installs=False, steady=True),
    Operation("lock -U", "nothing new; pages asked (304)", _upgrade, installs=False),
    Operation("lock -P", "one package freed, nothing new", _upgrade_one, installs=False),
    Operation("tree", "", _tree, installs=False, steady=True),
    Operation("why", "one package", _why, installs=False, steady=True),
    Operation("diff", "two locks; others read one", _difference, installs=False, steady=True),
    Operation("add", "one small package to the lock and environment", _add),
    Operation("sync cold", "no environment, empty cache", _sync_cold),
    Operation("fresh", "no environment, everything in the store", _fresh),
    Operation("one package changed", "", _changed),
    Operation("sync", "nothing to do", _sync, steady=True),
    Operation("list", "what is installed", _list, steady=True),
    Operation("repair", "one file was edited", _repair),
    Operation("run", "`run true`, nothing to do", _run),
    Operation("16 runs", "at once", _runs),
    Operation("first import", "in an environment just made", _first_import),
    Operation("first import, third", "in the third of a machine", _first_import_compiled),
)  # fmt: skip
