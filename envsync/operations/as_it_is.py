"""The environment of a project as it is, in sync or not, if it is at least this user's own."""

import hashlib
import os
from typing import TYPE_CHECKING

from envsync.environment import stamp
from envsync.errors import EnvsyncError
from envsync.platform.files import storage_errors
from envsync.project.paths import Project
from envsync.settings import Settings
from envsync.sync.location import DEFAULT, lies_at, root_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envsync.environment.manifest import Placed

_SCRIPT_LIMIT = 1 << 20


def root_as_it_is(project: Project, settings: Settings) -> str:
    """Give the environment's folder, in sync or not.

    Raises `EnvsyncError` when there is no environment, or none that this user's envsync made here:
    what came with a project is neither run nor entered. Raises `SpecInvalid`, `StorageFailed`.
    """
    path = DEFAULT
    if os.path.lexists(project.spec_path):
        # [env] path may name another folder; reading it takes longer than all the rest.
        from envsync.project.env_toml import read_spec  # noqa: PLC0415

        path = read_spec(project)[0].path
    root = root_of(project, path, settings)
    if not os.path.isfile(f"{root}/pyvenv.cfg"):
        raise EnvsyncError(
            f"there is no environment at {root}",
            hint="`envsync sync` makes it",
        )
    _placed(root, project, settings)
    return root


def refuse_altered(root: str, path: str, project: Project, settings: Settings) -> None:
    """Refuse a file of the environment, which a shell is about to read, unless it is as placed.

    Raises `EnvsyncError`, `StorageFailed`.
    """
    from envsync.environment.tree import Tree  # noqa: PLC0415

    expected = _placed(root, project, settings).get(path)
    with storage_errors(root), Tree(lies_at(project, root, settings)) as tree:
        data = tree.read(path, _SCRIPT_LIMIT)
    if expected is None or data is None or hashlib.sha256(data).hexdigest() != expected.content:
        raise EnvsyncError(
            f"{root}/{path} is not as envsync made it",
            hint="`envsync sync --verify` repairs the environment",
        )


def _placed(root: str, project: Project, settings: Settings) -> "Mapping[str, Placed]":
    """Give what this user's envsync placed in the environment; `EnvsyncError` if it didn't.

    It is sealed by the user, or the no-op mark in the user's cache is about it.
    """
    from envsync.environment.belief import examine  # noqa: PLC0415
    from envsync.environment.key import UserKey  # noqa: PLC0415
    from envsync.sync.desired import place_of  # noqa: PLC0415

    folder = lies_at(project, root, settings)
    is_known = stamp.is_known(settings.cache_dir, root)
    belief = examine(folder, UserKey(settings).seal(), trusted=is_known)
    doubt = belief.doubt
    if belief.manifest is not None:
        place = place_of(belief.manifest)
        doubt = "" if place == root else f"it was moved or copied from {place}"
    if belief.manifest is None or doubt:
        force = "" if belief.marked else " --force"
        raise EnvsyncError(
            f"{root} is not used as it is: {doubt}",
            hint=f"`envsync sync{force}` makes it anew",
        )
    return belief.manifest.placed()
