"""`[tasks]` of env.toml, run by real processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.command import Ran, Workplace
from tests.support.shells import Terminal

SHOW = "import json, os, sys; print(json.dumps([os.getcwd(), sys.argv[1:], dict(os.environ)]))"

SPEC = f"""\
[env]
name = "shop"

[tasks]
show = '''A=task B='x y' python -c "{SHOW}" first'''
one = "python -c 'print(1, flush=True)'"
two = "python -c 'print(2, flush=True)'"
fails = "sh -c 'exit 5'"
killed = "sh -c 'kill -9 \\"$$\\"'"
both = ["one", "two"]
stops = ["one", "fails", "two"]
deep = ["both", "C=1 show more", "killed", "one"]
lost = ["one", "no-such-command", "two"]
test = "python -c 'print(\\"the task\\")'"
waits = ["sh -c 'trap \\"exit 9\\" TERM INT; echo ready; while :; do sleep 0.05; done'", "one"]
gentle = ["sh -c 'trap \\"exit 0\\" TERM INT; echo ready; while :; do sleep 0.05; done'", "one"]
sleeps = ["sh -c 'echo ready; exec sleep 60'", "one"]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    made = Workplace(tmp_path_factory.mktemp("tasks"))
    made.write(SPEC)
    made.given("sync")
    return made


def lines(ran: Ran) -> list[str]:
    return ran.err.splitlines()


def test_command_gets_arguments_variables_and_the_projects_folder(
    place: Workplace, tmp_path: Path
) -> None:
    (tmp_path / "x.env").write_text("A=file\nD=file\n")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "envsync", "-C", place.project, "run"),
            *("--env-file", "x.env", "show", "-q", "a b", "--"),
        ],
        cwd=tmp_path,
        env={**place.environ, "B": "outer", "VIRTUAL_ENV": "/old"},
        capture_output=True,
        check=True,
    )
    folder, arguments, variables = json.loads(done.stdout)
    assert (folder, arguments) == (str(place.project), ["first", "-q", "a b", "--"])
    expected = {
        "A": "task",
        "B": "x y",
        "D": "file",
        "PWD": str(place.project),
        "INIT_CWD": str(tmp_path),
        "VIRTUAL_ENV": str(place.venv),
    }
    assert {name: variables[name] for name in expected} == expected
    assert done.stderr.decode().startswith("show: python -c ")


def test_single_command_takes_the_place_of_envsync(place: Workplace) -> None:
    assert place.run("run", "killed").code == -signal.SIGKILL
    assert place.run("run", "fails").code == 5


def test_list_runs_in_order_and_stops_at_the_first_failure(place: Workplace) -> None:
    ran = place.run("run", "both")
    assert (ran.code, ran.out) == (0, "1\n2\n")
    assert [line.partition(":")[0] for line in lines(ran)] == ["one", "two"]
    ran = place.run("run", "stops")
    assert (ran.code, ran.out) == (5, "1\n")
    assert lines(ran)[-1] == "fails: ended with 5"
    ran = place.run("-q", "run", "deep")
    assert ran.code == 128 + signal.SIGKILL
    first, second, shown = ran.out.splitlines()
    assert (first, second) == ("1", "2")
    _, arguments, variables = json.loads(shown)
    assert (arguments, variables["A"], variables["C"]) == (["first", "more"], "task", "1")
    assert ran.err == ""


def test_command_of_a_list_that_is_not_there(place: Workplace) -> None:
    ran = place.run("run", "lost")
    assert (ran.code, ran.out) == (1, "1\n")
    assert "no command no-such-command" in ran.err


def test_list_takes_no_arguments(place: Workplace) -> None:
    ran = place.run("run", "both", "-x")
    assert (ran.code, ran.out) == (2, "")
    assert "both is a list" in ran.err


def test_task_comes_before_the_command_of_its_name_and_says_so(place: Workplace) -> None:
    ran = place.ok("run", "test")
    assert ran.out == "the task\n"
    assert "test: python" in ran.err
    assert place.run("run", "--", "test", "1", "=", "1").code == 0
    assert place.run("run", "--", "test", "1", "=", "2").code == 1


def test_tasks_are_listed(place: Workplace) -> None:
    listed = place.ok("run").out.splitlines()
    assert "both    one, then two" in listed
    assert json.loads(place.ok("run", "--json").out)["tasks"]["both"] == ["one", "two"]


def test_mistakes_are_named_with_their_line(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    place.write('[env]\n[tasks]\na = "x | y"\nb = ["b"]\n')
    before = place.files()
    for command in (["sync"], ["run", "a"], ["run", "--", "true"], ["run"]):
        ran = place.run(*command)
        assert ran.code == 2
        assert "line 3: tasks.a: no shell" in ran.err
        assert "line 4: tasks.b: the task runs itself: b -> b" in ran.err
    assert place.files() == before


def test_new_tasks_need_no_new_lock(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    place.write("[env]\n[tasks]\na = 'sh -c \"exit 3\"'\n")
    place.given("sync")
    lock = place.lock()
    place.write("[env]\n[tasks]\na = 'sh -c \"exit 4\"'\n")
    assert place.run("run", "a").code == 4
    assert place.lock() == lock


def started(place: Workplace, task: str) -> "subprocess.Popen[bytes]":
    """Start a task of which the first command is ready when this returns."""
    child = subprocess.Popen(
        [sys.executable, "-m", "envsync", "run", task],
        cwd=place.project,
        env=place.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    time.sleep(0.1)
    return child


@pytest.mark.parametrize(
    ("task", "number", "code"),
    [
        ("waits", signal.SIGTERM, 9),
        ("waits", signal.SIGINT, 9),  # no terminal is there: it is passed on
        ("gentle", signal.SIGTERM, 128 + signal.SIGTERM),
        ("sleeps", signal.SIGTERM, 128 + signal.SIGTERM),
        ("sleeps", signal.SIGHUP, 128 + signal.SIGHUP),
        ("sleeps", signal.SIGINT, 128 + signal.SIGINT),
    ],
)
def test_signals_reach_the_command_and_nothing_more_is_started(
    place: Workplace, task: str, number: int, code: int
) -> None:
    child = started(place, task)
    child.send_signal(number)
    out, _ = child.communicate(timeout=20)
    assert (child.returncode, out) == (code, b"")


@pytest.mark.parametrize(("task", "code", "more"), [("sleeps", 130, ""), ("gentle", 0, "1")])
def test_interrupt_of_a_terminal_is_the_commands(
    place: Workplace, task: str, code: int, more: str
) -> None:
    terminal = Terminal(
        [sys.executable, "-m", "envsync", "-q", "run", task], str(place.project), place.environ
    )
    terminal.read("ready", 60)
    time.sleep(0.1)
    os.write(terminal._terminal, b"\x03")
    _, status = os.waitpid(terminal._child, 0)
    assert os.waitstatus_to_exitcode(status) == code
    if more:
        assert more in terminal.read(more)
    os.close(terminal._terminal)
