"""The table of commands, parsing, dispatch, and the one place that catches errors."""

import argparse
import importlib
import itertools
import os
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, cast

from envsync import __version__
from envsync.errors import EnvsyncError, StorageFailed, UsageError
from envsync.platform.files import storage_errors, storage_failed
from envsync.redaction import redact
from envsync.settings import Settings, read_settings
from envsync.trust import refuse_shared_cache
from envsync.ui import Ui

INTERRUPTED = 130


class Command(NamedTuple):
    """One command: the module that has it, and its line of help."""

    module: str
    summary: str


COMMANDS = {
    "init": Command("change", "start a project: write an env.toml"),
    "import": Command("adopt", "write an env.toml of what other tools' files declare, and lock"),
    "add": Command("change", "add dependencies to env.toml, lock and sync"),
    "remove": Command("change", "remove dependencies from env.toml, lock and sync"),
    "lock": Command("lock", "pin every dependency, for every platform, into pylock.toml"),
    "sync": Command("sync", "make the environment match the lock exactly"),
    "fetch": Command("fetch", "put what the lock needs into a folder, for use without network"),
    "status": Command("inspect", "show how env.toml, lock and environment differ"),
    "verify": Command("inspect", "compare every byte of the environment with the lock's wheels"),
    "tree": Command("look", "show what the lock pins, and what each package needs"),
    "why": Command("look", "show each chain that leads from env.toml to a package"),
    "list": Command("listing", "list what is installed in the environment"),
    "outdated": Command("listing", "ask the indexes what is newer, and what stands in the way"),
    "diff": Command("difference", "compare the lock with another, or with git's"),
    "python": Command("python", "show the interpreters of this machine, and which one is taken"),
    "run": Command("run", "lock and sync if needed, then run a command, task or script"),
    "shell": Command("shell", "lock and sync if needed, then start your shell inside"),
    "activate": Command("shell", "print what your shell evaluates to enter the environment"),
    "cache": Command("cache", "see, trim, empty or verify the store and caches"),
}

_TAKES_A_VALUE = frozenset(
    {
        *("-C", "--project", "-e", "--env", "-p", "--python"),
        *("--cache-dir", "--default-index", "--color"),
    }
)

_WITHOUT_RESULT = frozenset({"shell"})
"""Commands without `--json`: what follows them is the user's own."""

_SETTINGS = (
    *("python", "default_index", "offline", "refresh", "json", "color"),
    "compile_bytecode",
)
"""Options that stand in for a setting of the same name."""

_EPILOG = """\
a first session:
  envsync init                 write an env.toml; `envsync import` in an existing project
  envsync add 'flask>=3'       add a dependency, lock it, install it
  envsync run flask --version  run a command in the environment

exit codes: 0 done, 1 could not, 2 usage or an invalid file, 3 a check found a difference,
130 interrupted. The options of every command have variables: --offline is ENVSYNC_OFFLINE=1.
"""


class Session(NamedTuple):
    """What every command gets beside its own options."""

    settings: Settings
    directory: str
    """The folder to look for env.toml in, absolute."""
    environment: str | None
    """NAME of env.NAME.toml; None for env.toml."""
    ui: Ui


class CommandModule(Protocol):
    """What a module of commands offers."""

    def add_arguments(self, command: str, parser: argparse.ArgumentParser) -> None:
        """Declare the command's own arguments."""

    def run(self, command: str, options: argparse.Namespace, session: Session) -> int:
        """Do it; gives the exit code, raises `EnvsyncError`."""


class _Parser(argparse.ArgumentParser):
    """Raises instead of exiting, so that usage errors look like all others.

    Options are spelled out: a new one must not change what an abbreviation means.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **given})
        self.below: Mapping[str, _Parser] = {}

    def parse_known_args(self, *given: Any, **named: Any) -> Any:
        """Parse, and refuse what is left over here, where it is known whose help would help."""
        options, unknown = super().parse_known_args(*given, **named)
        if unknown:
            from envsync.cli.misspelt import unknown_word  # noqa: PLC0415  (difflib)

            below = {name: one.options() for name, one in self.below.items()}
            raise unknown_word(self.prog, unknown[0], self.options(), below)
        return options, unknown

    def options(self) -> Collection[str]:
        """Give the names of all options."""
        return self._option_string_actions

    def error(self, message: str) -> None:  # type: ignore[override]
        command = self.prog.partition(" ")[2]
        raise UsageError(message, hint=f"`envsync {command + ' ' if command else ''}--help`")


class _Version(argparse.Action):
    """Prints the version, and that of what was compiled."""

    def __init__(self, **options: Any) -> None:
        super().__init__(nargs=0, default=argparse.SUPPRESS, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        if sys.stdout is not None:
            sys.stdout.write(f"{_versions()}\n")
        parser.exit()


def _versions() -> str:
    from envsync.platform.many_files import version  # noqa: PLC0415  (seldom asked for)

    speedups = version()
    return f"envsync {__version__}" + (f" with {speedups}" if speedups else "")


def main(arguments: Sequence[str]) -> int:
    """Run one command; gives the exit code. Nothing but this function catches `EnvsyncError`."""
    # Before settings are read: what is wrong with them is told as well.
    ui = Ui(Settings(cache_dir="", json=_asks_for_json(arguments)))
    try:
        settings = read_settings(os.environ)
        ui = Ui(settings._replace(json=settings.json or ui.wants_json))
        command, options, module = _parse(arguments)
        settings = _with_flags(settings, options)
        ui = Ui(settings, said=_place_said(options), environment=options.env)
        if settings.verbosity > 0:
            ui.detail(_versions())
        directory = _folder(options.project)
        if getattr(options, "action", "") != "dir":  # `cache dir` only says where it would be
            refuse_shared_cache(settings.cache_dir)
        session = Session(settings, directory, options.env, ui)
        return _run(module, command, options, session)
    except EnvsyncError as error:
        return _tell(ui, error, error.exit_code)
    except KeyboardInterrupt as interrupt:
        return _tell(ui, EnvsyncError("interrupted"), getattr(interrupt, "exit_code", INTERRUPTED))
    except BrokenPipeError:
        # Whoever read standard output has gone: there is nobody to tell.
        _drop_output()
        return 1
    except OSError as error:
        # What reads and writes files says which and why; this is for the rest.
        failure = storage_failed(str(error.filename or "a file"), error)
        return _tell(ui, failure, failure.exit_code)
    finally:
        ui.close()


def _tell(ui: Ui, error: EnvsyncError, exit_code: int) -> int:
    """Say what went wrong, for people and, where they asked, for programs; gives the exit code."""
    ui.error(error)
    if ui.wants_json:
        try:
            ui.document(_error_document(error, ui, exit_code))
        except OSError:  # it may be standard output that failed
            _drop_output()
    return exit_code


def _drop_output() -> None:
    """Let what standard output didn't take go nowhere, also when Python ends."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _asks_for_json(arguments: Sequence[str]) -> bool:
    """Tell whether `--json` is said, before anything is known to be right.

    What follows the command of `run` is that command's.
    """
    words = iter(arguments)
    for word in words:
        if word == "run":
            return "--json" in itertools.takewhile(lambda one: one.startswith("-"), words)
        if word == "--json":
            return True
    return False


def _place_said(options: argparse.Namespace) -> str:
    """Give the flags that say which project, environment and interpreter, for hints to say them."""
    unsaid = _defaults()
    flags = (
        ("-C", options.project, unsaid.project),
        ("-e", options.env, unsaid.env),
        ("-p", getattr(options, "python", None), None),
    )
    said = [(flag, value) for flag, value, default in flags if value and value != default]
    return shlex.join(itertools.chain.from_iterable(said))


def _run(module: CommandModule, command: str, options: argparse.Namespace, session: Session) -> int:
    """Run the command; when the disk refuses about the cache, the hint says how to have another."""
    try:
        return module.run(command, options, session)
    except StorageFailed as error:
        cache, path = f"{session.settings.cache_dir}/", f"{error.path}/"
        hint = error.hint or ""
        if (path.startswith(cache) or cache.startswith(path)) and "--cache-dir" not in hint:
            another = "`--cache-dir DIR` names another folder for the cache"
            error.hint = f"{hint}; {another}" if hint else another
        raise


def _folder(project: str) -> str:
    """Give the folder to look for env.toml in.

    Raises `UsageError` where there is none, `StorageFailed` where that can't be told.
    """
    try:
        directory = os.path.abspath(project)
    except OSError as error:
        raise StorageFailed(
            "the current folder",
            f"it cannot be read: {error.strerror or error}",
            hint="`cd` to another one, or name one in full: `envsync -C DIR …`",
        ) from error
    with storage_errors(directory):
        try:
            os.stat(f"{directory}{os.sep}")
        except (FileNotFoundError, NotADirectoryError):
            raise UsageError(
                f"--project {project}: no such folder", hint="`envsync -C DIR …`"
            ) from None
    return directory


def _error_document(error: EnvsyncError, ui: Ui, exit_code: int) -> dict[str, object]:
    """Give what went wrong for `--json`, with the differences that a check found."""
    return {
        "error": redact(ui.in_place(str(error))),
        "hint": error.hint and redact(ui.in_place(error.hint)),
        "exit_code": exit_code,
        "differences": [
            redact(one) for one in getattr(error, "changes", ()) or getattr(error, "reasons", ())
        ],
    }


def _parse(arguments: Sequence[str]) -> tuple[str, argparse.Namespace, CommandModule]:
    shared = shared_options()
    parser = _Parser(
        prog="envsync",
        description="Project environments that match their lock file exactly.",
        epilog=_EPILOG,
        formatter_class=_formatter,
        parents=[shared],
    )
    parser.add_argument("--version", action=_Version, help="print the version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    words = _words_from_command(arguments)
    wanted = words[0] if words else None
    modules: dict[str, CommandModule] = {}
    for name, command in COMMANDS.items():
        if wanted not in (None, name):
            continue  # the help of all commands was not asked for
        subparser = commands.add_parser(
            name,
            help=command.summary,
            description=command.summary[0].upper() + command.summary[1:] + ".",
            formatter_class=_formatter,
            parents=[shared_options(json=name not in _WITHOUT_RESULT, pythons=name == "fetch")],
        )
        # That of one command alone: what the others import would be paid for by all.
        if name == wanted:
            module = importlib.import_module(f"envsync.cli.{command.module}")
            modules[name] = cast(CommandModule, module)
            modules[name].add_arguments(name, subparser)
    parser.below = dict(commands.choices)
    _refuse_unknown_command(arguments, words, parser)
    options = parser.parse_args(list(arguments), _defaults())
    if options.command is None:
        parser.print_help(sys.stderr)
        raise UsageError("which command?", hint="`envsync sync`")
    if options.command in _WITHOUT_RESULT and "json" in options:
        raise UsageError(
            f"{options.command} has no result that --json could print",
            hint=f"`envsync {options.command}`",
        )
    return options.command, options, modules[options.command]


def _formatter(prog: str) -> argparse.HelpFormatter:
    """Format help for the terminal's width, without the module that argparse loads to ask it."""
    try:
        columns = int(os.environ.get("COLUMNS") or os.get_terminal_size(2).columns)
    except (OSError, ValueError):
        columns = 80
    return argparse.RawDescriptionHelpFormatter(prog, width=max(columns - 2, 40))


def _words_from_command(arguments: Sequence[str]) -> Sequence[str]:
    """Give the words from the first that is neither an option nor an option's value."""
    skip = False
    for at, word in enumerate(arguments):
        if not skip and not word.startswith("-"):
            return arguments[at:]
        skip = not skip and word in _TAKES_A_VALUE
    return ()


def _refuse_unknown_command(
    arguments: Sequence[str], words: Sequence[str], parser: _Parser
) -> None:
    """Say which command was probably meant; an unknown option before it may be why."""
    if not words or words[0] in COMMANDS:
        return
    from envsync.cli.misspelt import unknown_command  # noqa: PLC0415  (difflib)

    before = arguments[: len(arguments) - len(words)]
    if before and before[-1].startswith("-") and before[-1] not in parser.options():
        raise UsageError(
            f"unknown option before the command: {before[-1]}",
            hint="options of a command stand after it; `envsync COMMAND --help` shows them",
        )
    raise unknown_command(words, COMMANDS)


def shared_options(*, json: bool = True, pythons: bool = False) -> _Parser:
    """Give the options of every command, as a parent of other parsers.

    `pythons`: several versions may be named, and no interpreter is.
    """
    parser = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = parser.add_argument_group("options of every command")
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


def _defaults() -> argparse.Namespace:
    return argparse.Namespace(
        project=os.environ.get("ENVSYNC_PROJECT") or ".", env=os.environ.get("ENVSYNC_ENV") or None
    )


def _with_flags(settings: Settings, options: argparse.Namespace) -> Settings:
    """Let flags win over variables."""
    given = vars(options)
    changes: dict[str, object] = {name: given[name] for name in _SETTINGS if name in given}
    index = changes.get("default_index", settings.default_index)
    if isinstance(index, str):
        from envsync.cli.default_index import read_default_index  # noqa: PLC0415

        changes["default_index"] = read_default_index(index)
    if "cache_dir" in given:
        changes["cache_dir"] = os.path.abspath(given["cache_dir"])
    if "quiet" in given or "verbose" in given:
        changes["verbosity"] = -1 if "quiet" in given else 1
    if "no_progress" in given:
        changes["progress"] = False
    return settings._replace(**changes)  # type: ignore[arg-type]
