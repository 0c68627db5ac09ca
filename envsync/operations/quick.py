"""Sync from what is remembered: for a lock whose meaning is known and wheels that are in store."""

from collections.abc import Mapping, Sequence

from envsync.environment.key import UserKey
from envsync.events import Reporter
from envsync.lock.pins import Pinned
from envsync.project.paths import Project
from envsync.project.request import SyncRequest
from envsync.settings import Settings
from envsync.store.entries import StoreReader
from envsync.store.manifest import StoredWheel
from envsync.sync import apply as steps
from envsync.sync.desired import DesiredEnvironment
from envsync.sync.location import lies_at
from envsync.sync.outcome import SyncOutcome
from envsync.sync.remembered import recall
from envsync.sync.store_lookup import CheckDepth, all_in_store


def quick_sync(
    project: Project, request: SyncRequest, settings: Settings, reporter: Reporter
) -> SyncOutcome | None:
    """Sync without parsing env.toml or the lock; None when their meaning isn't known.

    The caller holds the project's lock. Raises what a sync raises.
    """
    if not request.is_plain() or settings.refresh:
        return None
    goal = recall(project, request, settings)
    if goal is None:
        return None
    goal = goal.at(lies_at(project, goal.root, settings))
    key = UserKey(settings)
    with steps.locked(goal.folder, settings.cache_dir, reporter, key.seal()) as recovered:
        outcome = steps.sync(
            goal,
            lambda pins, depth: _fetch(pins, depth, goal, project, settings, reporter),
            reporter,
            key=key,
            force=request.force,
            glance=request.glance,
            cache_dir=settings.cache_dir,
        )
    return outcome._replace(recovered=recovered)


def _fetch(
    pins: Sequence[Pinned],
    depth: CheckDepth,
    goal: DesiredEnvironment,
    project: Project,
    settings: Settings,
    reporter: Reporter,
) -> Mapping[str, StoredWheel]:
    """Take wheels from the store; what is missing there needs everything else after all."""
    stored = all_in_store(StoreReader(settings.cache_dir), pins, depth)
    if stored is not None:
        return stored
    # Network, resolver and builds are loaded only for what is not in the store.
    from envsync.acquire.package_sources import Supply  # noqa: PLC0415
    from envsync.project.env_toml import read_spec  # noqa: PLC0415

    spec, _ = read_spec(project)
    with Supply(project.root, spec, settings, reporter) as supply:
        return supply.fetch(pins, goal.target, depth=depth, beside=goal.pins)
