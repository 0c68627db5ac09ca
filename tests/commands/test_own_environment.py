"""envsync in the very environment that it is asked to change (hazard H84)."""

import subprocess
import sys
from pathlib import Path

import envsync
from tests.commands.conftest import SPEC
from tests.support.command import Workplace


def run_inside(place: Workplace, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the environment's own interpreter with envsync's packages on its path."""
    packages = [str(Path(envsync.__file__).parent.parent), *sys.path[1:]]
    return subprocess.run(
        [place.venv / "bin/python", "-m", "envsync", *arguments],
        cwd=place.project,
        env={**place.environ, "PYTHONPATH": ":".join(packages)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_its_own_environment_is_not_changed(project: Workplace) -> None:
    project.environ["ENVSYNC_PYTHON"] = sys.executable
    project.given("sync")
    ran = run_inside(project, "sync", "--check")
    assert ran.returncode == 0, ran.stderr
    project.write(SPEC.replace('"webby"', '"webby", "speedups"'))
    before = project.files()
    ran = run_inside(project, "sync")
    assert ran.returncode == 1
    assert "holds the envsync that is running" in ran.stderr
    assert project.files() == before
    project.ok("sync")
