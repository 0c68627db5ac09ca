"""The command `python`: which interpreters there are, and which one is taken."""

import argparse
import os
from collections.abc import Iterator, Sequence

from envsync.cli.main import Session
from envsync.errors import InterpreterNotFound, InterpreterRefused, ProjectNotFound
from envsync.model.target import Target
from envsync.project.env_toml import read_spec
from envsync.project.interpreter import find_interpreter, strangers_folder
from envsync.project.paths import Project, find_project
from envsync.python.find import list_interpreters, matches
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
    if options.action == "find":
        target = _find(options.request, session)
        if session.settings.json:
            session.ui.document({"command": "python find", **_row(target)})
        else:
            session.ui.data(target.executable)
        return 0
    request = options.request
    known = list_interpreters(
        session.settings.cache_dir,
        session.ui,
        never_inside=strangers_folder(session.directory),
    )
    found = [target for target in known if request is None or matches(target, request)]
    if session.settings.json:
        session.ui.document(
            {"command": "python list", "interpreters": [_row(target) for target in found]}
        )
    elif found:
        session.ui.data("\n".join(map(printable, _lines(found, _taken(request, session)))))
    if not found:
        others = [f"{_name(target)}  {target.executable}" for target in known]
        raise InterpreterNotFound(request or "any version", others)
    return 0


def _find(request: str | None, session: Session) -> Target:
    """Give the interpreter that a request means; without one, the project's."""
    settings = session.settings._replace(python=request or session.settings.python)
    project = None if request else _project(session)
    if project is None:
        return find_interpreter(None, None, session.directory, settings, session.ui)
    spec, _ = read_spec(project)
    return find_interpreter(spec.python, spec.requires_python, project.root, settings, session.ui)


def _project(session: Session) -> Project | None:
    """The project that the folder belongs to, if any."""
    try:
        return find_project(session.directory, session.environment)
    except ProjectNotFound:
        if session.environment is not None:
            raise
        return None


def _taken(request: str | None, session: Session) -> str:
    """The interpreter that would be taken; nothing where none fits."""
    try:
        return _find(request, session).executable
    except (InterpreterNotFound, InterpreterRefused):
        return ""


def _lines(found: Sequence[Target], taken: str) -> Iterator[str]:
    rows = [(_name(target), target.executable) for target in found]
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
