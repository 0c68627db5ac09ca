"""What `run` and `shell` share: the environment brought up to date, and a program started in it."""

import errno
import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, NoReturn

from envsync.errors import EnvsyncError
from envsync.events import Reporter
from envsync.operations.as_it_is import root_as_it_is
from envsync.operations.results import Synced
from envsync.operations.ways import bring_up_to_date, root_in_sync
from envsync.platform.execute import execute
from envsync.project.paths import Project
from envsync.project.request import Selection, SyncRequest
from envsync.project.tasks import all_tasks
from envsync.settings import Settings

_CLOSE = 0.75
"""Of the letters, for a name to be probably meant."""


class Inside(NamedTuple):
    """Where a program is started: an environment, and how it came about."""

    root: str
    project: Project
    selection: Selection
    settings: Settings
    synced: Synced | None = None
    """What a sync did; None: there was nothing to do."""
    seconds: float = 0.0
    """That the sync took, without locking."""


def enter(
    project: Project,
    request: SyncRequest,
    settings: Settings,
    reporter: Reporter,
    *,
    no_sync: bool,
    before_sync: Callable[[], None] = lambda: None,
) -> Inside:
    """Give a project's environment, brought up to date unless `no_sync` is said.

    `before_sync` is called where something may be to do; what it raises comes before that. Raises
    what a sync raises, and as `root_as_it_is`.
    """
    inside = Inside("", project, request.selection, settings)
    if no_sync:
        return inside._replace(root=root_as_it_is(project, settings))
    root = root_in_sync(project, request, settings)
    if root is not None:
        return inside._replace(root=root)
    before_sync()
    started = time.monotonic()
    synced = bring_up_to_date(project, request._replace(glance=True), settings, reporter)
    locking = synced.lock.seconds if synced.lock is not None else 0.0
    seconds = time.monotonic() - started - locking
    return inside._replace(root=synced.outcome.root, synced=synced, seconds=seconds)


def become(inside: Inside, command: list[str], environ: dict[str, str]) -> NoReturn:
    """Become a command; raises `EnvsyncError` when it can't be started."""
    try:
        execute(inside.root, command, environ)
    except OSError as error:
        raise cannot_start(command[0], error, inside) from error


def cannot_start(name: str, error: OSError, inside: Inside) -> EnvsyncError:
    """Word why a command can't be started, and what was probably meant."""
    file = str(error.filename or name)
    there = file if "/" in file and os.path.exists(file) else None
    if there and os.path.isdir(there):
        return EnvsyncError(f"{name} is a folder", hint="`envsync run COMMAND` wants a program")
    if isinstance(error, FileNotFoundError) and there is None:
        return EnvsyncError(
            f"no command {name} in {inside.root} or on PATH", hint=_instead_of(name, inside)
        )
    if isinstance(error, FileNotFoundError):
        return EnvsyncError(
            f"{there} can't be started: the program that its first line names (#!) is not there",
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
    from difflib import get_close_matches  # noqa: PLC0415

    from envsync.operations.commands import left_out  # noqa: PLC0415

    bringer = left_out(name, inside.project, inside.selection, inside.settings)
    if bringer is not None:
        return f"{bringer.package} has it: `envsync run {bringer.option} {name}`"
    known: list[str] = []
    with suppress(EnvsyncError):
        known += all_tasks(inside.project)
    with suppress(OSError):
        known += sorted(os.listdir(f"{inside.root}/bin"))
    near = get_close_matches(name, known, cutoff=_CLOSE)
    return f"`envsync run {near[0]}`" if near else "`envsync add NAME` adds the package that has it"
