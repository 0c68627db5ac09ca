"""What a sync of an environment came to, or would come to."""

from typing import NamedTuple

from envsync.environment.plan import Comparison


class SyncOutcome(NamedTuple):
    """What a sync did, or would do."""

    root: str
    comparison: Comparison
    created: bool
    """The environment was made anew."""
    reason: str = ""
    """Why it was made anew, when there was one before."""
    recovered: bool = False
    """A sync that had been interrupted was finished first."""
    written: frozenset[str] = frozenset()
    """The paths of env.toml and the lock, as far as they changed with it."""
    uncompiled: tuple[str, ...] = ()
    """The wheels, by their sha256, that were linked without compiled files beside them."""
