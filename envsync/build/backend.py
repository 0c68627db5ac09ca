"""Run a tree's build backend (PEP 517, PEP 660) in an isolated environment: wheel or metadata out.

    with nothing installed: provision(requires) -> get_requires_for_build_* -> provision(all of it)
    -> build_wheel, build_editable or prepare_metadata_for_build_wheel -> result checked, copied out

The environment comes from `provision`, which the caller hands in: it resolves, downloads and
installs like everything else does. A build runs a stranger's code. It gets few variables, a home
and a temporary folder of its own, and no way to change its result once it is taken. The user's own
folder is built where it is and with the user's own environment.
"""

import os
import shutil
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from typing import Any, BinaryIO, NamedTuple, NoReturn

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from pyproject_hooks import (
    BackendUnavailable,
    BuildBackendHookCaller,
    BuildBackendWarning,
    HookMissing,
)

from envsync.build import process
from envsync.build.process import DEFAULT_LIMITS, Ended, Limits
from envsync.build.room import Room, open_room
from envsync.build.sources import SourceTree
from envsync.build.system import BuildSystem, parse_requirements, read_build_system
from envsync.build.variables import (
    conceal,
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
from envsync.files import storage_errors, storage_failed
from envsync.model.target import Target

MAX_METADATA_BYTES = 16 << 20

# An answer is a file that the build wrote, which pyproject-hooks trusts: missing, no JSON, too
# deep, or of another shape.
_MALFORMED = (
    *(FileNotFoundError, ValueError, RecursionError),
    *(LookupError, TypeError, AttributeError),
)

ConfigSettings = Mapping[str, str | Sequence[str]]
"""What `[build.config-settings]` holds for one package (PEP 517, "config_settings")."""


class BuildEnvironment(NamedTuple):
    """Where a backend runs."""

    python: str
    """Interpreter that sees the build requirements and nothing else; absolute path."""
    path: tuple[str, ...] = ()
    """Folders to put first on PATH: the environment's scripts."""


Provision = Callable[[Sequence[Requirement], Target], AbstractContextManager[BuildEnvironment]]
"""Makes an environment that holds the requirements, for the time of the `with` block."""


class _Build(NamedTuple):
    """One build: what is built, for whom, and how."""

    tree: SourceTree
    system: BuildSystem
    target: Target
    provision: Provision
    config_settings: ConfigSettings
    package: str
    given: Mapping[str, str]
    """Variables that env.toml gives, or passes on."""
    secrets: Sequence[str]
    """What no output may show."""
    reporter: Reporter
    limits: Limits

    def shown(self, text: str) -> str:
        return conceal(text, self.secrets)


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
        return _take_wheel(build, room, answer, outdir)


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
        return _take_wheel(build, room, answer, outdir)


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
        return _read_metadata(build, room, answer)


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
) -> _Build:
    system = read_build_system(tree)
    system = system._replace(requires=_union(system.requires, extra_requires))
    settings, given = dict(config_settings or {}), dict(variables or {})
    seen = {**os.environ, **given} if tree.is_in_place else given
    return _Build(
        *(tree, system, target, provision, settings, package),
        *(given, secrets_in(seen), reporter, limits),
    )


@contextmanager
def _ready(build: _Build, requires_hook: str) -> Iterator[tuple[BuildBackendHookCaller, Room]]:
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
def _environment(build: _Build, requires: Sequence[Requirement]) -> Iterator[BuildEnvironment]:
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


def _asked(build: _Build, answer: object) -> tuple[Requirement, ...]:
    """Check what a `get_requires_for_build_*` hook answered; give what is not required already."""
    if not isinstance(answer, list) or not all(isinstance(text, str) for text in answer):
        _fail(build, f"its backend asks for {answer!r:.200}, which is no list of requirements")
    try:
        asked = parse_requirements(answer, "get_requires")
    except ValueError as error:
        _fail(build, f"its backend's {error}")
    return tuple(requirement for requirement in asked if requirement not in build.system.requires)


def _hooks(build: _Build, environment: BuildEnvironment, room: Room) -> BuildBackendHookCaller:
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
            _fail(build, f"{cmd[0]} cannot be started: {error.strerror}")
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


def _check_answer(build: _Build, control_folder: str) -> None:
    """Refuse an answer that cannot be read within bounds; pyproject-hooks reads it whole."""
    with suppress(FileNotFoundError):
        facts = os.lstat(os.path.join(control_folder, "output.json"))
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > MAX_METADATA_BYTES:
            _fail(build, "its backend's answer is not readable")


def _answer(build: _Build, call: Callable[[], Any]) -> Any:
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


def _hook_failure(build: _Build, ended: Ended) -> BuildFailed:
    match ended.how:
        case "timeout":
            reason = f"it did not end within {build.limits.seconds:g} s"
        case "cancelled":
            reason = "it was cancelled"
        case _:
            reason = f"its build backend {build.system.backend} failed (exit code {ended.code})"
    return BuildFailed(build.package, reason, build.shown(ended.output))


def _fail(build: _Build, reason: str) -> NoReturn:
    raise BuildFailed(build.package, build.shown(reason))


def _result_name(build: _Build, answer: object, suffix: str) -> str:
    """Check that a hook answered the name of something in the result folder, and give it."""
    if (
        not isinstance(answer, str)
        or not answer.endswith(suffix)
        or answer != os.path.basename(answer)
        or "\0" in answer
    ):
        _fail(build, f"its backend answered {answer!r:.200} instead of the name of a {suffix}")
    return answer


def _take_wheel(build: _Build, room: Room, answer: object, outdir: str) -> str:
    """Check the name of the wheel that a hook made and copy it to `outdir`."""
    filename = _result_name(build, answer, ".whl")
    _check_wheel_name(build, filename)
    path = os.path.join(outdir, filename)
    with (
        _open_result(build, room.result, filename) as source,
        storage_errors(outdir),
        # A fresh inode: whatever a runaway of the build still has open is not this file.
        tempfile.NamedTemporaryFile(dir=outdir, prefix=".built-", delete=False) as copy,
    ):
        try:
            shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            os.fchmod(copy.fileno(), 0o644)
            os.replace(copy.name, path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(copy.name)
            raise
    return path


def _check_wheel_name(build: _Build, filename: str) -> None:
    try:
        name, version, _, tags = parse_wheel_filename(filename)
    except InvalidWheelFilename as error:
        raise BuildFailed(build.package, f"its backend made {filename!r:.200}: {error}") from error
    tree = build.tree
    if (tree.name or name, tree.version or version) != (name, version):
        _fail(build, f"its backend made {filename}, which is another package or version")
    if not {str(tag) for tag in tags} & set(build.target.tags):
        _fail(build, f"its backend made {filename}, which {build.target.executable} cannot use")


def _open_result(build: _Build, folder_path: str, name: str) -> BinaryIO:
    """Open a file that the build made; links and whatever else is no file are refused."""
    try:
        folder = os.open(folder_path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            file = os.fdopen(os.open(name, flags, dir_fd=folder), "rb")
        finally:
            os.close(folder)
    except OSError as error:
        reason = f"its backend did not make {name} ({error.strerror})"
        raise BuildFailed(build.package, reason) from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        _fail(build, f"what its backend made as {name} is no file")
    return file


def _read_metadata(build: _Build, room: Room, answer: object) -> bytes:
    folder = _result_name(build, answer, ".dist-info")
    with _open_result(build, os.path.join(room.result, folder), "METADATA") as file:
        data = file.read(MAX_METADATA_BYTES + 1)
    if len(data) > MAX_METADATA_BYTES:
        _fail(build, "its metadata is too large")
    return data
