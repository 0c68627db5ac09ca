"""From env.toml and the lock to what the environment is to be."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from packaging.pylock import Pylock
from packaging.utils import canonicalize_name

from envsync.errors import (
    InterpreterNotFound,
    LockInvalid,
    LockMissing,
    LockTooNew,
    NoMatchingFile,
    TargetNotCovered,
    UsageError,
)
from envsync.events import Reporter
from envsync.lock.builds import locked_builds
from envsync.lock.pins import Pinned
from envsync.lock.reading import reading_policy
from envsync.lock.select import Choice, select
from envsync.model.target import Target
from envsync.operations.freshness import refuse_stale, refuse_unanswered
from envsync.operations.lock import make_lock
from envsync.operations.lock_file import LockOutcome, read_lock
from envsync.operations.selected import chosen_of_members
from envsync.project.interpreter import find_interpreter
from envsync.project.local_files import files_of_pins, refuse_altered
from envsync.project.local_metadata import input_paths
from envsync.project.members import member_inputs
from envsync.project.outside import absolute, place_of, reach_of
from envsync.project.paths import Project
from envsync.project.recipes import recipe_marks
from envsync.project.request import FROZEN, LOCKED, LockOptions, Selection
from envsync.settings import Settings
from envsync.spec.conflicts import clash
from envsync.spec.locations import everywhere
from envsync.spec.model import InputFile, Part, SourceSpec, Spec
from envsync.sync.desired import DesiredEnvironment
from envsync.sync.location import lies_at, root_of

_ANY_TOOL = "--lock takes a pylock.toml of any tool, such as `pip lock` and `uv export` make"
_OTHER_LOCKS = {
    "uv.lock": "`uv export --format pylock.toml -o pylock.toml` makes of it what --lock takes"
}


def lock_for_sync(
    project: Project,
    spec: Spec,
    settings: Settings,
    reporter: Reporter,
    *,
    trust: str | None,
    options: LockOptions,
) -> LockOutcome:
    """Give the lock that a sync works from.

    `trust` None locks anew when env.toml changed; `LOCKED` refuses then, and without a
    lock, with `LockOutdated`; `FROZEN` takes the lock as it stands. Raises `UsageError` when there
    is none to take, `HashMismatch` when a file of the project is not what was locked.
    """
    if trust is None:
        return make_lock(project, spec, settings, reporter, options)
    lock = lock_on_disk(project, spec, settings, reporter, trust=trust)
    if trust == LOCKED:
        refuse_unanswered(project, spec, lock.pylock, settings)
    refuse_altered(project.lock_folder, lock.pylock, may_lack=trust == FROZEN)
    return lock


def lock_on_disk(
    project: Project, spec: Spec, settings: Settings, reporter: Reporter, *, trust: str
) -> LockOutcome:
    """Read the lock as it stands; without one, that of a folder which all files come from.

    Raises `LockOutdated` or `UsageError` when there is none.
    """
    # What must answer env.toml leads nowhere else (`lock.origins`).
    may_lead = reach_of(project.lock_folder) if trust == FROZEN else everywhere
    reading = reading_policy(spec, settings.insecure_hosts, settings.default_index, may_lead)
    with _hints_for(project):
        before = read_lock(project, reading, reporter)
    if before is not None:
        return LockOutcome(project.lock_path, before[0], before[1], fresh=True)
    if project.named_lock is not None:
        raise UsageError(f"there is no {project.named_lock}", hint=_ANY_TOOL)
    name = os.path.basename(project.lock_path)
    if settings.wheelhouse:
        beside = project._replace(lock_path=os.path.join(settings.wheelhouse, name))
        taken = read_lock(beside, reading, reporter)
        if taken is not None:
            return LockOutcome(project.lock_path, taken[0], taken[1], fresh=False)
    if trust == LOCKED:
        raise LockMissing(name)
    raise UsageError(f"there is no {name}", hint="`envsync lock` makes it")


def make_desired(
    project: Project,
    spec: Spec,
    lock: LockOutcome,
    selection: Selection,
    settings: Settings,
    reporter: Reporter,
) -> DesiredEnvironment:
    """Choose the interpreter and the pins.

    Raises `InterpreterNotFound`, `NoMatchingFile`, `LockInvalid`, `UsageError`.
    """
    requires = spec.requires_python or lock.pylock.requires_python
    with _hints_for(project):
        target = find_interpreter(spec.python, requires, project.root, settings, reporter)
    reporter.detail(f"Python {target.version}: {target.executable}")
    with _hints_for(project):
        pins = pins_for(lock.pylock, target, selection, spec, path=os.path.basename(lock.path))
    root = root_of(project, spec.path, settings)
    desired = DesiredEnvironment(
        root=root,
        base=project.lock_folder,
        target=target,
        prompt=spec.name,
        pins=pins,
        selection=selection.line(settings.python),
        system_site_packages=spec.system_site_packages,
        link_mode=spec.sync.link_mode,
        compile_bytecode=(
            spec.sync.compile_bytecode
            if settings.compile_bytecode is None
            else settings.compile_bytecode
        ),
        overrides=tuple(map(str, spec.lock.overrides)),
        keep=spec.sync.keep,
        winners=spec.sync.winners,
        any_python=tuple(spec.lock.ignore_requires_python),
        recipes=recipe_marks(
            spec.build, pins, locked_builds(lock.pylock.tool), partial(_source_of, spec)
        ),
    )
    return desired.at(lies_at(project, root, settings))


def _source_of(spec: Spec, pin: Pinned) -> SourceSpec | None:
    from envsync.lock.origins import declared_source  # noqa: PLC0415  (few have a repository)

    return declared_source(pin, spec)


@contextmanager
def _hints_for(project: Project) -> Iterator[None]:
    """Send nobody to env.toml for what another tool's lock leaves out."""
    try:
        yield
    except InterpreterNotFound as error:
        if project.named_lock is not None:
            error.hint = "install one that the lock is for, or name one with `--python PATH`"
        raise
    except (TargetNotCovered, NoMatchingFile) as error:
        if project.named_lock is not None:
            error.hint = (
                "`--python` chooses another interpreter; what else the lock is to cover, says the "
                "tool that made it"
            )
        raise
    except LockInvalid as error:
        if project.named_lock is not None and not isinstance(error, LockTooNew):
            error.hint = _OTHER_LOCKS.get(os.path.basename(project.named_lock), _ANY_TOOL)
        raise


def desired_on_disk(
    project: Project,
    spec: Spec,
    selection: Selection,
    settings: Settings,
    reporter: Reporter,
    *,
    trust: str,
) -> tuple[LockOutcome, DesiredEnvironment]:
    """Give the lock on disk and what it asks for, to be compared; `trust` as for `lock_for_sync`.

    Under `LOCKED`, what the project's files hold is one reason among others why a lock is outdated.
    Raises `LockOutdated`, and as `lock_on_disk` and `make_desired`.
    """
    lock = lock_on_disk(project, spec, settings, reporter, trust=trust)
    if trust == LOCKED:
        refuse_stale(project, spec, lock.pylock, settings)
    return lock, make_desired(project, spec, lock, selection, settings, reporter)


def pins_for(
    pylock: Pylock, target: Target, selection: Selection, spec: Spec, *, path: str
) -> tuple[Pinned, ...]:
    """Give what the target gets from a lock under a selection."""
    # Another tool's lock has groups of its own.
    if spec.members and spec.members[0].needs in (pylock.dependency_groups or ()):
        groups, extras = chosen_of_members(spec.members, selection)
    else:
        groups, extras = set(_normal(selection.groups)), set(_normal(selection.extras))
        groups |= set(pylock.default_groups or ()) if selection.default_groups else set()
        groups |= set(pylock.dependency_groups or ()) if selection.all_groups else set()
        extras |= set(pylock.extras or ()) if selection.all_extras else set()
        extras -= set(_normal(selection.no_extras))
        groups -= set(_normal(selection.no_groups))
        _refuse_packages(selection)
    _refuse_clash(extras, groups, spec)
    choice = Choice(
        extras=sorted(extras),
        groups=sorted(groups),
        no_binary=spec.lock.no_binary,
        ignore_requires_python=spec.lock.ignore_requires_python,
    )
    return select(pylock, target, choice, path=path)


def _refuse_clash(extras: Iterable[str], groups: Iterable[str], spec: Spec) -> None:
    """Refuse what `[lock] conflicts` keeps apart: the lock has no answer for both at once."""
    chosen = [Part("extra", canonicalize_name(name)) for name in extras]
    chosen += [Part("group", canonicalize_name(name)) for name in groups]
    both = clash(chosen, spec.exclusive)
    if both is not None:
        raise UsageError(
            f"lock.conflicts keeps {both[0]} and {both[1]} apart: install one of them",
            hint=f"leave one out, such as with `--no-{both[1].kind} {both[1].name}`",
        )


def _refuse_packages(selection: Selection) -> None:
    if selection.packages or selection.all_packages:
        raise UsageError(
            "--package and --all-packages are for workspaces",
            hint='`[workspace]` with members = ["packages/*"] in env.toml makes one',
        )


def _normal(names: Iterable[str]) -> Iterable[str]:
    return map(canonicalize_name, names)


def _live_inputs(project: Project, live: Iterable[InputFile]) -> Iterator[tuple[str, str]]:
    """Give the files that env.toml takes from, with the hashes of what was read of them."""
    for one in live:
        path = os.path.normpath(os.path.join(project.root, one.path))
        yield path, hashlib.sha256(one.data).hexdigest()


def with_inputs(
    desired: DesiredEnvironment, project: Project, spec: Spec, spec_text: str, lock: LockOutcome
) -> DesiredEnvironment:
    """Name the files that decided what is desired, for the no-op mark.

    None when one of the packages is a folder whose every file counts, or one without
    pyproject.toml: a mark can't say that a file is absent.
    """
    if any(pin.kind == "directory" and not pin.editable for pin in desired.pins):
        return desired
    inputs = [
        (project.spec_path, hashlib.sha256(spec_text.encode()).hexdigest()),
        (lock.path, hashlib.sha256(lock.data).hexdigest()),
        *_live_inputs(project, spec.inputs),
        # By size and time alone: a mark is to cost less than reading an interpreter.
        (desired.target.executable, ""),
    ]
    of_members = member_inputs(project, spec)
    if of_members is None:
        return desired
    inputs += [(path, "") for path in of_members]
    for file in files_of_pins(desired.pins):
        path = absolute(project.root, file.path)
        inputs.append((path, file.hashes.get("sha256", "")))
    for pin in desired.pins:
        if pin.kind == "directory":
            paths = input_paths(*place_of(project.root, pin.path or ".", pin.subdirectory))
            if not paths:
                return desired
            inputs += [(path, "") for path in paths]
    return desired._replace(inputs=tuple(inputs))
