"""Retire an environment that another took the place of: keep what is the user's, drop the rest.

What the user had in it goes to the quarantine of the one that is in place now.
"""

import os
import time
from collections.abc import Collection, Mapping

from envsync.environment import beside
from envsync.environment.belief import examine
from envsync.environment.drift import scan
from envsync.environment.manifest import Placed
from envsync.environment.paths import QUARANTINE, STATE
from envsync.environment.same import has_content
from envsync.environment.seal import Seal
from envsync.environment.tree import Tree
from envsync.events import SILENT, Reporter, Stage, during

OWN = frozenset(
    {"id", "manifest", "manifest.next", "journal", "stamp", "stage", "trash", "shell", "times"}
)
"""What envsync keeps of an environment and can do without; all but the quarantine."""


def retire(parent: Tree, old: str, root: str, seal: Seal, reporter: Reporter = SILENT) -> bool:
    """Keep what the user had in `old`, which lies beside the environment at `root`, and drop the
    rest of it; `parent` is the folder of both.

    False where what took its place isn't believed any more: it waits then. Raises `OSError`.
    """
    folder, name = beside.folder_of(root)
    parent.release()  # `examine` opens folders of its own, and there may be few descriptors
    manifest = examine(root, seal).manifest
    if manifest is None:
        return False
    kept = f"{name}/{QUARANTINE}/" + quarantine_name(
        parent, f"{name}/{QUARANTINE}", f"{old}/{QUARANTINE}"
    )
    parent.release()
    before = examine(f"{folder}/{old}", seal)
    if not before.marked:  # nothing in it is envsync's
        whole = kept if parent.is_folder(old) else f"{kept}/{name}"
        _move(parent, {old: whole})
        return True
    with during(Stage.DELETING, reporter):  # what is the user's is told by reading all of it
        if before.manifest is not None:
            users = _strange(f"{folder}/{old}", before.manifest.placed())
        else:
            users = _strange(f"{folder}/{old}", manifest.placed())
            users += [f"{STATE}/{entry}" for entry in strange_state(parent, f"{old}/{STATE}")]
        moves = {f"{old}/{path}": f"{kept}/{path}" for path in users}
        moves |= _earlier(parent, f"{old}/{QUARANTINE}", f"{name}/{QUARANTINE}")
        _move(parent, moves)
        # All that is left can be made again. Whoever finds the rest of it shall not look for more:
        # with its manifest gone first, everything would seem to be the user's.
        rest = beside.new_name(parent, name, seal)
        parent.rename(old, rest)
        parent.remove(rest)
    return True


def quarantine_name(tree: Tree, *folders: str) -> str:
    """Name a folder by the time of day, UTC, never one that any of the quarantines has."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    name, number = moment, 1
    while any(tree.find(f"{folder}/{name}") for folder in folders):
        number += 1
        name = f"{moment}-{number}"
    return name


def _move(parent: Tree, moves: Mapping[str, str]) -> None:
    """Move what is the user's: into folders that are on disk, and to stay before the rest goes."""
    if not moves:
        return
    for new in moves.values():
        parent.make_folders(new.rpartition("/")[0])
    parent.flush_all()  # a folder that is lost takes along what was moved into it
    for old, new in moves.items():
        parent.rename(old, new)
    parent.flush_all()


def _earlier(parent: Tree, old: str, new: str) -> dict[str, str]:
    """Say where the parts of an earlier quarantine go: under the names that they have."""
    if not parent.is_folder(old):
        return {}
    taken = set(parent.names(new)) if parent.is_folder(new) else set()
    return {f"{old}/{name}": f"{new}/{_free(name, taken)}" for name in sorted(parent.names(old))}


def _free(name: str, taken: Collection[str]) -> str:
    """Give the name, or with a number behind it where that is taken, never longer than may be."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{os.fsdecode(os.fsencode(name)[:200])}-{number}"
    return free


def _strange(root: str, wanted: Mapping[str, Placed]) -> list[str]:
    """Give what is not, by its bytes, what is wanted: what its own manifest says where that is
    believed, else what the environment holds that took its place.

    Compiled files that Python may have written for sources that are there count as theirs.
    """
    drift = scan(root, wanted, _top_folders(root))
    missing = set(drift.missing)
    there = (file for path, file in wanted.items() if path not in missing)
    other = [file.path for file in there if not has_content(root, file)]
    strays = (*drift.stray, *drift.caches, *_top_strays(root, wanted))
    return list(dict.fromkeys((*other, *strays)))


def strange_state(parent: Tree, state: str) -> list[str]:
    """Give what lies in envsync's state and isn't envsync's; a quarantine is looked at apart."""
    if not parent.is_folder(state):
        return []
    return [
        name
        for name in sorted(parent.names(state))
        if name not in OWN and not (name == "quarantine" and parent.is_folder(f"{state}/{name}"))
    ]


def _top_folders(root: str) -> list[str]:
    return sorted(
        entry.name
        for entry in os.scandir(root)
        if entry.is_dir(follow_symlinks=False) and entry.name != STATE
    )


def _top_strays(root: str, placed: Mapping[str, Placed]) -> list[str]:
    """Give what lies beside the top folders and isn't ours: `scan` looks into folders only."""
    return sorted(
        entry.name
        for entry in os.scandir(root)
        if not entry.is_dir(follow_symlinks=False) and entry.name not in placed
    )
