"""Locks between processes of one user: a project's, then an environment's, always in that order.

    locks/project-<key>        in the user's folder for state (`trust.state_folder`); empty, 0600
    locks/environment-<key>    key: sha256 of the folder's real path

Nobody else can open these files, so nobody else can make a command wait. They stay when they are
let go, and go when nobody took them for a month. The locks of the store come after both.

Where the user may write to no folder for them (containers that are read-only altogether), the
project's folder itself is locked: whoever can read it can block that, but nothing is lost.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from envsync.errors import EnvsyncError
from envsync.events import Reporter
from envsync.platform.file_lock import FileLock
from envsync.project.paths import Project
from envsync.trust import state_folder

_WAIT_SECONDS = 300.0
_UNUSED_SECONDS = 30 * 86_400.0


@contextmanager
def project_lock(project: Project, cache_dir: str, reporter: Reporter) -> Iterator[None]:
    """Hold a project and all its environments, from reading env.toml and lock to writing them.

    Raises `EnvironmentBusy` when another process doesn't let go in five minutes, `StorageFailed`.
    """
    # By the folder itself: two ways to it must not be two locks.
    place = _place("project", os.path.realpath(project.root), cache_dir) or project.root
    with _held(place, project.root, reporter):
        yield


@contextmanager
def environment_lock(root: str, cache_dir: str, reporter: Reporter) -> Iterator[None]:
    """Hold an environment, which may be that of several projects. Raises as `project_lock`."""
    parent, name = os.path.split(root)
    place = _place("environment", f"{os.path.realpath(parent)}/{name}", cache_dir)
    if place is None:
        yield
        return
    with _held(place, root, reporter):
        yield


def _place(kind: str, path: str, cache_dir: str) -> str | None:
    """Give the file to lock; None where the user can't write one."""
    folder = state_folder(cache_dir, "locks")
    if folder is None:
        return None
    place = f"{folder}/{kind}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:32]}"
    # Where one is made, others are swept: once for each project, not in every command.
    if not os.path.lexists(place):
        _sweep(folder)
    return place


@contextmanager
def _held(place: str, what: str, reporter: Reporter) -> Iterator[None]:
    def waiting() -> None:
        reporter.note(f"Waiting for another envsync to finish with {what}")

    with FileLock(place, timeout=_WAIT_SECONDS, on_wait=waiting, what=what):
        with suppress(OSError):
            os.utime(place)  # the time of its last use
        yield


def _sweep(folder: str) -> None:
    """Remove what nobody took for long; what is held now, or can't be removed, stays."""
    oldest = time.time() - _UNUSED_SECONDS
    with suppress(OSError):
        for name in os.listdir(folder):
            path = f"{folder}/{name}"
            with suppress(OSError, EnvsyncError):
                if os.lstat(path).st_mtime < oldest:
                    # Held while it goes, or it would go from under who holds it.
                    with FileLock(path, timeout=0):
                        os.unlink(path)
