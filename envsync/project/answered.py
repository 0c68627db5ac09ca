"""Remember that a lock answers its env.toml, by the hashes of both.

    fresh-v1/<key>      empty

On the path of every `lock` with nothing to do: imports next to nothing.
"""

import hashlib
import os
from collections.abc import Iterable

from envsync import __version__
from envsync.errors import EnvsyncError
from envsync.platform.files import make_folders, sha256_file, write_atomic
from envsync.project.paths import Project
from envsync.settings import Settings


def is_known_fresh(project: Project, settings: Settings) -> bool:
    """Say whether the lock on disk is known to answer the env.toml on disk."""
    try:
        spec, lock = sha256_file(project.spec_path), sha256_file(project.lock_path)
    except OSError:
        return False
    return os.path.exists(_path(spec, lock, settings))


def remember_fresh(spec: bytes, lock: bytes, settings: Settings) -> None:
    """Keep that a lock, as it was written, answers an env.toml, as it was read."""
    path = _path(hashlib.sha256(spec).hexdigest(), hashlib.sha256(lock).hexdigest(), settings)
    try:
        make_folders(os.path.dirname(path))
        write_atomic(path, b"", sync=False)
    except (OSError, EnvsyncError):
        return


def _path(spec: str, lock: str, settings: Settings) -> str:
    """Give the path of what is kept about two files, by their sha256."""
    key = key_of((__version__, settings.default_index or "", spec, lock))
    return f"{settings.cache_dir}/fresh-v1/{key}"


def key_of(facts: Iterable[str]) -> str:
    """Give a file name, 64 hexadecimal digits, that stands for all facts."""
    return hashlib.sha256("\0".join(facts).encode("utf-8", "surrogateescape")).hexdigest()
