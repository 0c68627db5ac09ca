"""One page: what `sync` does, step by step."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from envsync.environment import in_place, transaction
from envsync.environment.change import Change, Contents, Means, new_environment_id
from envsync.environment.drift import Drift, in_the_way
from envsync.environment.key import UserKey
from envsync.environment.manifest import Manifest, Owner, Placed
from envsync.environment.names import OneName
from envsync.environment.on_disk import confirm
from envsync.environment.placing import Files, Tampered
from envsync.environment.plan import Comparison, Plan, damaged_owners, make_plan
from envsync.environment.replace import prepare_replacement
from envsync.environment.seal import Seal
from envsync.environment.times import keep_times
from envsync.environment.update import prepare_update
from envsync.errors import StorageFailed, TargetRefused
from envsync.events import Reporter
from envsync.lock.pins import Pinned
from envsync.platform.files import storage_errors
from envsync.platform.interrupts import held
from envsync.platform.links import Placer
from envsync.project.locks import environment_lock
from envsync.project.texts import Text, write_or_put_back
from envsync.store.times import known
from envsync.sync.install import (
    SYMLINK,
    Content,
    environment_content,
    sources,
)
from envsync.sync.materials import Supplies, own_files, settled, supply
from envsync.sync.merge import merge, one_name
from envsync.sync.notes import entry_of, note_times, write_stamp
from envsync.sync.observe import (
    Goal,
    State,
    SyncOutcome,
    compared,
    look,
    owned_folders,
    packages_of,
    target_line,
)
from envsync.sync.registration import register_user
from envsync.sync.shared import sharing
from envsync.sync.stored import Fetch, Look
from envsync.sync.testimony import compare_kept, comparing

_TRIES = 4


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
        yield transaction.recover(root, seal)


def sync(
    goal: Goal,
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
    """Make the environment what the goal says; the caller holds its lock (`locked`).

    Everything that can fail comes first. Of what is there, only what the user's `key` sealed is
    believed. With `verify` every byte is looked at; at a `glance` no time of last change, and what
    is stray stays where nothing else is to be done. With `cache_dir` compiled files come from the
    store there, which learns that this environment uses it, unless it is not to last; and what
    indexes said falsely is forgotten there. `companions`, env.toml and the lock, are written once
    all is ready, and hold what they held when the commit fails.

    Raises `TargetRefused`, `InstallConflict`, `MetadataDiffers` for a package that doesn't say what
    was locked of it, `StorageFailed`, and what `fetch` raises; the environment is as it was then.
    """
    if verify and goal.link_mode == SYMLINK:
        fetch(goal.pins, "bytes")  # the bytes of the environment are those in the store
    seal = key.seal()
    state = look(goal, seal, cache_dir, force=force, verify=verify, glance=glance)
    comparison = compared(goal, state)
    if state.torn and goal.link_mode == SYMLINK:
        fetch(goal.pins, "trust")  # the store compares its own
    needed = _needed(goal, state, comparison)
    kept = comparison.kept - {pin.name for pin in needed}
    compare_kept(goal, packages_of(state.manifest), kept, cache_dir)
    store_dir = cache_dir if is_lasting else None
    if state.manifest is not None and comparison.is_empty():
        written = write_or_put_back(companions).paths
        _note_in_sync(goal, state, state.manifest, seal, store_dir)
        return SyncOutcome(goal.root, comparison, created=False, written=written)
    if glance and state.manifest is not None and not state.torn and comparison.is_but_stray():
        # Without a mark: `sync` looks, and sets aside what is not from the lock.
        written = write_or_put_back(companions).paths
        kept_only = Comparison(kept=comparison.kept)
        return SyncOutcome(goal.root, kept_only, created=False, written=written)
    _refuse_own(goal.folder)
    seal = key.made()
    fetch = comparing(goal, fetch, cache_dir)
    change, supplies = _prepare_from_store(
        goal, state, fetch, needed, reporter, seal=seal, verify=verify, cache_dir=store_dir
    )
    # Before the commit: a death between the two must not leave the store without a user's name.
    _register(goal, store_dir, change.manifest, supplies)
    with held():
        committed = transaction.commit(change, companions)
        known_ns = committed.began_ns if change.is_private else state.looked_ns
        note_times(goal.folder, change.manifest, seal, committed.times, supplies.all())
        write_stamp(goal, store_dir, change.manifest, known_ns, committed.times.placed)
    return SyncOutcome(
        root=goal.root,
        comparison=_with_set_aside(comparison, change),
        created=state.manifest is None,
        reason=state.reason,
        written=committed.written,
    )


def _note_in_sync(
    goal: Goal, state: State, manifest: Manifest, seal: Seal, store_dir: str | None
) -> None:
    """Write down what the look at an environment with nothing to do showed."""
    if state.torn:
        manifest = confirm(goal.folder, manifest, seal)
    if state.is_news:
        keep_times(goal.folder, manifest.environment_id, state.times, seal)
    _register(goal, store_dir, manifest, None)
    write_stamp(goal, store_dir, manifest, state.looked_ns, state.times)


def _with_set_aside(comparison: Comparison, change: Change) -> Comparison:
    """Count as stray what turned out to be in the way of a package that is new, too."""
    drift = comparison.drift
    stray = tuple(sorted(change.set_aside.difference(drift.edited) | {*drift.stray}))
    return comparison._replace(drift=drift._replace(stray=stray))


def _refuse_own(root: str) -> None:
    """Refuse to change the environment that this very program runs from (hazard H84)."""
    inside = f"{os.path.realpath(root)}/"
    if any(f"{os.path.realpath(own)}/".startswith(inside) for own in (sys.prefix, __file__)):
        raise TargetRefused(
            root,
            "holds the envsync that is running, which cannot change what it runs from",
            hint="use an envsync that is installed elsewhere, for example with pipx",
        )


def _needed(goal: Goal, state: State, comparison: Comparison) -> list[Pinned]:
    """Give the packages whose files are new or damaged, and those that share a path with one that
    changes or goes: it may be theirs alone from then on.
    """
    if state.manifest is None:
        return list(goal.pins)
    changing = damaged_owners(state.manifest, state.drift).difference({""})
    owners = state.manifest.packages()
    changing |= owners.keys() - comparison.kept
    if changing:
        kept = [owner for name, owner in owners.items() if name not in changing]
        changing |= sharing(kept, [owners[name] for name in changing])
    return [pin for pin in goal.pins if pin.name not in owners or pin.name in changing]


def _next_manifest(goal: Goal, state: State, contents: Sequence[Content]) -> Manifest:
    """Join what is kept with what is new."""
    owners: dict[str, Owner] = {}
    names = {pin.name for pin in goal.pins}
    if state.manifest:
        owners = {n: o for n, o in state.manifest.packages().items() if n in names}
    owners.update((content.owner.name, content.owner) for content in contents)
    return Manifest(
        environment_id=(state.manifest.environment_id if state.manifest else new_environment_id()),
        target=target_line(goal),
        selection=goal.selection,
        owners=tuple(owners[name] for name in sorted(owners)),
    )


def _prepare_from_store(
    goal: Goal,
    state: State,
    fetch: Fetch,
    needed: Sequence[Pinned],
    reporter: Reporter,
    *,
    seal: Seal,
    verify: bool,
    cache_dir: str | None,
) -> tuple[Change, Supplies]:
    """Make everything ready; what turns out to be gone or tampered with is made anew."""
    closely: Look = "bytes" if verify else "signature"
    # Linking itself looks at every file, but not that of a symbolic link.
    look: Look = closely if verify or goal.link_mode == SYMLINK else "trust"
    for _ in range(_TRIES):
        try:
            supplies, contents = supply(
                goal, state.manifest, fetch, needed, reporter, look=look, cache_dir=cache_dir
            )
            rows = known(map(entry_of, supplies.all()))
            return _prepare(goal, state, contents, rows, reporter, seal, cache_dir), supplies
        except Tampered as error:
            changed = error
            reporter.detail("a stored file was changed: looking at all that are needed")
            look = closely
    raise StorageFailed(
        str(changed), "a stored file changes while it is used", hint="run the command once more"
    ) from changed


def _register(
    goal: Goal, cache_dir: str | None, manifest: Manifest, supplies: Supplies | None
) -> None:
    """Let the store know what this environment uses; None: nothing new."""
    if cache_dir is not None:
        register_user(
            cache_dir,
            (goal.folder, goal.link_mode),
            goal.pins,
            goal.target,
            manifest.packages(),
            supplies and (supplies.wheels, supplies.bytecode),
        )


def _prepare(
    goal: Goal,
    state: State,
    packages: Sequence[Content],
    stored_times: Mapping[int, int],
    reporter: Reporter,
    seal: Seal,
    cache_dir: str | None,
) -> Change:
    """Make everything ready. Raises `InstallConflict`, and `Tampered` for a stored file that isn't
    as it was unpacked; `stored_times` say when those last changed while they were.
    """
    own = own_files(goal)
    contents, told = settled(goal, [environment_content(own), *packages])
    for line in told:
        reporter.warn(line)
    manifest = _next_manifest(goal, state, contents)
    wanted = Contents(
        manifest,
        Files(merge(manifest.owners), sources(contents), stored_times),
        [file.path for file in own if file.kind == "dir"],
    )
    means = Means(seal, Placer(goal.link_mode), reporter, (cache_dir,) if cache_dir else ())
    try:
        return _change(goal, state, wanted, means)
    except OneName as error:
        raise one_name(error.first, error.second, manifest.owners) from error


def _change(goal: Goal, state: State, contents: Contents, means: Means) -> Change:
    """Prepare an update of what is believed, else a replacement: inside a folder that stays."""
    root = goal.folder
    if state.manifest is not None:
        plan = _plan(goal, state.manifest, state.drift, contents.files.desired)
        return prepare_update(root, plan, contents, means, state.times)
    if in_place.is_fixed(root, is_linked=bool(goal.link_end)):
        return in_place.prepare_inside(root, owned_folders(goal.target), contents, means)
    return prepare_replacement(root, contents, means)


def _plan(goal: Goal, manifest: Manifest, drift: Drift, desired: Mapping[str, Placed]) -> Plan:
    """Say what is to change; what is in the way of a new file counts as stray, too."""
    with storage_errors(goal.folder):
        others = in_the_way(goal.folder, manifest.placed(), desired)
    drift = drift._replace(stray=tuple(sorted({*drift.stray, *others})))
    return make_plan(desired, manifest, drift)
