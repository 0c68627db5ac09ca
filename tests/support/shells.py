"""Scripts of a few steps, written in the language of each shell, and run by the real one."""

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# Beside those of PATH: what `make tools` brings.
_TOOLS = os.path.join(os.path.dirname(__file__), "..", "..", ".tools", "bin")

# Shells, and the scripts that write a dump, set these for themselves.
_OWN_VARIABLES = frozenset(
    {"_", "_AST_FEATURES", "PWD", "OLDPWD", "SHLVL", "FILE_PWD", "CURRENT_FILE", "LAST_EXIT_CODE"}
)


def find_program(name: str) -> str | None:
    """Give the absolute path of a program on PATH or in .tools."""
    search = os.pathsep.join((os.environ.get("PATH", os.defpath), os.path.abspath(_TOOLS)))
    return shutil.which(name, path=search)


class Shell(NamedTuple):
    """One shell, and how the few things that tests do are said in its language.

    In the templates ROOT is the name of a variable that holds an environment's path.
    """

    name: str
    command: tuple[str, ...]
    activate: str
    assign: str
    remove: str
    quiet: str = ""
    """Turns errors of later lines into the end of the script, where the shell can."""

    @property
    def installed(self) -> bool:
        """Whether this machine has it."""
        return find_program(self.command[0]) is not None


def _posix(name: str, *command: str) -> Shell:
    return Shell(
        name,
        command or (name,),
        '. "$ROOT/bin/activate"',
        "export NAME='VALUE'",
        "unset NAME",
        "set -eu",
    )


POSIX = (
    _posix("bash", "bash", "--norc"),
    _posix("bash-posix", "bash", "--norc", "--posix"),
    _posix("dash"),
    _posix("zsh", "zsh", "-f"),
    _posix("ksh"),
    _posix("mksh"),
    _posix("yash", "yash", "--norcfile"),
    _posix("busybox", "busybox", "ash"),
)
OTHERS = (
    Shell(
        "fish",
        ("fish", "--no-config"),
        'source "$ROOT/bin/activate.fish"',
        "set -gx NAME 'VALUE'",
        "set -eg NAME",
    ),
    Shell(
        "tcsh",
        ("tcsh", "-f"),
        'source "$ROOT:q/bin/activate.csh"',
        "setenv NAME 'VALUE'",
        "unsetenv NAME",
    ),
    Shell(
        "xonsh",
        ("xonsh", "--no-rc"),
        "source @(f'{$ROOT}/bin/activate.xsh')",
        "$NAME = 'VALUE'",
        "del $NAME",
    ),
    Shell(
        "pwsh",
        ("pwsh", "-NoProfile", "-File"),
        '. "$env:ROOT/bin/activate.ps1"',
        "$env:NAME = 'VALUE'",
        "Remove-Item env:NAME",
        "Set-StrictMode -Version Latest; $ErrorActionPreference = 'Stop'",
    ),
)
SHELLS = (*POSIX, *OTHERS)
# Reads only files whose path is written out in the script, so tests activate it by themselves.
NU = Shell(
    "nu",
    ("nu", "--no-config-file", "--no-history"),
    "",
    "$env.NAME = 'VALUE'",
    "hide-env NAME",
)


class Session(NamedTuple):
    """A folder in which scripts run, with the tools that they call."""

    folder: str

    @property
    def playground(self) -> str:
        """The current folder of the scripts, where nothing should appear."""
        return os.path.join(self.folder, "playground")

    def environ(self, name: str) -> dict[str, str]:
        """The variables that a script dumped under a name."""
        with open(os.path.join(self.folder, "out", name), "rb") as file:
            pairs = [os.fsdecode(pair).partition("=") for pair in file.read().split(b"\0") if pair]
        return {name: value for name, _, value in pairs if name not in _OWN_VARIABLES}

    def text(self, name: str) -> str:
        """What a script wrote under a name."""
        with open(os.path.join(self.folder, "out", name), encoding="utf-8") as file:
            return file.read()


def session(folder: str) -> Session:
    """Make the folders and tools: `dump NAME` writes the variables, `here NAME` its own path."""
    for name in ("out", "playground", "tools"):
        os.makedirs(os.path.join(folder, name))
    _tool(os.path.join(folder, "tools", "dump"), f"/usr/bin/env -0 > '{folder}/out/'\"$1\"")
    return Session(folder)


def add_here(root: str) -> None:
    """Put the program `here` into an environment: it writes the path by which it was found."""
    _tool(os.path.join(root, "bin", "here"), 'printf %s "$0" > "$OUT/$1"')


def _tool(path: str, body: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\n{body}\n")
    os.chmod(path, 0o755)


def translate(shell: Shell, steps: Sequence[str], where: Session) -> str:
    """Write steps: "activate ROOT", "dump x", "assign A b", "remove A"; others as they are."""
    lines = [shell.quiet]
    for step in steps:
        verb, _, rest = step.partition(" ")
        name, _, value = rest.partition(" ")
        if verb == "activate":
            lines.append(shell.activate.replace("ROOT", name))
        elif verb == "dump":
            lines.append(f"{where.folder}/tools/dump {name}")
        elif verb == "assign":
            lines.append(shell.assign.replace("NAME", name).replace("VALUE", value))
        elif verb == "remove":
            lines.append(shell.remove.replace("NAME", name))
        else:
            lines.append(step)
    return "\n".join(lines) + "\n"


def run_steps(
    shell: Shell, steps: Sequence[str], where: Session, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run steps in a real shell, in the session's playground, with just these variables."""
    script = os.path.join(where.folder, f"script-{shell.name}")
    with open(script, "w", encoding="utf-8") as file:
        file.write(translate(shell, steps, where))
    command = [find_program(shell.command[0]) or shell.command[0], *shell.command[1:]]
    return subprocess.run(
        [*command, script],
        cwd=where.playground,
        env={**environ, "OUT": os.path.join(where.folder, "out")},
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
    )


class Terminal:
    """A shell on a terminal, to which lines are typed one by one."""

    def __init__(self, command: Sequence[str], cwd: str, environ: Mapping[str, str]) -> None:
        executable = find_program(command[0]) or command[0]
        self._child, self._terminal = pty.fork()
        if self._child == 0:
            os.chdir(cwd)
            os.execve(executable, list(command), dict(environ))

    def type(self, line: str, until: str, seconds: float = 10.0) -> str:
        """Type a line, and give what appears up to the text `until`, that included."""
        os.write(self._terminal, os.fsencode(line + "\n"))
        return self.read(until, seconds)

    def read(self, until: str, seconds: float = 10.0) -> str:
        """Give what appears up to a text; `TimeoutError`, with it, when that doesn't come."""
        deadline = time.monotonic() + seconds
        seen = b""
        while until.encode() not in seen:
            ready, _, _ = select.select([self._terminal], [], [], deadline - time.monotonic())
            if not ready:
                raise TimeoutError(f"{until!r} is not in {seen!r}")
            try:
                seen += os.read(self._terminal, 1 << 16)
            except OSError as error:
                raise TimeoutError(f"the shell ended, {until!r} is not in {seen!r}") from error
        return seen.decode("utf-8", "replace")

    def close(self) -> None:
        """End the shell."""
        os.close(self._terminal)
        os.kill(self._child, 9)
        os.waitpid(self._child, 0)
