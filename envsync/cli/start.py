"""What `run` and `shell` share: the environment brought up to date, and a program started in it."""

import argparse
import errno
import os
import time
from contextlib import suppress
from typing import NoReturn

from envsync.cli.main import Session
from envsync.cli.report import report_sync
from envsync.cli.sync import bring_up_to_date
from envsync.errors import EnvsyncError
from envsync.settings import flag
from envsync.venv.execute import execute
from envsync.workflow.project import Project
from envsync.workflow.ready import root_as_it_is, root_in_sync
from envsync.workflow.request import SyncRequest
from envsync.workflow.tasks import all_tasks


def add_no_sync_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `--no-sync`."""
    parser.add_argument(
        "--no-sync", action="store_true", help="take the environment as it is, without looking"
    )


def environment(
    project: Project, request: SyncRequest, options: argparse.Namespace, session: Session
) -> str:
    """Give the folder of the environment, brought up to date unless `--no-sync` is said."""
    if options.no_sync or flag(os.environ, "ENVSYNC_NO_SYNC"):
        return root_as_it_is(project, session.settings)
    root = root_in_sync(project, request, session.settings)
    if root is not None:
        return root
    started = time.monotonic()
    done = bring_up_to_date(project, request._replace(glance=True), session)
    if done.outcome.created or not done.outcome.comparison.is_empty():
        locking = done.lock.seconds if done.lock is not None else 0.0
        report_sync(done.outcome, session, seconds=time.monotonic() - started - locking)
    return done.outcome.root


def become(root: str, command: list[str], environ: dict[str, str], project: Project) -> NoReturn:
    """Become a command; raises `EnvsyncError` when it can't be started."""
    try:
        execute(root, command, environ)
    except OSError as error:
        raise cannot_start(command[0], error, root, project) from error


def cannot_start(name: str, error: OSError, root: str, project: Project) -> EnvsyncError:
    """Word why a command can't be started, and what was probably meant."""
    file = str(error.filename or name)
    found = file if "/" in file and os.path.exists(file) else None
    if found and os.path.isdir(found):
        return EnvsyncError(f"{name} is a folder", hint="`envsync run COMMAND` wants a program")
    if isinstance(error, FileNotFoundError) and found is None:
        return EnvsyncError(
            f"no command {name} in {root} or on PATH", hint=_instead_of(name, root, project)
        )
    if isinstance(error, FileNotFoundError):
        return EnvsyncError(
            f"{found} can't be started: the program that its first line names (#!) is not there",
            hint="`envsync sync --verify` repairs the scripts of packages",
        )
    if isinstance(error, PermissionError):
        python = f", or `envsync run python {name}`" if name.endswith(".py") else ""
        return EnvsyncError(f"{name} can't be executed", hint=f"`chmod +x {name}`{python}")
    if error.errno == errno.ENOEXEC:
        return EnvsyncError(
            f"{name} is no program, and doesn't begin with a line #!/path/of/program",
            hint=f"name the program that reads it: `envsync run sh {name}`",
        )
    return EnvsyncError(f"{name}: {error.strerror or error}")


def _instead_of(name: str, root: str, project: Project) -> str:
    if name.startswith(f"{root}/"):
        return "`envsync sync` repairs the environment"
    if "/" in name or name.endswith(".py"):
        return "check the path; it is relative to the current folder"
    import difflib  # noqa: PLC0415  (only needed for the message)

    known: list[str] = []
    with suppress(EnvsyncError):
        known += all_tasks(project)
    with suppress(OSError):
        known += sorted(os.listdir(f"{root}/bin"))
    near = difflib.get_close_matches(name, known, n=1)
    return f"`envsync run {near[0]}`" if near else "`envsync add NAME` adds the package that has it"
