"""Locks exclude each other, last as long as their holder, and count for what others would lock."""

import errno
import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from envsync.errors import EnvironmentBusy, StorageFailed
from envsync.platform import file_lock
from envsync.platform.file_lock import FileLock

HOLD = """
import sys, time
from envsync.platform.file_lock import FileLock
with FileLock(sys.argv[1], timeout=5):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_lock_is_exclusive_shown_bounded_and_ends_with_its_holder(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "lock"
    if kind == "folder":
        path.mkdir()
    environ = {**os.environ, "PYTHONPATH": str(Path(file_lock.__file__).parent.parent)}
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, env=environ
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    waits: list[int] = []
    with (
        pytest.raises(EnvironmentBusy, match=str(path)),
        FileLock(str(path), timeout=0.2, on_wait=lambda: waits.append(1)),
    ):
        pass
    assert waits == [1]
    holder.kill()
    holder.wait()
    with FileLock(str(path), timeout=0):
        pass
    holder.stdout.close()


def test_a_lock_file_is_for_its_user_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with FileLock(str(tmp_path / "lock"), timeout=0):
            assert (tmp_path / "lock").stat().st_mode & 0o7777 == 0o600
    finally:
        os.umask(before)


def test_a_lock_on_a_file_that_was_removed_meanwhile_counts_for_nothing(tmp_path: Path) -> None:
    """Whoever waited for it would hold a file that nobody else ever locks."""
    path = tmp_path / "lock"
    held = threading.Event()

    def remove_it() -> None:
        with FileLock(str(path), timeout=0):
            held.set()
            time.sleep(0.2)
            path.unlink()

    remover = threading.Thread(target=remove_it)
    remover.start()
    assert held.wait(10)
    with FileLock(str(path), timeout=10):
        assert path.exists()
        with pytest.raises(EnvironmentBusy), FileLock(str(path), timeout=0):
            pass
    remover.join()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EBADF])
def test_where_there_are_no_locks_nothing_goes_on_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Network file systems may have none."""

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StorageFailed, match=str(tmp_path)), FileLock(str(tmp_path), timeout=60):
        pytest.fail("it was taken for locked")


def test_a_forked_process_lets_go_of_all_locks(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    read, write = os.pipe()
    with FileLock(path, timeout=0):
        child = os.fork()
        if child == 0:
            os.close(write)
            os.read(read, 1)  # until the parent is done
            os._exit(0)
    with FileLock(path, timeout=10):  # the child is still there
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
    os.close(write)
    os.waitpid(child, 0)
    os.close(read)
