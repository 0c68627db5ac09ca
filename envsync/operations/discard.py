"""What earlier syncs set aside, deleted when the user asks for it."""

from collections.abc import Collection

from envsync.environment.key import UserKey
from envsync.environment.paths import QUARANTINE
from envsync.environment.tree import Tree
from envsync.events import Reporter, Stage, during
from envsync.platform.files import storage_errors
from envsync.project.locks import project_lock
from envsync.project.paths import Project
from envsync.settings import Settings
from envsync.sync.apply import locked
from envsync.sync.location import lies_at


def discard_quarantine(
    project: Project, root: str, settings: Settings, reporter: Reporter
) -> Collection[str]:
    """Delete what earlier syncs of the environment at `root` set aside; gives the paths of the
    folders that went.

    Raises as `project_lock`, `lies_at` and `locked` do.
    """
    cache_dir, seal = settings.cache_dir, UserKey(settings).seal()
    with project_lock(project, cache_dir, reporter):
        folder = lies_at(project, root, settings)
        with (
            locked(folder, cache_dir, reporter, seal),
            storage_errors(folder),
            Tree(folder) as tree,
        ):
            if not tree.is_folder(QUARANTINE):
                return []
            names = sorted(tree.names(QUARANTINE))
            with during(Stage.DELETING, reporter):
                tree.remove(QUARANTINE)
    return [f"{folder}/{QUARANTINE}/{name}" for name in names]
