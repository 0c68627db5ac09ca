"""Parsers of the command line: strict, with the options that every command has."""

import argparse
import importlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, cast

from envsync.cli.commands import COMMANDS, SHARED, WITHOUT_RESULT
from envsync.errors import UsageError

_TAKES_A_VALUE = frozenset(
    {
        *("-C", "--project", "-e", "--env", "-p", "--python"),
        *("--cache-dir", "--default-index", "--color"),
    }
)


class CommandModule(Protocol):
    """What a module of commands offers."""

    def add_arguments(self, command: str, parser: argparse.ArgumentParser) -> None:
        """Declare the command's own arguments."""

    def run(self, command: str, options: argparse.Namespace, session: Any) -> int:
        """Do it; gives the exit code, raises `EnvsyncError`."""


class Parser(argparse.ArgumentParser):
    """Raises instead of exiting, so that usage errors look like all others.

    Options are spelled out: a new one must not change what an abbreviation means.
    """

    def __init__(self, **given: Any) -> None:
        # A width, or argparse loads a module to ask the terminal; help is laid out elsewhere.
        formatter = partial(argparse.HelpFormatter, width=80)
        super().__init__(**{"allow_abbrev": False, "formatter_class": formatter, **given})

    @property
    def below(self) -> "Mapping[str, Parser]":
        """The commands that this one has, by name."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
                return action.choices
        return {}

    def parse_known_args(self, *given: Any, **named: Any) -> Any:
        """Parse, and refuse what is left over here, where it is known whose help would help."""
        options, unknown = super().parse_known_args(*given, **named)
        if unknown:
            from envsync.cli.misspelt import unknown_word  # noqa: PLC0415  (difflib)

            below = {name: one.options() for name, one in self.below.items()}
            raise unknown_word(self.prog, unknown[0], self.options(), below)
        return options, unknown

    def arguments(self) -> Sequence[argparse.Action]:
        """Give all options and arguments."""
        return self._actions

    def options(self) -> Collection[str]:
        """Give the names of all options."""
        return self._option_string_actions

    def format_help(self) -> str:
        """Give the help for the terminal's width, without the options of every command."""
        from envsync.cli.help_page import page_of  # noqa: PLC0415  (for those who ask)
        from envsync.cli.help_text import help_text  # noqa: PLC0415
        from envsync.ui import terminal_columns  # noqa: PLC0415

        return help_text(page_of(self), terminal_columns())

    def error(self, message: str) -> None:  # type: ignore[override]
        """Refuse the command line."""
        command = self.prog.partition(" ")[2]
        raise UsageError(message, hint=f"`envsync {command + ' ' if command else ''}--help`")

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """Refuse a value that is none of the choices, and say which was probably meant."""
        if action.choices is None or value in action.choices:
            return
        from envsync.cli.misspelt import no_choice  # noqa: PLC0415  (difflib)

        raise argparse.ArgumentError(action, no_choice(str(value), list(map(str, action.choices))))


def build_parser(wanted: Collection[str] | None) -> "tuple[Parser, Mapping[str, CommandModule]]":
    """Give the parser, and the modules of the commands that are wanted; None: all are shown.

    Only those commands have their arguments: what the others import would be paid for by all.
    """
    parser = Parser(
        prog="envsync",
        description="Project environments that match their lock file exactly.",
        parents=[shared_options()],
    )
    version = "print the version; with --json of what runs it, too"
    parser.add_argument("-V", "--version", action="store_true", help=version)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    modules: dict[str, CommandModule] = {}
    for name, command in COMMANDS.items():
        if wanted is not None and name not in wanted:
            continue  # the help of all commands was not asked for
        subparser = commands.add_parser(
            name,
            help=command.summary,
            description=sentence(command.summary),
            parents=[shared_options(json=name not in WITHOUT_RESULT, pythons=name == "fetch")],
        )
        if wanted is not None:
            module = importlib.import_module(f"envsync.cli.{command.module}")
            modules[name] = cast(CommandModule, module)
            modules[name].add_arguments(name, subparser)
    return parser, modules


def parser_below(parser: Parser, words: Sequence[str]) -> Parser:
    """Give the parser of a command, or of a command's own command. Raises `UsageError`."""
    for word in words:
        if word not in parser.below:
            from envsync.cli.misspelt import unknown_topic  # noqa: PLC0415  (difflib)

            raise unknown_topic(parser.prog, word, list(parser.below))
        parser = parser.below[word]
    return parser


def all_parsers(parser: Parser) -> Iterator[Parser]:
    """Give a parser and all below it."""
    yield parser
    for one in parser.below.values():
        yield from all_parsers(one)


def sentence(summary: str) -> str:
    """Give a command's line of help as a sentence."""
    return f"{summary[0].upper()}{summary[1:]}."


def words_from_command(arguments: Sequence[str]) -> Sequence[str]:
    """Give the words from the first that is neither an option nor an option's value."""
    skip = False
    for at, word in enumerate(arguments):
        if not skip and not word.startswith("-"):
            return arguments[at:]
        skip = not skip and word in _TAKES_A_VALUE
    return ()


def shared_options(*, json: bool = True, pythons: bool = False) -> Parser:
    """Give the options of every command, as a parent of other parsers.

    `pythons`: several versions may be named, and no interpreter is.
    """
    parser = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = parser.add_argument_group(SHARED)
    group.add_argument(
        "-C", "--project", metavar="DIR", help="look for env.toml here, not in the current folder"
    )
    group.add_argument("-e", "--env", metavar="NAME", help="use env.NAME.toml and .venv-NAME")
    if pythons:
        text = "a version of CPython, such as 3.12; may be repeated; default: the interpreter's"
        group.add_argument(
            "-p", "--python", dest="pythons", action="append", metavar="PYTHON", help=text
        )
    else:
        group.add_argument(
            "-p", "--python", metavar="PYTHON", help="the interpreter: a version, specifier or path"
        )
    group.add_argument("--cache-dir", metavar="DIR", help="the store and caches")
    group.add_argument("--default-index", metavar="URL", help="stands in for the public index")
    group.add_argument("--offline", action="store_true", help="use only what is on this machine")
    group.add_argument(
        "--refresh", action="store_true", help="ask the index again about everything"
    )
    if json:
        group.add_argument("--json", action="store_true", help="print the result as JSON")
    group.add_argument("-q", "--quiet", action="store_true", help="print errors and data only")
    group.add_argument("-v", "--verbose", action="store_true", help="print more")
    group.add_argument("--no-progress", action="store_true", help="draw no progress")
    group.add_argument("--color", choices=("auto", "always", "never"), help="colour the output")
    return parser
