"""What is remembered is what was worked out, whole."""

import os
import sys
from pathlib import Path

import pytest

from envsync.lock.select import select
from envsync.platform.files import sha256_file
from envsync.project.paths import project_at
from envsync.project.request import Selection, SyncRequest
from envsync.settings import Settings
from envsync.sync.desired import DesiredEnvironment
from envsync.sync.remembered import BUCKET, recall, remember
from tests.lock.samples import lock_of, package, target_of
from tests.support.synced import SyncedProject


def test_every_field_is_remembered(tmp_path: Path) -> None:
    """One that were left out would count in the first sync only."""
    project = project_at(str(tmp_path))
    settings = Settings(cache_dir=str(tmp_path / "cache"))
    paths = (project.spec_path, project.lock_path)
    for path in paths:
        Path(path).write_text(path)
    status = os.stat(sys.executable)
    signature = f"{status.st_size}:{status.st_mtime_ns}"
    target = target_of()._replace(executable=sys.executable, signature=signature)
    desired = DesiredEnvironment(
        root=f"{tmp_path}/.venv",
        base=str(tmp_path),
        target=target,
        prompt="shop",
        pins=select(lock_of(package("a", "1", "py3-none-any")), target),
        selection="groups=dev extras=",
        system_site_packages=True,
        link_mode="copy",
        compile_bytecode=True,
        overrides=("six==1.17",),
        keep=("a/b/**",),
        winners={"a b/c.py": "a"},
        any_python=("numba",),
        recipes={"a": "0123"},
        inputs=tuple((path, sha256_file(path)) for path in paths),
    )
    defaults = DesiredEnvironment._field_defaults
    # Where a link leads is asked each time.
    assert [name for name in defaults if getattr(desired, name) == defaults[name]] == ["link_end"]
    remember(desired, project, SyncRequest(), settings)
    assert recall(project, SyncRequest(), settings) == desired


@pytest.fixture
def remembered(synced: SyncedProject) -> SyncedProject:
    """One for which a meaning is remembered."""
    remember(synced.desired(), synced.project, SyncRequest(), synced.settings)
    assert recall(synced.project, SyncRequest(), synced.settings) == synced.desired()
    return synced


def test_what_another_version_remembered_is_not_believed(
    remembered: SyncedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have read the same bytes otherwise."""
    monkeypatch.setattr("envsync.sync.remembered.__version__", "0.0.dev0")
    assert recall(remembered.project, SyncRequest(), remembered.settings) is None


@pytest.mark.parametrize("name", ["spec_path", "lock_path"])
def test_it_is_of_these_very_bytes(remembered: SyncedProject, name: str) -> None:
    path = Path(getattr(remembered.project, name))
    path.write_text(f"{path.read_text()}#")
    assert recall(remembered.project, SyncRequest(), remembered.settings) is None


@pytest.mark.parametrize(
    "settings",
    [{"python": "3.12"}, {"compile_bytecode": True}, {"venvs": "/elsewhere"}],
    ids=lambda settings: next(iter(settings)),
)
def test_it_is_of_these_settings(remembered: SyncedProject, settings: dict[str, object]) -> None:
    other = remembered.settings._replace(**settings)  # type: ignore[arg-type]
    assert recall(remembered.project, SyncRequest(), other) is None


def test_it_is_of_this_selection(remembered: SyncedProject) -> None:
    request = SyncRequest(Selection(groups=("dev",)))
    assert recall(remembered.project, request, remembered.settings) is None


def test_an_interpreter_that_changed_is_asked_again(synced: SyncedProject) -> None:
    target = synced.target._replace(signature="1:1")
    desired = synced.desired()._replace(target=target)
    remember(desired, synced.project, SyncRequest(), synced.settings)
    assert recall(synced.project, SyncRequest(), synced.settings) is None


def test_what_has_no_inputs_is_not_remembered(synced: SyncedProject) -> None:
    remember(synced.desired()._replace(inputs=()), synced.project, SyncRequest(), synced.settings)
    assert recall(synced.project, SyncRequest(), synced.settings) is None


def test_a_damaged_one_is_worked_out_again(remembered: SyncedProject) -> None:
    folder = Path(remembered.settings.cache_dir) / BUCKET.name
    (path,) = (path for path in folder.rglob("*") if path.is_file())
    path.write_bytes(path.read_bytes().replace(b"demo", b"memo"))
    assert recall(remembered.project, SyncRequest(), remembered.settings) is None
