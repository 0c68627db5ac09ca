"""The cache folder itself: made, marked as envsync's, and told from folders of something else."""

import os
from collections.abc import Sequence

from envsync.cache.bucket import Bucket, declared
from envsync.errors import StorageFailed, UsageError
from envsync.platform.files import make_folders, storage_errors, write_atomic
from envsync.platform.flags import READ_NO_LINK
from envsync.platform.user import is_mine
from envsync.trust import IN_CACHE

TAG = "CACHEDIR.TAG"
TAG_TEXT = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# This folder holds the caches of envsync; `envsync cache clean` empties it.\n"
)
"""Backup tools leave out a folder with this file, and `cache clean` empties only such a one."""


def prepare_cache(cache_dir: str) -> None:
    """Make the folder of all caches, and mark it as one. Raises `OSError`, `StorageFailed`."""
    make_folders(cache_dir)
    tag = f"{cache_dir}/{TAG}"
    if not os.path.lexists(tag):
        write_atomic(tag, TAG_TEXT, sync=False)


def check_ours(cache_dir: str, buckets: Sequence[Bucket]) -> bool:
    """See that a folder is a cache of envsync's; False when there is none.

    Raises `UsageError` for a folder of something else, `StorageFailed` for another user's.
    """
    with storage_errors(cache_dir):
        try:
            status = os.stat(cache_dir)
            names = os.listdir(cache_dir)
        except FileNotFoundError:
            return False
        tag = _read_tag(f"{cache_dir}/{TAG}")
    if not is_mine(status):
        raise StorageFailed(cache_dir, "it belongs to another user")
    ours = {name for name in names if declared(name, buckets) or name in (TAG, IN_CACHE)}
    if b"envsync" not in tag and ours != set(names):
        raise UsageError(
            f"{cache_dir} is not a cache of envsync: other things lie there, and no {TAG} says so",
            hint="`envsync cache dir` shows which folder is meant; --cache-dir names another one",
        )
    return True


def _read_tag(path: str) -> bytes:
    try:
        with open(os.open(path, READ_NO_LINK), "rb") as file:
            return file.read(4096)
    except OSError:
        return b""
