"""Apply what is desired to an environment: observe, compare, prepare, commit, and note it.

This is the page of `sync`: its steps in their order. What there is to a step is in other modules.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

from envsync.environment import transaction
from envsync.environment.change import Change
from envsync.environment.key import UserKey
from envsync.environment.manifest import Manifest, ManifestInvalid
from envsync.environment.on_disk import confirm
from envsync.environment.plan import Comparison
from envsync.environment.seal import Seal
from envsync.environment.times import add_times, keep_times
from envsync.errors import TargetRefused
from envsync.events import SILENT, Reporter, Stage, during
from envsync.platform.files import storage_errors
from envsync.platform.interrupts import held
from envsync.project.locks import environment_lock
from envsync.project.texts import Text, write_or_put_back
from envsync.sync.by_mark import observe_by_mark
from envsync.sync.contents import StoredSources
from envsync.sync.desired import DesiredEnvironment
from envsync.sync.in_part import Entangled, Part, whole_or_part
from envsync.sync.metadata_check import compare_kept, comparing
from envsync.sync.observe import (
    ObservedEnvironment,
    compared,
    observe,
    packages_of,
)
from envsync.sync.outcome import SyncOutcome
from envsync.sync.prepare import needed_of, prepare_from_store
from envsync.sync.shortcuts import note_times, renew_stamp, write_stamp
from envsync.sync.store_lookup import Fetch
from envsync.sync.store_use import register_user
from envsync.sync.wheel_files import SYMLINK


@contextmanager
def locked(root: str, cache_dir: str, reporter: Reporter, seal: Seal) -> Iterator[bool]:
    """Hold the environment's lock, with what a dead process left behind finished first.

    The caller holds the project's. Gives True when there was something to finish. Raises as
    `environment_lock` does.
    """
    parent = os.path.dirname(root)
    with storage_errors(parent):
        os.makedirs(parent, exist_ok=True)
    with environment_lock(root, cache_dir, reporter):
        yield transaction.recover(root, seal, reporter)


def sync(
    desired: DesiredEnvironment,
    fetch: Fetch,
    reporter: Reporter,
    *,
    key: UserKey,
    force: bool = False,
    verify: bool = False,
    glance: bool = False,
    cache_dir: str | None = None,
    is_lasting: bool = True,
    companions: Sequence[Text] = (),
) -> SyncOutcome:
    """Make the environment what is desired; the caller holds its lock (`locked`).

    Everything that can fail comes first. Of what is there, only what the user's `key` sealed is
    believed. With `verify` every byte is looked at; at a `glance` no time of last change, and what
    is stray stays where nothing else is to be done. With `cache_dir` compiled files come from the
    store there, which learns that this environment uses it, unless it is not to last; and what
    indexes said falsely is forgotten there. `companions`, env.toml and the lock, are written once
    all is ready, and hold what they held when the commit fails.

    Raises `TargetRefused`, `InstallConflict`, `MetadataDiffers` for a package that doesn't say what
    was locked of it, `StorageFailed`, and what `fetch` raises; the environment is as it was then.
    """
    # A build's environment goes in a minute: no mark is left for it, and no entry kept.
    store_dir = cache_dir if is_lasting else None
    terms = _Terms(fetch, reporter, key, verify, glance, cache_dir, store_dir, companions)
    seal = key.seal()
    if not verify:
        with suppress(Entangled, ManifestInvalid):
            marked = observe_by_mark(desired, seal, store_dir, glance=glance)
            if marked is not None:
                return _bring_in_line(desired, marked, terms)
    with during(Stage.VERIFYING, reporter if verify else SILENT):
        observed = _look(desired, fetch, seal, cache_dir, force=force, verify=verify, glance=glance)
    return _bring_in_line(desired, observed, terms)


class _Terms(NamedTuple):
    """What `sync` is given beside what is desired."""

    fetch: Fetch
    reporter: Reporter
    key: UserKey
    verify: bool
    glance: bool
    cache_dir: str | None
    store_dir: str | None
    """The same, if the environment is to last."""
    companions: Sequence[Text]


def _bring_in_line(
    desired: DesiredEnvironment, observed: ObservedEnvironment, terms: _Terms
) -> SyncOutcome:
    """Compare, prepare, commit and note it. Raises `Entangled` where more has to be observed."""
    fetch, reporter, key, verify, glance, cache_dir, store_dir, companions = terms
    comparison = compared(desired, observed)
    needed = needed_of(desired, observed, comparison)
    kept = comparison.kept - {pin.name for pin in needed}
    compare_kept(desired, packages_of(observed.manifest), kept, cache_dir)
    if observed.manifest is not None and comparison.is_empty():
        # The companions first: the mark that is left then is about them.
        outcome = _unchanged(desired, comparison, companions)
        _note_in_sync(desired, observed, observed.manifest, key.seal(), store_dir)
        return outcome
    if glance and observed.manifest is not None and not observed.torn and comparison.is_but_stray():
        # Without a mark: `sync` looks, and sets aside what is not from the lock.
        return _unchanged(desired, Comparison(kept=comparison.kept), companions)
    _refuse_own(desired.folder)
    # Made no earlier: what is right is used where nothing can be written (H105).
    seal = key.made()
    part = whole_or_part(observed, needed, kept)
    change, stored = prepare_from_store(
        desired,
        observed,
        part,
        comparing(desired, fetch, cache_dir),
        needed,
        reporter,
        seal=seal,
        verify=verify,
        cache_dir=store_dir,
    )
    written = _commit(desired, observed, part, change, companions, stored, store_dir)
    return SyncOutcome(
        root=desired.root,
        comparison=_with_set_aside(comparison, change),
        created=observed.manifest is None,
        reason=observed.reason,
        written=written,
        uncompiled=stored.uncompiled(),
    )


def _commit(
    desired: DesiredEnvironment,
    observed: ObservedEnvironment,
    part: Part | None,
    change: Change,
    companions: Sequence[Text],
    stored: StoredSources,
    store_dir: str | None,
) -> frozenset[str]:
    """Commit a change, and note what need not be looked at again; gives the companions written."""
    # Before the commit: a death between the two must not leave the store without a user's name.
    _register(desired, store_dir, change.manifest, stored)
    # An interrupt waits for the notes as well: without them the next sync compares every byte.
    with held():
        committed = transaction.commit(change, companions)
        # What nobody knew before the commit can't have been changed before it; what was in place
        # may have been since it was looked at, and the mark must not vouch for that (H75).
        as_of_ns = committed.began_ns if change.is_private else observed.looked_ns
        manifest, times = change.manifest, committed.times
        in_part = part is not None
        note_times(desired.folder, manifest, change.seal, times, stored.all(), in_part=in_part)
        if observed.mark is not None:
            renew_stamp(desired, store_dir, manifest, observed, part, times.placed)
        else:
            write_stamp(desired, store_dir, manifest, as_of_ns, times.placed)
    return committed.written


def _look(
    desired: DesiredEnvironment,
    fetch: Fetch,
    seal: Seal,
    cache_dir: str | None,
    *,
    force: bool,
    verify: bool,
    glance: bool,
) -> ObservedEnvironment:
    """Observe an environment; where its files are links, the store looks at what they lead to."""
    is_linked = desired.link_mode == SYMLINK
    if verify and is_linked:
        fetch(desired.pins, "bytes")
    observed = observe(desired, seal, cache_dir, force=force, verify=verify, glance=glance)
    if observed.torn and is_linked:
        # Of what an earlier run of the system wrote, the store reads every entry itself (H54).
        fetch(desired.pins, "trust")
    return observed


def _unchanged(
    desired: DesiredEnvironment, comparison: Comparison, companions: Sequence[Text]
) -> SyncOutcome:
    """Write the companions where nothing is to be done for the environment itself."""
    written = write_or_put_back(companions).paths
    return SyncOutcome(root=desired.root, comparison=comparison, created=False, written=written)


def _note_in_sync(
    desired: DesiredEnvironment,
    observed: ObservedEnvironment,
    manifest: Manifest,
    seal: Seal,
    store_dir: str | None,
) -> None:
    """Write down what the look at an environment with nothing to do showed."""
    if observed.torn:
        manifest = confirm(desired.folder, manifest, seal)
    if observed.times_changed:
        keep = keep_times if observed.mark is None else add_times
        keep(desired.folder, manifest.environment_id, observed.times, seal)
    _register(desired, store_dir, manifest, None)
    if observed.mark is not None:
        renew_stamp(desired, store_dir, manifest, observed, None, observed.times)
        return
    write_stamp(desired, store_dir, manifest, observed.looked_ns, observed.times)


def _with_set_aside(comparison: Comparison, change: Change) -> Comparison:
    """Count as stray what turned out to be in the way of a package that is new, too."""
    drift = comparison.drift
    stray = tuple(sorted(change.set_aside.difference(drift.edited) | {*drift.stray}))
    return comparison._replace(drift=drift._replace(stray=stray))


def _refuse_own(root: str) -> None:
    """Refuse to change the environment that this very program runs from (hazard H84).

    Asked where there is something to change: one that is right may be looked at.
    """
    inside = f"{os.path.realpath(root)}/"
    if any(f"{os.path.realpath(own)}/".startswith(inside) for own in (sys.prefix, __file__)):
        raise TargetRefused(
            root,
            "holds the envsync that is running, which cannot change what it runs from",
            hint="use an envsync that is installed elsewhere, for example with pipx",
        )


def _register(
    desired: DesiredEnvironment,
    cache_dir: str | None,
    manifest: Manifest,
    stored: StoredSources | None,
) -> None:
    """Let the store know what this environment uses; None: nothing new."""
    if cache_dir is not None:
        register_user(
            cache_dir,
            (desired.folder, desired.link_mode),
            desired.pins,
            desired.target,
            manifest.packages(),
            stored and (stored.wheels, stored.bytecode),
        )
