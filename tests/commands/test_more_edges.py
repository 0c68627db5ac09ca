"""Interpreter overrides, locks of others, odd ranges of Python, JSON of failures, interrupts."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from envsync.environment import stamp
from tests.commands.conftest import SPEC
from tests.support.command import Workplace
from tests.support.index_server import IndexServer, Reply


def test_lock_that_is_invalid_is_never_overwritten_by_sync(project: Workplace) -> None:
    project.given("sync")
    good = project.lock()
    for bad in (good[:300], f"<<<<<<< ours\n{good}", good.replace('"1.0"', '"2.0"', 1)):
        project.write(bad, "pylock.toml")
        before = project.files()
        ran = project.run("sync")
        assert ran.code == 2, ran.err
        assert "envsync lock" in ran.err or "newer envsync" in ran.err
        assert project.files() == before


def test_lock_of_a_newer_format_is_not_overwritten_by_lock_either(project: Workplace) -> None:
    project.given("lock")
    newer = project.lock().replace('lock-version = "1.0"', 'lock-version = "2.0"')
    project.write(newer, "pylock.toml")
    assert project.run("lock").code == 2
    assert project.lock() == newer


def test_lock_of_another_tool_is_replaced_with_a_word(project: Workplace) -> None:
    project.given("lock")
    foreign = project.lock().replace('created-by = "envsync"', 'created-by = "other"')
    project.write(foreign.split("[tool.envsync]")[0], "pylock.toml")
    ran = project.ok("lock")
    assert "was made by other" in ran.err
    assert "--frozen" in ran.err


def selected(project: Workplace) -> bytes:
    """What the no-op mark of the project's environment is about."""
    data = Path(stamp.place(str(project.cache), str(project.venv))).read_bytes()
    return next(line for line in data.split(b"\n") if line.startswith(b"selection "))


def test_interpreter_given_by_flag_does_not_stick(project: Workplace) -> None:
    del project.environ["ENVSYNC_PYTHON"]
    project.write(SPEC.replace("[env]", f'[env]\npython = "{sys.executable}"', 1))
    project.given("sync")
    project.ok("sync", "--python", sys.executable)
    assert "Nothing to do" in project.ok("sync").err
    selection = selected(project)
    assert selection == b"selection default"
    project.ok("sync", "--python", sys.executable)
    selection = selected(project)
    assert b"python=" in selection


@pytest.mark.parametrize("wanted", ["<3.13", "!=3.9.*"])
def test_range_of_python_without_a_lower_end_can_be_locked(project: Workplace, wanted: str) -> None:
    project.write(f'[env]\nrequires-python = "{wanted}"\ndependencies = ["base"]\n')
    project.ok("lock")
    assert 'name = "base"' in project.lock()


def test_range_below_every_python_is_a_mistake_of_env_toml(project: Workplace) -> None:
    project.write('[env]\nrequires-python = "<3.7"\ndependencies = ["base"]\n')
    ran = project.run("lock")
    assert ran.code == 2
    assert "requires-python" in ran.err


def test_failures_have_a_json_document_too(project: Workplace) -> None:
    project.given("sync")
    (project.site / "base.py").unlink()
    ran = project.run("sync", "--check", "--json")
    assert ran.code == 3
    found = json.loads(ran.out)
    assert found["exit_code"] == 3
    assert any("base.py is missing" in line for line in found["differences"])
    project.write("[env")
    ran = project.run("lock", "--json")
    assert json.loads(ran.out)["exit_code"] == 2


def test_all_keys_without_effect_are_named_at_once(project: Workplace) -> None:
    sources = "[sources]\na = { git = 'https://git.example/a' }\n"
    project.write(f"{SPEC}{sources}b = {{ git = 'https://git.example/b' }}\n")
    ran = project.run("lock")
    assert ran.code == 2
    assert "sources.a.git, sources.b.git" in ran.err


def test_cache_that_cannot_be_made_is_named(project: Workplace) -> None:
    ran = project.run("sync", "--cache-dir", "/proc/nowhere/cache")
    assert ran.code == 1
    assert "--cache-dir" in ran.err


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
