"""One page: what `status` looks at; nothing is changed."""

import os
import stat
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from envsync.environment import transaction
from envsync.environment.drift import is_dated
from envsync.environment.key import UserKey
from envsync.environment.manifest import Manifest, Placed
from envsync.environment.paths import QUARANTINE
from envsync.environment.plan import Comparison, damaged_owners
from envsync.events import Reporter
from envsync.operations.desired import desired_on_disk
from envsync.operations.freshness import why_stale
from envsync.project.env_toml import read_spec
from envsync.project.paths import Project
from envsync.project.request import FROZEN, SyncRequest
from envsync.settings import Settings
from envsync.sync.desired import DesiredEnvironment
from envsync.sync.metadata_check import false_packages
from envsync.sync.observe import ObservedEnvironment, compared, observe


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


def status(
    project: Project, request: SyncRequest, settings: Settings, reporter: Reporter
) -> Status:
    """Compare env.toml with the lock, and the environment with the lock as it stands.

    Raises `UsageError` where there is no lock, `InterpreterNotFound`, `LockInvalid`.
    """
    spec, _ = read_spec(project)
    lock, desired = desired_on_disk(
        project, spec, request.selection, settings, reporter, trust=FROZEN
    )
    seal = UserKey(settings).seal()
    # Nothing is changed here: no folder needs to be refused.
    observed = observe(desired, seal, settings.cache_dir, force=True)
    placed = observed.manifest.placed() if observed.manifest else {}
    absent = "" if observed.manifest else observed.reason or "there is no environment"
    return Status(
        root=desired.root,
        python=desired.target.version,
        packages=len(desired.pins),
        files=len(placed),
        stale=why_stale(project, spec, lock.pylock, settings),
        absent=absent,
        interrupted=transaction.is_interrupted(desired.folder, seal),
        comparison=compared(desired, observed),
        paths=tuple(_path_changes(desired.folder, observed)),
        set_aside=_count_set_aside(desired.folder, observed),
        false=tuple(_false(desired, observed, settings.cache_dir)),
    )


def _false(
    desired: DesiredEnvironment, observed: ObservedEnvironment, cache_dir: str
) -> Iterable[str]:
    if observed.manifest is None:
        return ()
    # What is damaged is told by its paths; its METADATA may be what was edited.
    damaged = damaged_owners(observed.manifest.owners, observed.drift)
    packages = observed.manifest.packages()
    whole = {name: owner for name, owner in packages.items() if name not in damaged}
    return false_packages(desired, whole, cache_dir)


def _path_changes(root: str, observed: ObservedEnvironment) -> Iterable[PathChange]:
    drift = observed.drift
    owners = _owners(observed.manifest)
    placed = observed.manifest.placed() if observed.manifest else {}
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
        status = os.lstat(f"{root}/{placed.path}")
    except OSError:
        return "missing"
    if stat.S_IFMT(status.st_mode) != stat.S_IFMT(placed.mode):
        return "type"
    is_mode = status.st_mode != placed.mode and status.st_size == placed.size
    return "mode" if is_mode and is_dated(placed, status) else "edited"


def _count_set_aside(root: str, observed: ObservedEnvironment) -> int:
    """Count what is in quarantine; of an environment that isn't believed, nobody knows what is."""
    if observed.manifest is None:
        return 0
    return sum(len(files) for _, _, files in os.walk(f"{root}/{QUARANTINE}"))
