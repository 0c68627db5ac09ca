"""Make entries of the store: built aside in a private folder, then renamed in, whole."""

import errno
import os
from collections.abc import Callable
from contextlib import suppress

from envsync.cache.bucket import STAGING
from envsync.cache.folder import prepare_cache
from envsync.cache.scratch import scratch, sweep_abandoned
from envsync.errors import StorageFailed
from envsync.platform.durable import SYNCED
from envsync.platform.files import set_folder_mode, set_mode, storage_errors, sync_directory
from envsync.platform.flags import NEW_FILE
from envsync.store.entries import FOLDER_MODE, StoreReader
from envsync.store.manifest import StoredWheel, render_manifest
from envsync.store.times import write_rows
from envsync.store.unpack import write_all

_TRIES = 5
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


class StoreWriter(StoreReader):
    """A bucket of the store, with what it takes to add to it."""

    _tidied = False

    def make(self, build: Callable[[str], StoredWheel]) -> StoredWheel:
        """Have `build` fill a staging folder with a whole entry, and put that in place.

        `build` ends with `seal`. When another process has put the entry there meanwhile, its one
        is given; when the folder was deleted meanwhile (by `cache clean`, say), it is built again.
        Raises `StorageFailed`, and what `build` raises.
        """
        with storage_errors(self.root):
            for _ in range(_TRIES):
                with suppress(FileNotFoundError):  # the bucket itself was deleted
                    self._prepare()
                    made = self._attempt(build)
                    if made is not None:
                        return made
        raise StorageFailed(self.root, "it is deleted again and again")

    def _attempt(self, build: Callable[[str], StoredWheel]) -> StoredWheel | None:
        """Build and publish an entry; None when somebody deleted it while it was made."""
        with scratch(self.root, STAGING) as staging:
            try:
                return self._publish(staging, build(staging))
            except FileNotFoundError:  # nobody else knows the folder: it is being deleted
                return None
            except StorageFailed:
                if os.path.isdir(staging):
                    raise
        return None

    def seal(self, staging: str, wheel: StoredWheel) -> StoredWheel:
        """Write the manifest of an entry whose files are all in `staging`; gives the wheel."""
        sync = not self.boot
        if sync:
            for folder in ("", *(f"/{folder}" for folder in wheel.folders)):
                sync_directory(f"{staging}/tree{folder}")
        manifest = render_manifest(wheel, boot=self.boot or SYNCED)
        _write_manifest(f"{staging}/manifest", manifest, sync=sync)
        write_rows(staging, f"{staging}/tree", (file.path for file in wheel.files))
        set_folder_mode(staging, FOLDER_MODE)
        if sync:
            sync_directory(staging)
        return wheel

    def _prepare(self) -> None:
        """Make the bucket, and remove what killed processes left in it a day ago or earlier."""
        prepare_cache(os.path.dirname(self.root))
        with suppress(FileExistsError):
            os.mkdir(self.root, FOLDER_MODE)
        self.check_trust()
        if not self._tidied:
            self._tidied = True
            sweep_abandoned(self.root, STAGING)

    def _publish(self, staging: str, wheel: StoredWheel) -> StoredWheel:
        """Rename the finished entry into place, unless another whole one got there first."""
        entry = self.entry(wheel.sha256)
        for _ in range(_TRIES):
            try:
                os.rename(staging, entry)
            except OSError as error:
                if error.errno not in _TAKEN:
                    raise
            else:
                return wheel
            winner = self.get(wheel.sha256)
            if winner is not None:
                return winner
            self.set_entry_aside(entry)
        raise StorageFailed(entry, "something else is put there again and again")


def _write_manifest(path: str, data: bytes, *, sync: bool) -> None:
    descriptor = os.open(path, NEW_FILE, 0o444)
    try:
        write_all(descriptor, data)
        set_mode(descriptor, 0o444)
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
