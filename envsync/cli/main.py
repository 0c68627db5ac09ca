"""Dispatch, and the one place that catches errors."""

import argparse
import itertools
import os
import shlex
import sys
from collections.abc import Sequence
from typing import NamedTuple

from envsync.cli.commands import COMMANDS, KEEPS_NOTHING, WITHOUT_RESULT
from envsync.cli.parser import CommandModule, Parser, build_parser, words_from_command
from envsync.errors import EnvsyncError, StorageFailed, UsageError
from envsync.platform.files import storage_errors, storage_failed
from envsync.redaction import redact
from envsync.settings import Settings, read_settings
from envsync.trust import refuse_shared_cache
from envsync.ui import Ui

INTERRUPTED = 130

_SETTINGS = (
    *("python", "default_index", "offline", "refresh", "json", "color"),
    "compile_bytecode",
)
"""Options that stand in for a setting of the same name."""


class Session(NamedTuple):
    """What every command gets beside its own options."""

    settings: Settings
    directory: str
    """The folder to look for env.toml in, absolute."""
    environment: str | None
    """NAME of env.NAME.toml; None for env.toml."""
    ui: Ui


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
            from envsync.cli.versions import version_line  # noqa: PLC0415

            ui.detail(version_line())
        directory = _folder(options.project)
        # `cache dir` only says where it would be.
        if command not in KEEPS_NOTHING and getattr(options, "action", "") != "dir":
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
    words = words_from_command(arguments)
    parser, modules = build_parser(words[:1] or None)
    _refuse_unknown_command(arguments, words, parser)
    options = parser.parse_args(list(arguments), _defaults())
    if options.version:
        options.command = "version"  # whatever else is said
        modules = build_parser([options.command])[1]
    if options.command is None:
        parser.print_help(sys.stderr)
        raise UsageError("which command?", hint="`envsync sync`")
    if options.command in WITHOUT_RESULT and "json" in options:
        raise UsageError(
            f"{options.command} has no result that --json could print",
            hint=f"`envsync {options.command}`",
        )
    return options.command, options, modules[options.command]


def _refuse_unknown_command(arguments: Sequence[str], words: Sequence[str], parser: Parser) -> None:
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
