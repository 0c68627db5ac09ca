"""The command `run`: a command, a task of env.toml or a script, in the environment."""

import argparse
import os
import shlex
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from envsync.cli import standard_input
from envsync.cli.lock import give_leave_by
from envsync.cli.main import Session
from envsync.cli.start import Inside, add_no_sync_argument, become, cannot_start, environment
from envsync.cli.sync import add_sync_arguments, sync_request
from envsync.errors import EnvsyncError, ProjectNotFound, UsageError
from envsync.platform.execute import own_variables
from envsync.platform.files import storage_errors
from envsync.project.paths import Project, find_project
from envsync.project.request import LockOptions, Selection, SyncRequest
from envsync.project.script import LIMIT, read_script_file, script_project
from envsync.project.tasks import all_tasks, tasks_with
from envsync.project.variables import with_env_files
from envsync.ui import printable

if TYPE_CHECKING:
    from envsync.spec.tasks import Step, Tasks

_PYTHON = "bin/python"


class Job(NamedTuple):
    """What is to be run, in which project's environment."""

    project: Project
    words: tuple[str, ...]
    python: bool = False
    """The words are arguments of the environment's interpreter."""
    script: str | None = None
    """What messages call the script whose metadata the project was made from."""
    tasks: "Tasks | None" = None
    """The project's tasks, where the first word names one."""


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:  # noqa: ARG001
    """Declare the arguments of `run`."""
    how = parser.add_argument_group("how it is run")
    either = how.add_mutually_exclusive_group()
    either.add_argument(
        "-m", "--module", action="store_true", help="CMD is a module: run it with python -m"
    )
    either.add_argument(
        "-s", "--script", action="store_true", help="CMD is a Python script, whatever its name"
    )
    how.add_argument(
        "--env-file",
        action="append",
        metavar="FILE",
        help="give the command the variables of a file; of several, the last wins",
    )
    add_no_sync_argument(parser)
    add_sync_arguments(parser)
    parser.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="CMD",
        help="a command, a task of env.toml or a .py file, and its arguments; after -- it is no "
        "task. Without it, the tasks are listed",
    )


def run(command: str, options: argparse.Namespace, session: Session) -> int:  # noqa: ARG001
    """Bring the environment up to date, then become the command."""
    literal = options.words[:1] == ["--"]
    words = tuple(options.words[1:] if literal else options.words)
    if not words:
        return _list_tasks(options, session)
    job = _job(words, options, session, literal=literal)
    paths = options.env_file or os.environ.get("ENVSYNC_ENV_FILE", "").split()
    environ = with_env_files(paths, own_variables())
    if job.script is not None:
        folder = os.path.dirname(os.path.realpath(job.script))
        session = session._replace(settings=session.settings._replace(script_folder=folder))
    inside = _environment(job, options, session)
    if job.tasks is not None:
        return _run_task(inside, job, environ, session)
    session.ui.close()
    before = (f"{inside.root}/{_PYTHON}",) if job.python else ()
    return become(inside, [*before, *job.words], environ)


# What the words mean


def _job(
    words: tuple[str, ...], options: argparse.Namespace, session: Session, *, literal: bool
) -> Job:
    """Say what is to be run: a module, a script, a task, or else a command."""
    name = words[0]
    if name == "-" and not options.module:
        return _script_job(words, standard_input.NAME, _standard_input(), session)
    if options.script or (name.endswith(".py") and os.path.isfile(name) and not options.module):
        return _script_job(words, name, read_script_file(name), session)
    try:
        project = find_project(session.directory, session.environment)
    except ProjectNotFound as error:
        if not name.endswith(".py") or options.module:
            raise
        raise UsageError(f"there is no file {name}, and {error}", hint=error.hint) from error
    if options.module:
        return Job(project, ("-m", *words), python=True)
    tasks = None if literal else tasks_with(name, project)
    if tasks is not None and len(words) > 1 and isinstance(tasks[name], tuple):
        raise UsageError(
            f"the task {name} is a list of commands, and takes no arguments",
            hint="write the arguments into the list, or run one of its commands with them",
        )
    return Job(project, words, tasks=tasks)


def _standard_input() -> bytes:
    """Give the script that comes by standard input; Python reads it once more."""
    data = standard_input.read_ahead(LIMIT + 1)
    if len(data) > LIMIT:
        raise UsageError(
            f"what comes by standard input is larger than {LIMIT:,} bytes: too large for a script",
            hint="`envsync run python -` reads anything",
        )
    return data


def _script_job(words: tuple[str, ...], script: str, data: bytes, session: Session) -> Job:
    own = script_project(data, script, session.settings, session.ui)
    if own is not None:
        if session.environment is not None:
            session.ui.warn(f"{script} has an environment of its own: --env is not used")
        return Job(own, words, python=True, script=script)
    try:
        project = find_project(session.directory, session.environment)
    except ProjectNotFound as error:
        raise UsageError(
            f"{error}, and {script} doesn't say what it needs",
            hint=f"say so in a comment block `# /// script` of {script} (PEP 723), or "
            "`envsync init` starts a project here",
        ) from error
    return Job(project, words, python=True)


def _list_tasks(options: argparse.Namespace, session: Session) -> int:
    """Show the tasks of the project. Raises `UsageError` where there is nothing to show."""
    tasks: Tasks = {}
    if not options.module and not options.script:
        tasks = all_tasks(find_project(session.directory, session.environment))
    if not tasks:
        raise UsageError("run what?", hint="`envsync run python -V`")
    if session.settings.json:
        listed = {
            name: [*task] if isinstance(task, tuple) else task for name, task in tasks.items()
        }
        session.ui.document({"command": "run", "tasks": listed})
        return 0
    width = max(map(len, tasks))
    for name, task in tasks.items():
        shown = task if isinstance(task, str) else ", then ".join(task)
        session.ui.data(printable(f"{name:<{width}}  {shown}"))
    session.ui.hint("`envsync run NAME` runs one of these tasks; anything else is a command")
    return 0


def _environment(job: Job, options: argparse.Namespace, session: Session) -> Inside:
    try:
        request = _request(job, options, session)
        before = _before_sync(job, request, session)
        root = environment(job.project, request, options, session, before_sync=before)
        return Inside(root, job.project, request.selection, session.settings)
    except EnvsyncError as error:
        if job.script is not None:
            error.message = _about_script(error.message, job.script)
            error.lines = tuple(_about_script(line, job.script) for line in error.lines)
            error.hint = error.hint and _about_script(error.hint, job.script)
            give_leave_by(error, partial(_allow_in_script, job.script))
        raise


def _allow_in_script(script: str, name: str) -> str:
    return f'allow = ["{name}"] under [tool.envsync.build] in the comment block of {script}'


def _about_script(text: str, script: str) -> str:
    """Name the script in a message, and not the env.toml made of it, which nobody has seen."""
    text = text.replace("env.toml: env.", f"{script}: ")
    return text.replace("env.toml: ", f"{script}: tool.envsync.")


def _request(job: Job, options: argparse.Namespace, session: Session) -> SyncRequest:
    request = sync_request(options)
    if job.script is None:
        return request
    if request.selection != Selection():
        raise UsageError(
            f"{job.script} has an environment of its own, without groups and extras",
            hint=f"`envsync run python {job.words[0]}` runs it in the project's environment",
        )
    if session.settings.refresh and not request.lock.upgrade:
        request = request._replace(lock=LockOptions(upgrade=True))
    return request


def _before_sync(job: Job, request: SyncRequest, session: Session) -> Callable[[], None]:
    """Give what sees that the sync takes away no command that is to be run."""

    def refuse() -> None:
        for command in _commands(job):
            _refuse_left_out(command, job, request, session)

    return refuse


def _commands(job: Job) -> list[str]:
    """Give the commands that may come out of the environment, by name."""
    if job.python:
        return []
    if job.tasks is None:
        return [job.words[0]]
    from envsync.spec.tasks import steps_of  # noqa: PLC0415

    name, *arguments = job.words
    return [step.words[0] for step in steps_of(job.tasks, name, arguments)]


def _refuse_left_out(command: str, job: Job, request: SyncRequest, session: Session) -> None:
    """Raise `EnvsyncError` for a command that is there, and that this very sync would remove."""
    from envsync.project.env_toml import read_spec  # noqa: PLC0415
    from envsync.sync.location import DEFAULT, root_of  # noqa: PLC0415

    root = root_of(job.project, DEFAULT, session.settings)
    if not os.path.isdir(root):  # [env] path may name another folder
        root = root_of(job.project, read_spec(job.project)[0].path, session.settings)
    is_there = "/" not in command and os.path.lexists(f"{root}/bin/{command}")
    if not is_there or command.startswith("python"):
        return
    from envsync.operations.commands import left_out  # noqa: PLC0415

    bringer = left_out(command, job.project, request.selection, session.settings)
    if bringer is not None:
        raise EnvsyncError(
            f"{command} is of {bringer.package}, which this run would remove from the environment: "
            f"it belongs to the {bringer.kind} {bringer.name}; nothing was changed",
            hint=f"`envsync run {bringer.option} {shlex.join(job.words)}`",
        )


# Tasks


def _run_task(inside: Inside, job: Job, environ: dict[str, str], session: Session) -> int:
    """Run a task's commands in the project's folder; the exit code is that of the last one run.

    A single command takes the place of this process.
    """
    from envsync.spec.tasks import steps_of  # noqa: PLC0415

    name, *arguments = job.words
    tasks = job.tasks or {}
    single = isinstance(tasks[name], str)
    environ["INIT_CWD"] = os.getcwd()
    environ["PWD"] = job.project.root
    with storage_errors(job.project.root):
        os.chdir(job.project.root)
    for step in steps_of(tasks, name, arguments):
        session.ui.note(f"{step.task}: {shlex.join(step.words)}")
        session.ui.close()
        variables = environ | dict(step.variables)
        if single:
            become(inside, list(step.words), variables)
        code = _run_step(inside, step, variables)
        if code:
            session.ui.note(f"{step.task}: ended with {code}")
            return code
    return 0


def _run_step(inside: Inside, step: "Step", environ: dict[str, str]) -> int:
    from envsync.platform.foreground import run_child  # noqa: PLC0415

    try:
        return run_child(inside.root, list(step.words), environ)
    except OSError as error:
        raise cannot_start(step.words[0], error, inside) from error
