"""A command that is interrupted says so, ends with the signal's code, and leaves things whole."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.support.command import Workplace
from tests.support.index_server import IndexServer, Reply


def start_sync(place: Workplace) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "envsync", "sync"],
        cwd=place.project,
        env=place.environ,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_interrupt_in_the_middle_of_a_download(
    project: Workplace, server: IndexServer, number: signal.Signals, code: int
) -> None:
    project.given("lock")
    (filename,) = server.projects["webby"]
    path = f"/files/webby/{filename}"
    content = server.projects["webby"][filename]
    server.on(path, lambda seen: Reply(body=content, cut=100, hang=30.0))
    server.forget()
    process = start_sync(project)
    deadline = time.monotonic() + 30
    while path not in server.paths() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == code, err
    assert b"error: interrupted" in err
    assert not project.venv.exists()
    server.on(path, lambda seen: None)
    project.ok("sync")
    project.ok("sync", "--check")


@pytest.mark.matrix(4)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay", [0.15, 0.3, 0.5, 0.8])
def test_interrupt_at_any_moment_leaves_things_whole(
    project: Workplace, delay: float, number: signal.Signals
) -> None:
    project.given("lock")
    process = start_sync(project)
    time.sleep(delay)
    if process.poll() is None:
        os.kill(process.pid, number)
    _, err = process.communicate(timeout=30)
    # Before envsync itself is up, the signal ends the process in its default way, or Python says
    # that it couldn't start; a library that is just being imported may take Python down (-11).
    starting = process.returncode == 1 and err.startswith(b"Could not import runpy module")
    starting = starting or (process.returncode == -signal.SIGSEGV and err == b"")
    assert starting or process.returncode in (0, 128 + number, -number), err
    assert b"Traceback" not in err or b"envsync" not in err
    project.ok("sync")
    project.ok("sync", "--check")
