"""Commit a change of an environment with its companion files, and finish what a death left undone.

env.toml and the lock are the companions: they change with the environment or not at all. They are
written right before the commit, so that a death between the two leaves a new lock beside an old
environment, which the next sync brings up to it; the other way round, the next sync would go back.
"""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from envsync.environment import journal, replace
from envsync.environment.belief import examine
from envsync.environment.change import Change
from envsync.environment.paths import STATE
from envsync.environment.placing import ChangeTimes
from envsync.environment.seal import Seal
from envsync.environment.tree import Tree
from envsync.events import SILENT, Reporter
from envsync.platform.files import storage_errors
from envsync.project.texts import Text, Written, write_or_put_back


class Committed(NamedTuple):
    """What a commit came to."""

    began_ns: int
    """The moment between the companions and the commit."""
    times: ChangeTimes
    written: frozenset[str]
    """The paths of the companions that had to be written."""


def commit(change: Change, companions: Sequence[Text] = ()) -> Committed:
    """Write the companion files and make a change the one in force.

    A failure leaves all of it as it was, unless the commit itself was done: then what it began is
    finished by the next envsync command, and the companions stay. Raises `StorageFailed`, and
    `EnvsyncError` for a companion that somebody changed meanwhile.
    """
    written = Written()
    try:
        written = write_or_put_back(companions)
        began_ns = time.time_ns()
        times = change.commit()
    except BaseException:
        # Asked of the disk: an error may come after the journal's rename as well as before it.
        if not is_interrupted(change.root, change.seal):
            change.discard()
            written.put_back()
        raise
    return Committed(began_ns, times, written.paths)


def recover(root: str, seal: Seal, reporter: Reporter = SILENT) -> bool:
    """Bring an environment that a dead process left half-way to a whole state, old or new.

    The caller holds the environment's lock. Gives True when there was something to finish.
    Raises `StorageFailed`.
    """
    with storage_errors(root):
        try:
            was_replaced = replace.recover_beside(root, seal, reporter)
        except FileNotFoundError:
            return False
        return _finish_inside(root, seal) or was_replaced


def _finish_inside(root: str, seal: Seal) -> bool:
    """Finish what the environment's own journal says, or drop what never counted."""
    if os.path.islink(root) or not os.path.isdir(root):
        return False
    # The journal first: what it names lies in the stage, which is thrown away where there is none.
    if journal.recover(root, seal):
        return True
    with Tree(root) as tree:
        is_untidy = tree.is_folder(STATE) and journal.has_leftovers(tree)
        # What lies in a stranger's state is not ours to throw away.
        if is_untidy and examine(root, seal).manifest is not None:
            with suppress(OSError):  # they never counted, and the next sync tries again
                journal.drop_leftovers(tree)
    return False


def is_interrupted(root: str, seal: Seal) -> bool:
    """Say, without changing anything, whether `recover` would have something to finish.

    Where that can't be known, it may have: nothing is thrown away then.
    """
    try:
        # Before the folder is looked at: between the two renames there is none.
        if replace.is_half_replaced(root, seal):
            return True
        if os.path.islink(root) or not os.path.isdir(root):
            return False
        return journal.is_committed(root, seal)
    except FileNotFoundError:
        return False
    except OSError:
        return True
