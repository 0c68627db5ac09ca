"""Observe an environment: what is there, and how it differs from what it is to be."""

import os
import time
from collections.abc import Mapping
from typing import NamedTuple

from envsync.environment.belief import examine, holds_nothing
from envsync.environment.drift import Drift, scan
from envsync.environment.manifest import Manifest, Owner
from envsync.environment.on_disk import written_in
from envsync.environment.plan import Comparison, DesiredPackage, compare
from envsync.environment.seal import Seal
from envsync.environment.stamp import Mark
from envsync.environment.times import read_times
from envsync.errors import TargetRefused
from envsync.model.target import Target
from envsync.platform.durable import survived
from envsync.platform.files import storage_errors
from envsync.sync.bytecode import forged
from envsync.sync.change_times import judge
from envsync.sync.desired import DesiredEnvironment, owned_folders, place_of, target_line
from envsync.sync.identity import identity_in
from envsync.sync.keep import kept_by, spare


class ObservedEnvironment(NamedTuple):
    """What is there, as far as it is believed."""

    manifest: Manifest | None
    """None: the environment is to be made from nothing."""
    drift: Drift
    reason: str = ""
    """Why it is to be made anew, when something is there."""
    looked_ns: int = 0
    """When it was looked at: what a folder got later was not seen."""
    times: Mapping[str, int] = {}
    """Of what is there as it was placed, when it last changed, by path (`environment.times`)."""
    times_changed: bool = False
    """The environment doesn't say the same of its files' times itself."""
    mark: Mark | None = None
    """What showed where something differs, and says the rest of it (`sync.by_mark`)."""
    differing_folders: frozenset[str] = frozenset()
    """With a mark: folders that aren't as it has them."""
    differing_owners: frozenset[str] = frozenset()
    """With a mark: whose files aren't as it has them; `times` and `drift` are of those alone."""
    torn: bool = False
    """The power may have failed before its files were on disk: they were compared by bytes."""

    def looked_at(self) -> tuple[Owner, ...]:
        """Give the owners whose files were looked at one by one."""
        owners = self.manifest.owners if self.manifest is not None else ()
        if self.mark is None:
            return owners
        return tuple(owner for owner in owners if owner.name in self.differing_owners)


def observe(
    desired: DesiredEnvironment,
    seal: Seal,
    cache_dir: str | None,
    *,
    force: bool,
    verify: bool = False,
    glance: bool = False,
) -> ObservedEnvironment:
    """See what is there; with `verify`, every byte of it, at a `glance` no time of last change.

    What doesn't carry the seal isn't believed. What the store in `cache_dir` knows of its own files
    saves reading them here. Raises `TargetRefused` for a folder that envsync didn't make.
    """
    root = desired.folder
    if not os.path.lexists(root):
        return _nothing()
    belief = examine(root, seal)
    manifest = belief.manifest
    if manifest is None:
        if belief.marked:
            return _nothing(belief.doubt)
        if force or holds_nothing(root):
            return _nothing(f"{os.path.basename(desired.root)} was not made by envsync")
        raise _refused(root)
    # Whose it is was asked before the lock was held (`sync.location`): another project may have
    # moved in meanwhile.
    if desired.link_end and place_of(manifest) != desired.root:
        raise TargetRefused(root, f"holds the environment of {place_of(manifest)} by now")
    if manifest.target != target_line(desired):
        return _nothing(_why_anew(manifest.target, desired))
    with storage_errors(root):
        times = read_times(root, manifest.environment_id, seal, trusted=belief.trusted)
    return _compare_files(desired, manifest, times, cache_dir, verify=verify, glance=glance)


def _compare_files(
    desired: DesiredEnvironment,
    manifest: Manifest,
    times: Mapping[str, int],
    cache_dir: str | None,
    *,
    verify: bool,
    glance: bool,
) -> ObservedEnvironment:
    """See how the files of a believed environment differ from its manifest."""
    root, placed = desired.folder, manifest.placed()
    # Before the first look: what changes in a folder behind the walk counts as later (H75).
    looked_ns = time.time_ns()
    with storage_errors(root):
        drift = scan(root, placed, owned_folders(desired.target), None if glance else times)
        # Files that were never flushed may hold anything after a loss of power, under the right
        # sizes and times (H67).
        torn = not survived(written_in(root, manifest))
        judged = judge(root, placed, drift, times, cache_dir, closely=verify or torn)
        drift = judged.drift
        if verify:
            drift = _with_forged(root, drift, desired.target)
        if desired.keep:
            drift = spare(drift, kept_by(desired), root)
    return ObservedEnvironment(
        manifest=manifest,
        drift=drift,
        looked_ns=looked_ns,
        times=judged.times,
        times_changed=judged.times_changed,
        torn=torn,
    )


def _nothing(reason: str = "") -> ObservedEnvironment:
    """Say that the environment is to be made from nothing, and why, where something is there."""
    return ObservedEnvironment(manifest=None, drift=Drift(), reason=reason)


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


def _why_anew(before: str, desired: DesiredEnvironment) -> str:
    old = before.split("\t")
    new = target_line(desired).split("\t")
    if len(old) != len(new):
        return "it was made by another version of envsync"
    # The place before what may follow from it: in a copied project, the interpreter is often
    # another one as well.
    if old[4] != new[4]:
        return f"it was moved or copied from {old[4]}"
    if old[3] != new[3]:
        return "system-site-packages changed"
    if old[2] != new[2]:
        return f"it is for Python {old[2]}, not {new[2]}"
    return "its base interpreter changed"


def compared(desired: DesiredEnvironment, observed: ObservedEnvironment) -> Comparison:
    """Compare what an environment is to be with what is there."""
    return compare(_wanted(desired, observed.manifest), observed.manifest, observed.drift)


def _wanted(desired: DesiredEnvironment, manifest: Manifest | None) -> list[DesiredPackage]:
    present = packages_of(manifest)
    return [
        DesiredPackage(
            pin.name,
            pin.version,
            identity_in(desired, pin, present[pin.name].files if pin.name in present else ()),
            bytecode=desired.compile_bytecode,
        )
        for pin in desired.pins
    ]


def packages_of(manifest: Manifest | None) -> Mapping[str, Owner]:
    """The packages in an environment, by name; None: nothing is there."""
    return manifest.packages() if manifest else {}
