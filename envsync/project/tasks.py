"""The tasks of a project, read from env.toml where they matter, and without all the rest of it."""

from typing import TYPE_CHECKING

from envsync.errors import SpecInvalid
from envsync.platform.files import read_limited, storage_errors
from envsync.project.paths import Project
from envsync.spec.task_names import may_be_task

if TYPE_CHECKING:
    from envsync.spec.model import Spec
    from envsync.spec.tasks import Tasks

_SPEC_LIMIT = 1 << 20


def tasks_with(name: str, project: Project) -> "Tasks | None":
    """Give the project's tasks if `name` is one of them. Raises as `all_tasks`.

    A workspace's member has its own, and else those of the workspace. Other mistakes of env.toml
    are left to whoever syncs.
    """
    if project.member:
        every = all_tasks(project)
        return every if name in every else None
    with storage_errors(project.spec_path):
        try:
            data = read_limited(project.spec_path, _SPEC_LIMIT)
        except ValueError:
            return None  # no env.toml is that large: whoever syncs says so
    if not may_be_task(data, name):
        return None
    tasks = _plain_tasks(data)
    if tasks is None:
        tasks = all_tasks(project)
    return tasks if name in tasks else None


def _plain_tasks(data: bytes) -> "Tasks | None":
    # On the way to a task this is all that is read of env.toml when its environment is in sync.
    from envsync.spec.document import decode, load  # noqa: PLC0415
    from envsync.spec.tasks import plain_tasks  # noqa: PLC0415

    try:
        return plain_tasks(load(decode(data, path=""), path="").get("tasks"))
    except SpecInvalid:
        return None


def all_tasks(project: Project) -> "Tasks":
    """Give the project's tasks. Raises `SpecInvalid`, `StorageFailed`."""
    from envsync.project.env_toml import read_spec  # noqa: PLC0415

    spec, _ = read_spec(project)
    return {**spec.tasks, **of_member(spec, project)}


def of_member(spec: "Spec", project: Project) -> "Tasks":
    """Give the tasks of the member by which a workspace was entered."""
    found = [one.tasks for one in spec.members if one.path == project.member]
    return found[0] if found else {}


def folder_of(name: str, project: Project) -> str:
    """Give the folder that a task runs in: that of the env.toml that has it."""
    if not project.member:
        return project.root
    from envsync.project.env_toml import read_spec  # noqa: PLC0415

    has_it = name in of_member(read_spec(project)[0], project)
    return f"{project.root}/{project.member}" if has_it else project.root
