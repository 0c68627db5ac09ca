"""Run a tree's build backend (PEP 517, PEP 660) in an isolated environment: wheel or metadata out.

    with nothing installed: provision(requires) -> get_requires_for_build_* -> provision(all of it)
    -> build_wheel, build_editable or prepare_metadata_for_build_wheel -> result checked, copied out

The environment comes from `provision`, which the caller hands in: it resolves, downloads and
installs like everything else does. A build runs a stranger's code. It gets few variables, a home
and a temporary folder of its own, and no way to change its result once it is taken. The user's own
folder is built where it is and with the user's own environment.
"""

import os
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any

from packaging.requirements import Requirement
from pyproject_hooks import (
    BackendUnavailable,
    BuildBackendHookCaller,
    BuildBackendWarning,
    HookMissing,
)

from envsync.build import process
from envsync.build.process import DEFAULT_LIMITS, Ended, Limits
from envsync.build.request import Build, BuildEnvironment, ConfigSettings, Provision
from envsync.build.results import MAX_METADATA_BYTES, read_metadata, take_wheel
from envsync.build.room import Room, open_room
from envsync.build.sources import SourceTree
from envsync.build.system import parse_requirements, read_build_system
from envsync.build.variables import (
    secrets_in,
    variables_of_a_strangers_build,
    variables_of_an_own_build,
)
from envsync.errors import (
    BuildFailed,
    BuildNotAllowed,
    NoMatchingFile,
    NoSolution,
    PackageNotFound,
)
from envsync.events import SILENT, Reporter
from envsync.model.target import Target
from envsync.platform.files import storage_failed

# An answer is a file that the build wrote, which pyproject-hooks trusts: missing, no JSON, too
# deep, or of another shape.
_MALFORMED = (
    *(FileNotFoundError, ValueError, RecursionError),
    *(LookupError, TypeError, AttributeError),
)


class _HookFailed(Exception):
    """A hook's process ended badly. Never leaves this module."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(ended.how)
        self.ended = ended


def build_wheel(
    tree: SourceTree,
    *,
    target: Target,
    provision: Provision,
    package: str,
    outdir: str,
    config_settings: ConfigSettings | None = None,
    extra_requires: Sequence[Requirement] = (),
    variables: Mapping[str, str] | None = None,
    reporter: Reporter = SILENT,
    limits: Limits = DEFAULT_LIMITS,
) -> str:
    """Build a wheel of `tree` for `target` into the folder `outdir`; give its path.

    `package` is how messages call it ("shop==1.0"); `extra_requires` is added to what the tree
    itself requires, `variables` to what the build gets of the user's environment. The result is a
    fresh file: nothing that the build left running can change it.
    Its name is checked, its content is not: open it with the strict reader before use. Raises
    `BuildFailed`, `SourceInvalid`, `StorageFailed`, and what `provision` raises.
    """
    build = _prepare(
        *(tree, target, provision, config_settings, package),
        *(extra_requires, variables, reporter, limits),
    )
    with _ready(build, "get_requires_for_build_wheel") as (hooks, room):
        answer = _answer(build, lambda: hooks.build_wheel(room.result, build.config_settings))
        return take_wheel(build, room, answer, outdir)


def build_editable(
    tree: SourceTree,
    *,
    target: Target,
    provision: Provision,
    package: str,
    outdir: str,
    config_settings: ConfigSettings | None = None,
    extra_requires: Sequence[Requirement] = (),
    variables: Mapping[str, str] | None = None,
    reporter: Reporter = SILENT,
    limits: Limits = DEFAULT_LIMITS,
) -> str:
    """Build an editable wheel (PEP 660) of a tree used in place; otherwise as `build_wheel`."""
    build = _prepare(
        *(tree, target, provision, config_settings, package),
        *(extra_requires, variables, reporter, limits),
    )
    with _ready(build, "get_requires_for_build_editable") as (hooks, room):
        answer = _answer(build, lambda: hooks.build_editable(room.result, build.config_settings))
        return take_wheel(build, room, answer, outdir)


def build_metadata(
    tree: SourceTree,
    *,
    target: Target,
    provision: Provision,
    package: str,
    config_settings: ConfigSettings | None = None,
    extra_requires: Sequence[Requirement] = (),
    variables: Mapping[str, str] | None = None,
    reporter: Reporter = SILENT,
    limits: Limits = DEFAULT_LIMITS,
) -> bytes:
    """Ask the backend for the METADATA that the wheel of `tree` will have; give the file's bytes.

    A backend without `prepare_metadata_for_build_wheel` builds the whole wheel for it (PEP 517).
    Raises as `build_wheel`.
    """
    build = _prepare(
        *(tree, target, provision, config_settings, package),
        *(extra_requires, variables, reporter, limits),
    )
    with _ready(build, "get_requires_for_build_wheel") as (hooks, room):
        # pyproject-hooks falls back on a wheel by itself and unpacks its dist-info folder.
        answer = _answer(
            build,
            lambda: hooks.prepare_metadata_for_build_wheel(room.result, build.config_settings),
        )
        return read_metadata(build, room, answer)


def _prepare(  # the public functions' parameters, checked and bundled
    tree: SourceTree,
    target: Target,
    provision: Provision,
    config_settings: ConfigSettings | None,
    package: str,
    extra_requires: Sequence[Requirement],
    variables: Mapping[str, str] | None,
    reporter: Reporter,
    limits: Limits,
) -> Build:
    system = read_build_system(tree)
    system = system._replace(requires=_union(system.requires, extra_requires))
    settings, given = dict(config_settings or {}), dict(variables or {})
    seen = {**os.environ, **given} if tree.is_in_place else given
    return Build(
        *(tree, system, target, provision, settings, package),
        *(given, secrets_in(seen), reporter, limits),
    )


@contextmanager
def _ready(build: Build, requires_hook: str) -> Iterator[tuple[BuildBackendHookCaller, Room]]:
    """Give a caller of hooks in an environment that holds all that the backend asks for.

    PEP 517: the hook may be called only once the requirements that are known by then are there.
    """
    with open_room() as room:
        requires = build.system.requires
        with _environment(build, requires) as environment:
            hooks = _hooks(build, environment, room)
            ask = partial(getattr(hooks, requires_hook), build.config_settings)
            asked = _asked(build, _answer(build, ask))
            if not asked:
                yield hooks, room
                return
        with _environment(build, _union(requires, asked)) as environment:
            yield _hooks(build, environment, room), room


@contextmanager
def _environment(build: Build, requires: Sequence[Requirement]) -> Iterator[BuildEnvironment]:
    """Enter `provision`'s environment; requirements that can't be met are the build's failure."""
    with ExitStack() as stack:
        try:
            environment = stack.enter_context(build.provision(requires, build.target))
        except (NoSolution, NoMatchingFile, PackageNotFound, BuildNotAllowed) as error:
            reason = f"its build requirements cannot be installed: {error.message}"
            detail = "\n".join(error.lines)
            raise BuildFailed(build.package, reason, detail, hint=error.hint) from error
        yield environment


def _union(requires: Sequence[Requirement], more: Iterable[Requirement]) -> tuple[Requirement, ...]:
    return tuple(dict.fromkeys((*requires, *more)))


def _asked(build: Build, answer: object) -> tuple[Requirement, ...]:
    """Check what a `get_requires_for_build_*` hook answered; give what is not required already."""
    if not isinstance(answer, list) or not all(isinstance(text, str) for text in answer):
        build.fail(f"its backend asks for {answer!r:.200}, which is no list of requirements")
    try:
        asked = parse_requirements(answer, "get_requires")
    except ValueError as error:
        build.fail(f"its backend's {error}")
    return tuple(requirement for requirement in asked if requirement not in build.system.requires)


def _hooks(build: Build, environment: BuildEnvironment, room: Room) -> BuildBackendHookCaller:
    """Make the caller of a backend's hooks; each call is a process of its own."""
    is_own = build.tree.is_in_place
    make = variables_of_an_own_build if is_own else variables_of_a_strangers_build
    variables = make(os.environ, build.given, environment.path, room)

    def runner(
        cmd: Sequence[str],
        cwd: str | None = None,
        extra_environ: Mapping[str, str] | None = None,
    ) -> None:
        try:
            ended = process.run(
                cmd,
                directory=cwd or build.tree.path,
                environment={**variables, **(extra_environ or {})},
                limits=build.limits,
                on_line=lambda line: build.reporter.detail(f"{build.package}: {build.shown(line)}"),
            )
        except OSError as error:
            build.fail(f"{cmd[0]} cannot be started: {error.strerror}")
        if ended.how != "exit" or ended.code != 0:
            raise _HookFailed(ended)
        _check_answer(build, cmd[-1])

    return BuildBackendHookCaller(
        build.tree.path,
        build.system.backend,
        backend_path=list(build.system.backend_path),
        runner=runner,
        python_executable=environment.python,
    )


def _check_answer(build: Build, control_folder: str) -> None:
    """Refuse an answer that cannot be read within bounds; pyproject-hooks reads it whole."""
    with suppress(FileNotFoundError):
        facts = os.lstat(os.path.join(control_folder, "output.json"))
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > MAX_METADATA_BYTES:
            build.fail("its backend's answer is not readable")


def _answer(build: Build, call: Callable[[], Any]) -> Any:
    """Call a hook; whatever goes wrong in it becomes a `BuildFailed`."""
    # The backend's warnings come back with its answer and would be printed here.
    warnings.filterwarnings("ignore", category=BuildBackendWarning)
    backend = build.system.backend
    try:
        return call()
    except _HookFailed as failure:
        raise _hook_failure(build, failure.ended) from failure
    except BackendUnavailable as error:
        raise BuildFailed(
            build.package,
            f"its build backend {backend} cannot be imported",
            build.shown(process.printable((error.traceback or str(error)).encode())),
            hint="if its pyproject.toml forgets a requirement, add it to env.toml under "
            "[build.extra-build-requires]",
        ) from error
    except HookMissing as error:
        raise BuildFailed(
            build.package,
            f"its build backend {backend} has no hook {error.hook_name}",
            hint="install it without `editable = true`" if "editable" in error.hook_name else None,
        ) from error
    except _MALFORMED as error:
        raise BuildFailed(build.package, f"its build backend {backend} gave no answer") from error
    except OSError as error:
        raise storage_failed(tempfile.gettempdir(), error) from error


def _hook_failure(build: Build, ended: Ended) -> BuildFailed:
    match ended.how:
        case "timeout":
            reason = f"it did not end within {build.limits.seconds:g} s"
        case "cancelled":
            reason = "it was cancelled"
        case _:
            reason = f"its build backend {build.system.backend} failed (exit code {ended.code})"
    return BuildFailed(build.package, reason, build.shown(ended.output))
