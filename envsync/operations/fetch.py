"""One page: what `fetch` does, step by step: a lock's files for some environments into a folder."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envsync.acquire.package_sources import PackageSources
from envsync.acquire.wheelhouse import Fetched, fill
from envsync.errors import UsageError
from envsync.events import Reporter
from envsync.lock.builds import LockedBuild, build_for, locked_builds
from envsync.lock.pins import Pinned
from envsync.lock.select import select
from envsync.model.platforms import (
    Platform,
    Python,
    first_patch,
    platform_of,
    python_of,
    read_platform,
    read_python,
    target_on,
)
from envsync.model.target import Target
from envsync.operations.desired import lock_for_sync, pins_for
from envsync.operations.lock_file import LockOutcome, write_with_lock
from envsync.project.env_toml import read_spec
from envsync.project.interpreter import find_interpreter
from envsync.project.local_files import take
from envsync.project.locks import project_lock
from envsync.project.paths import Project
from envsync.project.request import SyncRequest
from envsync.settings import Settings
from envsync.spec.model import Spec


class Wanted(NamedTuple):
    """What a folder is to hold files for."""

    folder: str
    """Absolute."""
    platforms: tuple[str, ...] = ()
    """Names; none is this machine's."""
    pythons: tuple[str, ...] = ()
    """Versions of CPython; none is the project's interpreter's."""
    request: SyncRequest = SyncRequest()


class FetchOutcome(NamedTuple):
    """What a `fetch` came to."""

    lock: LockOutcome
    wrote_lock: bool
    fetched: Fetched
    environments: int
    left_out: tuple[str, ...]
    """What those environments need and no folder of files can hold, in words."""


def fetch_project(
    project: Project, wanted: Wanted, settings: Settings, reporter: Reporter
) -> FetchOutcome:
    """Lock if needed, and put what the lock needs for some environments into a folder.

    Raises what locking and downloading raise, `UsageError` for platforms and versions that there
    are not, `NoMatchingFile` where a package has nothing for one of them.
    """
    with project_lock(project, settings.cache_dir, reporter):
        spec, _ = read_spec(project)
        request = wanted.request
        lock = lock_for_sync(
            project, spec, settings, reporter, trust=request.trust, options=request.lock
        )
        requires = spec.requires_python or lock.pylock.requires_python
        targets = list(_targets(project, spec, requires, wanted, settings, reporter))
        name = os.path.basename(lock.path)
        builds = locked_builds(lock.pylock.tool)
        pins = [
            pin
            for target in targets
            for pin in _with_builds(
                pins_for(lock.pylock, target, request.selection, spec, path=name), builds, target
            )
        ]
        with PackageSources(project.root, spec, settings, reporter) as sources:
            fetched = fill(
                wanted.folder,
                pins,
                sources.client,
                copy_local=lambda pin, folder: take(pin, project.root, folder),
                waiting=lambda: reporter.note(f"waiting for another fetch into {wanted.folder}"),
                lock=(name, lock.data),
            )
        written = write_with_lock([], lock)
    return FetchOutcome(lock, written, fetched, len(targets), tuple(_left_out(pins, builds)))


def _with_builds(
    pins: Iterable[Pinned], builds: Sequence[LockedBuild], target: Target
) -> Iterator[Pinned]:
    """Give pins, and behind one that is built what its build requires, as far as it is locked."""
    for pin in pins:
        yield pin
        build = None if pin.is_wheel else build_for(builds, canonicalize_name(pin.name))
        if build is not None:
            yield from _with_builds(select(build.pylock, target), builds, target)


def _targets(
    project: Project,
    spec: Spec,
    requires: SpecifierSet | None,
    wanted: Wanted,
    settings: Settings,
    reporter: Reporter,
) -> Iterator[Target]:
    """Give every platform with every Python; the interpreter itself where neither is named."""
    platforms = [_read_platform(text) for text in wanted.platforms]
    pythons = [_read_python(text) for text in wanted.pythons]
    if platforms and pythons:
        yield from (_one(one, python, requires) for one in platforms for python in pythons)
        return
    here = find_interpreter(spec.python, requires, project.root, settings, reporter)
    if not platforms and not pythons:
        yield here
    own = python_of(here)
    yield from (_one(one, own, requires) for one in platforms)
    yield from (_one(platform_of(here), python, requires) for python in pythons)


def _read_platform(text: str) -> Platform:
    try:
        return read_platform(text)
    except ValueError as error:
        raise UsageError(f"--platform {text}: {error}", hint="--platform linux") from error


def _read_python(text: str) -> Python:
    try:
        return read_python(text)
    except ValueError as error:
        raise UsageError(f"--python {text}: {error}", hint="--python 3.12") from error


def _one(platform: Platform, python: Python, requires: SpecifierSet | None) -> Target:
    """Give the first patch version that env.toml admits, where none is said."""
    patch = first_patch(
        python, lambda version: requires is None or requires.contains(version, prereleases=True)
    )
    if patch is None:
        raise UsageError(
            f"--python: Python {python.version(0)} is not in requires-python, {requires}",
            hint="name another one, or change [env] requires-python in env.toml",
        )
    return target_on(platform, python, patch)


def _left_out(pins: Sequence[Pinned], builds: Sequence[LockedBuild]) -> Iterator[str]:
    """Say what is not in the folder, once each."""
    yield from dict.fromkeys(
        f"{pin.name} is {pin.kind} {pin.url or pin.path}, which is no file: it is not in the folder"
        for pin in pins
        if not pin.filename and pin.kind == "vcs"
    )
    sources = {canonicalize_name(pin.name) for pin in pins if not pin.is_wheel}
    built = sorted(name for name in sources if build_for(builds, name) is None)
    if built:
        yield (
            f"{', '.join(built)} will be built from source, and the lock has nothing of what that "
            "requires: put wheels of it into the folder, if it is anything"
        )
