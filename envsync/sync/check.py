"""Check an environment against what it is to be, and change nothing: `--check`, `--dry-run`."""

import os
from collections.abc import Callable, Iterable, Mapping

from envsync.environment import transaction
from envsync.environment.manifest import Owner
from envsync.environment.seal import Seal
from envsync.errors import EnvDiffers, Remedy
from envsync.sync.desired import DesiredEnvironment
from envsync.sync.observe import compared, observe
from envsync.sync.outcome import SyncOutcome

REPAIR = Remedy(["sync", "--verify"], " looks at every byte and repairs")


FalsePackages = Callable[[DesiredEnvironment, Mapping[str, Owner]], Iterable[str]]
"""Says of which packages in place a lock says otherwise (`sync.metadata_check`), a line each."""


def check(
    desired: DesiredEnvironment,
    seal: Seal,
    cache_dir: str | None,
    false: FalsePackages = lambda *_: (),
    *,
    verify: bool = False,
) -> SyncOutcome:
    """Compare the environment with what is desired, with `verify` every byte of it.

    `false` says of which packages the lock says otherwise than they do. Raises `EnvDiffers` when
    they differ, or when a sync that was interrupted must be finished.
    """
    observed = observe(desired, seal, cache_dir, force=True, verify=verify)
    comparison = compared(desired, observed)
    name = os.path.basename(desired.root)
    # Asked after the look, and no lock is held: a sync that began meanwhile is seen by its journal.
    if transaction.is_interrupted(desired.folder, seal):
        raise EnvDiffers(name, ["! a sync was interrupted", *comparison.lines()])
    if observed.manifest is None:
        what = observed.reason or "there is no environment"
        raise EnvDiffers(name, [f"! {what}", *comparison.lines()])
    if not comparison.is_empty():
        hint = REPAIR if verify else None
        raise EnvDiffers(name, comparison.lines(), hint=hint)
    lies = [f"! {line}" for line in false(desired, observed.manifest.packages())]
    if lies:
        raise EnvDiffers(name, lies, hint=Remedy(["sync"], " refuses them, and says what to do"))
    return SyncOutcome(root=desired.root, comparison=comparison, created=False)


def preview(
    desired: DesiredEnvironment, seal: Seal, cache_dir: str, *, force: bool = False
) -> SyncOutcome:
    """Say what a sync would do, and change nothing. Raises `TargetRefused`."""
    observed = observe(desired, seal, cache_dir, force=force)
    comparison = compared(desired, observed)
    return SyncOutcome(
        root=desired.root,
        comparison=comparison,
        created=observed.manifest is None,
        reason=observed.reason,
    )
