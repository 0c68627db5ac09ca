"""The environment of a project as it is: known to be in sync, or at least there."""

import os

from envsync.errors import EnvsyncError
from envsync.settings import Settings
from envsync.sync import stamp
from envsync.workflow.project import Project
from envsync.workflow.request import SyncRequest


def root_in_sync(project: Project, request: SyncRequest, settings: Settings) -> str | None:
    """Give the environment's folder when the no-op mark says that nothing is to be done for it.

    Looks at the inputs and folders, and at no file. None: a sync has to look.
    """
    if not request.is_plain() or settings.refresh or settings.compile_bytecode is not None:
        return None
    root = project.default_venv_path
    selection = request.selection.line(settings.python)
    return root if stamp.is_current(settings.cache_dir, root, selection, files=False) else None


def root_as_it_is(project: Project) -> str:
    """Give the environment's folder, whatever is in it.

    Raises `EnvsyncError` when there is no environment, `SpecInvalid`.
    """
    root = project.default_venv_path
    if os.path.lexists(project.spec_path):
        # [env] path may name another folder; reading it takes longer than all the rest.
        from envsync.workflow.spec_file import read_spec, venv_path  # noqa: PLC0415

        root = venv_path(project, read_spec(project)[0])
    if not os.path.isfile(f"{root}/pyvenv.cfg"):
        raise EnvsyncError(
            f"there is no environment at {root}",
            hint=f"`envsync {_option(project)}sync` makes it",
        )
    return root


def _option(project: Project) -> str:
    return f"-e {project.environment} " if project.environment else ""
