"""Environments synced from a real store, on disk and without an index: below whole commands."""

import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from envsync.environment.key import UserKey
from envsync.events import SILENT
from envsync.lock.pins import Pinned
from envsync.platform.files import sha256_file
from envsync.project.paths import Project, project_at
from envsync.settings import Settings
from envsync.store.manifest import StoredWheel
from envsync.store.wheels import WheelStore
from envsync.sync.apply import locked, sync
from envsync.sync.desired import DesiredEnvironment
from envsync.sync.outcome import SyncOutcome
from envsync.sync.store_lookup import CheckDepth
from tests.lock.samples import target_of
from tests.support.wheels import Files, make_wheel


class SyncedProject:
    """A project with an env.toml and a lock of any content, and a store of its user's."""

    def __init__(self, folder: Path) -> None:
        """Everything lies below `folder`."""
        self.root = folder / "project"
        self.root.mkdir()
        self.project: Project = project_at(str(self.root))
        for path in (self.project.spec_path, self.project.lock_path):
            Path(path).write_text(f"{path}\n")
        self.settings = Settings(cache_dir=str(folder / "cache"), state_dir=str(folder / "state"))
        os.mkdir(self.settings.cache_dir, 0o700)
        self.store = WheelStore(self.settings.cache_dir)
        self.wheels: dict[str, StoredWheel] = {}
        self._folder = folder
        status = os.stat(sys.executable)
        self.target = target_of()._replace(
            executable=sys.executable, signature=f"{status.st_size}:{status.st_mtime_ns}"
        )

    @property
    def environment(self) -> Path:
        """Where the environment lies."""
        return self.root / ".venv"

    def pin(self, name: str, version: str, files: Files | None = None) -> Pinned:
        """Put a wheel into the store; gives the pin that it is for."""
        filename, content = make_wheel(name, version, files or {f"{name}.py": version})
        path = self._folder / filename
        path.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        self.wheels[name] = self.store.add(str(path), sha256=sha256, filename=filename)
        return Pinned(
            name=name,
            version=version,
            kind="wheel",
            filename=filename,
            url=f"https://files.example/{filename}",
            path=None,
            sha256=sha256,
            hashes={"sha256": sha256},
        )

    def editable(self, name: str, folder: str) -> Pinned:
        """Pin a folder of the project, editable; what a build would make of it is in the store."""
        (self.root / folder).mkdir()
        text = f'[project]\nname = "{name}"\nversion = "1.0"\n'
        (self.root / folder / "pyproject.toml").write_text(text)
        wheel = self.pin(name, "1.0", {f"{name}.pth": f"{self.root}/{folder}\n"})
        return wheel._replace(
            version=None,
            kind="directory",
            filename="",
            url=None,
            path=folder,
            sha256="",
            hashes={},
            editable=True,
        )

    def desired(self, *pins: Pinned) -> DesiredEnvironment:
        """What the environment is to be; its inputs are env.toml and the lock."""
        paths = (self.project.spec_path, self.project.lock_path)
        return DesiredEnvironment(
            root=str(self.environment),
            base=str(self.root),
            target=self.target,
            prompt="demo",
            pins=pins,
            selection="default",
            inputs=tuple((path, sha256_file(path)) for path in paths),
        )

    def sync(self, desired: DesiredEnvironment) -> SyncOutcome:
        """Make the environment so."""
        key = UserKey(self.settings)
        with locked(desired.folder, self.settings.cache_dir, SILENT, key.seal()):
            return sync(desired, self._fetch, SILENT, key=key, cache_dir=self.settings.cache_dir)

    def _fetch(self, pins: Sequence[Pinned], _: CheckDepth) -> Mapping[str, StoredWheel]:
        return {pin.name: self.wheels[pin.name] for pin in pins}
