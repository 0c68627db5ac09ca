"""An environment's folder held open: its folders as envsync makes them, and whole ones removed."""

import os
import stat

from envsync.environment.modes import is_as_made, permissions
from envsync.environment.paths import HIDING
from envsync.platform.open_folder import OpenFolder


class Tree(OpenFolder):
    """Changes below the folder of an environment, by paths relative to it."""

    def settle(self, path: str) -> None:
        """Give a folder the permissions of every folder that envsync makes; "" is the root.

        One that is gone, or no folder any more, is left alone.
        """
        there = self.find(path) if path else self.status()
        if there is None or not stat.S_ISDIR(there.st_mode) or is_as_made(there.st_mode):
            return
        self.set_folder_mode(path, permissions(there.st_mode))

    def remove(self, path: str) -> None:
        """Remove a file, link or whole folder; what is missing is fine.

        Folders that their owner may not write to are made writable first. What hides a folder from
        version control stays until nothing else is in it.
        """
        there = self.find(path)
        if there is None:
            return
        if not stat.S_ISDIR(there.st_mode):
            self.remove_file(path)
            return
        waiting = [path]
        while waiting:
            if _is_closed(self.find(waiting[-1])):
                self.settle(waiting[-1])
            below = self.empty(waiting[-1], last=HIDING)
            if not below:
                self.remove_folder(waiting.pop())
            waiting += below


def _is_closed(folder: os.stat_result | None) -> bool:
    """Say whether a folder's own permissions keep its owner from removing what is in it."""
    return folder is not None and folder.st_mode & 0o700 != 0o700
