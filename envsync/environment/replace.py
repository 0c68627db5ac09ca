"""Replace an environment by one that is built beside it, or put a first one in its place.

Nobody knows the new one until it is renamed in. Everything is done by open folders
(`environment.tree`). What was there is renamed away first, under a name that only this user can
give (`environment.beside`), so that whoever finds it after a death knows what it is and goes on;
then it is retired (`environment.retire`).
"""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from envsync.environment import beside, names
from envsync.environment.change import Contents, Means
from envsync.environment.journal import state_path
from envsync.environment.manifest import Manifest, render_manifest
from envsync.environment.modes import FOLDER_PERMISSIONS, permissions
from envsync.environment.paths import STATE, folders
from envsync.environment.placing import ChangeTimes, fill, make_folders
from envsync.environment.retire import retire
from envsync.environment.seal import Seal
from envsync.environment.tree import Tree
from envsync.events import SILENT, Reporter, Stage, during
from envsync.platform.durable import SYNCED, boot_id, flush_all
from envsync.platform.files import storage_errors, sync_directory, write_atomic

_RECENT_SECONDS = 0.1


class Replacement(NamedTuple):
    """A `Change` that is built: a whole environment beside the place that it is to have."""

    root: str
    manifest: Manifest
    seal: Seal
    built: str
    """The folder that holds it."""
    times: ChangeTimes
    """When files last changed, that are right since; a rename of the whole moves none."""
    reporter: Reporter = SILENT

    @property
    def is_private(self) -> bool:
        """Its name was never told."""
        return True

    @property
    def set_aside(self) -> frozenset[str]:
        """Nothing is known before the one that it replaces is retired."""
        return frozenset()

    def commit(self) -> ChangeTimes:
        """Rename it to its place; what was there is emptied and goes.

        A failure before the last rename changes nothing; after that the next envsync command
        finishes the work.
        """
        _put_in_place(self.built, self.root, self.seal, self.reporter)
        return self.times

    def discard(self) -> None:
        """Remove what was built."""
        with suppress(OSError):
            _remove_beside(self.built)


def prepare_replacement(root: str, contents: Contents, means: Means) -> Replacement:
    """Build a whole environment beside `root`.

    One that replaces another is durable then, as are the sources of its files. Of a first one only
    its identity and manifest are (`environment.on_disk`). Raises `names.OneName`, `Tampered`,
    `StorageFailed`; what was built is thrown away then.
    """
    files, number = contents.files, len(contents.files.desired)
    with storage_errors(root):
        # Tried in a folder like the one that is built: what a death leaves of it goes like that.
        names.refuse_one_name(_new_path(root, means.seal), files.desired)
        built = _new_path(root, means.seal)
        os.mkdir(built, FOLDER_PERMISSIONS)
        try:
            os.chmod(built, permissions(os.lstat(built).st_mode))
            with during(Stage.LINKING, means.reporter, number):
                make_folders(built, (f"{folder}/" for folder in contents.folders))
                times = fill(built, files, means.placer)
                _settle(built, {*contents.folders, *folders(files.desired)})
                means.reporter.advance(Stage.LINKING, number)
                # What replaces nothing can be made again after a power failure; what lets an old
                # environment go can't wait for that.
                boot = "" if os.path.lexists(root) else boot_id()
                written = f"{boot} {os.lstat(built).st_ino}" if boot else SYNCED
                manifest = contents.manifest._replace(written=written)
                _write_state(built, manifest, means.seal)
                if not boot:
                    flush_all([built, *means.sources_in])
        except BaseException:
            _remove_beside(built)
            raise
    return Replacement(
        root=root,
        manifest=manifest,
        seal=means.seal,
        built=built,
        times=times,
        reporter=means.reporter,
    )


def _new_path(root: str, seal: Seal) -> str:
    """Give the path of a folder beside `root`, whose folder is there, for a new environment."""
    folder, name = beside.folder_of(root)
    with Tree(folder) as parent:
        return f"{folder}/{beside.new_name(parent, name, seal)}"


def _remove_beside(path: str) -> None:
    """Remove a folder that was being built beside an environment. Raises `OSError`."""
    folder, name = beside.folder_of(path)
    with Tree(folder) as parent:
        parent.remove(name)


def _settle(built: str, made: Iterable[str]) -> None:
    """Date back the folders that were changed just now.

    Nobody else knows the new environment yet; what is added to a folder later shows by its time.
    """
    recent = time.time() - _RECENT_SECONDS
    for folder in made:
        path = f"{built}/{folder}"
        if os.lstat(path).st_mtime > recent:
            os.utime(path, (recent, recent))


def _write_state(built: str, manifest: Manifest, seal: Seal) -> None:
    """Write what a new environment says of itself, durably up to its folder.

    The identity comes first: a manifest that names it proves that both are there.
    """
    state = state_path(built)
    make_folders(built, (f"{STATE}/",))
    write_atomic(f"{state}/id", manifest.environment_id.encode() + b"\n")
    write_atomic(f"{state}/manifest", render_manifest(manifest, seal))
    sync_directory(built)


def _put_in_place(built: str, root: str, seal: Seal, reporter: Reporter) -> None:
    """Rename a folder that was built beside `root` to that; what was there is emptied and goes.

    Raises `StorageFailed`; before the new one is in place, everything is as it was.
    """
    folder, name = beside.folder_of(root)
    new = os.path.basename(built)
    with storage_errors(root), Tree(folder) as parent:
        parent.reserve()  # a lack of descriptors shows before the first rename
        present = parent.find(name)
        old = beside.old_name(parent, name, present.st_ino, seal) if present is not None else ""
        try:
            if old:
                parent.rename(name, old)
                parent.flush("")  # or the new one might take its name first
            parent.rename(new, name)
            parent.flush("")  # this is the commit: what follows empties the old one
        except OSError:
            if parent.find(new) is None:  # in place, but it may not stay there
                parent.rename(name, new)
            if old and parent.find(old):
                parent.rename(old, name)
            raise
        # Only now: what the user had goes into the new one, which is there to stay. Ones that
        # earlier deaths left wait here, too.
        for entry in beside.ours(parent, name, seal):
            if entry.kind == beside.OLD:
                retire(parent, entry.name, root, seal, reporter)


def recover_beside(root: str, seal: Seal, reporter: Reporter = SILENT) -> bool:
    """Finish a replacement that a dead process left half-way, or take it back.

    Gives True when there was one. Raises `OSError`.
    """
    folder, name = beside.folder_of(root)
    was_replaced = False
    if _is_closed(folder):
        return False
    with Tree(folder) as parent:
        for entry in beside.ours(parent, name, seal):
            if entry.kind == beside.NEW:
                parent.remove(entry.name)  # never in place, or what was left of one that is emptied
            elif parent.find(name) is None:  # death between the two renames
                parent.rename(entry.name, name)
                was_replaced = True
            else:
                was_replaced = retire(parent, entry.name, root, seal, reporter) or was_replaced
    return was_replaced


def is_half_replaced(root: str, seal: Seal) -> bool:
    """Say whether `recover_beside` would have something to finish. Raises `OSError`."""
    folder, name = beside.folder_of(root)
    if _is_closed(folder):
        return False
    with Tree(folder) as parent:
        return any(entry.kind == beside.OLD for entry in beside.ours(parent, name, seal))


def _is_closed(folder: str) -> bool:
    """Say whether this user can't look into a folder, and so never put anything there."""
    return os.path.isdir(folder) and not os.access(folder, os.R_OK)
