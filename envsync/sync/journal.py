"""The write-ahead journal of a sync: steps that may be repeated until all of them are done.

A sync first makes everything ready below `.envsync/stage/`, then writes the new manifest and the
journal, which is the commit; from there on each step is one rename, so that a process that dies
anywhere leaves work that the next `sync`, `run`, `add` or `remove` finishes (`recover`). Without a
journal, what is staged never counted and is thrown away.

    .envsync/id              identity of the environment
    .envsync/manifest        what is in place (`sync.manifest`)
    .envsync/manifest.next   what will be, once the journal is done
    .envsync/journal         the steps
    .envsync/stage/N         the N-th new file, ready to be renamed into place
    .envsync/trash/N         what envsync itself placed and no longer wants
    .envsync/quarantine/T/…  edited and stray files, kept until the user discards them
"""

import errno
import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from envsync.errors import TargetRefused
from envsync.files import storage_errors, storage_failed, write_atomic
from envsync.sync.tree import Tree

STATE = ".envsync"
HEADER = "envsync-journal 1"

# Why a folder may stay: something is in it, or it is gone or no folder any more.
_STAYS = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class Step(NamedTuple):
    """One repeatable change: `keep`, `trash`, `rmdir`, `mkdir` or `place`."""

    action: str
    path: str
    """Relative to the environment's root."""
    store: str = ""
    """`keep`: the quarantine's folder; `trash` and `place`: a number."""


def state_path(root: str, name: str = "") -> str:
    """Give the path of envsync's own state in an environment."""
    return f"{root}/{STATE}/{name}" if name else f"{root}/{STATE}"


def write_journal(root: str, environment_id: str, steps: Sequence[Step]) -> None:
    """Commit: from here on the steps will be done, by this process or a later one.

    Raises `StorageFailed`; then nothing has been committed.
    """
    with storage_errors(root), Tree(root) as tree:
        identity = _identity(environment_id, tree)
    lines = [HEADER, identity, *("\t".join(step) for step in steps)]
    body = ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")
    checksum = hashlib.sha256(body).hexdigest().encode()
    write_atomic(state_path(root, "journal"), body + b"sha256 " + checksum + b"\n")


def _identity(environment_id: str | None, tree: Tree) -> str:
    """Name the environment and the very folder that it is in: a copy is another."""
    return f"id {environment_id} {tree.identity()}"


def recover(root: str) -> bool:
    """Finish what a journal says, then drop it; or throw away what was only staged.

    The caller holds the environment's lock. Gives True when there was a journal. Raises
    `TargetRefused` for a journal that wasn't written for this environment, `StorageFailed`.
    """
    with storage_errors(root), Tree(root) as tree:
        try:
            with open(state_path(root, "journal"), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            _drop_leftovers(tree)
            return False
        _finish(tree, _parse(data, root, _identity(read_id(root), tree)))
    return True


def finish(root: str, steps: Iterable[Step]) -> None:
    """Do every step that isn't done yet, put the new manifest in force, drop the journal."""
    with storage_errors(root), Tree(root) as tree:
        _finish(tree, steps)


def _finish(tree: Tree, steps: Iterable[Step]) -> None:
    tree.make_folders(f"{STATE}/trash")
    actions = {"keep": _keep, "trash": _trash, "rmdir": _rmdir, "mkdir": _mkdir, "place": _place}
    for step in steps:
        actions[step.action](tree, step)
    with suppress(FileNotFoundError):  # done by the process that died after it
        tree.rename(f"{STATE}/manifest.next", f"{STATE}/manifest")
    tree.flush(STATE)
    tree.remove(f"{STATE}/journal")
    # All is done: what fails from here on is no failure of the sync. A journal that comes back
    # after a power failure is only repeated, and leftovers go with the next sync.
    with suppress(OSError):
        tree.flush(STATE)
        _drop_leftovers(tree)


def _drop_leftovers(tree: Tree) -> None:
    for name in ("stage", "trash", "manifest.next"):
        tree.remove(f"{STATE}/{name}")
    for name in tree.names(STATE):
        if name.startswith("."):  # a file that was being written
            tree.remove(f"{STATE}/{name}")


def _parse(data: bytes, root: str, identity: str) -> list[Step]:
    body, _, checksum = data.rpartition(b"sha256 ")
    lines = body.decode("utf-8", "surrogateescape").split("\n")
    if hashlib.sha256(body).hexdigest().encode() != checksum.strip() or lines[0] != HEADER:
        raise _foreign(root, "its journal is damaged")
    if lines[1] != identity:
        raise _foreign(root, "its journal was written for another environment")
    steps: list[Step] = []
    for line in lines[2:-1]:
        action, path, store = line.split("\t")
        if not (_is_inside(path) and (store == "" or _is_inside(store))):
            raise _foreign(root, "its journal names a path outside the environment")
        steps.append(Step(action, path, store))
    return steps


def _foreign(root: str, reason: str) -> TargetRefused:
    return TargetRefused(
        root, reason, hint="`envsync sync --force` sets the environment aside and makes a new one"
    )


def read_id(root: str) -> str | None:
    """Give the identity of the environment at `root`; None when envsync didn't make it."""
    try:
        if os.path.islink(state_path(root)):
            return None
        with open(state_path(root, "id"), encoding="ascii", errors="replace") as file:
            return file.read(200).strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise storage_failed(state_path(root, "id"), error) from error


def is_there(path: str) -> bool:
    """Say whether there is something at the path, be it a dangling link.

    Raises `OSError` where that can't be known: `os.path.lexists` says no then.
    """
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _is_inside(path: str) -> bool:
    parts = path.split("/")
    return parts[0] != STATE and not any(part in ("", ".", "..") for part in parts)


def _keep(tree: Tree, step: Step) -> None:
    """Set a file or folder aside that envsync did not place, or that was edited."""
    kept = f"{STATE}/quarantine/{step.store}/{step.path}"
    if not tree.find(kept) and tree.find(step.path):
        tree.make_folders(kept.rpartition("/")[0])
        tree.rename(step.path, kept)


def _trash(tree: Tree, step: Step) -> None:
    # The place in the trash says whether this step was done: by the time that a journal is
    # repeated, something new may stand at the path.
    trashed = f"{STATE}/trash/{step.store}"
    if not tree.find(trashed) and tree.find(step.path):
        tree.rename(step.path, trashed)


def _rmdir(tree: Tree, step: Step) -> None:
    try:
        tree.remove_folder(step.path)
    except OSError as error:
        if error.errno not in _STAYS:
            raise


def _mkdir(tree: Tree, step: Step) -> None:
    try:
        tree.make_folder(step.path)
    except FileExistsError:
        if not tree.is_folder(step.path):
            _set_aside(tree, step.path)
            tree.make_folder(step.path)


def _place(tree: Tree, step: Step) -> None:
    staged = f"{STATE}/stage/{step.store}"
    if not tree.find(staged):
        return
    if tree.is_folder(step.path):
        _set_aside(tree, step.path)
    tree.rename(staged, step.path)


def _set_aside(tree: Tree, path: str) -> None:
    """Move what appeared between planning and now out of the way, without losing it."""
    number = 0
    while tree.find(kept := f"{STATE}/quarantine/obstacle-{number}/{path}"):
        number += 1
    tree.make_folders(kept.rpartition("/")[0])
    tree.rename(path, kept)
