"""Locks between the processes of one machine, which go with the process that took them."""

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Self

from envsync.errors import EnvironmentBusy
from envsync.platform.files import storage_errors
from envsync.platform.flags import FOLDER

_held: set[int] = set()
"""Descriptors of the locks that this process holds: a forked copy of it would keep them (H49)."""


def _let_go() -> None:
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)


_Call = Callable[[], None]


class FileLock:
    """An exclusive lock on a file or folder, for processes of one machine; a context manager.

    The lock goes with the process that took it: a killed holder blocks nobody, and no child keeps
    it. A file is made for this user alone, stays, and may be removed by whoever holds its lock.
    Raises `EnvironmentBusy`, about `what`, after `timeout` seconds; `on_wait` is called once, when
    waiting has taken a moment.
    """

    _POLL_SECONDS, _MOMENT = 0.05, 0.1

    def __init__(
        self, path: str, *, timeout: float, on_wait: _Call | None = None, what: str = ""
    ) -> None:
        self._path, self._timeout, self._on_wait = path, timeout, on_wait
        self._what = what or path
        self._descriptor = -1

    def __enter__(self) -> Self:
        started = time.monotonic()
        with storage_errors(self._path):
            while True:
                folder = os.path.isdir(self._path)
                flags = os.O_RDONLY | os.O_DIRECTORY if folder else os.O_RDWR | os.O_CREAT
                self._descriptor = os.open(self._path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
                _held.add(self._descriptor)
                try:
                    self._acquire(started)
                    if self._is_in_place():
                        return self
                except BaseException:
                    self._release()
                    raise
                self._release()

    def __exit__(self, *_: object) -> None:
        self._release()

    def _acquire(self, started: float) -> None:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            waited = time.monotonic() - started
            if self._on_wait is not None and waited >= self._MOMENT:
                self._on_wait()
                self._on_wait = None
            if waited >= self._timeout:
                hint = "wait for the other command to end, then run this one again"
                raise EnvironmentBusy(self._what, self._timeout, hint=hint)
            time.sleep(self._POLL_SECONDS)

    def _is_in_place(self) -> bool:
        """Say whether what was locked still is what others would lock."""
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(self._descriptor), os.lstat(self._path))
        return False

    def _release(self) -> None:
        if self._descriptor in _held:
            _held.discard(self._descriptor)
            with suppress(OSError):  # nothing was written to it, and the lock is gone anyway
                os.close(self._descriptor)
        self._descriptor = -1


# Errors that say that a file system has no locks, or none for a folder.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF)


@contextmanager
def in_use(folder: str) -> Iterator[None]:
    """Let others see by `is_in_use` that a process works in a folder, as long as it lives.

    Where there are no locks they can't. Raises `OSError` where the folder can't be opened.
    """
    descriptor = os.open(folder, FOLDER)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def is_in_use(folder: str) -> bool | None:
    """Say whether a process works in a folder; None where there are no locks. Raises `OSError`."""
    descriptor = os.open(folder, FOLDER)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return None
    finally:
        os.close(descriptor)
    return False
