"""`envsync shell` and `envsync activate`, with the real shells of this machine on a terminal."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.command import Ran, Workplace
from tests.support.shells import OTHERS, POSIX, Session, Shell, Terminal, run_steps, session

NAME = "my shop's"
HOSTILE = 'it\'s $(touch canary) `touch canary` "x" \\ !w {a} *%n; é'

START_FILES = {
    ".bashrc": "PS1='B> '; export MINE=bash\n",
    ".zshenv": "export FIRST=zshenv\n",
    ".zshrc": "PS1='Z> '; export MINE=zsh\n",
    ".shrc": "PS1='S> '; export MINE=sh\n",
    ".yashrc": "PS1='Y> '; export MINE=yash\n",
    ".kshrc": "PS1='K> '; export MINE=ksh\n",
    ".cshrc": "set prompt = 'C> '; setenv MINE csh\n",
    ".config/fish/config.fish": "set -gx MINE fish\nfunction fish_prompt; printf 'F> '; end\n",
}
PROMPTS = {
    "bash": ("B> ", "bash"),
    "zsh": ("Z> ", "zsh"),
    "dash": ("S> ", "sh"),
    "sh": ("S> ", "sh"),
    "ksh": ("K> ", "ksh"),
    "tcsh": ("C> ", "csh"),
    "fish": ("F> ", "fish"),
    "mksh": ("S> ", "sh"),
    "yash": ("Y> ", "yash"),
}
# Shells set these for themselves, or for their line editor.
THEIRS = {"MINE", "FIRST", "SHLVL", "OLDPWD", "PWD", "_", "HOSTTYPE", "VENDOR", "OSTYPE"}
THEIRS |= {
    "A__z",
    "NLSPATH",
    "XONSH_CAPTURE_ALWAYS",
    "MACHTYPE",
    "GROUP",
    "HOST",
    "LOGNAME",
    "USER",
    "REMOTEHOST",
    "COLUMNS",
    "LINES",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A synced project in a folder of a hostile name, with a home of start files."""
    folder = tmp_path_factory.mktemp("shell") / HOSTILE
    folder.mkdir()
    made = Workplace(folder)
    made.write(f'[env]\nname = "{NAME}"\n')
    made.given("sync")
    home = folder / "home"
    for name, text in START_FILES.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    tools = session(str(tmp_path_factory.mktemp("tools") / "session"))
    bins = f"{tools.folder}/tools"
    with open(f"{bins}/envsync", "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec {sys.executable} -m envsync "$@"\n')
    os.chmod(f"{bins}/envsync", 0o755)
    made.environ = {
        **{n: v for n, v in made.environ.items() if n.startswith(("ENVSYNC_", "LANG"))},
        "HOME": str(home),
        "PATH": f"{bins}:/usr/local/bin:/usr/bin:/bin",
        "TERM": "dumb",
        "ENV": "$HOME/.shrc",
        "TOOLS": tools.folder,
    }
    return made


@pytest.fixture
def tools(place: Workplace) -> Session:
    return Session(place.environ["TOOLS"])


def installed() -> list[str]:
    return [name for name in PROMPTS if shutil.which(name)]


class InShell:
    """`envsync shell` on a terminal."""

    def __init__(self, place: Workplace, environ: Mapping[str, str], *arguments: str) -> None:
        command = [sys.executable, "-m", "envsync", "shell", *arguments]
        self.terminal = Terminal(command, str(place.project), environ)

    def type(self, line: str) -> None:
        """Type a line without waiting for what it does."""
        os.write(self.terminal._terminal, os.fsencode(line + "\n"))

    def end(self) -> int:
        """Wait for its end; gives the exit code."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found, status = os.waitpid(self.terminal._child, os.WNOHANG)
            if found:
                os.close(self.terminal._terminal)
                return os.waitstatus_to_exitcode(status)
            os.set_blocking(self.terminal._terminal, False)
            try:
                os.read(self.terminal._terminal, 1 << 16)
            except OSError:
                time.sleep(0.05)
        self.terminal.close()
        raise TimeoutError("the shell did not end")


def without_theirs(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name not in THEIRS}


@pytest.mark.parametrize("name", installed())
def test_shell_is_entered_and_left(place: Workplace, tools: Session, name: str) -> None:
    environ = dict(place.environ)
    if name == "ksh":
        del environ["ENV"]  # then it reads a file of its own
    if name == "mksh":
        environ["ENV"] = f"{environ['HOME']}/.shrc"
    prompt, mine = PROMPTS[name]
    shell = InShell(place, environ, "--shell", name)
    seen = shell.terminal.read(prompt, 60)
    assert f"({NAME}) {prompt}" in seen
    for line in ("dump inside", "deactivate", "dump outside", "exit 7"):
        shell.type(line)
    assert shell.end() == 7
    inside, outside = tools.environ("inside"), tools.environ("outside")
    assert inside["MINE"] == mine
    expected = {
        **environ,
        "VIRTUAL_ENV": str(place.venv),
        "VIRTUAL_ENV_PROMPT": NAME,
        "PATH": f"{place.venv}/bin:{environ['PATH']}",
    }
    assert without_theirs(inside) == expected
    assert without_theirs(outside) == environ


def test_shell_of_the_user_is_the_one_that_asks_or_else_the_variable(
    place: Workplace, tools: Session
) -> None:
    """In a dash whose user has a bash as login shell, and for a program without a shell."""
    environ = {**place.environ, "SHELL": shutil.which("bash") or ""}
    outer = Terminal(["dash", "-i"], str(place.project), environ)
    outer.type("envsync shell", f"({NAME}) S> ", 60)
    outer.type("envsync shell; echo code $?", "code 1", 60)
    outer.type("envsync activate | head -c 3", ". '", 60)
    outer.close()
    environ = {**place.environ, "SHELL": shutil.which("dash") or ""}
    shell = InShell(place, {**environ, "ENVSYNC_SHELL": "bash"})
    shell.terminal.read(f"({NAME}) B> ", 60)
    shell.type("exit")
    assert shell.end() == 0


def test_commands_from_a_pipe_are_run_inside(place: Workplace) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "envsync", "shell", "--shell", "dash"],
        input=b"echo $VIRTUAL_ENV_PROMPT; command -v python; exit 3\n",
        cwd=place.project,
        env=place.environ,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (3, b"")
    assert done.stdout.decode().splitlines() == [NAME, f"{place.venv}/bin/python"]


def test_shell_syncs_first_and_takes_another_environment(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    place.write("[env]\n", "env.test.toml")
    ran = place.run("shell", "-e", "test", "--shell", "dash")
    assert ran.code == 0
    assert (place.project / ".venv-test/bin/python").exists()
    other = place.ok("activate", "-e", "test", "--shell", "bash")
    assert other.out == f". '{place.project}/.venv-test/bin/activate'\n"


EVALUATE = {
    "fish": "envsync activate --shell fish | source",
    "tcsh": 'eval "`envsync activate --shell tcsh`"',
    "xonsh": "execx($(envsync activate --shell xonsh))",
    "pwsh": "envsync activate --shell pwsh | Out-String | Invoke-Expression",
}


@pytest.mark.parametrize(
    "shell", [shell for shell in (*POSIX, *OTHERS) if shell.installed], ids=lambda s: s.name
)
def test_what_activate_prints_enters_the_environment(
    place: Workplace, tools: Session, shell: Shell
) -> None:
    line = EVALUATE.get(shell.name, 'eval "$(envsync activate)"')
    steps = ["dump before", line, "dump inside", "deactivate", "dump outside"]
    environ = {**place.environ, "ENVSYNC_PROJECT": str(place.project)}
    answer = run_steps(shell, steps, tools, environ)
    assert (answer.returncode, answer.stderr) == (0, "")
    before = tools.environ("before")
    expected = {
        **before,
        "VIRTUAL_ENV": str(place.venv),
        "VIRTUAL_ENV_PROMPT": NAME,
        "PATH": f"{place.venv}/bin:{before['PATH']}",
    }
    assert without_theirs(tools.environ("inside")) == without_theirs(expected)
    assert without_theirs(tools.environ("outside")) == without_theirs(before)
    assert os.listdir(tools.playground) == []


def refused(place: Workplace, code: int, *arguments: str) -> Ran:
    before = place.files()
    ran = place.run(*arguments)
    assert (ran.code, ran.out) == (code, ""), ran.err
    assert "hint:" in ran.err
    assert place.files() == before
    return ran


def test_activate_says_what_it_would_do_as_json(place: Workplace) -> None:
    found = json.loads(place.ok("activate", "--shell", "fish", "--json").out)
    assert (found["environment"], found["shell"]) == (str(place.venv), "fish")
    assert found["script"] == f"{place.venv}/bin/activate.fish"
    assert found["line"].startswith("source '")


def test_what_is_refused(place: Workplace, tmp_path: Path) -> None:
    for command in ("shell", "activate"):
        assert "did you mean bash?" in refused(place, 2, command, "--shell", "bahs").err
        assert "one of bash, zsh" in refused(place, 2, command, "--shell", "x y").err
        assert "env.nope.toml" in refused(place, 2, command, "-e", "nope", "--shell", "sh").err
    ran = place.run("shell", "--shell", "fish", environ={"PATH": place.environ["TOOLS"]})
    assert (ran.code, "no fish on PATH" in ran.err) == (1, True)
    empty = Workplace(tmp_path)
    empty.write("[env]\n")
    for command in ("activate", "shell"):
        options = ["--no-sync"] if command == "shell" else []
        ran = refused(empty, 1, command, "--shell", "sh", *options)
        assert f"no environment at {empty.venv}" in ran.err


def test_shell_inside_the_same_environment_is_refused(place: Workplace) -> None:
    ran = place.run("shell", "--shell", "sh", environ={"VIRTUAL_ENV": str(place.venv)})
    assert ran.code == 1
    assert "already" in ran.err
