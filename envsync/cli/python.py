"""The command `python`: which interpreters there are, and which one is taken."""

import argparse
import os
from collections.abc import Iterator, Sequence

from envsync.cli.main import Session
from envsync.errors import InterpreterNotFound
from envsync.model.target import Target
from envsync.operations.interpreters import Place, find_python, interpreters, path_taken
from envsync.ui import printable


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:  # noqa: ARG001
    """Declare the arguments of `python`."""
    parser.add_argument("action", choices=("list", "find"), help="show all, or the one to be taken")
    parser.add_argument(
        "request",
        nargs="?",
        metavar="REQUEST",
        help='a version ("3.12"), a specifier (">=3.11,<3.14"), a name ("pypy3.10") or a path; '
        "without one, what env.toml asks for",
    )


def run(command: str, options: argparse.Namespace, session: Session) -> int:  # noqa: ARG001
    """List interpreters, or find one."""
    request, settings, ui = options.request, session.settings, session.ui
    place = Place(session.directory, session.environment)
    if options.action == "find":
        target = find_python(request, place, settings, ui)
        if settings.json:
            ui.document({"command": "python find", **_row(target)})
        else:
            ui.data(target.executable)
        return 0
    known, matching = interpreters(request, place, settings, ui)
    if settings.json:
        ui.document({"command": "python list", "interpreters": list(map(_row, matching))})
    elif matching:
        taken = path_taken(request, place, settings, ui)
        ui.data("\n".join(map(printable, _lines(matching, taken))))
    if not matching:
        others = [f"{_name(target)}  {target.executable}" for target in known]
        raise InterpreterNotFound(request or "any version", others)
    return 0


def _lines(targets: Sequence[Target], taken: str) -> Iterator[str]:
    rows = [(_name(target), target.executable) for target in targets]
    width = max(len(name) for name, _ in rows)
    for name, path in rows:
        same = os.path.realpath(path) == os.path.realpath(taken)
        yield f"{'*' if taken and same else ' '} {name:<{width}}  {path}"


def _name(target: Target) -> str:
    return f"{target.implementation} {target.version}{'t' if target.free_threaded else ''}"


def _row(target: Target) -> dict[str, object]:
    return {
        "version": target.version,
        "implementation": target.implementation,
        "free_threaded": target.free_threaded,
        "path": target.executable,
    }
