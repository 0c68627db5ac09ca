"""Keep the table of words that completion answers from."""

import os

from envsync.cache.bucket import VALUES, Bucket
from envsync.errors import StorageFailed
from envsync.operations import completion
from envsync.operations.completion import Table, render_table, table_path
from envsync.platform.files import make_folders, write_atomic
from envsync.settings import Settings
from envsync.trust import refuse_shared_cache

BUCKET = Bucket(completion.BUCKET, VALUES)


def keep_table(table: Table, settings: Settings) -> None:
    """Keep a table where the next answer finds it; what can't be written is made again."""
    path = table_path({**os.environ, "ENVSYNC_CACHE_DIR": settings.cache_dir})
    try:
        if path:
            refuse_shared_cache(settings.cache_dir)
            make_folders(os.path.dirname(path), 0o700)
            write_atomic(path, render_table(table).encode(), mode=0o600, sync=False)
    except (OSError, StorageFailed):
        return  # a cache is no promise
