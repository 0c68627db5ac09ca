"""Find a project: the folder of its env.toml, and the paths that belong to it."""

import os
from typing import NamedTuple

from envsync.errors import UsageError


class Project(NamedTuple):
    """Four paths, absolute, and the name that env.NAME.toml gives this environment."""

    root: str
    spec_path: str
    lock_path: str
    default_venv_path: str
    environment: str | None = None


def project_at(root: str, environment: str | None = None) -> Project:
    """Give the paths of the project in a folder, whether it has files yet or not.

    Raises `UsageError` for an environment name that can't be part of a file name.
    """
    if environment is None:
        return Project(root, f"{root}/env.toml", f"{root}/pylock.toml", f"{root}/.venv")
    if not environment.replace("-", "a").replace("_", "a").isalnum() or not environment.isascii():
        raise UsageError(
            f"--env {environment}: expected letters, digits, - and _", hint="`envsync sync -e test`"
        )
    return Project(
        root,
        f"{root}/env.{environment}.toml",
        f"{root}/pylock.{environment}.toml",
        f"{root}/.venv-{environment}",
        environment,
    )


def find_project(directory: str, environment: str | None = None) -> Project:
    """Find the project that a folder belongs to: the nearest folder upwards with its env.toml.

    Raises `UsageError` when there is none.
    """
    folder = directory
    while True:
        project = project_at(folder, environment)
        if os.path.lexists(project.spec_path):
            return project
        parent = os.path.dirname(folder)
        if parent == folder:
            break
        folder = parent
    name = os.path.basename(project.spec_path)
    raise UsageError(
        f"no {name} in {directory} or any folder above it",
        hint="`envsync init` starts a project here; -C DIR names another folder",
    )
