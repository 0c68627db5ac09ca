"""Carry out a plan: everything is made ready first, then one commit, then renames only.

An existing environment is changed through the journal. A new one is built beside its place and
renamed in; one that it replaces is renamed away, and what the user had put there is kept.
"""

import os
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import NamedTuple

from envsync.environment import beside, journal, names, replace
from envsync.environment.belief import examine
from envsync.environment.journal import Step, state_path
from envsync.environment.manifest import Manifest, render_manifest
from envsync.environment.modes import permissions, refuse_foreign
from envsync.environment.paths import QUARANTINE, STATE, folders, parents
from envsync.environment.placing import Files, Noted, Seen, fill, make_folders, put
from envsync.environment.plan import Plan
from envsync.environment.seal import Seal
from envsync.environment.tree import Tree
from envsync.errors import StorageFailed
from envsync.events import SILENT, Reporter
from envsync.platform.durable import SYNCED, boot_id, flush_all
from envsync.platform.files import storage_errors, sync_directory, unguessable, write_atomic
from envsync.platform.links import Placer

_RECENT_SECONDS = 0.1


class Prepared(NamedTuple):
    """A transaction of which everything but the commit has been done."""

    root: str
    manifest: Manifest
    seal: Seal
    steps: tuple[Step, ...] = ()
    built: str | None = None
    """For a new environment: the folder that holds it, ready to be renamed to `root`."""
    noted: Noted = Noted()
    """When files last changed that are right since then, by their paths before the commit."""
    seen: tuple[Seen, ...] = ()
    """Of an update, what was staged, by number."""


def new_environment_id() -> str:
    """Give a fresh identity for an environment."""
    return os.urandom(16).hex()


def taken_for_one(
    root: str, paths: Collection[str], seal: Seal, *, inside: bool
) -> tuple[str, str] | None:
    """Give two paths that would be one name in the environment; None when all differ.

    `inside`: the environment is there and stays. What a dead process leaves of the trial,
    `recover` removes. Raises `StorageFailed`.
    """
    with storage_errors(root):
        folder = state_path(root, f".names-{unguessable()}") if inside else _new_path(root, seal)
        return names.taken_for_one(folder, paths)


def _new_path(root: str, seal: Seal) -> str:
    """Give the path of a folder beside `root`, whose folder is there, for a new environment."""
    folder, name = beside.folder_of(root)
    with Tree(folder) as parent:
        return f"{folder}/{beside.new_name(parent, name, seal)}"


def prepare_update(
    root: str,
    plan: Plan,
    files: Files,
    manifest: Manifest,
    extra_folders: Collection[str],
    *,
    seal: Seal,
    placer: Placer,
    times: Mapping[str, int] = MappingProxyType({}),
    reporter: Reporter = SILENT,
    sources_in: Iterable[str] = (),
) -> Prepared:
    """Stage what the plan puts in place into an existing environment, which stays untouched.

    `extra_folders` are made, and stay, though nothing is in them; `times` are those of last change
    at which what is in place is known to be right. What was staged is durable then, and so is what
    was written below the folders `sources_in`. Raises `StorageFailed`; what was staged is thrown
    away then.
    """
    stage = state_path(root, "stage")
    manifest = manifest._replace(written=SYNCED)
    with storage_errors(root), Tree(root) as tree:
        refuse_foreign(root, plan.modes, (path for path, _ in plan.times))
        tree.remove(f"{STATE}/stage")
        tree.make_folder(f"{STATE}/stage")
        try:
            reporter.begin("linking", len(plan.place))
            seen: list[Seen] = []
            for number, path in enumerate(plan.place):
                placed, source = files.desired[path], files.sources[path]
                seen.append(put(placed, source, f"{stage}/{number}", placer, files.known))
                reporter.advance("linking")
            text = render_manifest(manifest, seal)
            write_atomic(state_path(root, "manifest.next"), text, sync=False)
            flush_all([root, *sources_in])
        except BaseException:
            tree.remove(f"{STATE}/stage")
            raise
        finally:
            reporter.end("linking")
        steps = _steps(tree, plan, parents(files.desired), extra_folders)
    staged = {journal.staged(number): one.change for number, one in enumerate(seen)}
    return Prepared(root, manifest, seal, steps, noted=Noted({**times, **staged}), seen=tuple(seen))


def _steps(
    tree: Tree, plan: Plan, needed: Collection[str], extra: Collection[str]
) -> tuple[Step, ...]:
    moment = replace.quarantine_name(tree, QUARANTINE)
    trashed = enumerate(plan.discard)
    kept = frozenset(plan.quarantine)
    lacking = [f"{path}/" for path in extra if path in kept or not tree.is_folder(path)]
    gone = parents((*plan.discard, *plan.quarantine)).difference(needed, extra)
    gone |= {path.rpartition("/")[0] for path in plan.discard if "/__pycache__/" in path}
    return (
        *(Step("chmod", folder) for folder in plan.modes),
        *(Step("date", path, str(mtime)) for path, mtime in plan.times),
        *(Step("keep", path, moment) for path in plan.quarantine),
        *(Step("trash", path, str(number)) for number, path in trashed),
        *(Step("rmdir", folder) for folder in sorted(gone, reverse=True)),
        *(Step("mkdir", folder) for folder in folders((*lacking, *plan.place))),
        *(Step("place", path, str(number)) for number, path in enumerate(plan.place)),
    )


def _settle(built: str, made: Iterable[str]) -> None:
    """Date back the folders that were changed just now.

    Nobody else knows the new environment yet; what is added to a folder later shows by its time.
    """
    recent = time.time() - _RECENT_SECONDS
    for folder in made:
        path = f"{built}/{folder}"
        if os.lstat(path).st_mtime > recent:
            os.utime(path, (recent, recent))


def prepare_new(
    root: str,
    files: Files,
    manifest: Manifest,
    extra_folders: Sequence[str],
    *,
    seal: Seal,
    placer: Placer,
    reporter: Reporter = SILENT,
    sources_in: Iterable[str] = (),
) -> Prepared:
    """Build a whole environment beside `root`; `extra_folders` are made though nothing is in them.

    One that replaces another is durable then, as is what was written below the folders
    `sources_in`. Of a first one only its identity and manifest are. Raises `StorageFailed`; what
    was built is thrown away then.
    """
    with storage_errors(root):
        built = _new_path(root, seal)
        os.mkdir(built, 0o700)
        try:
            os.chmod(built, permissions(os.lstat(built).st_mode))
            reporter.begin("linking", len(files.desired))
            make_folders(built, (f"{folder}/" for folder in extra_folders))
            noted = fill(built, files, placer)
            _settle(built, {*extra_folders, *folders(files.desired)})
            reporter.advance("linking", len(files.desired))
            boot = "" if os.path.lexists(root) else boot_id()
            written = f"{boot} {os.lstat(built).st_ino}" if boot else SYNCED
            manifest = manifest._replace(written=written)
            _write_state(built, manifest, seal)
            if not boot:
                flush_all([built, *sources_in])
        except BaseException:
            _remove_beside(built)
            raise
        finally:
            reporter.end("linking")
    return Prepared(root, manifest, seal, built=built, noted=noted)


def _write_state(built: str, manifest: Manifest, seal: Seal) -> None:
    """Write what a new environment says of itself, durably up to its folder."""
    state = state_path(built)
    make_folders(built, (f"{STATE}/",))
    write_atomic(f"{state}/id", manifest.environment_id.encode() + b"\n")
    write_atomic(f"{state}/manifest", render_manifest(manifest, seal))
    sync_directory(built)


def written_in(root: str, manifest: Manifest) -> str:
    """Name the run of the system in which an environment was written; `SYNCED`: it is on disk.

    A copy is another folder: who made it had read every file. Raises `OSError`.
    """
    boot, _, inode = manifest.written.partition(" ")
    return boot if inode == str(os.lstat(root).st_ino) else SYNCED


def confirm(root: str, manifest: Manifest, seal: Seal) -> Manifest:
    """Note in an environment that its files were compared by bytes, and are on disk.

    In one that can't be written to they will be compared again.
    """
    confirmed = manifest._replace(written=SYNCED)
    with suppress(StorageFailed):
        if seal.key:
            write_atomic(state_path(root, "manifest"), render_manifest(confirmed, seal))
            return confirmed
    return manifest


def discard(prepared: Prepared) -> None:
    """Throw away what was made ready; the environment stays as it was.

    What can't be removed doesn't count, and the next envsync command tries again.
    """
    with suppress(OSError):
        if prepared.built:
            _remove_beside(prepared.built)
            return
        with Tree(prepared.root) as tree:
            for name in ("stage", "manifest.next"):
                with suppress(OSError):
                    tree.remove(f"{STATE}/{name}")


def _remove_beside(path: str) -> None:
    """Remove a folder that was being built beside an environment. Raises `OSError`."""
    folder, name = beside.folder_of(path)
    with Tree(folder) as parent:
        parent.remove(name)


def commit(prepared: Prepared) -> Noted:
    """Make the prepared environment the one in force. Raises `StorageFailed`.

    Gives when files last changed, of the environment and the store, that are known to be right.

    A failure before the journal is written, or before the last rename, changes nothing; after
    that the next envsync command finishes the work.
    """
    root, seal = prepared.root, prepared.seal
    if prepared.built:
        replace.put_in_place(prepared.built, root, seal)
        return prepared.noted
    with storage_errors(root), Tree(root) as tree:
        tree.reserve()
    journal.write_journal(root, prepared.manifest.environment_id, prepared.steps, seal)
    return _carried(prepared, journal.finish(root, prepared.steps, prepared.noted.placed))


def _carried(prepared: Prepared, times: Mapping[str, int]) -> Noted:
    """Say of stored files, too, when they last changed: by a rename of what was linked to them."""
    stored: dict[int, int] = {}
    for step in prepared.steps:
        if step.action == "place":
            change, inode, source_change = prepared.seen[int(step.store)]
            is_linked = source_change == change
            stored[inode] = times.get(step.path, 0) if is_linked else source_change
    return Noted(times, {inode: change for inode, change in stored.items() if inode and change})


def recover(root: str, seal: Seal) -> bool:
    """Bring an environment that a dead process left half-way to a whole state, old or new.

    The caller holds the environment's lock. Gives True when there was something to finish.
    Raises `StorageFailed`.
    """
    with storage_errors(root):
        try:
            found = replace.recover_beside(root, seal)
        except FileNotFoundError:
            return False
        return _finish_inside(root, seal) or found


def _finish_inside(root: str, seal: Seal) -> bool:
    """Finish what the environment's own journal says, or drop what never counted."""
    if os.path.islink(root) or not os.path.isdir(root):
        return False
    if journal.recover(root, seal):
        return True
    with Tree(root) as tree:
        is_untidy = tree.is_folder(STATE) and journal.has_leftovers(tree)
        if is_untidy and examine(root, seal).manifest is not None:
            with suppress(OSError):  # they never counted, and the next sync tries again
                journal.drop_leftovers(tree)
    return False


def is_interrupted(root: str, seal: Seal) -> bool:
    """Say, without changing anything, whether `recover` would have something to finish.

    Where that can't be known, it may have: nothing is thrown away then.
    """
    try:
        if replace.is_half_replaced(root, seal):
            return True
        if os.path.islink(root) or not os.path.isdir(root):
            return False
        return journal.is_committed(root, seal)
    except FileNotFoundError:
        return False
    except OSError:
        return True
