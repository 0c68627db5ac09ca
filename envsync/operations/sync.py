"""From a project's folder to its environment: read, lock if needed, choose, fetch, sync."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from envsync.acquire.package_sources import PackageSources
from envsync.environment.key import UserKey
from envsync.errors import BuildNotAllowed, MetadataDiffers
from envsync.events import SILENT, Reporter, Stage, during
from envsync.lock.builds import locked_builds
from envsync.operations.background import compile_for_others
from envsync.operations.desired import (
    desired_on_disk,
    lock_for_sync,
    make_desired,
    with_inputs,
)
from envsync.operations.lock import make_lock
from envsync.operations.lock_file import LockOutcome
from envsync.operations.results import Synced
from envsync.project.env_toml import read_spec
from envsync.project.paths import Project
from envsync.project.request import FROZEN, LOCKED, SyncRequest
from envsync.project.texts import Text
from envsync.settings import Settings
from envsync.spec.model import Spec
from envsync.sync import apply as steps
from envsync.sync.check import check, preview
from envsync.sync.location import lies_at, root_of
from envsync.sync.metadata_check import false_packages
from envsync.sync.outcome import SyncOutcome
from envsync.sync.remembered import remember


class SpecText(NamedTuple):
    """env.toml: its values and its text."""

    spec: Spec
    text: str


def sync_project(
    project: Project,
    request: SyncRequest,
    settings: Settings,
    reporter: Reporter,
    *,
    edited: Sequence[Text] = (),
    source: SpecText | None = None,
    lock: LockOutcome | None = None,
) -> Synced:
    """Bring lock and environment up to date; either both change or, on an error, none.

    The caller holds the project's lock. `edited` is what is to be written of env.toml, `source`
    stands in for what is on disk of it, `lock` for the lock.
    """
    spec, text = source or read_spec(project)
    seal = UserKey(settings).seal()
    folder = lies_at(project, root_of(project, spec.path, settings), settings)
    with steps.locked(folder, settings.cache_dir, reporter, seal) as recovered:
        given = SpecText(spec, text)
        answer = lock or lock_for_sync(
            project, spec, settings, reporter, trust=request.trust, options=request.lock
        )
        try:
            synced = _sync_to(answer, given, project, request, settings, reporter, edited)
        except MetadataDiffers:
            # A lock that was made just now, or is not to be made anew, has no second chance.
            if lock is not None or request.trust is not None or not answer.fresh:
                raise
            # The build of a local folder may just have shown that the lock is outdated.
            answer = make_lock(project, spec, settings, reporter, request.lock)
            if answer.fresh:
                raise
            synced = _sync_to(answer, given, project, request, settings, reporter, edited)
    return synced._replace(outcome=synced.outcome._replace(recovered=recovered))


def _sync_to(
    lock: LockOutcome,
    source: SpecText,
    project: Project,
    request: SyncRequest,
    settings: Settings,
    reporter: Reporter,
    edited: Sequence[Text],
) -> Synced:
    """Bring the environment to what a lock says."""
    spec = source.spec
    desired = make_desired(project, spec, lock, request.selection, settings, reporter)
    if request.trust != FROZEN:
        # A lock that is taken as it stands need not answer env.toml: no mark may say that it does.
        desired = with_inputs(desired, project, source.text, lock)
    leave = _with_leave(spec, request)
    open_sources = partial(PackageSources, project.lock_folder, leave, settings, reporter)
    with (
        _hint(project, request),
        open_sources(builds=locked_builds(lock.pylock.tool)) as sources,
    ):
        outcome = steps.sync(
            desired.unmarked_if(settings.compile_bytecode is not None),
            lambda pins, depth: sources.fetch(
                pins, desired.target, depth=depth, beside=desired.pins
            ),
            reporter,
            key=UserKey(settings),
            force=request.force,
            glance=request.glance,
            cache_dir=settings.cache_dir,
            verify=request.verify,
            companions=(*edited, *lock.texts()),
        )
        if request.trust != FROZEN:
            remember(desired, project, request, settings)
    compile_for_others(outcome, desired, settings, reporter)
    return Synced(outcome, lock, lock.path in outcome.written)


def _with_leave(spec: Spec, request: SyncRequest) -> Spec:
    """Allow the builds that the command line allows, too."""
    allow = spec.build.allow | request.allow_build
    return spec._replace(build=spec.build._replace(allow=allow))


@contextmanager
def _hint(project: Project, request: SyncRequest) -> Iterator[None]:
    """Say how to give leave for a build where the lock is not made from env.toml."""
    try:
        yield
    except BuildNotAllowed as error:
        if request.trust == FROZEN:
            named = project.named_lock
            lock = shlex.join(["--lock", named]) if named is not None else "--frozen"
            error.hint = (
                f"a build runs the package's code: `envsync sync {lock} --allow-build "
                f'{error.name}` allows it this once, allow = ["{error.name}"] under [build] in '
                "env.toml for good"
            )
        raise


def check_project(
    project: Project, request: SyncRequest, settings: Settings, reporter: Reporter
) -> SyncOutcome:
    """Compare env.toml, lock and environment; change nothing and ask no index.

    Raises `LockOutdated` or `EnvDiffers`.
    """
    spec, _ = read_spec(project)
    trust = request.trust or LOCKED
    _, desired = desired_on_disk(project, spec, request.selection, settings, reporter, trust=trust)
    seal = UserKey(settings).seal()
    false = partial(false_packages, cache_dir=settings.cache_dir, reread=request.verify)
    with during(Stage.VERIFYING, reporter if request.verify else SILENT):
        return check(desired, seal, settings.cache_dir, false, verify=request.verify)


def preview_project(
    project: Project, request: SyncRequest, settings: Settings, reporter: Reporter
) -> Synced:
    """Say what a sync would do; a new lock is resolved when needed, but nothing is written."""
    spec, _ = read_spec(project)
    lock = lock_for_sync(
        project, spec, settings, reporter, trust=request.trust, options=request.lock
    )
    desired = make_desired(project, spec, lock, request.selection, settings, reporter)
    seal = UserKey(settings).seal()
    return Synced(preview(desired, seal, settings.cache_dir, force=request.force), lock)
