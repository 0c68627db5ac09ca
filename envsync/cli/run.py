"""The command `run`: a command, a task of env.toml or a script, in the environment."""

import argparse
import os
import shlex
from functools import partial
from typing import TYPE_CHECKING

from envsync.cli.lock import give_leave_by
from envsync.cli.main import Session
from envsync.cli.report import report_entered
from envsync.cli.sync import add_no_sync_argument, add_sync_arguments, is_not_synced, sync_request
from envsync.errors import EnvsyncError, UsageError
from envsync.operations.run import (
    Asked,
    Job,
    enter_for,
    environ_of,
    find_job,
    go_to_project,
    run_step,
    steps,
    tasks_of,
    words_of,
)
from envsync.operations.start import Inside, become
from envsync.project.paths import find_project
from envsync.ui import printable

if TYPE_CHECKING:
    from envsync.spec.tasks import Tasks


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
    asked = Asked(
        words=words,
        directory=session.directory,
        environment=session.environment,
        module=options.module,
        script=options.script,
        literal=literal,
    )
    job = find_job(asked, session.settings, session.ui)
    environ = environ_of(options.env_file or os.environ.get("ENVSYNC_ENV_FILE", "").split())
    inside = _enter(job, options, session)
    report_entered(inside, session)
    if job.tasks is not None:
        return _run_task(inside, job, environ, session)
    session.ui.close()
    return become(inside, words_of(job, inside), environ)


def _enter(job: Job, options: argparse.Namespace, session: Session) -> Inside:
    request, no_sync = sync_request(options, job.project), is_not_synced(options)
    try:
        return enter_for(job, request, session.settings, session.ui, no_sync=no_sync)
    except EnvsyncError as error:
        if job.project.script:
            give_leave_by(error, partial(_allow_in_script, job.project.script))
        raise


def _allow_in_script(script: str, name: str) -> str:
    return f'allow = ["{name}"] under [tool.envsync.build] in the comment block of {script}'


def _run_task(inside: Inside, job: Job, environ: dict[str, str], session: Session) -> int:
    """Run a task's commands in the project's folder; the exit code is that of the last one run."""
    variables = go_to_project(job, environ)
    for step in steps(job):
        session.ui.note(f"{step.task}: {shlex.join(step.words)}")
        session.ui.close()
        code = run_step(inside, job, step, variables)
        if code:
            session.ui.note(f"{step.task}: ended with {code}")
            return code
    return 0


def _list_tasks(options: argparse.Namespace, session: Session) -> int:
    """Show the tasks of the project. Raises `UsageError` where there is nothing to show."""
    tasks: Tasks = {}
    if not options.module and not options.script:
        tasks = tasks_of(find_project(session.directory, session.environment))
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
