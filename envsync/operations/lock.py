"""One page: what `lock` does, step by step."""

import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple

from packaging.pylock import Pylock
from packaging.specifiers import SpecifierSet

from envsync.acquire.public_index import public_index
from envsync.catalog.resolver_input import (
    covered_environments,
    markers_within_reason,
    resolve_policy,
    wanted,
)
from envsync.errors import (
    LockInvalid,
    LockMissing,
    LockOutdated,
    LockTooNew,
    NoSolution,
    NotSupported,
    PathRefused,
    StorageFailed,
)
from envsync.events import Reporter
from envsync.lock.compare import Change, changes, check_hashes, preferences
from envsync.lock.coverage import Gap, gaps
from envsync.lock.evidence import evidence_of
from envsync.lock.fingerprint import put_together, stale_reasons, tool_table
from envsync.lock.origins import same_index, unfounded
from envsync.lock.pylock import to_pylock
from envsync.lock.read import (
    CREATED_BY,
    MAX_BYTES,
    ReadingPolicy,
    parse_lock,
    reading_policy,
)
from envsync.lock.salvage import salvage
from envsync.lock.text import render
from envsync.model.resolution import Resolution
from envsync.platform.files import read_limited, storage_errors
from envsync.project.interpreter import find_interpreter
from envsync.project.local_files import altered, refuse_altered
from envsync.project.local_metadata import metadata_digest
from envsync.project.paths import Project
from envsync.project.request import LockOptions
from envsync.project.texts import Text
from envsync.resolve.candidates import may_build
from envsync.resolve.universal import resolve
from envsync.settings import Settings
from envsync.spec.declared import declared_sources
from envsync.spec.model import Spec
from envsync.spec.pending import unsupported
from envsync.spec.times import exclude_newer_time


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
    restated: Callable[[Spec], Pylock] | None = None
    """Gives the lock of the same resolution for another env.toml, one that it satisfies too."""

    def texts(self) -> list[Text]:
        """Give what is to be written of it: nothing where it stands on disk already."""
        return [] if self.fresh else [Text(self.path, self.data)]


def read_lock(
    project: Project, policy: ReadingPolicy, reporter: Reporter
) -> tuple[Pylock, bytes] | None:
    """Read the project's lock; None when there is none. Raises `LockInvalid`, `StorageFailed`."""
    data = _read_bytes(project)
    if data is None:
        return None
    name = os.path.basename(project.lock_path)
    return parse_lock(data, path=name, policy=policy, reporter=reporter), data


def _read_bytes(project: Project) -> bytes | None:
    with storage_errors(project.lock_path):
        try:
            return read_limited(project.lock_path, MAX_BYTES)
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise LockInvalid(os.path.basename(project.lock_path), str(error)) from error


def _salvage(project: Project, policy: ReadingPolicy) -> Pylock | None:
    """What there is of a lock that can't be read as a whole; None where there is nothing."""
    with suppress(LockInvalid):
        data = _read_bytes(project)
        return salvage(data, policy=policy) if data else None
    return None


def why_stale(project: Project, spec: Spec, pylock: Pylock, settings: Settings) -> tuple[str, ...]:
    """Say why a lock doesn't answer env.toml, or the project's files; a phrase each.

    The first kind of reason that there is: env.toml changed; it doesn't lead to what is in the
    lock; a local project changed; a file is not what was locked.
    """
    reasons = _why_unanswered(project, spec, pylock, settings)
    return reasons or tuple(one.reason for one in altered(project.root, pylock))


def _why_unanswered(
    project: Project, spec: Spec, pylock: Pylock, settings: Settings
) -> tuple[str, ...]:
    try:
        reasons = (
            stale_reasons(spec, pylock)
            or unfounded(spec, pylock, lambda url: _is_default_index(url, settings))
            or tuple(put_together(spec, pylock))
        )
    except ValueError as error:  # `packaging` reads markers that nothing can evaluate
        reasons = (f"a marker in it has no meaning: {error}",)
    return reasons or (
        *_changed_projects(pylock, project, spec),
        *_refuted_projects(pylock, project, settings),
    )


def refuse_stale(project: Project, spec: Spec, pylock: Pylock | None, settings: Settings) -> None:
    """See that a lock answers env.toml and the project's files. Raises `LockOutdated`."""
    name = os.path.basename(project.lock_path)
    if pylock is None:
        raise LockMissing(name)
    refuse_unanswered(project, spec, pylock, settings)
    found = tuple(altered(project.root, pylock))
    if found:
        raise LockOutdated(name, [one.reason for one in found], hint=found[0].hint)


def refuse_unanswered(project: Project, spec: Spec, pylock: Pylock, settings: Settings) -> None:
    """See that a lock answers env.toml, whatever files hold. Raises `LockOutdated`."""
    reasons = _why_unanswered(project, spec, pylock, settings)
    if reasons:
        raise LockOutdated(os.path.basename(project.lock_path), reasons)


def _is_default_index(url: str, settings: Settings) -> bool:
    chosen = settings.default_index
    return (chosen is not None and same_index(url, chosen)) or same_index(url, public_index())


_LOCAL = "local-projects"


def _local_projects(project: Project, spec: Spec) -> list[dict[str, str]]:
    """Name each local source with the hash of what decides its metadata, which is in the lock."""
    found = []
    for name, sources in sorted(spec.sources.items()):
        for source in sources:
            if source.kind == "path":
                folder = os.path.join(source.location, source.subdirectory or "")
                digest = ""
                with suppress(PathRefused, StorageFailed):
                    digest = metadata_digest(project.root, folder)
                found.append({"name": name, "sha256": digest})
    return found


def _changed_projects(pylock: Pylock, project: Project, spec: Spec) -> Iterator[str]:
    """Say of which local sources other metadata is to be expected than was locked."""
    recorded, found = tool_table(pylock).get(_LOCAL) or [], _local_projects(project, spec)
    before = recorded if isinstance(recorded, list) else []
    for name in dict.fromkeys(row["name"] for row in found if row not in before):
        yield f"the project files of {name} changed: pyproject.toml, setup.*, or what they name"
    if before != found and all(row in before for row in found):
        yield "a local source has gone"


def _refuted_projects(pylock: Pylock, project: Project, settings: Settings) -> Iterator[str]:
    """Say of which local folders a build gave metadata that doesn't fit what was locked."""
    for package in pylock.packages:
        if package.directory is not None:
            from envsync.project.refuted import is_refuted  # noqa: PLC0415  (few have one)

            row = package.directory
            folder = os.path.join(project.root, row.path, row.subdirectory or "")
            if is_refuted(settings.cache_dir, folder, evidence_of(package).facts):
                yield f"the last build of {package.name} gave other metadata than is locked"


def _with_local_projects(pylock: Pylock, project: Project, spec: Spec) -> Pylock:
    local = _local_projects(project, spec)
    if not local:
        return pylock
    tool = {**(pylock.tool or {}), "envsync": {**tool_table(pylock), _LOCAL: local}}
    return dataclasses.replace(pylock, tool=tool)


def make_lock(
    project: Project,
    spec: Spec,
    settings: Settings,
    reporter: Reporter,
    options: LockOptions = LockOptions(),  # noqa: B008  (immutable)
    *,
    repair: bool = False,
) -> LockOutcome:
    """Lock a project: give the lock on disk when it is up to date, else resolve a new one.

    Nothing is written. With `repair`, a lock that can't be read as a whole is as old as one that
    answers nothing, with a warning, but for one of a newer format; else raises `LockInvalid`.
    Raises `NoSolution`, `PackageNotFound`, `IndexFailed` and the like.
    """
    started = time.monotonic()
    refuse_pending(spec)
    reading = reading_policy(spec, settings.insecure_hosts)
    try:
        before = read_lock(project, reading, reporter)
        old = before[0] if before else None
    except LockTooNew:
        raise
    except LockInvalid as error:
        if not repair:
            raise
        before, old = None, _salvage(project, reading)
        kept = "pins that can be read are kept where they fit" if old else "nothing of it is kept"
        reporter.warn(f"{error}; it is made anew, {kept}")
    if before and not options.upgrade and _stands(project, spec, before[0], settings):
        return LockOutcome(project.lock_path, before[0], before[1], fresh=True)
    if old is not None and old.created_by != CREATED_BY:
        reporter.warn(
            f"{os.path.basename(project.lock_path)} was made by {old.created_by}; a lock made from "
            "env.toml takes its place (`--frozen` installs it as it stands)"
        )
    with markers_within_reason(spec):
        answer = _resolve(project, spec, settings, reporter, options, old)
        pylock = answer.state(spec)
    if isinstance(options.upgrade, frozenset):
        for name in sorted(options.upgrade - {package.name for package in pylock.packages}):
            reporter.warn(f"--upgrade-package {name}: the lock has no such package")
    if old is not None:
        check_hashes(old, pylock, trusted=_trusted(spec, options))
    data = render(pylock).encode()
    return LockOutcome(
        path=project.lock_path,
        pylock=pylock,
        data=data,
        fresh=False,
        changes=changes(old, pylock),
        notices=answer.notices,
        gaps=answer.gaps,
        seconds=time.monotonic() - started,
        restated=answer.state,
    )


def _stands(project: Project, spec: Spec, pylock: Pylock, settings: Settings) -> bool:
    """Say whether a lock needs no new one; an altered file is refused as by `check_hashes`."""
    if _why_unanswered(project, spec, pylock, settings):
        return False
    return refuse_altered(project.root, pylock, may_lack=True)


def _trusted(spec: Spec, options: LockOptions) -> frozenset[str]:
    """Packages whose file may be another one than was locked: by name, or by its hash."""
    upgraded = options.upgrade if isinstance(options.upgrade, frozenset) else frozenset()
    return upgraded | {
        name
        for name, sources in declared_sources(spec).items()
        if all(source.kind == "url" and "#" in source.location for source in sources)
    }


def restate(outcome: LockOutcome, spec: Spec) -> LockOutcome:
    """Give the lock of the same resolution for an env.toml that the resolution satisfies too."""
    if outcome.restated is None:
        return outcome
    pylock = outcome.restated(spec)
    return outcome._replace(pylock=pylock, data=render(pylock).encode())


def refuse_pending(spec: Spec) -> None:
    """Refuse keys that have no effect yet, rather than ignore them. Raises `NotSupported`."""
    keys = unsupported(spec)
    if keys:
        these = "it" if len(keys) == 1 else "them"
        raise NotSupported(", ".join(keys), hint=f"take {these} out of env.toml")


class _Answer(NamedTuple):
    """What a resolution came to."""

    state: Callable[[Spec], Pylock]
    """Gives the lock for env.toml, or for another one that the resolution satisfies too."""
    notices: tuple[str, ...]
    gaps: tuple[Gap, ...]


def _resolve(
    project: Project,
    spec: Spec,
    settings: Settings,
    reporter: Reporter,
    options: LockOptions,
    old: Pylock | None,
) -> _Answer:
    # What talks to the network is imported only where something must be resolved.
    from envsync.acquire.package_sources import Supply  # noqa: PLC0415
    from envsync.catalog.memory import keep_locked  # noqa: PLC0415

    requires_python = spec.requires_python or _minor_of(project, spec, settings, reporter)
    environments = covered_environments(spec, requires_python)
    now = datetime.now(UTC)
    newest = exclude_newer_time(spec.lock.exclude_newer, now) if spec.lock.exclude_newer else None
    policy = resolve_policy(spec, environments, newest, options)
    kept = preferences(old) if old else {}

    def attempt(renewed: bool | frozenset[str]) -> Resolution:
        """Resolve; from nothing that was cached unasked where that gives no solution."""
        with Supply(project.root, spec, settings, reporter, renewed=renewed) as supply:
            try:
                found = resolve(
                    tuple(wanted(spec)),
                    environments=environments,
                    policy=policy,
                    preferences=kept,
                    catalog=supply.catalog(policy, kept),
                    reporter=reporter,
                )
                return supply.hashed(found, old)
            except NoSolution as error:
                if not supply.has_believed():
                    raise supply.explained(error) from None
        return attempt(True)

    reporter.begin("resolving")
    try:
        resolution = attempt(options.renewed())
    finally:
        reporter.end("resolving")
    reporter.detail(f"{resolution.rounds} rounds for {len(resolution.packages)} packages")
    keep_locked(settings.cache_dir, resolution.packages)

    def state(spec: Spec) -> Pylock:
        pylock = to_pylock(resolution, spec, requires_python=requires_python, exclude_newer=newest)
        return _with_local_projects(pylock, project, spec)

    missing = gaps(resolution, lambda name: may_build(name, policy))
    return _Answer(state, resolution.notices, missing)


def _minor_of(project: Project, spec: Spec, settings: Settings, reporter: Reporter) -> SpecifierSet:
    """Cover the chosen interpreter's minor version and newer where env.toml says nothing."""
    target = find_interpreter(spec.python, None, project.root, settings, reporter)
    major, minor = target.version.split(".")[:2]
    return SpecifierSet(f">={major}.{minor}")
