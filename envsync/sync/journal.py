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
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from envsync.errors import TargetRefused
from envsync.files import (
    remove_tree,
    storage_errors,
    storage_failed,
    sync_directory,
    write_atomic,
)

STATE = ".envsync"
HEADER = "envsync-journal 1"

# Why a folder may stay: something is in it, or it is gone or no folder any more.
_STAYS = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR})


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
    lines = [HEADER, f"id {environment_id}", *("\t".join(step) for step in steps)]
    body = ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")
    checksum = hashlib.sha256(body).hexdigest().encode()
    write_atomic(state_path(root, "journal"), body + b"sha256 " + checksum + b"\n")


def recover(root: str) -> bool:
    """Finish what a journal says, then drop it; or throw away what was only staged.

    The caller holds the environment's lock. Gives True when there was a journal. Raises
    `TargetRefused` for a journal that wasn't written for this environment, `StorageFailed`.
    """
    with storage_errors(root):
        try:
            with open(state_path(root, "journal"), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            _drop_leftovers(root)
            return False
    steps = _parse(data, root)
    finish(root, steps)
    return True


def finish(root: str, steps: Iterable[Step]) -> None:
    """Do every step that isn't done yet, put the new manifest in force, drop the journal."""
    with storage_errors(root):
        os.makedirs(state_path(root, "trash"), exist_ok=True)
        actions = {
            "keep": _keep,
            "trash": _trash,
            "rmdir": _rmdir,
            "mkdir": _mkdir,
            "place": _place,
        }
        for step in steps:
            actions[step.action](root, step)
        with suppress(FileNotFoundError):  # done by the process that died after it
            os.replace(state_path(root, "manifest.next"), state_path(root, "manifest"))
        sync_directory(state_path(root))
        os.unlink(state_path(root, "journal"))
    # All is done: what fails from here on is no failure of the sync. A journal that comes back
    # after a power failure is only repeated, and leftovers go with the next sync.
    with suppress(OSError):
        sync_directory(state_path(root))
        _drop_leftovers(root)


def _drop_leftovers(root: str) -> None:
    for name in ("stage", "trash", "manifest.next"):
        remove_tree(state_path(root, name))
    for name in os.listdir(state_path(root)):
        if name.startswith("."):  # a file that was being written
            remove_tree(state_path(root, name))


def _parse(data: bytes, root: str) -> list[Step]:
    body, _, checksum = data.rpartition(b"sha256 ")
    lines = body.decode("utf-8", "surrogateescape").split("\n")
    if hashlib.sha256(body).hexdigest().encode() != checksum.strip() or lines[0] != HEADER:
        raise _foreign(root, "its journal is damaged")
    if lines[1] != f"id {read_id(root)}":
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
        with open(state_path(root, "id"), encoding="ascii", errors="replace") as file:
            return file.read(200).strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise storage_failed(state_path(root, "id"), error) from error


def is_there(path: str) -> bool:
    """Say whether there is something at the path, be it a dangling link.

    Raises `OSError` where that can't be known: `os.path.lexists` says no then, and a step that
    believes it would be left out, or would overwrite what it did not see.
    """
    return _kind(path) is not None


def _kind(path: str) -> int | None:
    """Give the type of what is at the path, links not followed; None when nothing is there."""
    try:
        return stat.S_IFMT(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _is_inside(path: str) -> bool:
    parts = path.split("/")
    return parts[0] != STATE and not any(part in ("", ".", "..") for part in parts)


def _keep(root: str, step: Step) -> None:
    """Set a file or folder aside that envsync did not place, or that was edited."""
    kept = state_path(root, f"quarantine/{step.store}/{step.path}")
    if not is_there(kept) and is_there(f"{root}/{step.path}"):
        os.makedirs(os.path.dirname(kept), exist_ok=True)
        os.rename(f"{root}/{step.path}", kept)


def _trash(root: str, step: Step) -> None:
    # The place in the trash says whether this step was done: by the time that a journal is
    # repeated, something new may stand at the path.
    trashed = state_path(root, f"trash/{step.store}")
    if not is_there(trashed):
        try:
            os.rename(f"{root}/{step.path}", trashed)
        except (FileNotFoundError, NotADirectoryError):
            return


def _rmdir(root: str, step: Step) -> None:
    try:
        os.rmdir(f"{root}/{step.path}")
    except OSError as error:
        if error.errno not in _STAYS:
            raise


def _mkdir(root: str, step: Step) -> None:
    path = f"{root}/{step.path}"
    try:
        os.mkdir(path, 0o755)
    except FileExistsError:
        if _kind(path) != stat.S_IFDIR:
            _set_aside(root, step.path)
            os.mkdir(path, 0o755)


def _place(root: str, step: Step) -> None:
    staged = state_path(root, f"stage/{step.store}")
    if not is_there(staged):
        return
    path = f"{root}/{step.path}"
    if _kind(path) == stat.S_IFDIR:
        _set_aside(root, step.path)
    os.rename(staged, path)


def _set_aside(root: str, path: str) -> None:
    """Move what appeared between planning and now out of the way, without losing it."""
    number = 0
    while is_there(kept := state_path(root, f"quarantine/obstacle-{number}/{path}")):
        number += 1
    os.makedirs(os.path.dirname(kept), exist_ok=True)
    os.rename(f"{root}/{path}", kept)
