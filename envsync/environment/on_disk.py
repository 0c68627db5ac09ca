"""Whether all that an environment was made of is on disk, or a power failure may have torn it.

Of a first environment only its state and its name are flushed, since everything in it can be made
again: flushing thousands of files costs more than linking them. So its manifest names the run of
the system that wrote it. As long as that run lasts nothing can be lost; after it, files are
compared by bytes once.
"""

import os
from contextlib import suppress

from envsync.environment.journal import state_path
from envsync.environment.manifest import Manifest, render_manifest
from envsync.environment.seal import Seal
from envsync.errors import StorageFailed
from envsync.platform.durable import SYNCED
from envsync.platform.files import write_atomic


def written_in(root: str, manifest: Manifest) -> str:
    """Name the run of the system in which an environment was written; `SYNCED`: it is on disk.

    A copy is another folder: who made it had read every file. Raises `OSError`.
    """
    boot, _, inode = manifest.written.partition(" ")
    return boot if inode == str(os.lstat(root).st_ino) else SYNCED


def confirm(root: str, manifest: Manifest, seal: Seal) -> Manifest:
    """Note in an environment that its files were compared by bytes, and are on disk.

    In one that can't be written to they will be compared again.
    """
    confirmed = manifest._replace(written=SYNCED)
    with suppress(StorageFailed):
        if seal.key:
            write_atomic(state_path(root, "manifest"), render_manifest(confirmed, seal))
            return confirmed
    return manifest
