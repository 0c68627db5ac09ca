"""What `run` and `shell` share: the environment brought up to date, and a program started in it."""

import argparse
import errno
import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, NoReturn

from envsync.cli.main import Session
from envsync.cli.report import report_sync
from envsync.cli.sync import bring_up_to_date
from envsync.errors import EnvsyncError
from envsync.operations.ready import root_as_it_is, root_in_sync
from envsync.platform.execute import execute
from envsync.project.paths import Project
from envsync.project.request import Selection, SyncRequest
from envsync.project.tasks import all_tasks
from envsync.settings import Settings, flag


def add_no_sync_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `--no-sync`."""
    parser.add_argument(
        "--no-sync", action="store_true", help="take the environment as it is, without looking"
    )


def environment(
    project: Project,
    request: SyncRequest,
    options: argparse.Namespace,
    session: Session,
    *,
    before_sync: Callable[[], None] = lambda: None,
) -> str:
    """Give the folder of the environment, brought up to date unless `--no-sync` is said.

    `before_sync` is called where something may be to do; what it raises comes before that.
    """
    if options.no_sync or flag(os.environ, "ENVSYNC_NO_SYNC"):
        return root_as_it_is(project, session.settings)
    root = root_in_sync(project, request, session.settings)
    if root is not None:
        return root
    before_sync()
    started = time.monotonic()
    done = bring_up_to_date(project, request._replace(glance=True), session)
    if done.outcome.created or not done.outcome.comparison.is_empty():
        locking = done.lock.seconds if done.lock is not None else 0.0
        report_sync(done.outcome, session, seconds=time.monotonic() - started - locking)
    return done.outcome.root


class Inside(NamedTuple):
    """Where a program is started: an environment, and how it came about."""

    root: str
    project: Project
    selection: Selection
    settings: Settings


def become(inside: Inside, command: list[str], environ: dict[str, str]) -> NoReturn:
    """Become a command; raises `EnvsyncError` when it can't be started."""
    try:
        execute(inside.root, command, environ)
    except OSError as error:
        raise cannot_start(command[0], error, inside) from error


def cannot_start(name: str, error: OSError, inside: Inside) -> EnvsyncError:
    """Word why a command can't be started, and what was probably meant."""
    file = str(error.filename or name)
    found = file if "/" in file and os.path.exists(file) else None
    if found and os.path.isdir(found):
        return EnvsyncError(f"{name} is a folder", hint="`envsync run COMMAND` wants a program")
    if isinstance(error, FileNotFoundError) and found is None:
        return EnvsyncError(
            f"no command {name} in {inside.root} or on PATH", hint=_instead_of(name, inside)
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


def _instead_of(name: str, inside: Inside) -> str:
    if name.startswith(f"{inside.root}/"):
        return "`envsync sync` repairs the environment"
    if "/" in name or name.endswith(".py"):
        return "check the path; it is relative to the current folder"
    # Only needed for the message.
    from envsync.cli.misspelt import near_miss  # noqa: PLC0415
    from envsync.operations.commands import left_out  # noqa: PLC0415

    bringer = left_out(name, inside.project, inside.selection, inside.settings)
    if bringer is not None:
        return f"{bringer.package} has it: `envsync run {bringer.option} {name}`"
    known: list[str] = []
    with suppress(EnvsyncError):
        known += all_tasks(inside.project)
    with suppress(OSError):
        known += sorted(os.listdir(f"{inside.root}/bin"))
    near = near_miss(name, known)
    return f"`envsync run {near}`" if near else "`envsync add NAME` adds the package that has it"
