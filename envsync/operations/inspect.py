"""One page: what `status` and `verify` look at; nothing is changed."""

import os
import stat
from collections.abc import Iterable, Mapping
from functools import partial
from typing import NamedTuple

from envsync.environment import transaction
from envsync.environment.belief import read_manifest
from envsync.environment.drift import is_dated
from envsync.environment.key import UserKey
from envsync.environment.manifest import Manifest, Placed
from envsync.environment.paths import QUARANTINE
from envsync.environment.plan import Comparison, damaged_owners
from envsync.errors import EnvDiffers
from envsync.events import Reporter
from envsync.operations.desired import lock_to_compare, make_desired
from envsync.operations.lock import LockOutcome, why_stale
from envsync.project.env_toml import read_spec
from envsync.project.paths import Project
from envsync.project.request import FROZEN, LOCKED, Selection, SyncRequest
from envsync.settings import Settings
from envsync.spec.model import Spec
from envsync.store.bytecode import bytecode_label, bytecode_reader
from envsync.store.entries import StoreReader
from envsync.sync.check import REPAIR, check
from envsync.sync.contents import own_content, package_files, settled
from envsync.sync.desired import DesiredEnvironment
from envsync.sync.metadata_check import false_packages, false_wheels
from envsync.sync.observe import ObservedEnvironment, compared, observe
from envsync.sync.store_lookup import WRONG_LOCK, in_store
from envsync.sync.wheel_files import SYMLINK

_BYTECODE = ".pyc"


class PathChange(NamedTuple):
    """One path of the environment that is not as envsync placed it."""

    kind: str
    """"missing", "edited", "mode", "time" (only that of modification is another), "type" (a link or
    folder in place of a file, or the other way round) or "stray"."""
    path: str
    """Relative to the environment's root, which itself is "."."""
    owner: str = ""
    """The package that it belongs to."""

    def line(self) -> str:
        """Say it as one line of a report."""
        return f"{self.kind + ':':<9} {self.path}{f'  ({self.owner})' if self.owner else ''}"


class Status(NamedTuple):
    """How env.toml, lock and environment stand to each other."""

    root: str
    python: str
    """The interpreter's version that the environment is for."""
    packages: int
    """That the lock asks for here."""
    files: int
    """That envsync placed."""
    stale: tuple[str, ...]
    """Why the lock does not answer env.toml, a phrase each."""
    absent: str
    """Why there is no environment that can be compared; empty when there is one."""
    interrupted: bool
    """A sync that was interrupted must be finished first."""
    comparison: Comparison
    paths: tuple[PathChange, ...]
    set_aside: int
    """Files that earlier syncs moved to quarantine."""
    false: tuple[str, ...] = ()
    """Of which packages in place the lock says otherwise, a line each."""

    def is_clean(self) -> bool:
        """Say whether `sync` would change nothing."""
        is_whole = not (self.stale or self.absent or self.interrupted)
        return is_whole and self.comparison.is_empty() and not self.false


class Verified(NamedTuple):
    """What a verification that found nothing has looked at."""

    root: str
    packages: int
    compared: int
    """Packages whose files were also compared with the wheel in the store."""
    files: int


def status(
    project: Project, request: SyncRequest, settings: Settings, reporter: Reporter
) -> Status:
    """Compare env.toml with the lock, and the environment with the lock as it stands.

    Raises `UsageError` where there is no lock, `InterpreterNotFound`, `LockInvalid`.
    """
    spec, lock, goal = _goal(project, request.selection, FROZEN, settings, reporter)
    seal = UserKey(settings).seal()
    state = observe(goal, seal, settings.cache_dir, force=True)
    placed = state.manifest.placed() if state.manifest else {}
    absent = "" if state.manifest else state.reason or "there is no environment"
    return Status(
        root=goal.root,
        python=goal.target.version,
        packages=len(goal.pins),
        files=len(placed),
        stale=why_stale(project, spec, lock.pylock, settings),
        absent=absent,
        interrupted=transaction.is_interrupted(goal.folder, seal),
        comparison=compared(goal, state),
        paths=tuple(_path_changes(goal.folder, state)),
        set_aside=_count_set_aside(goal.folder, state),
        false=tuple(_false(goal, state, settings.cache_dir)),
    )


def _false(goal: DesiredEnvironment, state: ObservedEnvironment, cache_dir: str) -> Iterable[str]:
    if state.manifest is None:
        return ()
    damaged = damaged_owners(state.manifest, state.drift)
    packages = state.manifest.packages()
    whole = {name: owner for name, owner in packages.items() if name not in damaged}
    return false_packages(goal, whole, cache_dir)


def verify(
    project: Project, request: SyncRequest, settings: Settings, reporter: Reporter
) -> Verified:
    """Compare every byte of the environment with the manifest, and that with the store's wheels.

    Raises `EnvDiffers` with every difference, and as `status` does.
    """
    trust = request.trust or LOCKED
    _, lock, goal = _goal(project, request.selection, trust, settings, reporter)
    seal = UserKey(settings).seal()
    false = partial(false_packages, cache_dir=settings.cache_dir, reread=True)
    found = check(goal, seal, settings.cache_dir, false, verify=True)
    name = os.path.basename(goal.root)
    manifest = read_manifest(goal.folder, seal)
    if manifest is None:
        raise EnvDiffers(name, ["! its manifest is gone"])
    lies = [f"! {line}" for line in false_wheels(lock.pylock, settings.cache_dir)]
    if lies:
        raise EnvDiffers(name, lies, hint=WRONG_LOCK)
    forged, compared = _compare_with_store(goal, manifest, settings.cache_dir)
    if forged:
        lines = [f"! {path} is not what the wheel has" for path in forged]
        raise EnvDiffers(name, lines, hint=REPAIR)
    return Verified(goal.root, len(found.comparison.kept), compared, len(manifest.placed()))


def _goal(
    project: Project, selection: Selection, trust: str, settings: Settings, reporter: Reporter
) -> tuple[Spec, LockOutcome, DesiredEnvironment]:
    """Give what env.toml says, the lock on disk, and what that asks for."""
    spec, _ = read_spec(project)
    lock = lock_to_compare(project, spec, settings, reporter, trust=trust)
    return spec, lock, make_desired(project, spec, lock, selection, settings, reporter)


def _path_changes(root: str, state: ObservedEnvironment) -> Iterable[PathChange]:
    drift = state.drift
    owners = _owners(state.manifest)
    placed = state.manifest.placed() if state.manifest else {}
    for path in drift.missing:
        yield PathChange("missing", path, owners.get(path, ""))
    for path in drift.edited:
        yield PathChange(_kind_of_edit(root, placed[path]), path, owners.get(path, ""))
    for path in drift.stray:
        yield PathChange("stray", path)
    for path in drift.times:
        yield PathChange("time", path, owners.get(path, ""))
    for folder in drift.modes:
        yield PathChange("mode", folder or ".")


def _owners(manifest: Manifest | None) -> Mapping[str, str]:
    owners = manifest.owners if manifest else ()
    return {file.path: owner.name for owner in owners for file in owner.files}


def _kind_of_edit(root: str, placed: Placed) -> str:
    try:
        found = os.lstat(f"{root}/{placed.path}")
    except OSError:
        return "missing"
    if stat.S_IFMT(found.st_mode) != stat.S_IFMT(placed.mode):
        return "type"
    is_mode = found.st_mode != placed.mode and found.st_size == placed.size
    return "mode" if is_mode and is_dated(placed, found) else "edited"


def _count_set_aside(root: str, state: ObservedEnvironment) -> int:
    """Count what is in quarantine; of an environment that isn't believed, nobody knows what is."""
    if state.manifest is None:
        return 0
    return sum(len(files) for _, _, files in os.walk(f"{root}/{QUARANTINE}"))


def _compare_with_store(
    goal: DesiredEnvironment, manifest: Manifest, cache_dir: str
) -> tuple[tuple[str, ...], int]:
    """Paths that the manifest has otherwise than the wheel, and how many wheels were at hand.

    The manifest lies in the environment, where anybody who edits a file may edit it too.
    """
    store = StoreReader(cache_dir)
    compiled = bytecode_reader(cache_dir, bytecode_label(goal.target))
    owners = {owner.name: owner for owner in manifest.owners}
    wrong: list[str] = []
    expected = [own_content(goal)]
    unknown = {pin.name for pin in goal.pins}
    for pin in goal.pins:
        wheel = in_store(store, pin, depth="trust")
        if wheel is None:
            continue
        is_linked = goal.link_mode == SYMLINK
        if damaged := store.damaged(wheel, hashed=is_linked):
            # Such a wheel says nothing; it matters where its files are the environment's.
            wrong += (f"{wheel.tree}/{path}" for path in damaged if is_linked)
            continue
        bytecode = compiled.get(wheel.sha256) if owners[pin.name].bytecode else None
        expected.append(package_files(goal, pin, wheel, bytecode))
        unknown.remove(pin.name)
    # Whose file stands where one of several is unknown can't be said.
    beside = {file.path for name in unknown for file in owners[name].files}
    for owner in (content.owner for content in settled(goal, expected).contents):
        wanted = {file.path: file for file in owner.files if file.path not in beside}
        found = {file.path: file for file in owners[owner.name].files}
        wrong += [path for path, file in wanted.items() if found.get(path) != file]
        extra = found.keys() - wanted.keys() - beside
        wrong += [path for path in extra if not path.endswith(_BYTECODE)]
    return tuple(sorted(wrong)), len(expected) - 1
