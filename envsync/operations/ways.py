"""The short ways to a lock and an environment, and when each of them is taken.

Nothing that is known already is worked out again, nor is what would work it out imported. Each way
is taken where the one before can't answer:

0.  The stamp, in `__main__`: for exactly `envsync sync` and `envsync run CMD ...` in the folder of
    env.toml, where no variable of envsync's but the cache, the default index and an interpreter's
    full path is set, the words name no task or script with metadata of its own, and config.toml
    says nothing of environments. The no-op mark says that inputs and folders, for `sync` files too,
    are as the last sync left them: done, or the process becomes the command. Nothing of this folder
    is imported.
1.  The same mark, for `run` and `shell` with any option or variable (`root_in_sync`): the request
    wants nothing but the environment that the lock describes (`SyncRequest.is_plain`), the index is
    not to be asked again (`--refresh`), and compiling is not asked for or forbidden.
2.  The remembered meaning (`_from_memory`): these very bytes of env.toml and lock were synced
    before, for this selection and interpreter, and the request is as plain. The environment is
    compared and changed without parsing either; wheels come from the store, and only for one that
    isn't there are network, resolver and builds imported.
3.  Everything: `operations.sync.sync_project`.

`lock` has one short way of its own: this env.toml is known to be answered by this lock
(`lock_stands`), and nothing is asked for besides. For exactly `envsync lock` and `lock --check`, in
the folder of env.toml and where no other variable is set, `__main__` asks the same.
"""

from typing import TYPE_CHECKING

from envsync.project.answered import is_known_fresh
from envsync.project.paths import Project, may_be_workspace
from envsync.project.request import SyncRequest
from envsync.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envsync.events import Reporter
    from envsync.lock.pins import Pinned
    from envsync.operations.results import Synced
    from envsync.store.manifest import StoredWheel
    from envsync.sync.desired import DesiredEnvironment
    from envsync.sync.store_lookup import CheckDepth


def lock_stands(project: Project, settings: Settings) -> bool:
    """Say whether the lock on disk is known to be what a `lock` without options would write."""
    if may_be_workspace(project.spec_path):
        from envsync.project.workspace_mark import known  # noqa: PLC0415  (few are one)

        return known(project, settings) is not None
    return is_known_fresh(
        settings.cache_dir, settings.default_index, project.spec_path, project.lock_path
    )


def root_in_sync(project: Project, request: SyncRequest, settings: Settings) -> str | None:
    """Give the environment's folder when the no-op mark says that nothing is to be done for it.

    Looks at the inputs and folders, and at no file. None: a sync has to look.
    """
    if not request.is_plain() or settings.refresh or settings.compile_bytecode is not None:
        return None
    from envsync.environment import stamp  # noqa: PLC0415
    from envsync.sync.location import DEFAULT, root_of  # noqa: PLC0415

    root = root_of(project, DEFAULT, settings)
    selection = request.selection.line(settings.python)
    return root if stamp.is_current(settings.cache_dir, root, selection, files=False) else None


def bring_up_to_date(
    project: Project, request: SyncRequest, settings: Settings, reporter: "Reporter"
) -> "Synced":
    """Lock if needed and sync, from memory where that is enough. Raises what a sync raises."""
    from envsync.project.locks import project_lock  # noqa: PLC0415

    with project_lock(project, settings.cache_dir, reporter):
        known = _from_memory(project, request, settings, reporter)
        if known is not None:
            return known
        from envsync.operations.sync import sync_project  # noqa: PLC0415

        return sync_project(project, request, settings, reporter)


def _from_memory(
    project: Project, request: SyncRequest, settings: Settings, reporter: "Reporter"
) -> "Synced | None":
    """Sync without parsing env.toml or the lock; None when their meaning isn't known."""
    if not request.is_plain() or settings.refresh:
        return None
    from envsync.environment.key import UserKey  # noqa: PLC0415
    from envsync.operations.background import compile_for_others  # noqa: PLC0415
    from envsync.operations.results import Synced  # noqa: PLC0415
    from envsync.sync import apply as steps  # noqa: PLC0415
    from envsync.sync.location import lies_at  # noqa: PLC0415
    from envsync.sync.remembered import recall  # noqa: PLC0415

    desired = recall(project, request, settings)
    if desired is None:
        return None
    # Asked each time: a link of the user's may lead elsewhere by now, or have come with a clone.
    desired = desired.at(lies_at(project, desired.root, settings))
    desired = desired.unmarked_if(settings.compile_bytecode is not None)
    key = UserKey(settings)
    with steps.locked(desired.folder, settings.cache_dir, reporter, key.seal()) as recovered:
        outcome = steps.sync(
            desired,
            lambda pins, depth: _fetch(pins, depth, desired, project, settings, reporter),
            reporter,
            key=key,
            force=request.force,
            glance=request.glance,
            cache_dir=settings.cache_dir,
        )
    compile_for_others(outcome, desired, settings, reporter)
    return Synced(outcome._replace(recovered=recovered))


def _fetch(
    pins: "Sequence[Pinned]",
    depth: "CheckDepth",
    desired: "DesiredEnvironment",
    project: Project,
    settings: Settings,
    reporter: "Reporter",
) -> "Mapping[str, StoredWheel]":
    """Take wheels from the store; what is missing there needs everything else after all."""
    from envsync.store.entries import StoreReader  # noqa: PLC0415
    from envsync.sync.store_lookup import all_in_store  # noqa: PLC0415

    stored = all_in_store(StoreReader(settings.cache_dir), pins, depth)
    if stored is not None:
        return stored
    from envsync.acquire.package_sources import PackageSources  # noqa: PLC0415
    from envsync.lock.builds import locked_builds  # noqa: PLC0415
    from envsync.lock.reading import reading_policy  # noqa: PLC0415
    from envsync.operations.lock_file import read_lock  # noqa: PLC0415
    from envsync.project.env_toml import read_spec  # noqa: PLC0415

    spec, _ = read_spec(project)
    reading = reading_policy(spec, settings.insecure_hosts, settings.default_index)
    lock = read_lock(project, reading, reporter)
    builds = locked_builds(lock[0].tool) if lock else ()
    with PackageSources(project.root, spec, settings, reporter, builds=builds) as sources:
        return sources.fetch(pins, desired.target, depth=depth, beside=desired.pins)
