"""An environment that came with a project is neither entered nor run as it is."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.command import Ran, Workplace
from tests.support.index_server import IndexServer

EVIL = 'touch "$CANARY"\n'
AS_IT_IS = (
    *(["activate", "--shell", shell] for shell in ("bash", "fish", "tcsh", "nu", "pwsh", "xonsh")),
    *(["activate", "--shell", "sh", "--json"], ["run", "--no-sync", "webby"]),
    *(["run", "--no-sync", "python", "-c", ""], ["shell", "--no-sync", "--shell", "sh"]),
)


@pytest.fixture
def clone(project: Workplace, tmp_path: Path, server: IndexServer) -> Workplace:
    """A stranger's project with its environment, made by a stranger's envsync, and then edited."""
    project.given("sync")
    (tmp_path / "mine").mkdir()
    mine = Workplace(tmp_path / "mine", server.url)
    os.rmdir(mine.project)
    subprocess.run(["cp", "-a", project.project, mine.project], check=True)
    for path in (mine.venv / "bin").iterdir():
        if path.is_file() and not path.is_symlink():
            path.write_text(f"#!/bin/sh\n{EVIL}")
            path.chmod(0o755)
    (mine.venv / "bin/python").unlink()
    (mine.venv / "bin/python").write_text(f"#!/bin/sh\n{EVIL}")
    (mine.venv / "bin/python").chmod(0o755)
    config = mine.venv / "pyvenv.cfg"
    config.write_text(config.read_text().replace("prompt = shop", f"prompt = $({EVIL.strip()})"))
    mine.environ["CANARY"] = str(tmp_path / "canary")
    return mine


def refused(place: Workplace, command: list[str]) -> Ran:
    """Run a command that must refuse, print nothing to evaluate, and run nothing."""
    ran = place.run(*command)
    assert ran.code == 1, ran.err
    assert ran.out == "" or set(json.loads(ran.out)) >= {"error", "hint"}
    assert f"{place.venv}" in ran.err
    assert "hint: `envsync " in ran.err
    assert "touch" not in ran.out + ran.err
    assert not os.path.exists(place.environ["CANARY"])
    return ran


@pytest.mark.matrix(5)
@pytest.mark.parametrize("command", AS_IT_IS, ids=" ".join)
def test_what_came_with_a_clone_is_refused(clone: Workplace, command: list[str]) -> None:
    assert "not written by this user's envsync" in refused(clone, command).err


@pytest.mark.parametrize("command", AS_IT_IS[:1] + AS_IT_IS[-3:], ids=" ".join)
def test_an_environment_of_another_tool_is_refused(clone: Workplace, command: list[str]) -> None:
    subprocess.run(["rm", "-rf", clone.venv / ".envsync"], check=True)
    config = clone.venv / "pyvenv.cfg"
    config.write_text("home = /usr/bin\nversion = 3.11.0\n")
    refused(clone, command)


def test_the_hint_leads_to_an_environment_of_ones_own(clone: Workplace) -> None:
    assert "`envsync sync`" in refused(clone, ["activate", "--shell", "sh"]).err
    clone.given("sync")
    assert clone.ok("activate", "--shell", "sh").out == f". '{clone.venv}/bin/activate'\n"
    assert clone.ok("run", "--no-sync", "webby").out == "webby runs\n"
    assert not os.path.exists(clone.environ["CANARY"])


def test_a_script_that_was_edited_is_not_entered(project: Workplace, tmp_path: Path) -> None:
    project.environ["CANARY"] = str(tmp_path / "canary")
    project.given("sync")
    script = project.venv / "bin/activate"
    good, status = script.read_bytes(), script.stat()
    for text in (EVIL.encode(), good.replace(b"VIRTUAL", b"VIRTUEL")):
        script.write_bytes(text)
        os.utime(script, ns=(status.st_atime_ns, status.st_mtime_ns))
        for command in (["activate", "--shell", "sh"], ["shell", "--no-sync", "--shell", "sh"]):
            refused(project, command)
        project.ok("activate", "--shell", "fish")
        project.ok("sync", "--verify")
        project.ok("activate", "--shell", "sh")
    script.unlink()
    script.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_bytes(good)
    refused(project, ["activate", "--shell", "sh"])


def test_an_environment_that_was_moved_is_not_entered(project: Workplace, tmp_path: Path) -> None:
    project.environ["CANARY"] = str(tmp_path / "canary")
    project.given("sync")
    project.project.rename(tmp_path / "moved")
    project.project = tmp_path / "moved"
    assert "moved or copied" in refused(project, ["activate", "--shell", "sh"]).err
    project.ok("sync")
    project.ok("activate", "--shell", "sh")
