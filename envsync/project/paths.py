"""Find a project: the folder of its env.toml, and the paths that belong to it."""

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from envsync.errors import ProjectNotFound, TargetRefused, UsageError
from envsync.platform.files import open_regular, storage_errors
from envsync.platform.user import stranger

_MOST_READ = 1 << 20


class Project(NamedTuple):
    """Four paths, absolute, and the name that env.NAME.toml gives this environment.

    `spec_path` is empty where the lock is taken alone (`with_lock`): there is no env.toml to read.
    """

    root: str
    spec_path: str
    lock_path: str
    default_venv_path: str
    environment: str | None = None
    member: str = ""
    """Of a workspace, the folder of the member by which it was entered, relative to the root."""
    script: str = ""
    """What messages call the script whose metadata the project is made from, if it is one's."""

    named_lock: str | None = None
    """The lock's path as the user typed it, where the project's own isn't taken (`with_lock`)."""

    @property
    def lock_folder(self) -> str:
        """The folder that relative paths in the lock start from (PEP 751, `packages.*.path`)."""
        return os.path.dirname(self.lock_path)


def project_at(root: str, environment: str | None = None) -> Project:
    """Give the paths of the project in a folder, whether it has files yet or not.

    Raises `UsageError` for an environment name that can't be part of a file name.
    """
    if environment is None:
        return Project(root, f"{root}/env.toml", f"{root}/pylock.toml", f"{root}/.venv")
    if not _is_name(environment):
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


def with_lock(root: str, environment: str | None, named: str) -> Project:
    """Give the project in this very folder with the lock of a path, wherever that leads.

    `named` is relative to the current folder, as what is typed is. An env.toml is no condition:
    without one the lock says everything. Folders above are not searched, since a lock that is named
    is about the folder that is named, or the current one. Raises `UsageError` as `project_at`,
    `StorageFailed` where it can't be told what is there.
    """
    project = project_at(root, environment)
    spec_path = project.spec_path if _is_there(project.spec_path) else ""
    return project._replace(spec_path=spec_path, lock_path=os.path.abspath(named), named_lock=named)


def find_project(directory: str, environment: str | None = None) -> Project:
    """Find the project that a folder belongs to: the nearest folder upwards with its env.toml.

    That of a workspace's member is the workspace, entered by the member. Raises `ProjectNotFound`
    when there is none, `UsageError` for one further up that isn't the user's own, `StorageFailed`
    where it can't be told whether there is one, `SpecInvalid` for a workspace's that is no TOML.
    """
    for folder in upwards(directory):
        project = project_at(folder, environment)
        if _is_there(project.spec_path):
            if folder != directory:
                _refuse_strangers(project, directory)
            return in_workspace(project, directory)
    raise _not_found(project_at(directory, environment))


def in_workspace(project: Project, directory: str) -> Project:
    """Give the workspace of which a project is a member, or in a member of which a folder lies.

    Where there is none it is the project. Raises as `find_project`.
    """
    for folder in upwards(project.root if directory == project.root else directory):
        above = project_at(folder, project.environment)
        is_around = len(folder) <= len(project.root) and folder != directory
        if not is_around or not may_be_workspace(above.spec_path):
            continue
        if folder != project.root and _why_not_ours(above) is not None:
            continue
        from envsync.project.member_of import member_in  # noqa: PLC0415  (few are in one)

        member = member_in(above.spec_path, directory)
        # A project that lies in a member's folder is one by itself.
        if member and (folder == project.root or f"{folder.rstrip('/')}/{member}" == project.root):
            return above._replace(member=member)
    return project


def may_be_workspace(spec_path: str) -> bool:
    """Say whether there is an env.toml that speaks of a workspace."""
    try:
        with open_regular(spec_path) as file:
            return b"workspace" in file.read(_MOST_READ)
    except OSError:
        return False


def _not_found(project: Project) -> ProjectNotFound:
    """Say that there is no such project, and which environments there are instead."""
    hint = "`envsync init` starts a project here; -C DIR names another folder"
    for folder in upwards(project.root):
        there = list(_environments(folder))
        if there:
            hint = f"{folder} has {', '.join(there)}; `envsync init` starts one here"
            break
    name = os.path.basename(project.spec_path)
    return ProjectNotFound(f"no {name} in {project.root} or any folder above it", hint=hint)


def _environments(folder: str) -> Iterator[str]:
    """Give the files in a folder that are environments, with what chooses each."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        inner = name.removeprefix("env.").removesuffix(".toml")
        if name == "env.toml":
            yield "one without a name (no -e)"
        elif name == f"env.{inner}.toml" and _is_name(inner):
            yield f"{name} (-e {inner})"


def _is_name(environment: str) -> bool:
    """Tell whether this can be an environment's name, and part of a file's."""
    plain = environment.replace("-", "a").replace("_", "a")
    return plain.isalnum() and plain.isascii()


def upwards(folder: str) -> Iterator[str]:
    """Give a folder and all those above it."""
    while True:
        yield folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent


def _is_there(path: str) -> bool:
    """Tell whether there is such a file; what can't be looked at is no "no" (`StorageFailed`)."""
    with storage_errors(path):
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
    return True


def _refuse_strangers(project: Project, directory: str) -> None:
    """Refuse a project above the folder that was asked about unless it is this user's (or root's).

    Whoever may write to a folder above may put an env.toml there, for all who work below. It
    isn't the rule of `trust`: a project may be a group's, and root may use that of the user who
    became root; a sticky folder, where others put in what they like, holds nobody's.
    """
    why = _why_not_ours(project)
    if why is None:
        return
    raise UsageError(
        f"{project.spec_path} {why}: not used for {directory} unasked",
        hint=f"`envsync -C {project.root} …` uses it; `envsync init` starts a project here",
    )


def _why_not_ours(project: Project) -> str | None:
    if os.name == "nt":
        return None
    with storage_errors(project.spec_path):
        folder, file = os.stat(project.root), os.lstat(project.spec_path)
    if folder.st_mode & (stat.S_ISVTX | stat.S_IWOTH):
        return f"lies in {project.root}, where others may write"
    other = stranger(folder, file)
    return None if other is None else f"belongs to another user ({other})"


def refuse_outside(project: Project, root: str) -> None:
    """Refuse an environment to which a link on the way leads out of the project.

    A clone brings links as it brings env.toml. Raises `TargetRefused`.
    """
    folder = os.path.dirname(root)
    if folder == project.root:
        return
    place, top = os.path.realpath(folder), os.path.realpath(project.root)
    if not f"{place}/".startswith(f"{top.rstrip('/')}/"):
        raise TargetRefused(
            root,
            f"a link on the way leads out of the project, to {place}",
            hint="put a folder in the link's place, or set `[env] path` to another one",
        )
