"""The main job on the public index, and the same lock through other installers (`make network`)."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import Workplace

pytestmark = pytest.mark.network

REQUIREMENTS = ("flask", "pytest", "rich", "sqlalchemy")
MODULES = ("flask", "pytest", "rich", "sqlalchemy")

SEED = frozenset({"pip", "setuptools"})
"""What venv puts into an environment."""

LIST = (
    "import importlib.metadata as m, json;"
    "print(json.dumps(sorted([d.name.lower().replace('_', '-'), d.version]"
    " for d in m.distributions())))"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A project of some well-known packages, locked and synced from the public index."""
    made = Workplace(tmp_path_factory.mktemp("public"))
    listed = ", ".join(f'"{requirement}"' for requirement in REQUIREMENTS)
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    made.write(f'[env]\nrequires-python = ">={minor}"\ndependencies = [{listed}]\n')
    made.ok("lock")
    made.ok("sync")
    return made


def installed(python: Path, without: frozenset[str] = frozenset()) -> list[list[str]]:
    """Sorted [name, version] of what an interpreter sees."""
    done = subprocess.run([python, "-I", "-c", LIST], capture_output=True, check=True)
    found: list[list[str]] = json.loads(done.stdout)
    return [row for row in found if row[0] not in without]


def fresh_environment(folder: Path) -> Path:
    """Make an environment with venv; gives its python."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder / "bin" / "python"


def test_every_package_imports(place: Workplace) -> None:
    for module in MODULES:
        place.python(f"import {module}")


def test_second_sync_has_nothing_to_do(place: Workplace) -> None:
    assert "Nothing to do" in place.ok("sync").err


def test_pip_installs_the_same_set_from_the_lock(place: Workplace, tmp_path: Path) -> None:
    python = fresh_environment(tmp_path / "pip")
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, "--upgrade", "pip>=26.3"], check=True)
    subprocess.run([*pip, "-r", str(place.project / "pylock.toml")], check=True)
    assert installed(python, SEED) == installed(place.venv / "bin" / "python")


@pytest.mark.skipif(shutil.which("uv", path=Path(sys.executable).parent) is None, reason="no uv")
def test_uv_installs_the_same_set_from_the_lock(place: Workplace, tmp_path: Path) -> None:
    python = fresh_environment(tmp_path / "uv")
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "sync", "--preview", "--quiet"]
    lock = str(place.project / "pylock.toml")
    subprocess.run([*uv, "--python", str(python), lock], check=True)
    assert installed(python, SEED) == installed(place.venv / "bin" / "python")
