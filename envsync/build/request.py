"""Say what is built, for whom and how, as one value; and how a build fails."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, NoReturn

from packaging.requirements import Requirement

from envsync.build.log import BuildLog
from envsync.build.process import Limits
from envsync.build.sources import SourceTree
from envsync.build.system import BuildSystem
from envsync.build.variables import conceal
from envsync.errors import BuildFailed
from envsync.events import Reporter
from envsync.model.target import Target

ConfigSettings = Mapping[str, str | Sequence[str]]
"""What `[build.config-settings]` holds for one package (PEP 517, "config_settings")."""


class BuildEnvironment(NamedTuple):
    """Where a backend runs."""

    python: str
    """Interpreter that sees the build requirements and nothing else; absolute path."""
    path: tuple[str, ...] = ()
    """Folders to put first on PATH: the environment's scripts."""


Provision = Callable[[Sequence[Requirement], Target], AbstractContextManager[BuildEnvironment]]
"""Makes an environment that holds the requirements, for the time of the `with` block."""


class Build(NamedTuple):
    """One build: what is built, for whom, and how."""

    tree: SourceTree
    system: BuildSystem
    target: Target
    provision: Provision
    config_settings: ConfigSettings
    package: str
    given: Mapping[str, str]
    """Variables that env.toml gives, or passes on."""
    secrets: Sequence[str]
    """What no output may show."""
    reporter: Reporter
    limits: Limits
    confined: bool = False
    """Without network, and with nothing to write to but its own folders, where that can be."""
    log: BuildLog | None = None
    """Takes all that it prints, but what is secret."""

    @property
    def name(self) -> str:
        """The package's name alone."""
        return self.package.partition("==")[0]

    def shown(self, text: str) -> str:
        """Give a text of the build's without secrets."""
        return conceal(text, self.secrets)

    def fail(self, reason: str) -> NoReturn:
        """Raise `BuildFailed`."""
        raise BuildFailed(self.package, self.shown(reason))
