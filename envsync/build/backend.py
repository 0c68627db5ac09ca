"""Run a tree's build backend (PEP 517, PEP 660) in an isolated environment: wheel or metadata out.

    with nothing installed: provision(requires) -> get_requires_for_build_* -> provision(all of it)
    -> build_wheel, build_editable or prepare_metadata_for_build_wheel -> result checked, copied out

The environment comes from `provision`, which the caller hands in: it resolves, downloads and
installs like everything else does. A build runs a stranger's code. It gets few variables, a home
and a temporary folder of its own, and no way to change its result once it is taken. The user's own
folder is built where it is and with the user's own environment.
"""

import os
import re
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
from envsync.build.log import BuildLog
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
from envsync.platform.confined import confinement
from envsync.platform.files import storage_failed

# An answer is a file that the build wrote, which pyproject-hooks trusts: missing, no JSON, too
# deep, or of another shape.
_MALFORMED = (
    *(FileNotFoundError, ValueError, RecursionError),
    *(LookupError, TypeError, AttributeError),
)


# What programs print where a confined build finds no network, or may not write.
_WAS_CONFINED = re.compile(
    r"network is unreachable|name resolution|name or service not known|could(?:n't| not) resolve"
    r"|read-only file system",
    re.IGNORECASE,
)
_CONFINED = (
    'it has no network and writes to its own folders only: `unconfined = ["{}"]` under [build] in '
    "env.toml lifts that"
)


class _HookFailed(Exception):
    """A hook's process ended badly. Never leaves this module."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(ended.how)
        self.ended = ended


def prepare(
    tree: SourceTree,
    *,
    target: Target,
    provision: Provision,
    package: str,
    config_settings: ConfigSettings | None = None,
    extra_requires: Sequence[Requirement] = (),
    variables: Mapping[str, str] | None = None,
    confined: bool = False,
    log: BuildLog | None = None,
    reporter: Reporter = SILENT,
    limits: Limits = DEFAULT_LIMITS,
) -> Build:
    """Give the build of `tree` for `target`, of which nothing has run yet.

    `package` is how messages call it ("shop==1.0"); `extra_requires` is added to what the tree
    itself requires, `variables` to what the build gets of the user's environment. `confined` and
    `log` are as in `Build`. Raises `SourceInvalid` for its `[build-system]`.
    """
    system = read_build_system(tree)
    system = system._replace(requires=_union(system.requires, extra_requires))
    settings, given = dict(config_settings or {}), dict(variables or {})
    seen = {**os.environ, **given} if tree.is_in_place else given
    return Build(
        *(tree, system, target, provision, settings, package),
        *(given, secrets_in(seen), reporter, limits, confined, log),
    )


def build_wheel(build: Build, outdir: str) -> str:
    """Build a wheel into the folder `outdir`; give its path.

    The result is a fresh file: nothing that the build left running can change it. Its name is
    checked, its content is not: open it with the strict reader before use. Raises `BuildFailed`,
    `StorageFailed`, and what `provision` raises.
    """
    with _ready(build, "get_requires_for_build_wheel") as (hooks, room):
        answer = _answer(build, lambda: hooks.build_wheel(room.result, build.config_settings))
        return take_wheel(build, room, answer, outdir)


def build_editable(build: Build, outdir: str) -> str:
    """Build an editable wheel (PEP 660) of a tree used in place; otherwise as `build_wheel`."""
    with _ready(build, "get_requires_for_build_editable") as (hooks, room):
        answer = _answer(build, lambda: hooks.build_editable(room.result, build.config_settings))
        return take_wheel(build, room, answer, outdir)


def build_metadata(build: Build) -> bytes:
    """Ask the backend for the METADATA that the wheel will have; give the file's bytes.

    A backend without `prepare_metadata_for_build_wheel` builds the whole wheel for it (PEP 517).
    Raises as `build_wheel`.
    """
    with _ready(build, "get_requires_for_build_wheel") as (hooks, room):
        # pyproject-hooks falls back on a wheel by itself and unpacks its dist-info folder.
        answer = _answer(
            build,
            lambda: hooks.prepare_metadata_for_build_wheel(room.result, build.config_settings),
        )
        return read_metadata(build, room, answer)


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
    # A back end may ask for what its package requires (flit does), under extras, too.
    facts = {**build.target.environment, "extra": ""}
    wanted = [one for one in requires if one.marker is None or one.marker.evaluate(facts)]
    with ExitStack() as stack:
        try:
            environment = stack.enter_context(build.provision(wanted, build.target))
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
        # The last word is the folder in which pyproject-hooks waits for the answer.
        writable = (build.tree.private or build.tree.path, room.root, cmd[-1])
        try:
            ended = process.run(
                confinement().around(cmd, writable) if build.confined else cmd,
                directory=cwd or build.tree.path,
                environment={**variables, **(extra_environ or {})},
                limits=build.limits,
                on_line=lambda line: _tell(build, line),
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


def _tell(build: Build, line: str) -> None:
    """Report a line of what a build prints, and write it down."""
    shown = build.shown(line)
    build.reporter.detail(f"{build.package}: {shown}")
    if build.log is not None:
        build.log.add(shown)


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
    hint = _CONFINED if build.confined and _WAS_CONFINED.search(ended.output) else None
    return BuildFailed(
        build.package, reason, build.shown(ended.output), hint=hint and hint.format(build.name)
    )
