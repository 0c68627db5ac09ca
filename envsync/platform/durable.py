"""What a loss of power leaves: one flush for all that was done so far, and which run of the system
this is.

Flushing file by file costs a journal commit for each; a whole file system is flushed in a fraction
of that. Where even that costs too much (a new environment, the store), the run of the system in
which something was written is noted beside it: what was written in an earlier run may not have
reached the disk, and is compared by bytes before it is believed.

Read on the shortest path of the program: it imports next to nothing.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

SYNCED = "synced"
"""In place of the name of a run of the system: all of it is known to be on disk."""

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def boot_id() -> str:
    """Name this run of the system; empty where it can't be told from another."""
    try:
        with open(_BOOT_ID, "rb") as file:
            return file.read().decode().strip()
    except (OSError, ValueError):
        return ""


def survived(boot: str) -> bool:
    """Say whether what was written in a run of the system is as it was written, without a look."""
    return boot == SYNCED or (boot != "" and boot == boot_id())


def flush_all(folders: "Iterable[str]") -> None:
    """Make durable all that was done so far on the file systems of these folders.

    One that is gone has nothing to flush. Raises `OSError`.
    """
    seen: set[int] = set()
    for folder in folders:
        try:
            descriptor = os.open(folder, _FOLDER)
        except FileNotFoundError:
            continue
        try:
            device = os.fstat(descriptor).st_dev
            if device not in seen:
                flush_file_system(descriptor)
            seen.add(device)
        finally:
            os.close(descriptor)


def flush_file_system(descriptor: int) -> None:
    """Make durable all that was done so far on the file system of an open folder.

    With Linux's `syncfs`; where there is none, with `sync`, which flushes all. Raises `OSError`.
    """
    if not _syncfs(descriptor):
        os.sync()


def _syncfs(descriptor: int) -> bool:
    # 5 ms, and a sync with nothing to do flushes nothing.
    import ctypes  # noqa: PLC0415
    import errno  # noqa: PLC0415

    call = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if call is None:
        return False
    if call(descriptor) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EINVAL):
        return False  # an old system, or one that watches over the calls of a container
    raise OSError(number, os.strerror(number))
