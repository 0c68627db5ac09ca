"""Look at all that decides what envsync does here; asks no network, and changes nothing.

Each check stands alone: one that fails is a finding, and the others go on.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from envsync.errors import EnvsyncError, ProjectNotFound
from envsync.operations import doctor_machine as machine
from envsync.operations import doctor_project as project_checks
from envsync.operations.findings import Finding, broken, well, worth_knowing
from envsync.project.env_toml import read_spec
from envsync.project.interpreter import own_config, strangers_folder
from envsync.project.paths import Project, find_project
from envsync.settings import Settings
from envsync.spec.model import Spec


class Examined(NamedTuple):
    """What is looked at."""

    directory: str
    environment: str | None
    settings: Settings
    environ: Mapping[str, str]


Check = Callable[[], Iterator[Finding]]


def examine(what: Examined) -> tuple[Finding, ...]:
    """Look at everything. Raises nothing that a check could say."""
    settings, environ, directory = what.settings, what.environ, what.directory
    about_project: list[Finding] = []
    project = _project(what, about_project)
    spec = _spec(project, about_project)
    root = project.root if project is not None else directory
    strangers = strangers_folder(root)
    seen = project_checks.Seen(root, spec, settings, environ, strangers)
    checks: Sequence[tuple[str, Check]] = (
        ("envsync", machine.program),
        ("settings", lambda: _settings(settings, strangers)),
        ("project", lambda: iter(about_project)),
        ("interpreter", lambda: project_checks.interpreter(seen)),
        ("environment", lambda: project_checks.environment(seen, project)),
        ("indexes", lambda: project_checks.indexes(seen)),
        ("mirrors", lambda: project_checks.mirrors(seen)),
        ("certificates", lambda: machine.certificates(environ)),
        ("proxies", lambda: machine.proxies(environ)),
        ("cache", lambda: machine.cache(settings)),
        ("links", lambda: project_checks.links(seen)),
        ("builds", machine.confined_builds),
        ("git", lambda: machine.git(environ, strangers)),
        ("shell", lambda: machine.shell(environ)),
        ("PATH", lambda: machine.first_python(environ, root)),
        ("other tools", lambda: machine.others(environ, root)),
        ("CI", lambda: machine.ci(environ)),
    )
    return tuple(chain.from_iterable(_tried(topic, check) for topic, check in checks))


def _tried(topic: str, check: Check) -> list[Finding]:
    """Make a check; what it raises is what it found."""
    try:
        return list(check())
    except EnvsyncError as error:
        return [broken(topic, str(error), error.hint or "")]
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        return [broken(topic, f"{name}{error.strerror or error}")]


def _project(what: Examined, found: list[Finding]) -> Project | None:
    try:
        project = find_project(what.directory, what.environment)
    except ProjectNotFound as error:
        found.append(worth_knowing("project", error.message, error.hint or ""))
        return None
    except EnvsyncError as error:
        found.append(broken("project", str(error), error.hint or ""))
        return None
    return project


def _spec(project: Project | None, found: list[Finding]) -> Spec | None:
    """Read env.toml, and say whether it has a lock."""
    if project is None:
        return None
    try:
        spec, _ = read_spec(project)
    except EnvsyncError as error:
        found.append(broken("project", str(error), error.hint or ""))
        return None
    name = os.path.basename(project.lock_path)
    if os.path.lexists(project.lock_path):
        found.append(well("project", f"{project.spec_path}, locked in {name}"))
    else:
        lock = f"{project.spec_path}, without {name}"
        found.append(worth_knowing("project", lock, "`envsync lock` makes it"))
    return spec


def _settings(settings: Settings, strangers: str | None) -> Iterator[Finding]:
    """Say where the user's own settings are. Raises as `own_config`."""
    path = settings.config_file
    if not path:
        yield worth_knowing("settings", "no home folder, so no settings file of your own")
        return
    own_config(settings, strangers)
    yield well("settings", path if os.path.exists(path) else f"{path} would be read; there is none")
