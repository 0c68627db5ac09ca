"""What an environment is to be, what is there, and how they differ; nothing is changed here."""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from envsync.environment import transaction
from envsync.environment.belief import examine, holds_nothing
from envsync.environment.drift import Drift, scan
from envsync.environment.manifest import Manifest, Owner, Placed
from envsync.environment.on_disk import written_in
from envsync.environment.plan import Comparison, Wanted, compare
from envsync.environment.seal import Seal
from envsync.environment.times import read_times
from envsync.errors import EnvDiffers, TargetRefused
from envsync.lock.pins import Pinned
from envsync.model.target import Target
from envsync.platform.durable import survived
from envsync.platform.files import storage_errors
from envsync.sync.bytecode import forged, with_bytecode
from envsync.sync.identity import identity
from envsync.sync.keep import Keep, spare, touches
from envsync.sync.unexplained import judge

REPAIR = "`envsync sync --verify` looks at every byte and repairs"


class Goal(NamedTuple):
    """What an environment is to be."""

    root: str
    """The environment's path, absolute, as files in it name it."""
    base: str
    """The folder that the lock's relative paths begin at, absolute."""
    target: Target
    prompt: str
    pins: tuple[Pinned, ...]
    selection: str
    """Groups and extras, as one line."""
    system_site_packages: bool = False
    link_mode: str = "auto"
    compile_bytecode: bool = False
    """Compiled files are made where the store has none; else they are linked where it has."""
    overrides: tuple[str, ...] = ()
    """`[lock] overrides` of env.toml: what counts in place of what metadata requires."""
    keep: tuple[str, ...] = ()
    """`[sync] keep` of env.toml: patterns of paths in site-packages that programs write to."""
    winners: Mapping[str, str] = MappingProxyType({})
    """`[sync] winners` of env.toml: whose file stands, by path."""
    any_python: tuple[str, ...] = ()
    """Packages whose own Requires-Python is not believed."""
    recipes: Mapping[str, str] = MappingProxyType({})
    """Package -> the name of what env.toml says of its build, where it says anything."""
    inputs: tuple[tuple[str, str], ...] = ()
    """Files that decided all this, absolute, with the sha256 of what was read; none: no stamp."""
    link_end: str = ""
    """Where the environment lies if its path is a link of the user's, without any link."""

    @property
    def folder(self) -> str:
        """The folder to look at and to change."""
        return self.link_end or self.root

    def at(self, folder: str) -> "Goal":
        """Give the same goal in the folder in which the environment lies (`sync.place`)."""
        return self._replace(link_end=folder if folder != self.root else "")


FalsePackages = Callable[[Goal, Mapping[str, Owner]], Iterable[str]]
"""Says of which packages in place a lock says otherwise (`sync.testimony`), a line each."""


class SyncOutcome(NamedTuple):
    """What a sync did, or would do."""

    root: str
    comparison: Comparison
    created: bool
    """The environment was made anew."""
    reason: str = ""
    """Why it was made anew, when there was one before."""
    recovered: bool = False
    """A sync that had been interrupted was finished first."""
    written: frozenset[str] = frozenset()
    """The paths of env.toml and the lock, as far as they changed with it."""


class State(NamedTuple):
    """What is there before a sync."""

    manifest: Manifest | None
    """None: the environment is to be made from nothing."""
    drift: Drift
    reason: str = ""
    looked_ns: int = 0
    """When it was looked at: what a folder got later was not seen."""
    times: Mapping[str, int] = {}
    """Of what is there as it was placed, when it last changed, by path (`environment.times`)."""
    is_news: bool = False
    """The environment doesn't say the same of its files' times itself."""
    torn: bool = False
    """The power may have failed before its files were on disk: they were compared by bytes."""


def look(
    goal: Goal,
    seal: Seal,
    cache_dir: str | None,
    *,
    force: bool,
    verify: bool = False,
    glance: bool = False,
) -> State:
    """See what is there; with `verify`, every byte of it, at a `glance` no time of last change.

    What doesn't carry the seal isn't believed. What the store in `cache_dir` knows of its own files
    saves reading them here. Raises `TargetRefused` for a folder that envsync didn't make.
    """
    root = goal.folder
    if not os.path.lexists(root):
        return State(None, Drift())
    found = examine(root, seal)
    manifest = found.manifest
    if manifest is None:
        if found.marked:
            return State(None, Drift(), found.doubt)
        if force or holds_nothing(root):
            return State(None, Drift(), f"{os.path.basename(goal.root)} was not made by envsync")
        raise _refused(root)
    if goal.link_end and place_of(manifest) != goal.root:
        raise TargetRefused(root, f"holds the environment of {place_of(manifest)} by now")
    if manifest.target != target_line(goal):
        return State(None, Drift(), _why_anew(manifest.target, goal))
    looked_ns = time.time_ns()
    with storage_errors(root):
        placed = manifest.placed()
        times = read_times(root, manifest.environment_id, seal, trusted=found.trusted)
        drift = scan(root, placed, owned_folders(goal.target), None if glance else times)
        torn = not survived(written_in(root, manifest))
        judged = judge(root, placed, drift, times, cache_dir, closely=verify or torn)
        drift = judged.drift
        if verify:
            drift = _with_forged(root, drift, goal.target)
        if goal.keep:
            drift = spare(drift, kept_by(goal), root)
    return State(
        manifest,
        drift,
        looked_ns=looked_ns,
        times=judged.times,
        is_news=judged.is_news,
        torn=torn,
    )


def _with_forged(root: str, drift: Drift, target: Target) -> Drift:
    """Count as stray what Python can't have compiled."""
    stray = forged(root, drift.bytecode, target)
    return drift._replace(
        stray=tuple(sorted((*drift.stray, *stray))),
        bytecode=tuple(path for path in drift.bytecode if path not in stray),
    )


def _refused(root: str) -> TargetRefused:
    hint = "`envsync sync --force` sets it aside and makes a new one"
    if not os.path.islink(root):
        return TargetRefused(root, "is there already and was not made by envsync", hint=hint)
    end = os.path.realpath(root)
    return TargetRefused(
        root,
        f"is a link to {end}, where no environment is that envsync made for this project",
        hint=f"{hint}; links into {os.path.dirname(end)} are followed to empty folders when "
        "config.toml has it under [venv] as links = [...]",
    )


def place_of(manifest: Manifest) -> str:
    """Give the path that an environment was made for."""
    return manifest.target.rpartition("\t")[2]


def target_line(goal: Goal) -> str:
    """Name the interpreter, kind and place of an environment, as its manifest has it."""
    target = goal.target
    shape = "system" if goal.system_site_packages else "isolated"
    return f"{target.executable}\t{target.signature}\t{target.version}\t{shape}\t{goal.root}"


def _why_anew(before: str, goal: Goal) -> str:
    old = before.split("\t")
    new = target_line(goal).split("\t")
    if len(old) != len(new):
        return "it was made by another version of envsync"
    if old[4] != new[4]:
        return f"it was moved or copied from {old[4]}"
    if old[3] != new[3]:
        return "system-site-packages changed"
    if old[2] != new[2]:
        return f"it is for Python {old[2]}, not {new[2]}"
    return "its base interpreter changed"


def owned_folders(target: Target) -> list[str]:
    """Give the folders that are envsync's whether a package has files there or not."""
    return sorted({target.purelib, target.platlib, target.scripts, target.headers})


def compared(goal: Goal, state: State) -> Comparison:
    """Compare what an environment is to be with what is there."""
    return compare(_wanted(goal, state.manifest), state.manifest, state.drift)


def _wanted(goal: Goal, manifest: Manifest | None) -> list[Wanted]:
    present = packages_of(manifest)
    return [
        Wanted(
            pin.name,
            pin.version,
            with_bytecode(
                identity_in(goal, pin, present[pin.name].files if pin.name in present else ()),
                present[pin.name].identity if pin.name in present else None,
                wanted=goal.compile_bytecode,
            ),
        )
        for pin in goal.pins
    ]


def kept_by(goal: Goal) -> Keep:
    """Give the paths that programs write to."""
    return _keep(goal.keep, goal.target.purelib)


_keep = lru_cache(maxsize=1)(Keep)  # every package is compared with the same patterns


def identity_in(goal: Goal, pin: Pinned, files: Iterable[Placed]) -> str:
    """Name the files that the environment holds of a pin (`direct.identity`), with how env.toml has
    it built, and those of its paths that env.toml gives it or leaves to programs. `files` are what
    is in place.
    """
    name = identity(pin, goal.base)
    recipe = goal.recipes.get(pin.name)
    name = f"{name}:{recipe}" if recipe else name
    won = sorted(path for path, owner in goal.winners.items() if owner == pin.name)
    kept = goal.keep if goal.keep and touches(files, kept_by(goal)) else ()
    for mark, paths in (("winner", won), ("keep", kept)):
        if paths:
            digest = hashlib.sha256("\n".join(paths).encode("utf-8", "surrogateescape"))
            name = f"{name}+{mark}:{digest.hexdigest()[:16]}"
    return name


def packages_of(manifest: Manifest | None) -> Mapping[str, Owner]:
    """The packages in an environment, by name; None: nothing is there."""
    return manifest.packages() if manifest else {}


def check(
    goal: Goal,
    seal: Seal,
    cache_dir: str | None,
    false: FalsePackages = lambda *_: (),
    *,
    verify: bool = False,
) -> SyncOutcome:
    """Compare the environment with the goal, with `verify` every byte of it; change nothing in it.

    `false` says of which packages the lock says otherwise than they do. Raises `EnvDiffers` when
    they differ, or when a sync that was interrupted must be finished.
    """
    state = look(goal, seal, cache_dir, force=True, verify=verify)
    comparison = compared(goal, state)
    name = os.path.basename(goal.root)
    if transaction.is_interrupted(goal.folder, seal):
        raise EnvDiffers(name, ["! a sync was interrupted", *comparison.lines()])
    if state.manifest is None:
        what = state.reason or "there is no environment"
        raise EnvDiffers(name, [f"! {what}", *comparison.lines()])
    if not comparison.is_empty():
        hint = REPAIR if verify else None
        raise EnvDiffers(name, comparison.lines(), hint=hint)
    lies = [f"! {line}" for line in false(goal, state.manifest.packages())]
    if lies:
        raise EnvDiffers(name, lies, hint="`envsync sync` refuses them, and says what to do")
    return SyncOutcome(goal.root, comparison, created=False)


def preview(goal: Goal, seal: Seal, cache_dir: str, *, force: bool = False) -> SyncOutcome:
    """Say what a sync would do, and change nothing. Raises `TargetRefused`."""
    state = look(goal, seal, cache_dir, force=force)
    comparison = compared(goal, state)
    return SyncOutcome(goal.root, comparison, state.manifest is None, state.reason)
