"""How far the clone reaches that no interpreter is taken from."""

import os
import pwd
from pathlib import Path

import pytest

from envsync.project import interpreter
from envsync.project.interpreter import strangers_folder


@pytest.mark.parametrize("mark", [".git", ".hg", ".jj", ".svn", "env.toml"])
def test_the_outermost_folder_with_a_mark_is_the_clone(tmp_path: Path, mark: str) -> None:
    project = tmp_path / "clone" / "services" / "shop"
    (project / ".git").mkdir(parents=True)
    assert strangers_folder(str(project)) == str(project)
    (tmp_path / "clone" / mark).write_text("gitdir: elsewhere\n")
    assert strangers_folder(str(project)) == str(tmp_path / "clone")


def test_a_folder_without_a_mark_is_one_by_itself(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    assert strangers_folder(str(tmp_path / "a")) == str(tmp_path / "a")
    assert strangers_folder(str(tmp_path / "link")) == str(tmp_path / "a")


def test_what_holds_the_users_home_is_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account's home: the variable may name a folder of the clone."""
    home = os.path.realpath(pwd.getpwuid(os.getuid()).pw_dir)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert strangers_folder("/") is None
    assert strangers_folder(home) is None
    assert strangers_folder(str(tmp_path)) == str(tmp_path)
    monkeypatch.setattr(interpreter, "_holds_home", lambda folder: folder == str(tmp_path))
    (tmp_path / ".git").mkdir()
    (tmp_path / "clone").mkdir()
    assert strangers_folder(str(tmp_path / "clone")) == str(tmp_path / "clone")
