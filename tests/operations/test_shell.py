"""Which shell is meant, how it enters an environment, and what it is started with."""

import os
from pathlib import Path

import pytest

from envsync.errors import EnvsyncError, UsageError
from envsync.operations import shell
from envsync.operations.shell import (
    NAMES,
    activation,
    become_shell,
    program_of,
    ready_to_start,
    refuse_to_enter,
    which_shell,
)
from envsync.operations.start import Inside
from envsync.project.request import Selection
from envsync.venv import shells
from envsync.venv.shells import Found
from tests.operations.conftest import Bench

BASH = Found("bash", "/bin/bash")


@pytest.fixture
def inside(bench: Bench) -> Inside:
    bench.write("")
    root = bench.sync().outcome.root
    return Inside(root, bench.project, Selection(), bench.settings)


def test_the_shell_that_is_named_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shells, "surrounding_shell", lambda *_, **__: Found("zsh", "zsh"))
    assert which_shell("/opt/bin/fish", {}, typed=True) == Found("fish", "/opt/bin/fish")
    environ = {"ENVSYNC_SHELL": "tcsh"}
    assert which_shell(None, environ, typed=True) == Found("tcsh", "tcsh")
    assert which_shell("bash", environ, typed=True) == Found("bash", "bash")
    assert which_shell(None, {"ENVSYNC_SHELL": ""}, typed=True) == Found("zsh", "zsh")


@pytest.mark.parametrize("typed", [True, False])
def test_else_the_shell_that_asks_is_meant(monkeypatch: pytest.MonkeyPatch, typed: bool) -> None:
    monkeypatch.setattr(shells, "commands_of_parents", lambda: [["sh", "-c", "x"], ["-zsh"]])
    expected = Found("zsh", "zsh") if typed else Found("sh", "sh")
    assert which_shell(None, {}, typed=typed) == expected


def test_a_shell_that_nobody_knows_is_told_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="--shell /bin/basch: this shell isn't known") as caught:
        which_shell("/bin/basch", {}, typed=True)
    assert caught.value.hint == "did you mean bash?"
    with pytest.raises(UsageError) as caught:
        which_shell("emacs", {}, typed=True)
    assert caught.value.hint == f"one of {', '.join(NAMES)}"
    assert {"bash", "fish", "pwsh"} < set(NAMES)


def test_no_shell_at_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shells, "commands_of_parents", list)
    with pytest.raises(UsageError, match="can't tell which shell this is") as caught:
        which_shell(None, {}, typed=True)
    assert "`--shell bash`" in str(caught.value.hint)


def test_activation_names_the_script_of_the_shell(inside: Inside) -> None:
    found = activation(inside.project, BASH, inside.settings)
    script = f"{inside.root}/bin/activate"
    assert (found.root, found.shell, found.script) == (inside.root, "bash", script)
    assert found.line.replace("'", "") == f". {script}"
    assert found.usage == 'eval "$(envsync activate)"'
    fish = activation(inside.project, Found("fish", "fish"), inside.settings)
    assert fish.script == f"{inside.root}/bin/activate.fish"


def test_an_activation_script_that_was_altered_is_refused(inside: Inside) -> None:
    script = Path(f"{inside.root}/bin/activate")
    script.write_text(script.read_text() + "evil\n")
    with pytest.raises(EnvsyncError, match="bin/activate is not as envsync made it"):
        activation(inside.project, BASH, inside.settings)
    with pytest.raises(EnvsyncError, match="bin/activate is not as envsync made it"):
        refuse_to_enter(inside, BASH, {})
    refuse_to_enter(inside, Found("fish", "fish"), {})


def test_an_environment_is_not_entered_twice(inside: Inside) -> None:
    refuse_to_enter(inside, BASH, {"VIRTUAL_ENV": "/other"})
    with pytest.raises(EnvsyncError, match=f"this shell is in {inside.root} already"):
        refuse_to_enter(inside, BASH, {"VIRTUAL_ENV": inside.root})


def program(folder: Path) -> str:
    folder.mkdir(parents=True)
    path = folder / "fish"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_no_program_of_the_projects_is_the_users_shell(bench: Bench) -> None:
    fish = Found("fish", "fish")
    mine, theirs = program(bench.folder.parent / "bin"), program(bench.folder / "bin")
    path = f"{bench.folder}/bin:{bench.folder.parent}/bin"
    assert program_of(fish, bench.project, {"PATH": path}) == mine
    with pytest.raises(EnvsyncError, match="there is no fish on PATH"):
        program_of(fish, bench.project, {"PATH": os.path.dirname(theirs)})


def test_a_shell_starts_with_files_of_the_users_own_and_the_variables_it_had(
    inside: Inside,
) -> None:
    environ = {"HOME": "/h", "ENV": "mine", "_ENVSYNC_ENV": "old"}
    command, given = ready_to_start(inside, Found("dash", "dash"), "/bin/dash", environ)
    assert command == ("/bin/dash", "-i")
    rc = Path(given["_ENVSYNC_RC"])
    assert rc.parent.name == "shell"
    assert rc.read_text()
    assert not rc.is_relative_to(inside.project.root)
    assert given["HOME"] == "/h"
    assert given["_ENVSYNC_ENV"] == "mine"
    assert given["_ENVSYNC_ACTIVATE"] == f"{inside.root}/bin/activate"
    _, given = ready_to_start(inside, Found("dash", "dash"), "/bin/dash", {"_ENVSYNC_ENV": "old"})
    assert "_ENVSYNC_ENV" not in given  # there is none to give back


def test_without_a_folder_of_the_users_own_no_shell_is_started(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell, "state_folder", lambda *_: None)
    with pytest.raises(EnvsyncError, match="no folder of your own") as caught:
        ready_to_start(inside, BASH, "/bin/bash", {})
    assert "XDG_STATE_HOME" in str(caught.value.hint)


def test_a_shell_that_can_not_be_started_is_told(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    with pytest.raises(EnvsyncError, match=f"{gone}: No such file or directory"):
        become_shell(gone, ("gone",), {})
