"""Sources that lie outside of the project's folder: who lets it reach them, and where they are.

A cloned env.toml is a stranger's text. It reaches out only where it says so openly (`outside =
true`, judged when it is read), or where the user's own config.toml lets any project ([outside]
allow). Nothing in such a source leads on to elsewhere, and a folder of another user, or that others
may write to, is none to build from unless config.toml names it.
"""

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from envsync.errors import PathRefused
from envsync.platform.files import storage_errors
from envsync.platform.user import config_file, owner_name, stranger
from envsync.settings import Settings
from envsync.spec.locations import Reach, leads_outside
from envsync.spec.model import Spec


class Place(NamedTuple):
    """A file or folder of a project, or one that it may reach."""

    root: str
    """The folder, absolute, that nothing in it leads out of: the project's, or the source's own."""
    path: str
    """Where it is in that; "." is the folder itself."""


def reach_of(root: str) -> Reach:
    """Say where the user lets a project in `root`, absolute, reach: in folders of config.toml.

    That is read when it is asked, and raises as `user_config.read_user_config` then.
    """

    def may_lead(path: str) -> bool:
        return _is_allowed(absolute(root, path), root)

    return may_lead


def place_of(root: str, location: str, subdirectory: str | None = None) -> Place:
    """Say where a source is, or the project in its `subdirectory`.

    `location` is as env.toml or a lock has it: judged, and relative to the folder `root` or
    absolute. Raises `PathRefused` for a folder of another user's outside of the project, and
    `StorageFailed`.
    """
    if not leads_outside(os.path.normpath(location)):
        return Place(root, os.path.join(location, subdirectory or ""))
    path = absolute(root, location)
    if not os.path.isdir(path):
        return Place(*os.path.split(path))
    _refuse_strangers(path, location, root)
    return Place(path, subdirectory or ".")


def absolute(root: str, location: str) -> str:
    """Give the absolute path of a source."""
    # As for the system: `..` of a project that a link leads to is above what it leads to.
    start = os.path.realpath(root) if leads_outside(os.path.normpath(location)) else root
    return os.path.normpath(os.path.join(start, location))


def _refuse_strangers(path: str, shown: str, root: str) -> None:
    """Refuse a folder in which others may put what a build would run."""
    if os.name == "nt":
        return
    with storage_errors(path):
        folder, own = os.stat(path), os.stat(root)
    if stranger(folder) not in (None, stranger(own)):
        why = f"belongs to another user ({owner_name(folder)})"
    elif folder.st_mode & stat.S_IWOTH:
        why = "may be written to by everybody"
    else:
        return
    if not _is_allowed(path, root):
        raise PathRefused(
            shown,
            f"lies outside of the project and {why}: what is in it is not run unasked",
            hint=f'allow = ["{path}"] under [outside] in your config.toml lets projects use it',
        )


def _is_allowed(path: str, root: str) -> bool:
    from envsync.project.interpreter import own_config, strangers_folder  # noqa: PLC0415  (rare)

    settings = Settings(
        cache_dir="",
        config_file=config_file(os.environ),
        is_config_named=bool(os.environ.get("ENVSYNC_CONFIG_FILE")),
    )
    real, own = os.path.realpath(path), own_config(settings, strangers_folder(root))
    allowed = map(os.path.realpath, own.outside)
    return any(f"{real}/".startswith(f"{folder.rstrip('/')}/") for folder in allowed)


def told_outside(spec: Spec) -> Iterator[str]:
    """Say what of env.toml leads out of the project's folder."""
    for name, sources in spec.sources.items():
        for source in sources:
            if source.kind == "path" and leads_outside(source.location):
                yield f"{name} comes from {source.location}, outside of the project"
