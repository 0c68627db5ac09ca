"""What an environment says of itself, and whether that can be believed.

An environment may have come with a repository, out of a cache of CI, or from an older envsync. Only
what this user's envsync sealed is believed, and what root wrote where only root can: containers
are built as root and used by others. Root itself believes only its own seal: what root clones is
root's, too.
"""

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from envsync.environment import journal
from envsync.environment.journal import JournalInvalid, id_in, read_journal
from envsync.environment.manifest import Manifest, ManifestInvalid, parse_manifest
from envsync.environment.paths import STATE
from envsync.environment.seal import Seal
from envsync.environment.tree import Tree
from envsync.platform.files import storage_errors
from envsync.platform.user import is_root, only_root_writes
from envsync.venv.create import MARKED, is_mark

_LIMIT = 512 << 20
_CONFIG_LIMIT = 1 << 16
_OF_DISK = "lost+found"
"""At the top of many a mounted file system, and closed to all but root."""


class Belief(NamedTuple):
    """What is known of the environment at a place."""

    manifest: Manifest | None = None
    """What was placed, if that can be believed."""
    doubt: str = ""
    """Else why not, for a person: what goes behind the environment's name and a colon."""
    marked: bool = False
    """envsync made it, as far as it shows: it may be made anew without asking."""
    trusted: bool = False
    """What it says is believed whoever sealed it: nobody but this user or root can have."""


class _Doubt(Exception):
    """Why an environment isn't believed."""


def examine(root: str, seal: Seal, *, trusted: bool = False, packed: bool = False) -> Belief:
    """See what is at `root`, where something is; `trusted`: it is known to be this user's.

    With `packed` an owner's files are read from the manifest when they are asked for.

    Raises `StorageFailed` if it can't be read.
    """
    with storage_errors(root):
        if not stat.S_ISDIR(os.lstat(root).st_mode):
            return Belief(doubt="it is no folder, or a link to one")
        with Tree(root) as tree:
            try:
                trusted = trusted or _is_roots(tree, root)
                manifest = _believed(tree, seal, trusted=trusted, packed=packed)
                return Belief(manifest, marked=True, trusted=trusted)
            except _Doubt as doubt:
                return Belief(doubt=str(doubt), marked=_is_marked(tree))


def read_manifest(root: str, seal: Seal) -> Manifest | None:
    """Give what envsync placed in the environment at `root`; None where nothing is believed.

    Raises `StorageFailed`.
    """
    return examine(root, seal).manifest if os.path.lexists(root) else None


def holds_nothing(root: str) -> bool:
    """Say whether a folder has no file in it, as one that was half removed may.

    Not counted is what a first sync that died had begun with: a state is kept in any case. Raises
    `StorageFailed` if it can't be read.
    """
    if os.path.islink(root) or not os.path.isdir(root):
        return False
    waiting = [root]
    with storage_errors(root):
        while waiting:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        return False
                    if entry.path not in (f"{root}/{_OF_DISK}", f"{root}/{STATE}"):
                        waiting.append(entry.path)
    return True


def _believed(tree: Tree, seal: Seal, *, trusted: bool, packed: bool) -> Manifest:
    if not tree.is_folder(STATE):
        raise _Doubt(f"it has no {STATE}")
    data = tree.read(f"{STATE}/manifest", _LIMIT)
    if data is None:
        raise _Doubt("its manifest is missing")
    try:
        manifest = parse_manifest(data, seal, trusted=trusted, packed=packed)
        read_journal(tree, seal)
    except ManifestInvalid as error:
        raise _Doubt(f"its manifest {error}") from error
    except JournalInvalid as error:
        raise _Doubt(f"its journal {error}") from error
    if id_in(tree) != manifest.environment_id:
        raise _Doubt("its identity is missing or another")
    if wrong := journal.no_folder(tree):
        raise _Doubt(f"its {wrong} is no folder")
    return manifest


def _is_roots(tree: Tree, root: str) -> bool:
    """Say whether nobody but root, who is somebody else, can have written the manifest."""
    if is_root():
        return False
    above = list(_folders_to(os.path.realpath(root)))
    own = [tree.find(STATE), tree.find(f"{STATE}/manifest")]
    if not all(status is not None and only_root_writes(status) for status in own):
        return False
    # In a sticky folder (/tmp) nobody takes away what is another's.
    return all(only_root_writes(os.stat(folder), sticky=True) for folder in above)


def _folders_to(path: str) -> Iterator[str]:
    while path != "/":
        yield path
        path = os.path.dirname(path)
    yield path


def _is_marked(tree: Tree) -> bool:
    """Say whether an environment carries a mark of envsync's, though it isn't believed."""
    state = (f"{STATE}/id", f"{STATE}/manifest")
    if tree.is_folder(STATE) and any(map(tree.find, state)):
        return True
    return any(is_mark(name, tree.read(name, _CONFIG_LIMIT) or b"") for name in MARKED)
