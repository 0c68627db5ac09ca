"""The interpreters of this machine, and the one that a project takes."""

from typing import NamedTuple

from envsync.errors import InterpreterNotFound, InterpreterRefused, ProjectNotFound
from envsync.events import Reporter
from envsync.model.target import Target
from envsync.project.env_toml import read_spec
from envsync.project.interpreter import find_interpreter, strangers_folder
from envsync.project.paths import Project, find_project
from envsync.python.find import list_interpreters, matches
from envsync.settings import Settings


class Place(NamedTuple):
    """From where an interpreter is looked for."""

    directory: str
    """A folder, absolute; it need not be a project's."""
    environment: str | None = None


class Interpreters(NamedTuple):
    """What there is."""

    known: tuple[Target, ...]
    matching: tuple[Target, ...]
    """Those that were asked for."""


def interpreters(
    request: str | None, place: Place, settings: Settings, reporter: Reporter
) -> Interpreters:
    """List the interpreters that are there, and those of them that a request means."""
    known = list_interpreters(
        settings.cache_dir, reporter, never_inside=strangers_folder(place.directory)
    )
    matching = (target for target in known if request is None or matches(target, request))
    return Interpreters(known, tuple(matching))


def find_python(
    request: str | None, place: Place, settings: Settings, reporter: Reporter
) -> Target:
    """Give the interpreter that a request means; without one, the project's.

    Raises `InterpreterNotFound`, `InterpreterRefused`, `UsageError`, `SpecInvalid`.
    """
    settings = settings._replace(python=request or settings.python)
    project = None if request else _project(place)
    if project is None:
        return find_interpreter(None, None, place.directory, settings, reporter)
    spec, _ = read_spec(project)
    return find_interpreter(spec.python, spec.requires_python, project.root, settings, reporter)


def path_taken(request: str | None, place: Place, settings: Settings, reporter: Reporter) -> str:
    """Give the path of the interpreter that would be taken; nothing where none fits."""
    try:
        return find_python(request, place, settings, reporter).executable
    except (InterpreterNotFound, InterpreterRefused):
        return ""


def _project(place: Place) -> Project | None:
    """The project that the folder belongs to, if any."""
    try:
        return find_project(place.directory, place.environment)
    except ProjectNotFound:
        if place.environment is not None:
            raise
        return None
