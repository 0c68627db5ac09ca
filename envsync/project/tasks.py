"""The tasks of a project, read from env.toml where they matter, and without all the rest of it."""

import os
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
    data = _spec_bytes(project.spec_path)
    of_member = _member_bytes(project)
    if not may_be_task(data, name) and not may_be_task(of_member, name):
        return None
    # A workspace's and a member's tasks are joined by whoever reads both.
    tasks = None if project.member else _plain_tasks(data)
    if tasks is None:
        tasks = all_tasks(project)
    return tasks if name in tasks else None


def _member_bytes(project: Project) -> bytes:
    """Give the env.toml of the member by which a workspace was entered, if it has one."""
    path = f"{project.root}/{project.member}/env.toml"
    return _spec_bytes(path) if project.member and os.path.lexists(path) else b""


def _spec_bytes(path: str) -> bytes:
    with storage_errors(path):
        try:
            return read_limited(path, _SPEC_LIMIT)
        except ValueError:
            return b""  # no env.toml is that large: whoever syncs says so


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
    if not may_be_task(_member_bytes(project), name):
        return project.root
    from envsync.project.env_toml import read_spec  # noqa: PLC0415

    has_it = name in of_member(read_spec(project)[0], project)
    return f"{project.root}/{project.member}" if has_it else project.root
