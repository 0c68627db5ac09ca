"""The one flush for everything, and the name of a run of the system."""

import errno
import os
from pathlib import Path

import pytest

from envsync.platform import durable


def test_each_file_system_is_flushed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []

    def flush(descriptor: int) -> bool:
        flushed.append(descriptor)
        return True

    monkeypatch.setattr(durable, "_syncfs", flush)
    durable.flush_all([str(tmp_path), str(tmp_path), str(tmp_path.parent)])
    assert len(flushed) == 1


def test_the_system_is_asked(tmp_path: Path) -> None:
    durable.flush_all([str(tmp_path)])


def test_where_one_file_system_cannot_be_flushed_by_itself_all_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(durable, "_syncfs", lambda descriptor: False)
    monkeypatch.setattr(os, "sync", lambda: calls.append("sync"))
    durable.flush_all([str(tmp_path), f"{tmp_path}/gone"])
    assert calls == ["sync"]


def test_a_flush_that_fails_is_an_error() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    os.close(reading)
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        durable.flush_file_system(reading)


def test_what_an_earlier_run_wrote_is_doubted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot = tmp_path / "boot"
    boot.write_text("one\n")
    monkeypatch.setattr(durable, "_BOOT_ID", str(boot))
    assert durable.boot_id() == "one"
    assert durable.survived("one")
    assert durable.survived(durable.SYNCED)
    assert not durable.survived("another")
    boot.unlink()
    assert durable.boot_id() == ""
    assert not durable.survived("")
    assert not durable.survived("one")


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.EPERM])
def test_where_the_call_is_refused_all_are_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    import ctypes

    def refuse(descriptor: int) -> int:
        ctypes.set_errno(code)
        return -1

    class Library:
        syncfs = staticmethod(refuse)

    calls: list[str] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda *given, **named: Library)
    monkeypatch.setattr(os, "sync", lambda: calls.append("sync"))
    durable.flush_all([str(tmp_path)])
    assert calls == ["sync"]
