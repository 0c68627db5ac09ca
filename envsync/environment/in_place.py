"""Replace an environment inside its folder, where the folder itself can't be renamed.

A mount point (a volume, a file system in memory), the end of the user's link, and a folder in one
that can't be written to stay what they are. It is an update (`environment.update`) whose plan is
everything: what was placed goes, what is the user's goes to quarantine, all of the new environment
is placed. Beside the folders that the new one needs, nothing is touched.
"""

import os
from collections.abc import Collection, Mapping

from envsync.environment.belief import examine
from envsync.environment.change import Contents, Means
from envsync.environment.drift import Drift, in_the_way, scan
from envsync.environment.journal import state_path
from envsync.environment.manifest import Placed
from envsync.environment.paths import QUARANTINE, STATE
from envsync.environment.plan import Plan
from envsync.environment.retire import OWN, quarantine_name, strange_state
from envsync.environment.same import has_content
from envsync.environment.seal import Seal
from envsync.environment.tree import Tree
from envsync.environment.update import Update, prepare_update
from envsync.platform.files import storage_errors, unguessable, write_atomic
from envsync.platform.mounts import is_mounted


def is_fixed(root: str, *, is_linked: bool) -> bool:
    """Say whether there is a folder at `root` that stays; `is_linked`: a link of the user's ends
    there, who gave leave for that folder alone.
    """
    if os.path.islink(root) or not os.path.isdir(root):
        return False
    is_closed = not os.access(os.path.dirname(root), os.W_OK | os.X_OK)
    return is_linked or is_closed or is_mounted(root)


def prepare_inside(
    root: str, owned_folders: Collection[str], contents: Contents, means: Means
) -> Update:
    """Stage a whole environment inside the folder at `root`, whatever is in that.

    `owned_folders` are envsync's, whether a package has files there or not. What is not believed
    is made envsync's own first, and nothing else is changed. Raises as `prepare_update`.
    """
    seal, desired = means.seal, contents.files.desired
    identity = _take_over(root, contents.manifest.environment_id, seal)
    manifest = contents.manifest._replace(environment_id=identity)
    plan = _plan_everything(root, desired, owned_folders, seal)
    return prepare_update(root, plan, contents._replace(manifest=manifest), means)


def _take_over(root: str, environment_id: str, seal: Seal) -> str:
    """Make envsync's own what a folder holds as state; gives the identity of the environment.

    That of an environment which is believed stays as it is. Of any other the identity is new, what
    envsync can do without goes, and the rest is kept in quarantine. Raises `StorageFailed`.
    """
    with storage_errors(root):
        before = examine(root, seal).manifest
        if before is not None:
            return before.environment_id
        with Tree(root) as tree:
            aside = f"{STATE}-{unguessable()}"  # not inside: there is no state yet to hold it
            is_other = tree.find(STATE) is not None and not tree.is_folder(STATE)
            if is_other:
                tree.rename(STATE, aside)
            tree.make_folders(STATE)
            if tree.is_folder(f"{STATE}/id"):
                tree.remove(f"{STATE}/id")
            # First of all, so that whoever finds the rest half done knows whose it is.
            write_atomic(state_path(root, "id"), environment_id.encode() + b"\n")
            _clear(tree, {STATE: aside} if is_other else {})
    return environment_id


def _clear(tree: Tree, aside: Mapping[str, str]) -> None:
    """Empty the state but for the identity; `aside` says what lies elsewhere, by its place."""
    moves = {f"{STATE}/{name}": f"{STATE}/{name}" for name in strange_state(tree, STATE)}
    if QUARANTINE in moves:  # no folder: it makes room for one
        moves[QUARANTINE] = f"{STATE}-{unguessable()}"
        tree.rename(QUARANTINE, moves[QUARANTINE])
    moves |= aside
    if moves:
        kept = f"{QUARANTINE}/{quarantine_name(tree, QUARANTINE)}"
        tree.make_folders(f"{kept}/{STATE}" if not aside else kept)
        for place, now in moves.items():
            tree.rename(now, f"{kept}/{place}")
    for name in OWN - {"id"}:
        tree.remove(f"{STATE}/{name}")


def _plan_everything(
    root: str, desired: Mapping[str, Placed], owned_folders: Collection[str], seal: Seal
) -> Plan:
    """Say what becomes of what a folder holds, when all of `desired` is to be in it.

    Of an environment that is believed, what it placed goes, and what differs from that by its
    bytes, or was added, is kept. Of any other, what isn't by its bytes what is wanted is kept.
    Compiled files go: who wrote them is unknown, or they were made for another interpreter. Raises
    `StorageFailed`.
    """
    with storage_errors(root):
        before = examine(root, seal).manifest
        placed: Mapping[str, Placed] = before.placed() if before is not None else {}
        drift = _strange(root, desired if before is None else placed, owned_folders)
        others = in_the_way(root, placed, desired) if before is not None else ()
    stays = {*desired, *drift.missing, *drift.edited}
    return Plan(
        place=tuple(desired),
        discard=(*(path for path in placed if path not in stays), *drift.bytecode),
        quarantine=tuple(dict.fromkeys((*drift.edited, *drift.stray, *drift.caches, *others))),
        modes=drift.modes,
    )


def _strange(root: str, placed: Mapping[str, Placed], owned_folders: Collection[str]) -> Drift:
    drift = scan(root, placed, owned_folders)
    there = placed.keys() - set(drift.missing)
    other = (path for path in sorted(there) if not has_content(root, placed[path]))
    return drift._replace(edited=tuple(other))
