"""Environments that lie elsewhere: on a mount point, behind a link, in the user's folder."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Workplace

CODE = "import base; print(base.VERSION)"
SYSTEM = "[env]\nsystem-site-packages = true"


def made_anew(place: Workplace) -> None:
    """Let the environment be replaced as a whole."""
    place.write(place.read().replace("[env]", SYSTEM, 1))


def beside(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if "envsync-" in name]


def settings(place: Workplace, text: str) -> None:
    path = place.project.parent / "config.toml"
    path.write_text(text)
    place.environ["ENVSYNC_CONFIG_FILE"] = str(path)


# Mount points


@pytest.fixture
def mounted(project: Workplace) -> Iterator[Workplace]:
    project.venv.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "mode=755", "none", str(project.venv)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield project
    finally:
        subprocess.run(["umount", str(project.venv)], check=True)


def test_an_environment_on_a_mount_point(mounted: Workplace) -> None:
    (mounted.venv / "lost+found").mkdir()
    mounted.ok("sync")
    assert mounted.python(CODE) == "2"
    mounted.ok("sync")
    assert "Nothing to do" in mounted.ok("sync").err
    mounted.ok("verify")
    (mounted.site / "mine.py").write_text("mine")
    (mounted.venv / "notes.txt").write_text("notes")
    made_anew(mounted)
    assert "system-site-packages changed" in mounted.ok("sync").err
    mounted.ok("sync", "--check", "--verify")
    assert "include-system-site-packages = true" in (mounted.venv / "pyvenv.cfg").read_text()
    assert [path.read_text() for path in mounted.venv.rglob("mine.py")] == ["mine"]
    assert not (mounted.site / "mine.py").exists()
    assert (mounted.venv / "notes.txt").read_text() == "notes"
    assert beside(mounted.project) == []


def test_what_another_tool_left_on_a_mount_point(mounted: Workplace) -> None:
    (mounted.venv / "bin").mkdir()
    (mounted.venv / "bin/tool").write_text("tool")
    (mounted.venv / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (mounted.venv / ".envsync").symlink_to("/etc")
    assert "hint: `envsync sync --force`" in mounted.run("sync").err
    mounted.ok("sync", "--force")
    mounted.ok("sync", "--check", "--verify")
    kept = mounted.venv / ".envsync/quarantine"
    assert sorted(path.name for path in kept.rglob("*") if not path.is_dir()) == [
        "pyvenv.cfg", "tool",
    ]  # fmt: skip
    (link,) = kept.glob("*/.envsync")
    assert os.readlink(link) == "/etc"


# Links


def test_a_link_to_where_the_user_moved_the_environment(project: Workplace, tmp_path: Path) -> None:
    project.given("sync")
    fast = tmp_path / "fast"
    project.venv.rename(fast)
    project.venv.symlink_to(fast)
    assert "Nothing to do" in project.ok("sync").err
    made_anew(project)
    (project.site / "mine.py").write_text("mine")
    inode = fast.stat().st_ino
    project.ok("sync")
    project.ok("sync", "--check", "--verify")
    for command in (["status"], ["verify"], ["activate"], ["run", "python", "-c", CODE]):
        project.ok(*command)
    assert project.venv.is_symlink()
    assert fast.stat().st_ino == inode
    assert beside(tmp_path) == beside(project.project) == []
    assert str(project.venv) in (fast / "bin/webby").read_text()
    assert [path.read_text() for path in fast.rglob("mine.py")] == ["mine"]
    assert "Deleted" in project.ok("sync", "--discard").err


def test_a_link_to_an_empty_folder_needs_leave(project: Workplace, tmp_path: Path) -> None:
    fast = tmp_path / "fast"
    (fast / "shop").mkdir(parents=True)
    project.venv.symlink_to(fast / "shop")
    ran = project.run("sync")
    assert ran.code == 1
    assert f"is a link to {fast}/shop, where no environment is" in ran.err
    assert list((fast / "shop").iterdir()) == []
    settings(project, f'[venv]\nlinks = ["{fast}"]\n')
    project.ok("sync")
    assert project.python(CODE) == "2"
    del project.environ["ENVSYNC_CONFIG_FILE"]  # it is known for what it is
    assert "Nothing to do" in project.ok("sync").err
    shutil.rmtree(fast / "shop")
    (fast / "shop").mkdir()
    (fast / "shop/precious").write_text("mine")
    settings(project, f'[venv]\nlinks = ["{fast}"]\n')
    assert "is a link to" in project.run("sync").err
    project.ok("sync", "--force")
    assert not project.venv.is_symlink()
    assert [path.name for path in (fast / "shop").iterdir()] == ["precious"]


def test_a_link_inside_the_project(project: Workplace) -> None:
    project.venv.symlink_to("build/env")
    project.ok("sync")
    assert (project.project / "build/env/pyvenv.cfg").is_file()
    project.ok("sync", "--check")
    shutil.rmtree(project.project / "build")
    project.venv.unlink()
    (project.project / ".git").mkdir()
    project.venv.symlink_to(".git/hooks")
    assert "is a link to" in project.run("sync").err
    assert list((project.project / ".git").iterdir()) == []
    project.write(project.read().replace("[env]", '[env]\npath = ".git/hooks"', 1))
    assert "what version control keeps there" in project.run("sync").err


# The user's own folder


@pytest.mark.parametrize("how", ["variable", "settings"])
def test_a_folder_for_the_environments_of_all_projects(
    project: Workplace, tmp_path: Path, how: str
) -> None:
    project.given("sync")
    project.ok("sync")
    venvs = tmp_path / "venvs"
    if how == "variable":
        project.environ["ENVSYNC_VENV"] = str(venvs)
    else:
        project.environ["XDG_CONFIG_HOME"] = str(tmp_path / "config")
        (tmp_path / "config/envsync").mkdir(parents=True)
        (tmp_path / "config/envsync/config.toml").write_text(f'[venv]\nfolder = "{venvs}"\n')
        del project.environ["ENVSYNC_PYTHON"]  # the shortest way is open
    assert "Nothing to do" not in project.ok("sync").err
    root = Path(f"{venvs}{os.path.realpath(project.project)}/.venv")
    assert (root / "pyvenv.cfg").is_file()
    where = "import sys; print(sys.prefix)"
    assert project.ok("run", "python", "-c", where).out.strip() == str(root)
    assert project.ok("run", "--no-sync", "python", "-c", where).out.strip() == str(root)
    assert str(root) in project.ok("activate").out
    project.ok("sync", "--check")
    assert "Nothing to do" in project.ok("sync").err


def test_a_folder_for_environments_must_be_written_in_full(project: Workplace) -> None:
    ran = project.run("sync", environ={"ENVSYNC_VENV": "venvs"})
    assert ran.code == 2
    assert "ENVSYNC_VENV=venvs: expected a folder, written in full" in ran.err
