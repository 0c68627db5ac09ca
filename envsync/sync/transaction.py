"""Carry out a plan: everything is made ready first, then one commit, then renames only.

An existing environment is changed through the journal. A new one is built beside its place and
renamed in; one that it replaces is renamed away, and what the user had put there is kept.
"""

import os
import stat
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from envsync.durable import SYNCED, boot_id, flush_all
from envsync.errors import StorageFailed
from envsync.events import SILENT, Reporter
from envsync.files import (
    Placer,
    storage_errors,
    sync_directory,
    unguessable,
    write_atomic,
    write_new,
)
from envsync.halves import in_halves
from envsync.sync import beside, journal, names, replace
from envsync.sync.belief import examine
from envsync.sync.drift import expected_mtime
from envsync.sync.journal import JournalInvalid, Step, read_journal, state_path
from envsync.sync.manifest import Manifest, Placed, render_manifest
from envsync.sync.modes import permissions, refuse_foreign
from envsync.sync.paths import QUARANTINE, STATE, folders, parents
from envsync.sync.plan import Plan
from envsync.sync.seal import Seal
from envsync.sync.tree import Tree


class Files(NamedTuple):
    """All files that an environment is to hold, by path, and the sources of those to be placed."""

    desired: Mapping[str, Placed]
    sources: Mapping[str, str | bytes]
    """A path to link from, or the bytes to write (of a symbolic link, its target)."""


_RECENT_SECONDS = 0.1


class Prepared(NamedTuple):
    """A transaction of which everything but the commit has been done."""

    root: str
    manifest: Manifest
    seal: Seal
    steps: tuple[Step, ...] = ()
    built: str | None = None
    """For a new environment: the folder that holds it, ready to be renamed to `root`."""


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
    reporter: Reporter = SILENT,
    sources_in: Iterable[str] = (),
) -> Prepared:
    """Stage what the plan puts in place into an existing environment, which stays untouched.

    `extra_folders` stay though nothing is in them. What was staged is durable then, and so is what
    was written below the folders `sources_in`. Raises `StorageFailed`; what was staged is thrown
    away then.
    """
    stage = state_path(root, "stage")
    manifest = manifest._replace(written=SYNCED)
    with storage_errors(root), Tree(root) as tree:
        refuse_foreign(root, plan.modes)
        tree.remove(f"{STATE}/stage")
        tree.make_folder(f"{STATE}/stage")
        try:
            reporter.begin("linking", len(plan.place))
            for number, path in enumerate(plan.place):
                _put(files.desired[path], files.sources[path], f"{stage}/{number}", placer)
                reporter.advance("linking")
            text = render_manifest(manifest, seal)
            write_atomic(state_path(root, "manifest.next"), text, sync=False)
            flush_all([root, *sources_in])
        except BaseException:
            tree.remove(f"{STATE}/stage")
            raise
        finally:
            reporter.end("linking")
        steps = _steps(tree, plan, {*parents(files.desired), *extra_folders})
    return Prepared(root, manifest, seal, steps)


def _steps(tree: Tree, plan: Plan, needed: Collection[str]) -> tuple[Step, ...]:
    moment = replace.quarantine_name(tree, QUARANTINE)
    trashed = enumerate(plan.discard)
    gone = parents((*plan.discard, *plan.quarantine)).difference(needed)
    gone |= {path.rpartition("/")[0] for path in plan.discard if "/__pycache__/" in path}
    return (
        *(Step("chmod", folder) for folder in plan.modes),
        *(Step("keep", path, moment) for path in plan.quarantine),
        *(Step("trash", path, str(number)) for number, path in trashed),
        *(Step("rmdir", folder) for folder in sorted(gone, reverse=True)),
        *(Step("mkdir", folder) for folder in folders(plan.place)),
        *(Step("place", path, str(number)) for number, path in enumerate(plan.place)),
    )


class Tampered(Exception):
    """A stored file is gone or not as it was unpacked; nothing was linked to it or has changed."""


def _put(placed: Placed, source: str | bytes, destination: str, placer: Placer) -> None:
    if isinstance(source, str):
        try:
            found = os.lstat(source)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Tampered(source) from error
        if (found[0], found[6], found[8]) != (placed.mode, placed.size, expected_mtime(placed)):
            raise Tampered(source)
        try:
            placer.place(source, destination)
        except FileNotFoundError as error:
            if os.path.lexists(source):
                raise
            raise Tampered(source) from error
    elif stat.S_ISLNK(placed.mode):
        os.symlink(source, os.fsencode(destination))
        mtime = expected_mtime(placed)
        os.utime(destination, (mtime, mtime), follow_symlinks=False)
    else:
        write_new(destination, source, mode=placed.mode, mtime=expected_mtime(placed))


def _fill(built: str, files: Files, placer: Placer) -> None:
    """Put all files into a new environment, with the folders that they need."""
    rows = [(path, placed, files.sources[path]) for path, placed in files.desired.items()]

    def put(part: Sequence[tuple[str, Placed, str | bytes]]) -> bool:
        _make_folders(built, (path for path, _, _ in part))
        for path, placed, source in part:
            _put(placed, source, f"{built}/{path}", placer)
        return True

    if in_halves(put, rows):
        return
    missing = [row for row in rows if not os.path.lexists(f"{built}/{row[0]}")]
    put(missing)  # the other process failed: here its error shows


def _make_folders(built: str, paths: Iterable[str]) -> None:
    mode = stat.S_IMODE(os.lstat(built).st_mode)
    for folder in folders(paths):
        with suppress(FileExistsError):
            os.mkdir(f"{built}/{folder}")
            os.chmod(f"{built}/{folder}", mode)  # the umask took some of it


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
            _make_folders(built, (f"{folder}/" for folder in extra_folders))
            _fill(built, files, placer)
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
    return Prepared(root, manifest, seal, built=built)


def _write_state(built: str, manifest: Manifest, seal: Seal) -> None:
    """Write what a new environment says of itself, durably up to its folder."""
    state = state_path(built)
    _make_folders(built, (f"{STATE}/",))
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


def commit(prepared: Prepared) -> None:
    """Make the prepared environment the one in force. Raises `StorageFailed`.

    A failure before the journal is written, or before the last rename, changes nothing; after
    that the next envsync command finishes the work.
    """
    root, seal = prepared.root, prepared.seal
    if prepared.built:
        replace.put_in_place(prepared.built, root, seal)
        return
    with storage_errors(root), Tree(root) as tree:
        tree.reserve()
    journal.write_journal(root, prepared.manifest.environment_id, prepared.steps, seal)
    journal.finish(root, prepared.steps)


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
        with Tree(root) as tree:
            return read_journal(tree, seal) is not None
    except (FileNotFoundError, JournalInvalid):
        return False
    except OSError:
        return True
