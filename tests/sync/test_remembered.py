"""What is remembered is what was worked out, whole."""

import os
import sys
from pathlib import Path

from envsync.lock.select import select
from envsync.platform.files import sha256_file
from envsync.project.paths import project_at
from envsync.project.request import SyncRequest
from envsync.settings import Settings
from envsync.sync.desired import DesiredEnvironment
from envsync.sync.remembered import recall, remember
from tests.lock.samples import lock_of, package, target_of


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
