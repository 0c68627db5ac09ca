"""What earlier syncs set aside, deleted when the user asks for it."""

from collections.abc import Collection

from envsync.environment.paths import QUARANTINE
from envsync.environment.seal import Seal
from envsync.environment.tree import Tree
from envsync.events import Reporter
from envsync.platform.files import storage_errors
from envsync.sync.apply import locked


def discard_quarantine(
    root: str, cache_dir: str, reporter: Reporter, seal: Seal
) -> Collection[str]:
    """Delete what earlier syncs set aside; gives the paths of the folders that went.

    The caller holds the project's lock. Raises as `locked` does.
    """
    with locked(root, cache_dir, reporter, seal), storage_errors(root), Tree(root) as tree:
        if not tree.is_folder(QUARANTINE):
            return []
        names = sorted(tree.names(QUARANTINE))
        tree.remove(QUARANTINE)
    return [f"{root}/{QUARANTINE}/{name}" for name in names]
