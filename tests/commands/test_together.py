"""Commands on one project at once: nobody's change is lost, and no stranger makes anybody wait."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from envsync.platform import files
from tests.commands.conftest import SPEC, publish
from tests.support.command import SECONDS, Workplace
from tests.support.index_server import IndexServer, Reply, Seen
from tests.support.wheels import make_wheel

EIGHT = [f"pkg{number}" for number in range(8)]


def at_once(place: Workplace, *commands: Sequence[str]) -> list[tuple[int, str]]:
    """Run commands side by side in the project's folder; gives exit codes and what they said."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "envsync", *command],
            cwd=place.project,
            env=place.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    said = [process.communicate(timeout=SECONDS)[1] for process in running]
    return list(zip([process.returncode for process in running], said, strict=True))


def publish_eight(server: IndexServer) -> None:
    publish(server, *(make_wheel(name, "1.0", {f"{name}.py": ""}) for name in EIGHT))


def installed(place: Workplace) -> set[str]:
    return {path.stem for path in place.site.glob("*.py")}


def locked(place: Workplace, name: str = "pylock.toml") -> set[str]:
    return set(
        re.findall(r'^name = "(.*)"', place.lock() if name == "" else place.read(name), re.M)
    )


def test_eight_additions_at_once_all_stay(place: Workplace, server: IndexServer) -> None:
    publish_eight(server)
    place.write('[env]\nname = "shop"\nrequires-python = ">=3.11"\ndependencies = []\n')
    for code, said in at_once(place, *(["add", name] for name in EIGHT)):
        assert code == 0, said
    assert {name for name in EIGHT if f'"{name}>=1.0"' in place.read()} == set(EIGHT)
    assert locked(place) >= set(EIGHT)
    assert installed(place) >= set(EIGHT)
    place.ok("sync", "--check")


def test_every_kind_of_edit_at_once(project: Workplace, server: IndexServer) -> None:
    publish_eight(server)
    project.write(SPEC.replace('"webby"]', '"webby", "pkg0", "pkg1"]'))
    commands = [
        *(["add", "pkg2"], ["add", "--no-sync", "--group", "dev", "pkg3"], ["remove", "pkg0"]),
        *(["lock", "--allow-build", "pkg7"], ["lock", "-U"], ["sync", "-P", "base"]),
        ["run", "python", "-c", "import base"],
    ]
    for code, said in at_once(project, *commands):
        assert code == 0, said
    text = project.read()
    assert '"pkg0"' not in text
    for part in ('"pkg1"', '"pkg2>=1.0"', '"pkg3>=1.0"', 'allow = ["pkg7"]'):
        assert part in text
    assert project.ok("lock", "--check")
    project.ok("sync")
    assert {"pkg1", "pkg2", "pkg3", "checker"} <= installed(project)
    project.ok("sync", "--check")


def test_two_environments_of_one_project_at_once(project: Workplace, server: IndexServer) -> None:
    publish_eight(server)
    project.write(SPEC, "env.other.toml")
    commands = [["add", name] for name in EIGHT[:3]]
    commands += [["-e", "other", "add", name] for name in EIGHT[3:6]]
    for code, said in at_once(project, *commands):
        assert code == 0, said
    assert locked(project) & set(EIGHT) == set(EIGHT[:3])
    assert locked(project, "pylock.other.toml") & set(EIGHT) == set(EIGHT[3:6])
    project.ok("sync", "--check")
    project.ok("-e", "other", "sync", "--check")


def test_a_project_by_two_names_is_one(place: Workplace, server: IndexServer) -> None:
    publish_eight(server)
    place.write('[env]\nname = "shop"\ndependencies = []\n')
    (place.project.parent / "link").symlink_to(place.project)
    commands = [["add", name] for name in EIGHT[:2]]
    commands += [["-C", str(place.project.parent / "link"), "add", name] for name in EIGHT[2:4]]
    for code, said in at_once(place, *commands):
        assert code == 0, said
    assert locked(place) == set(EIGHT[:4])


def test_two_scripts_with_one_environment_at_once(place: Workplace) -> None:
    text = '# /// script\n# dependencies = ["base"]\n# ///\nimport base\nprint(base.VERSION)\n'
    for name in ("one.py", "two.py"):
        place.write(text, name)
    for code, said in at_once(place, *([["run", "one.py"], ["run", "two.py"]] * 2)):
        assert code == 0, said


def test_what_strangers_can_lock_stops_nobody(project: Workplace) -> None:
    """Whoever can read a folder or file may lock it, and hold that lock for ever."""
    project.given("sync")
    held = []
    for path in (project.project, project.venv, project.cache, *project.cache.iterdir()):
        if path.stat().st_mode & 0o004:
            held.append(os.open(path, os.O_RDONLY))
            fcntl.flock(held[-1], fcntl.LOCK_EX)
    (project.site / "base.py").unlink()
    started = time.monotonic()
    ran = project.ok("add", "checker")
    assert time.monotonic() - started < 60
    assert "Waiting" not in ran.err
    for descriptor in held:
        os.close(descriptor)


def lock_files(place: Workplace) -> list[Path]:
    return sorted((place.cache.parent / "state/envsync/locks").iterdir())


def test_locks_are_files_that_only_the_user_opens_and_stay(project: Workplace) -> None:
    project.given("sync")
    before = lock_files(project)
    assert [path.name.partition("-")[0] for path in before] == ["environment", "project"]
    assert {path.stat().st_mode & 0o7777 for path in before} == {0o600}
    assert before[0].parent.stat().st_mode & 0o7777 == 0o700
    project.ok("add", "checker")
    assert lock_files(project) == before


def test_a_lock_that_nobody_took_for_long_goes_with_the_next_new_one(project: Workplace) -> None:
    project.given("lock")
    (kept,) = lock_files(project)
    old, held = kept.with_name("project-old"), kept.with_name("project-held")
    for path in (old, held):
        path.write_text("")
        os.utime(path, (1, 1))
    with held.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        project.ok("sync")
    names = [path.name for path in lock_files(project)]
    assert "project-old" not in names
    assert {"project-held", kept.name} <= set(names)


HOLD = """
import os, sys, time
from envsync.events import SILENT
from envsync.project.locks import project_lock
from envsync.project.paths import project_at
with project_lock(project_at(sys.argv[1]), sys.argv[2], SILENT):
    child = os.fork() if sys.argv[3] == "fork" else None
    if child == 0:
        os.close(1)  # sys.stdout.close() leaves it open, and the test would wait for this process
        time.sleep(60)
    print(f"held {child}", flush=True)
    time.sleep(60)
"""


def hold(place: Workplace, how: str = "alone") -> "tuple[subprocess.Popen[str], int | None]":
    """Start a process that holds the project's lock; gives it, and the child that it forked."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, place.project, place.cache, how],
        env={**place.environ, "PYTHONPATH": str(Path(files.__file__).parent.parent)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    held, _, child = process.stdout.readline().strip().partition(" ")
    assert held == "held"
    return process, None if child == "None" else int(child)


@pytest.mark.parametrize("how", ["alone", "fork"])
def test_a_killed_holder_and_its_children_block_nobody(project: Workplace, how: str) -> None:
    holder, child = hold(project, how)
    holder.kill()
    holder.communicate()
    try:
        started = time.monotonic()
        assert "Waiting" not in project.ok("lock").err
        assert time.monotonic() - started < 30
    finally:
        if child is not None:
            os.kill(child, signal.SIGKILL)  # it was there until now


def test_waiting_is_shown_and_ends_with_the_holder(project: Workplace) -> None:
    holder, _ = hold(project)
    waiter = subprocess.Popen(
        [sys.executable, "-m", "envsync", "sync"],
        cwd=project.project,
        env=project.environ,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert waiter.stderr is not None
    line = waiter.stderr.readline()
    assert line == f"Waiting for another envsync to finish with {project.project}\n"
    assert not project.venv.exists()
    holder.kill()
    holder.communicate()
    assert waiter.wait(SECONDS) == 0
    waiter.stderr.close()


def test_looking_waits_for_nobody(project: Workplace) -> None:
    project.given("sync")
    holder, _ = hold(project)
    for command in (
        *(["status"], ["sync", "--check"], ["lock", "--check"], ["lock", "--dry-run"]),
        *(["sync", "--dry-run"], ["verify"], ["run", "true"]),
    ):
        started = time.monotonic()
        project.ok(*command)
        assert time.monotonic() - started < 30
    holder.kill()
    holder.communicate()


def test_what_an_editor_saves_meanwhile_is_not_lost(
    project: Workplace, server: IndexServer
) -> None:
    project.given("sync")
    edited = SPEC.replace('name = "shop"', 'name = "edited"')

    def save(_: Seen) -> Reply | None:
        project.write(edited)
        return None

    server.on("/simple/checker/", save)
    before = project.lock()
    ran = project.run("add", "checker", "--refresh")
    assert ran.code == 1
    assert "env.toml was changed while this command ran" in ran.err
    assert (project.read(), project.lock()) == (edited, before)
    ran = project.run("lock", "-U", "--refresh")
    assert ran.code == 0
    assert project.read() == edited


def test_a_lock_answers_what_it_read_and_not_what_was_saved_meanwhile(
    project: Workplace, server: IndexServer
) -> None:
    edited = SPEC.replace('"webby"]', '"webby", "winner"]')

    def save(_: Seen) -> Reply | None:
        project.write(edited)
        return None

    server.on("/simple/base/", save)
    project.ok("lock")
    assert project.read() == edited
    assert project.run("lock", "--check").code == 3
    project.ok("lock")
    assert "winner" in locked(project)


@pytest.mark.parametrize("target", ["real.toml", "../shared/env.toml"])
def test_a_link_to_env_toml_stays_one(project: Workplace, target: str) -> None:
    real = project.project / target
    real.parent.mkdir(exist_ok=True)
    (project.project / "env.toml").rename(real)
    (project.project / "env.toml").symlink_to(target)
    project.ok("add", "checker")
    project.ok("remove", "webby")
    assert os.readlink(project.project / "env.toml") == target
    assert "checker>=7.0" in real.read_text()
    assert "checker" in locked(project)
