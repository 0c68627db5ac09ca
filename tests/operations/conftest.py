"""A project, a cache and an index on disk, and operations called as commands call them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from envsync.events import Reporter, Stage
from envsync.operations.lock import Locked, lock_project
from envsync.operations.results import Synced
from envsync.operations.ways import bring_up_to_date
from envsync.project.paths import Project, project_at
from envsync.project.request import LockOptions, SyncRequest
from envsync.settings import Settings, read_settings
from tests.support.command import asking_once, clean_environ
from tests.support.index_server import IndexServer
from tests.support.wheels import make_wheel


class Told(Reporter):
    """Keeps what is told to the user."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.stages: list[Stage] = []
        self.totals: list[int | None] = []
        self.advanced: list[tuple[Stage, int, str]] = []
        self.details: list[str] = []

    def begin(self, stage: Stage, total: int | None = None) -> None:
        self.stages.append(stage)
        self.totals.append(total)

    def advance(self, stage: Stage, amount: int = 1, detail: str = "") -> None:
        self.advanced.append((stage, amount, detail))

    def detail(self, text: str) -> None:
        self.details.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


class Bench:
    """A project's folder, the settings of its user, and the index that is asked."""

    def __init__(self, folder: Path, server: IndexServer, settings: Settings) -> None:
        self.folder, self.server, self.settings = folder, server, settings
        self.project: Project = project_at(str(folder))
        self.told = Told()

    def write(self, dependencies: str, more: str = "") -> None:
        """Write an env.toml that asks for these requirements, each in quotes."""
        text = (
            f'[env]\nname = "shop"\nrequires-python = ">=3.11"\ndependencies = [{dependencies}]\n'
        )
        (self.folder / "env.toml").write_text(text + more)

    def publish(
        self,
        name: str,
        version: str,
        text: str = "",
        requires: tuple[str, ...] = (),
        **more: Any,
    ) -> None:
        """Put a wheel on the index that has one module; `more` as `make_wheel` takes it."""
        wheel = make_wheel(name, version, {f"{name}.py": text}, requires=requires, **more)
        self.server.add(name, *wheel)

    def lock(self, options: LockOptions = LockOptions(), *, dry_run: bool = False) -> Locked:  # noqa: B008
        """Lock, with every page asked for anew."""
        settings = self.settings._replace(refresh=True)
        return lock_project(self.project, options, settings, self.told, dry_run=dry_run)

    def sync(self, request: SyncRequest = SyncRequest()) -> Synced:  # noqa: B008
        """Lock if needed, and sync."""
        return bring_up_to_date(self.project, request, self.settings, self.told)

    @property
    def site(self) -> Path:
        """The environment's site-packages."""
        (found,) = self.folder.glob(".venv/lib/python*/site-packages")
        return found


@pytest.fixture(scope="module")
def server() -> Iterator[IndexServer]:
    with IndexServer() as running:
        yield running


@pytest.fixture
def bench(tmp_path: Path, server: IndexServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    environ = clean_environ(tmp_path / "cache", server.url)
    for name in set(os.environ) - set(environ):
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    server.projects.clear()
    folder = tmp_path / "project"
    folder.mkdir()
    with asking_once():
        yield Bench(folder, server, read_settings(environ))
