"""Remember that a build of a local folder gave other metadata than a lock has of it.

    refuted-v2/<key>    the folder and the digest of what was locked -> empty

What decides the metadata of a folder can't always be seen without a build (`project_files`), and
`lock --check` builds nothing. Only what doesn't fit is kept: metadata that is otherwise worded, as
another machine's may be, makes no lock outdated.
"""

import os

from envsync.cache.bucket import VALUES, Bucket
from envsync.cache.values import ValueCache
from envsync.project import workspace_mark

BUCKET = Bucket("refuted-v2", VALUES)


def refute(cache_dir: str, folder: str, facts: str) -> None:
    """Keep that a folder, absolute, is not what a lock with this digest says of its metadata."""
    _values(cache_dir).put(_key(folder, facts), b"")
    workspace_mark.forget(cache_dir)


def is_refuted(cache_dir: str, folder: str, facts: str) -> bool:
    """Say whether a build of a folder gave other metadata than a lock with this digest has."""
    return _values(cache_dir).get(_key(folder, facts)) is not None


def _values(cache_dir: str) -> ValueCache:
    return ValueCache(BUCKET.folder(cache_dir))


def _key(folder: str, facts: str) -> str:
    return f"{os.path.realpath(folder)}\0{facts}"
