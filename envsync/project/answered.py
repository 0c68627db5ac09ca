"""Remember that a lock answers its env.toml, by the hashes of both.

    fresh-v2/<key>      envsync's version, the default index, both hashes -> empty

On the path of every `lock` with nothing to do: imports next to nothing.
"""

import hashlib

from envsync import __version__
from envsync.cache.bucket import VALUES, Bucket
from envsync.cache.values import ValueCache
from envsync.platform.files import sha256_file
from envsync.project.paths import Project
from envsync.settings import Settings

BUCKET = Bucket("fresh-v2", VALUES)


def is_known_fresh(project: Project, settings: Settings) -> bool:
    """Say whether the lock on disk is known to answer the env.toml on disk."""
    try:
        spec, lock = sha256_file(project.spec_path), sha256_file(project.lock_path)
    except OSError:
        return False
    return _values(settings).get(_key(settings, spec, lock)) is not None


def remember_fresh(spec: bytes, lock: bytes, settings: Settings) -> None:
    """Keep that a lock, as it was written, answers an env.toml, as it was read."""
    key = _key(settings, hashlib.sha256(spec).hexdigest(), hashlib.sha256(lock).hexdigest())
    _values(settings).put(key, b"")


def _values(settings: Settings) -> ValueCache:
    return ValueCache(BUCKET.folder(settings.cache_dir))


def _key(settings: Settings, spec: str, lock: str) -> str:
    """Give what the answer depends on: two files, by their sha256, and what both mean."""
    return "\0".join((__version__, settings.default_index or "", spec, lock))
