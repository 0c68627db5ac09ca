"""Remember that a lock answers its env.toml, by the hashes of both.

    fresh-v1/<key>      empty

On the path of every `lock` with nothing to do: imports next to nothing.
"""

import hashlib
import os
from collections.abc import Iterable

from envsync import __version__
from envsync.errors import EnvsyncError
from envsync.files import make_folders, sha256_file, write_atomic
from envsync.settings import Settings
from envsync.workflow.project import Project


def is_known_fresh(project: Project, settings: Settings) -> bool:
    """Say whether the lock on disk is known to answer the env.toml on disk."""
    try:
        return os.path.exists(_path(project, settings))
    except OSError:
        return False


def remember_fresh(project: Project, settings: Settings) -> None:
    """Keep that the lock on disk answers the env.toml on disk."""
    try:
        path = _path(project, settings)
        make_folders(os.path.dirname(path))
        write_atomic(path, b"", sync=False)
    except (OSError, EnvsyncError):
        return


def _path(project: Project, settings: Settings) -> str:
    index = settings.default_index or ""
    facts = (__version__, index, sha256_file(project.spec_path), sha256_file(project.lock_path))
    return f"{settings.cache_dir}/fresh-v1/{key_of(facts)}"


def key_of(facts: Iterable[str]) -> str:
    """Give a file name, 64 hexadecimal digits, that stands for all facts."""
    return hashlib.sha256("\0".join(facts).encode("utf-8", "surrogateescape")).hexdigest()
