"""Whole commands below folders that are somebody else's, or that can't be read."""

import os

import pytest

from tests.commands.conftest import SPEC
from tests.support.command import Workplace

COMMANDS = (
    *(("sync",), ("sync", "--check"), ("status",), ("verify",), ("lock",), ("run", "true")),
    *(("add", "base"), ("remove", "webby"), ("activate", "--shell", "bash"), ("python", "find")),
)


@pytest.mark.matrix(4)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_project_above_in_a_sticky_folder_is_used_when_it_is_named(
    project: Workplace, command: tuple[str, ...]
) -> None:
    project.given("sync")
    (project.project / "sub").mkdir()
    project.project.chmod(0o1777)
    ran = project.run("-C", "sub", *command)
    assert ran.code == 2
    assert f"env.toml lies in {project.project}, where others may write" in ran.err
    assert f"hint: `envsync -C {project.project} …` uses it" in ran.err
    project.ok("-C", str(project.project), *command)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_project_above_of_another_user_is_used_when_it_is_named(project: Workplace) -> None:
    (project.project / "sub").mkdir()
    os.chown(project.project, 12_345, -1)
    ran = project.run("-C", "sub", "sync")
    assert ran.code == 2
    assert "belongs to another user (12345)" in ran.err
    assert not project.venv.exists()
    project.ok("sync")


def test_a_project_of_ones_own_above_is_used(project: Workplace) -> None:
    (project.project / "sub").mkdir()
    project.ok("-C", "sub", "sync")
    assert project.venv.is_dir()


def test_init_starts_a_project_below_a_strangers(project: Workplace) -> None:
    (project.project / "sub").mkdir()
    project.project.chmod(0o1777)
    project.ok("-C", "sub", "init")
    project.ok("-C", "sub", "lock")


@pytest.mark.parametrize("kind", ["folder", "dangling", "loop", "no leave"])
def test_an_env_toml_that_cannot_be_read_is_an_error_and_not_the_one_above(
    project: Workplace, kind: str
) -> None:
    sub = project.project / "sub"
    sub.mkdir()
    spec = sub / "env.toml"
    if kind == "no leave" and os.geteuid() == 0:
        pytest.skip("root may read every file")
    if kind == "folder":
        spec.mkdir()
    elif kind == "no leave":
        spec.write_text(SPEC)
        spec.chmod(0)
    else:
        spec.symlink_to("env.toml" if kind == "loop" else "nowhere")
    for command in (("sync",), ("lock",), ("status",), ("python", "find"), ("add", "base")):
        ran = project.run("-C", "sub", *command)
        assert (ran.code, f"{spec}: " in ran.err) == (1, True), (command, ran)
    assert not project.venv.exists()


def test_a_folder_that_cannot_be_looked_at_is_told_from_one_that_is_not_there(
    project: Workplace,
) -> None:
    (project.project / "loop").symlink_to("loop")
    assert "too many levels" in project.run("-C", "loop", "sync").err
    for name in ("nothing", "env.toml", "env.toml/x"):
        ran = project.run("-C", name, "sync")
        assert ran.code == 2
        assert f"error: --project {name}: no such folder" in ran.err
