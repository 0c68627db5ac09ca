"""The command `completion`: what a shell evaluates, and all words of the command line.

The script asks `envsync completion --answer` at each key; `__main__` answers that by itself from
the table that is made here.
"""

import argparse
import os
from collections.abc import Iterator

from envsync.cli.commands import COMMANDS
from envsync.cli.help_page import page_of
from envsync.cli.main import Session
from envsync.cli.parser import Parser, all_parsers, build_parser
from envsync.errors import EnvsyncError, UsageError
from envsync.operations.completion import (
    CHOICE,
    FLAG,
    OTHER_NAMES,
    SCRIPTS,
    Option,
    Table,
    answer_line,
    script,
)
from envsync.operations.completion_table import keep_table
from envsync.operations.shell import which_shell

_BY_OPTION = {
    **dict.fromkeys(("--group", "--no-group"), "group"),
    **dict.fromkeys(("--extra", "--no-extra"), "extra"),
    **dict.fromkeys(("--upgrade-package", "--allow-build", "--invert"), "package"),
    "--env": "environment",
    "--python": "python",
    "--platform": "platform",
    "--index": "index",
    "--package": "member",
}
_BY_METAVAR = {"DIR": "folders", "FILE": "files"}
_BY_ARGUMENT = {
    ("remove", "names"): "required",
    ("cache clean", "packages"): "package",
    ("why", "package"): "package",
    ("help", "topic"): "topic",
    ("schema", "topic"): "topic",
    ("python", "request"): "python",
    ("run", "words"): "run",
}
"""By the path of a command and what its argument is called."""

_INSTALL = {
    "bash": "echo 'eval \"$(envsync completion bash)\"' >> ~/.bashrc",
    "zsh": "echo 'eval \"$(envsync completion zsh)\"' >> ~/.zshrc   # after compinit",
    "fish": "envsync completion fish > ~/.config/fish/completions/envsync.fish",
    "powershell": "Add-Content $PROFILE "
    "'envsync completion powershell | Out-String | Invoke-Expression'",
    "nushell": "mkdir $nu.user-autoload-dirs.0; envsync completion nushell | "
    "save -f ($nu.user-autoload-dirs.0 | path join envsync.nu)",
}


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:  # noqa: ARG001
    """Declare the arguments of `completion`."""
    parser.add_argument(
        "shell",
        nargs="?",
        choices=(*SCRIPTS, *OTHER_NAMES),
        metavar="SHELL",
        help=f"print what it evaluates: {', '.join(SCRIPTS)}; without one, which shell this is "
        "and what installs it",
    )
    parser.add_argument("--answer", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(command: str, options: argparse.Namespace, session: Session) -> int:  # noqa: ARG001
    """Print a script, say how one is installed, or answer one."""
    if options.answer is not None:
        return _answer(options.answer, session)
    asked = OTHER_NAMES.get(options.shell, options.shell)
    shell = asked or _surrounding()
    if session.settings.json:
        session.ui.document(
            {
                "command": "completion",
                "shell": shell,
                "install": _INSTALL[shell],
                "script": script(shell),
            }
        )
    elif asked:
        session.ui.data(script(asked))
    else:
        session.ui.note(f"This shell is {shell}. To complete envsync in each new one, type:")
        session.ui.data(_INSTALL[shell])
    return 0


def _surrounding() -> str:
    """Give the shell that asks. Raises `UsageError` for one that nothing is completed in."""
    try:
        name = which_shell(None, dict(os.environ), typed=True).name
    except EnvsyncError as error:
        raise UsageError(error.message, hint="name it: `envsync completion bash`") from error
    shell = OTHER_NAMES.get(name, name)
    if shell not in SCRIPTS:
        raise UsageError(
            f"nothing is known of completion in {shell}: {', '.join(SCRIPTS)} have it",
            hint="`envsync completion bash`",
        )
    return shell


def _answer(words: list[str], session: Session) -> int:
    """Make the table, keep it for the next key, and answer."""
    if len(words) < 2:
        return 0
    table = word_table()
    keep_table(table, session.settings)
    shell, current, *before = words
    session.ui.data(answer_line(table, shell, current[1:], before, os.environ))
    return 0


def word_table() -> Table:
    """Read all parsers into the words that can be typed."""
    parser, _ = build_parser(list(COMMANDS))
    commands: dict[str, str] = {}
    options: dict[str, list[Option]] = {}
    arguments: dict[str, list[tuple[str, bool]]] = {}
    for one in all_parsers(parser):
        path = one.prog.partition(" ")[2]
        if path:
            commands[path] = _plain(page_of(one).description.rstrip("."))
        options[path] = list(_options(one))
        arguments[path] = list(_arguments(one, path))
    return Table(commands, options, arguments)


def _options(parser: Parser) -> Iterator[Option]:
    for action in parser.arguments():
        if action.option_strings and action.help != argparse.SUPPRESS:
            is_flag = action.nargs == 0
            names = tuple(reversed(action.option_strings))
            repeats = isinstance(action, argparse._AppendAction)  # noqa: SLF001
            kind = FLAG if is_flag else _kind(action, _BY_OPTION.get(names[0], ""))
            yield Option(names, kind, _plain(action.help or ""), repeats=repeats)


def _arguments(parser: Parser, path: str) -> Iterator[tuple[str, bool]]:
    for action in parser.arguments():
        if not action.option_strings and not parser.below:
            kind = _kind(action, _BY_ARGUMENT.get((path, action.dest), ""))
            yield kind, action.nargs in ("*", "+")


def _kind(action: argparse.Action, known: str) -> str:
    """Say what an option or argument takes."""
    if action.choices:
        return CHOICE + ",".join(map(str, action.choices))
    return known or _BY_METAVAR.get(str(action.metavar).partition("[")[0].rstrip("."), "anything")


def _plain(text: str) -> str:
    return " ".join(text.replace("%%", "%").split())
