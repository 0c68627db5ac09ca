"""What `run` runs, and where: a command, a task of env.toml, a module or a script."""

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from envsync.errors import EnvsyncError, ProjectNotFound, UsageError
from envsync.events import Reporter
from envsync.operations import standard_input
from envsync.operations.start import Inside, become, cannot_start, enter
from envsync.platform.execute import own_variables
from envsync.platform.files import storage_errors
from envsync.project.paths import Project, find_project
from envsync.project.request import LockOptions, Selection, SyncRequest
from envsync.project.script import LIMIT, read_script_file, script_project
from envsync.project.tasks import all_tasks, folder_of, tasks_with
from envsync.project.variables import with_env_files
from envsync.settings import Settings

if TYPE_CHECKING:
    from envsync.spec.tasks import Step, Tasks

_PYTHON = "bin/python"


class Asked(NamedTuple):
    """What was typed after `run`, and from where."""

    words: tuple[str, ...]
    directory: str
    """The folder to look for a project in, absolute."""
    environment: str | None = None
    module: bool = False
    """The first word is a module's name."""
    script: bool = False
    """The first word is a script's, whatever it looks like."""
    literal: bool = False
    """The first word names no task."""

    def project(self) -> Project:
        """Find the project. Raises as `find_project`."""
        return find_project(self.directory, self.environment)


class Job(NamedTuple):
    """What is to be run, in which project's environment."""

    project: Project
    words: tuple[str, ...]
    python: bool = False
    """The words are arguments of the environment's interpreter."""
    tasks: "Tasks | None" = None
    """The project's tasks, where the first word names one."""


def find_job(asked: Asked, settings: Settings, reporter: Reporter) -> Job:
    """Say what is to be run: a module, a script, a task, or else a command.

    Raises `UsageError`, `ProjectNotFound`, `SpecInvalid`, `StorageFailed`.
    """
    name = asked.words[0]
    if name == "-" and not asked.module:
        data = _standard_input()
        return _script_job(asked, standard_input.NAME, data, settings, reporter)
    is_script = name.endswith(".py") and os.path.isfile(name) and not asked.module
    if asked.script or is_script:
        return _script_job(asked, name, read_script_file(name), settings, reporter)
    try:
        project = asked.project()
    except ProjectNotFound as error:
        if not name.endswith(".py") or asked.module:
            raise
        raise UsageError(f"there is no file {name}, and {error}", hint=error.hint) from error
    if asked.module:
        return Job(project, ("-m", *asked.words), python=True)
    tasks = None if asked.literal else tasks_with(name, project)
    if tasks is not None and len(asked.words) > 1 and isinstance(tasks[name], tuple):
        raise UsageError(
            f"the task {name} is a list of commands, and takes no arguments",
            hint="write the arguments into the list, or run one of its commands with them",
        )
    return Job(project, asked.words, tasks=tasks)


def _standard_input() -> bytes:
    """Give the script that comes by standard input; Python reads it once more."""
    data = standard_input.read_ahead(LIMIT + 1)
    if len(data) > LIMIT:
        raise UsageError(
            f"what comes by standard input is larger than {LIMIT:,} bytes: too large for a script",
            hint="`envsync run python -` reads anything",
        )
    return data


def _script_job(
    asked: Asked, script: str, data: bytes, settings: Settings, reporter: Reporter
) -> Job:
    own = script_project(data, script, settings, reporter)
    if own is not None:
        if asked.environment is not None:
            reporter.warn(f"{script} has an environment of its own: --env is not used")
        return Job(own, asked.words, python=True)
    try:
        project = asked.project()
    except ProjectNotFound as error:
        raise UsageError(
            f"{error}, and {script} doesn't say what it needs",
            hint=f"say so in a comment block `# /// script` of {script} (PEP 723), or "
            "`envsync init` starts a project here",
        ) from error
    return Job(project, asked.words, python=True)


def tasks_of(project: Project) -> "Tasks":
    """Give the tasks of a project. Raises `SpecInvalid`, `StorageFailed`."""
    return all_tasks(project)


def environ_of(env_files: Sequence[str]) -> dict[str, str]:
    """Give the variables that a command begins with. Raises as `with_env_files`."""
    return with_env_files(env_files, own_variables())


def enter_for(
    job: Job, request: SyncRequest, settings: Settings, reporter: Reporter, *, no_sync: bool
) -> Inside:
    """Give the environment that a job is run in, brought up to date. Raises as `enter`.

    A sync that would take away a command that is to be run is refused (`EnvsyncError`).
    """
    if job.project.script:
        folder = os.path.dirname(os.path.realpath(job.project.script))
        settings = settings._replace(script_folder=folder)
        request = _for_script(job, request, settings)

    def refuse() -> None:
        for command in _commands(job):
            _refuse_left_out(command, job, request, settings)

    return enter(job.project, request, settings, reporter, no_sync=no_sync, before_sync=refuse)


def _for_script(job: Job, request: SyncRequest, settings: Settings) -> SyncRequest:
    if request.selection != Selection():
        raise UsageError(
            f"{job.project.script} has an environment of its own, without groups and extras",
            hint=f"`envsync run python {job.words[0]}` runs it in the project's environment",
        )
    if settings.refresh and not request.lock.upgrade:
        return request._replace(lock=LockOptions(upgrade=True))
    return request


def _commands(job: Job) -> list[str]:
    """Give the commands that may come out of the environment, by name."""
    if job.python:
        return []
    if job.tasks is None:
        return [job.words[0]]
    return [step.words[0] for step in steps(job)]


def _refuse_left_out(command: str, job: Job, request: SyncRequest, settings: Settings) -> None:
    """Raise `EnvsyncError` for a command that is there, and that this very sync would remove."""
    from envsync.project.env_toml import read_spec  # noqa: PLC0415
    from envsync.sync.location import DEFAULT, root_of  # noqa: PLC0415

    root = root_of(job.project, DEFAULT, settings)
    if not os.path.isdir(root):  # [env] path may name another folder
        root = root_of(job.project, read_spec(job.project)[0].path, settings)
    is_there = "/" not in command and os.path.lexists(f"{root}/bin/{command}")
    if not is_there or command.startswith("python"):
        return
    from envsync.operations.commands import left_out  # noqa: PLC0415

    bringer = left_out(command, job.project, request.selection, settings)
    if bringer is not None:
        raise EnvsyncError(
            f"{command} is of {bringer.package}, which this run would remove from the environment: "
            f"it belongs to the {bringer.kind} {bringer.name}; nothing was changed",
            hint=f"`envsync run {bringer.option} {shlex.join(job.words)}`",
        )


def words_of(job: Job, inside: Inside) -> list[str]:
    """Give the command line of a job that is no task."""
    return [f"{inside.root}/{_PYTHON}", *job.words] if job.python else [*job.words]


def go_to_project(job: Job, environ: Mapping[str, str]) -> dict[str, str]:
    """Go to the folder of the env.toml with a task; gives the variables of its commands.

    Raises `StorageFailed`.
    """
    begun_in, folder = os.getcwd(), folder_of(job.words[0], job.project)
    with storage_errors(folder):
        os.chdir(folder)
    return {**environ, "INIT_CWD": begun_in, "PWD": folder}


def steps(job: Job) -> "Iterator[Step]":
    """Give the commands of a task, in order."""
    from envsync.spec.tasks import steps_of  # noqa: PLC0415

    name, *arguments = job.words
    return steps_of(job.tasks or {}, name, arguments)


def run_step(inside: Inside, job: Job, step: "Step", environ: Mapping[str, str]) -> int:
    """Run one command of a task; gives its exit code. A task's only command takes the place of
    this process. Raises `EnvsyncError` when it can't be started.
    """
    variables = {**environ, **dict(step.variables)}
    if isinstance((job.tasks or {})[job.words[0]], str):
        become(inside, list(step.words), variables)
    from envsync.platform.foreground import run_child  # noqa: PLC0415

    try:
        return run_child(inside.root, list(step.words), variables)
    except OSError as error:
        raise cannot_start(step.words[0], error, inside) from error
