"""One page: what `lock` does, step by step."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from packaging.pylock import Package, Pylock
from packaging.specifiers import SpecifierSet

from envsync.catalog.decisions import Decision
from envsync.catalog.resolver_input import (
    covered_environments,
    markers_within_reason,
    resolve_policy,
    root_requirements,
)
from envsync.errors import LockInvalid, LockTooNew, NoSolution
from envsync.events import Reporter
from envsync.lock.builds import LockedBuild
from envsync.lock.compare import (
    CommitOf,
    changes,
    check_hashes,
    locked_commits,
    preferences,
)
from envsync.lock.coverage import Gap, gaps
from envsync.lock.pylock import package_rows, with_rows
from envsync.lock.read import CREATED_BY
from envsync.lock.reading import ReadingPolicy, reading_policy
from envsync.lock.text import render
from envsync.model.resolution import RootRequirement
from envsync.operations.addition import Standing, extend, find_standing
from envsync.operations.freshness import keep_answer, refuse_stale, stands, with_local_projects
from envsync.operations.lock_file import LockOutcome, read_lock, salvage_lock, write_with_lock
from envsync.operations.old_locks import (
    locks_to_keep,
    refuse_other_bytes,
    refuse_other_than_declared,
    tell_kept,
    versions_of,
)
from envsync.operations.unchanged import (
    Asked,
    Unchanged,
    ask_pages,
    decisions_about,
    whole_text,
)
from envsync.project.env_toml import changed_spec, parse_project_spec, read_spec
from envsync.project.interpreter import find_interpreter
from envsync.project.locks import project_lock
from envsync.project.outside import told_outside
from envsync.project.paths import Project
from envsync.project.request import LockOptions
from envsync.project.workspace_mark import Answer
from envsync.resolve.candidates import ResolvePolicy, may_build
from envsync.resolve.region_view import Preferences
from envsync.resolve.universal import resolve
from envsync.settings import Settings
from envsync.spec.declared import declared_sources
from envsync.spec.locations import everywhere
from envsync.spec.model import Spec
from envsync.spec.times import newest_times
from envsync.spec.wording import near_miss

if TYPE_CHECKING:
    from envsync.acquire.package_sources import PackageSources


class Locked(NamedTuple):
    """What a `lock` came to."""

    outcome: LockOutcome | Unchanged
    written: bool = False


def lock_project(
    project: Project,
    options: LockOptions,
    settings: Settings,
    reporter: Reporter,
    *,
    allow_build: Sequence[str] = (),
    dry_run: bool = False,
) -> Locked:
    """Lock a project and write the lock; with `dry_run` nothing is written.

    `allow_build` names packages that may be built from now on: that goes into env.toml. Raises as
    `make_lock`.
    """
    begun = time.time_ns()
    # A dry run writes nothing, and waits for nobody.
    with nullcontext() if dry_run else project_lock(project, settings.cache_dir, reporter):
        spec, before = read_spec(project)
        text = before
        if allow_build:
            from envsync.spec.edit import allow_build as allowing  # noqa: PLC0415  (tomlkit: 39 ms)

            text = allowing(text, allow_build)
            spec = parse_project_spec(project, text.encode())
        decisions = decisions_about(whole_text(text, spec), settings, spec.inputs)
        may_stand = options.upgrade and not allow_build
        asking = ask_pages(project, spec, decisions, options, settings, reporter)
        with asking if may_stand else nullcontext(Asked()) as asked:
            if asked.unchanged is not None:
                return Locked(asked.unchanged)
            outcome = make_lock(
                project, spec, settings, reporter, options, repair=True, sources=asked.sources
            )
        if dry_run:
            return Locked(outcome)
        written = write_with_lock(changed_spec(project, before, text), outcome)
        if outcome.decision is not None:
            decisions.put(outcome.data, outcome.decision)
        answer = Answer(text.encode(), outcome.data, begun)
        keep_answer(project, spec, outcome.pylock, answer, settings)
    return Locked(outcome, written)


def check_lock(project: Project, settings: Settings, reporter: Reporter) -> None:
    """See that the lock answers env.toml and the project's files; no index is asked.

    Raises `LockOutdated`, and `LockInvalid`, `SpecInvalid` and `StorageFailed` as reading does.
    """
    spec, _ = read_spec(project)
    before = read_lock(project, _reading(spec, settings), reporter)
    refuse_stale(project, spec, before[0] if before else None, settings)


def make_lock(
    project: Project,
    spec: Spec,
    settings: Settings,
    reporter: Reporter,
    options: LockOptions = LockOptions(),  # noqa: B008  (immutable)
    *,
    repair: bool = False,
    sources: "PackageSources | None" = None,
    earlier: tuple[Spec, str] | None = None,
) -> LockOutcome:
    """Lock a project: give the lock on disk when it is up to date, else resolve a new one.

    `earlier` is env.toml before something was added to it, with its text.
    Nothing is written. With `repair`, a lock that can't be read as a whole is as old as one that
    answers nothing, with a warning, but for one of a newer format; else raises `LockInvalid`.
    `sources` that have just asked the indexes are used in the place of new ones.
    Raises `NoSolution`, `PackageNotFound`, `IndexFailed` and the like.
    """
    started = time.monotonic()
    before, old = _before(project, spec, settings, reporter, repair=repair)
    if before and not options.upgrade and stands(project, spec, before[0], settings):
        return LockOutcome(project.lock_path, before[0], before[1], fresh=True)
    if old is not None:
        _warn_of_another_maker(project, old, reporter)
    others = locks_to_keep(project, options, reporter) if old is None else ()
    with markers_within_reason(spec):
        problem = _problem(project, spec, settings, reporter, options, old, versions_of(others))
        if earlier is not None and before is not None:
            standing = find_standing(earlier, spec, before, problem.policy_of, settings)
            problem = problem._replace(standing=standing)
        answer = _answer(problem, spec, old, settings, reporter, sources, options.renewed())
        state = partial(problem.state, answer.packages, answer.builds)
        pylock = state(spec)
    if isinstance(options.upgrade, frozenset):
        names = sorted({package.name for package in pylock.packages})
        for name in sorted(options.upgrade.difference(names)):
            near = near_miss(name, names)
            reporter.warn(f"--upgrade-package {name}: the lock has no such package{near}")
    if old is not None:
        check_hashes(old, pylock, trusted=_trusted(spec, options))
    refuse_other_than_declared(spec, pylock)
    refuse_other_bytes(others, pylock)
    tell_kept(others, pylock, reporter)
    data = render(pylock, answer.before).encode()
    return LockOutcome(
        path=project.lock_path,
        pylock=pylock,
        data=data,
        fresh=False,
        changes=changes(old, pylock),
        notices=(*told_outside(spec), *answer.notices),
        gaps=answer.gaps,
        seconds=time.monotonic() - started,
        decision=answer.decision,
        restated=state,
    )


def _reading(spec: Spec, settings: Settings) -> ReadingPolicy:
    """Read a lock wherever it leads: only what env.toml leads to stands."""
    return reading_policy(spec, settings.insecure_hosts, settings.default_index, everywhere)


def _before(
    project: Project, spec: Spec, settings: Settings, reporter: Reporter, *, repair: bool
) -> tuple[tuple[Pylock, bytes] | None, Pylock | None]:
    """Read the lock on disk with its bytes; and what there is of it, with `repair` also of one that
    can't be read as a whole.
    """
    reading = _reading(spec, settings)
    try:
        before = read_lock(project, reading, reporter)
    # Whoever wrote it knew more than this one does: it is never written over.
    except LockTooNew:
        raise
    except LockInvalid as error:
        if not repair:
            raise
        old = salvage_lock(project, reading)
        kept = "pins that can be read are kept where they fit" if old else "nothing of it is kept"
        reporter.warn(f"{error}; it is made anew, {kept}")
        return None, old
    return before, before[0] if before else None


def _warn_of_another_maker(project: Project, old: Pylock, reporter: Reporter) -> None:
    if old.created_by != CREATED_BY:
        reporter.warn(
            f"{os.path.basename(project.lock_path)} was made by {old.created_by}; a lock made from "
            "env.toml takes its place (`--frozen` installs it as it stands)"
        )


def _trusted(spec: Spec, options: LockOptions) -> frozenset[str]:
    """Packages whose file may be another one than was locked: by name, or by its hash."""
    upgraded = options.upgrade if isinstance(options.upgrade, frozenset) else frozenset()
    return upgraded | {
        name
        for name, sources in declared_sources(spec).items()
        if all(source.kind == "url" and "#" in source.location for source in sources)
    }


class _Answer(NamedTuple):
    """What a resolution came to."""

    packages: Sequence[Package]
    """As the lock has them."""
    notices: tuple[str, ...]
    gaps: tuple[Gap, ...]
    decision: Decision | None = None
    builds: Sequence[LockedBuild] = ()
    """What builds require."""
    before: tuple[Pylock, str] | None = None
    """A lock that has most of these packages already, with its text."""


class _Problem(NamedTuple):
    """What is to be resolved."""

    project: Project
    spec: Spec
    requires_python: SpecifierSet
    newest: datetime | None
    """The time from which on uploads are not believed."""
    roots: tuple[RootRequirement, ...]
    policy: ResolvePolicy
    kept: Preferences
    """The old lock's versions."""
    commits: Mapping[CommitOf, str]
    """The old lock's commits; those of packages that are to move on are still to be compared."""
    is_lasting: bool
    """Whether env.toml, pages and old pins alone decide: no clock, no interpreter."""
    is_free: bool
    """Whether no old pin does."""
    policy_of: Callable[[Spec], ResolvePolicy]
    """Gives the policy that another env.toml would have."""
    standing: Standing | None = None
    """The lock on disk, where all else that is asked was asked for it."""

    def state(
        self, packages: Sequence[Package], builds: Sequence[LockedBuild], spec: Spec
    ) -> Pylock:
        """Give the lock for env.toml, or for another one that the packages satisfy too."""
        pylock = with_rows(
            packages,
            spec,
            requires_python=self.requires_python,
            exclude_newer=self.newest,
            builds=builds,
            by_index=self.policy.index_exclude_newer,
        )
        return with_local_projects(pylock, self.project, spec)


def _problem(
    project: Project,
    spec: Spec,
    settings: Settings,
    reporter: Reporter,
    options: LockOptions,
    old: Pylock | None,
    others: Preferences,
) -> _Problem:
    requires_python = spec.requires_python or _minor_of(project, spec, settings, reporter)
    environments = covered_environments(spec, requires_python)
    now = datetime.now(UTC)
    newest, by_index = newest_times(spec, now)
    # An age, counted from now, is another time tomorrow.
    moves = (newest, by_index) != newest_times(spec, now + timedelta(days=1))
    kept = preferences(old) if old else others

    def policy_of(spec: Spec) -> ResolvePolicy:
        return resolve_policy(spec, environments, newest, options, by_index)

    return _Problem(
        project=project,
        spec=spec,
        requires_python=requires_python,
        newest=newest,
        roots=tuple(root_requirements(spec)),
        policy=policy_of(spec),
        kept=kept,
        commits=locked_commits(old) if old else {},
        policy_of=policy_of,
        is_lasting=not moves and spec.requires_python is not None,
        is_free=options.upgrade is True or not kept,
    )


def _resolve(
    problem: _Problem,
    old: Pylock | None,
    settings: Settings,
    reporter: Reporter,
    sources: "PackageSources",
) -> _Answer:
    from envsync.catalog.memory import keep_locked  # noqa: PLC0415

    policy, standing = problem.policy, problem.standing
    if standing is not None:
        more = extend(standing, policy, problem.kept, sources, settings, reporter)
        if more is not None:
            whole = more.decision
            rows = package_rows(more.resolution, problem.spec, standing.lock[0].packages)
            return _Answer(rows, whole.notices, whole.gaps, whole, before=standing.lock)
    catalog = sources.catalog(policy, problem.kept, problem.commits)
    answer = resolve(
        problem.roots,
        environments=policy.environments,
        policy=policy,
        preferences=problem.kept,
        catalog=catalog,
        reporter=reporter,
    )
    resolution = sources.hashed(answer, old)
    reporter.detail(f"{resolution.rounds} rounds for {len(resolution.packages)} packages")
    # A sync that finds a wheel to say otherwise can show then what was locked.
    keep_locked(settings.cache_dir, resolution.packages)
    missing = gaps(resolution, lambda name: may_build(name, policy))
    builds = sources.lock_builds(resolution, policy, old)
    # Where files had to be hashed, or sources read, what was downloaded decided too.
    is_lasting = problem.is_lasting and resolution is answer and not builds
    pages = catalog.decided_by() if is_lasting else None
    told = (len(resolution.packages), resolution.notices, missing)
    found = (problem.is_free, resolution.unmoved, resolution.firm)
    decision = Decision(pages, *told, *found) if pages else None
    rows = package_rows(resolution, problem.spec)
    return _Answer(rows, resolution.notices, missing, decision, builds)


def _answer(
    problem: _Problem,
    spec: Spec,
    old: Pylock | None,
    settings: Settings,
    reporter: Reporter,
    sources: "PackageSources | None",
    renewed: bool | frozenset[str],
) -> _Answer:
    """Resolve; from nothing that was cached unasked where that gives no solution.

    A page that was believed for minutes may be older than the release that is asked for. Raises
    `NoSolution` where the indexes themselves have none.
    """
    # What talks to the network is imported only where something must be resolved.
    from envsync.acquire.package_sources import PackageSources  # noqa: PLC0415

    open_sources = partial(PackageSources, problem.project.root, spec, settings, reporter)
    with nullcontext(sources) if sources else open_sources(renewed=renewed) as asked:
        try:
            return _resolve(problem, old, settings, reporter, asked)
        except NoSolution as error:
            if not asked.has_believed():
                raise asked.explained(error) from None
    return _answer(problem, spec, old, settings, reporter, None, renewed=True)


def _minor_of(project: Project, spec: Spec, settings: Settings, reporter: Reporter) -> SpecifierSet:
    """Cover the chosen interpreter's minor version and newer where env.toml says nothing."""
    target = find_interpreter(spec.python, None, project.root, settings, reporter)
    major, minor = target.version.split(".")[:2]
    return SpecifierSet(f">={major}.{minor}")
