"""The location of a project's environment: in the project, in the user's own folder for
environments, or where a link leads that the user made.

A clone brings links as it brings env.toml, and what a link leads to would be emptied and filled. So
one is followed to an environment that this user's envsync made for this very path; and to a folder
that is empty, or not there yet, inside the project or where the user's settings give leave. Any
other link is what stands at the environment's path: refused, or set aside itself.
"""

import os
from contextlib import suppress

from envsync.errors import TargetRefused
from envsync.platform.files import storage_errors
from envsync.platform.user import may_speak_of_venvs, stranger
from envsync.project.paths import Project, refuse_outside
from envsync.settings import Settings

DEFAULT = ".venv"
"""`[env] path` where env.toml has none; environments of other names have their own."""


def root_of(project: Project, path: str, settings: Settings) -> str:
    """Give the path of an environment for `[env] path`; all of it below the user's own folder for
    environments, where there is one.

    Raises `SpecInvalid` and `StorageFailed` for config.toml.
    """
    root = project.default_venv_path
    if path != DEFAULT:
        root = os.path.normpath(os.path.join(project.root, path))
    folder = _folder(project, settings)
    if not folder:
        return root
    above, name = os.path.split(root)
    return os.path.normpath(f"{folder}/{os.path.realpath(above)}/{name}")


def _folder(project: Project, settings: Settings) -> str:
    """Give the user's folder for environments; those of scripts lie, and go, with the cache."""
    if settings.script_folder:
        return ""
    return settings.venvs or _places(project, settings)[0]


def _places(project: Project, settings: Settings) -> tuple[str, tuple[str, ...]]:
    """Give what config.toml says of environments; where it says nothing it isn't parsed."""
    if not may_speak_of_venvs(settings.config_file):
        return "", ()
    from envsync.project.interpreter import own_config, strangers_folder  # noqa: PLC0415

    return own_config(settings, strangers_folder(project.root)).venvs


def lies_at(project: Project, root: str, settings: Settings) -> str:
    """Give the folder in which the environment of a path lies: `root` itself, but for good links.

    Raises `TargetRefused` where the way to it leads out of the project, or through what another
    user made; `StorageFailed`, and as `root_of`.
    """
    folder = _folder(project, settings)
    if folder and _is_below(root, folder):
        _refuse_foreign(root, folder)
    else:
        refuse_outside(project, root)
    if not os.path.islink(root):
        return root
    end = os.path.realpath(root)
    with storage_errors(end):
        is_good = _is_own(end, root, settings) or (
            _holds_nothing(end) and _has_leave(end, project, settings)
        )
    return end if is_good else root


def _is_own(folder: str, root: str, settings: Settings) -> bool:
    """Say whether this user's envsync made what is in a folder, for the path that led there.

    What it only began to make names no path yet: that shows when it was finished.
    """
    from envsync.environment.belief import read_manifest  # noqa: PLC0415  (links are rare)
    from envsync.environment.journal import is_committed  # noqa: PLC0415
    from envsync.environment.key import UserKey  # noqa: PLC0415
    from envsync.sync.desired import place_of  # noqa: PLC0415

    if not os.path.isdir(folder):
        return False
    seal = UserKey(settings).seal()
    manifest = read_manifest(folder, seal)
    return is_committed(folder, seal) if manifest is None else place_of(manifest) == root


def _holds_nothing(folder: str) -> bool:
    """Say whether a folder is missing, or has nothing in it."""
    from envsync.environment.belief import holds_nothing  # noqa: PLC0415

    return not os.path.lexists(folder) or holds_nothing(folder)


def _has_leave(folder: str, project: Project, settings: Settings) -> bool:
    from envsync.spec.locations import is_of_repository  # noqa: PLC0415

    top = os.path.realpath(project.root)
    if _is_below(folder, top):
        return not is_of_repository(folder[len(top) :])
    allowed = map(os.path.realpath, _places(project, settings)[1])
    return any(folder == place or _is_below(folder, place) for place in allowed)


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(f"{folder.rstrip('/')}/")


def _refuse_foreign(root: str, folder: str) -> None:
    """Refuse what another user made below the user's folder: whoever comes first could own it."""
    place = os.path.dirname(root)
    while _is_below(place, folder):
        with storage_errors(place), suppress(FileNotFoundError):
            owner = stranger(os.lstat(place))
            if owner is not None:
                raise TargetRefused(
                    root,
                    f"{place} belongs to another user ({owner})",
                    hint="name a folder of yours: ENVSYNC_VENV, or folder under [venv] in "
                    "config.toml",
                )
        place = os.path.dirname(place)
