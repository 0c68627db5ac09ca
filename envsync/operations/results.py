"""What operations came to, as values that cost nothing to import."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from envsync.operations.lock_file import LockOutcome
    from envsync.sync.outcome import SyncOutcome


class Synced(NamedTuple):
    """What a sync did, or would do."""

    outcome: "SyncOutcome"
    lock: "LockOutcome | None" = None
    """None: the lock on disk was taken as it was remembered."""
    wrote_lock: bool = False
