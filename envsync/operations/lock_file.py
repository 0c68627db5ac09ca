"""The lock on disk: read as it stands, salvaged, or written anew."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from packaging.pylock import Pylock

from envsync.errors import LockInvalid
from envsync.events import Reporter
from envsync.lock.compare import Change
from envsync.lock.coverage import Gap
from envsync.lock.read import MAX_BYTES, parse_lock
from envsync.lock.reading import ReadingPolicy
from envsync.lock.salvage import salvage
from envsync.platform.files import read_limited, storage_errors
from envsync.project.paths import Project
from envsync.project.texts import Text, write_together
from envsync.spec.model import Spec

if TYPE_CHECKING:
    from envsync.catalog.decisions import Decision


class LockOutcome(NamedTuple):
    """A lock that answers env.toml; nothing of it has been written yet."""

    path: str
    pylock: Pylock
    data: bytes
    """The file's text, canonical."""
    fresh: bool
    """The lock on disk was up to date already: `data` is what stands there."""
    changes: tuple[Change, ...] = ()
    notices: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    """Packages without a wheel for some of what the lock covers."""
    seconds: float = 0.0
    """That finding it took."""
    decision: "Decision | None" = None
    """What it rests on, where nothing else decided it; see `catalog.decisions`."""
    restated: Callable[[Spec], Pylock] | None = None
    """Gives the lock of the same resolution for another env.toml, one that it satisfies too."""

    @property
    def packages(self) -> int:
        """How many packages are locked."""
        return len(self.pylock.packages)

    def texts(self) -> list[Text]:
        """Give what is to be written of it: nothing where it stands on disk already."""
        return [] if self.fresh else [Text(self.path, self.data)]


def read_lock(
    project: Project, policy: ReadingPolicy, reporter: Reporter
) -> tuple[Pylock, bytes] | None:
    """Read the project's lock; None when there is none. Raises `LockInvalid`, `StorageFailed`."""
    data = lock_bytes(project)
    if data is None:
        return None
    name = os.path.basename(project.lock_path)
    return parse_lock(data, path=name, policy=policy, reporter=reporter), data


def lock_bytes(project: Project) -> bytes | None:
    """Give the text of the project's lock; None when there is none. Raises as `read_lock`."""
    with storage_errors(project.lock_path):
        try:
            return read_limited(project.lock_path, MAX_BYTES)
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise LockInvalid(os.path.basename(project.lock_path), str(error)) from error


def salvage_lock(project: Project, policy: ReadingPolicy) -> Pylock | None:
    """What there is of a lock that can't be read as a whole; None where there is nothing."""
    with suppress(LockInvalid):
        data = lock_bytes(project)
        return salvage(data, policy=policy) if data else None
    return None


def write_with_lock(spec: Sequence[Text], outcome: LockOutcome) -> bool:
    """Write what is to change of env.toml, and the lock; True when the lock was written."""
    return outcome.path in write_together([*spec, *outcome.texts()])
