"""Which tasks a project has, as far as one word of a command line asks."""

from pathlib import Path

import pytest

from envsync.project import env_toml
from envsync.project.paths import project_at
from envsync.project.tasks import folder_of, tasks_with


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "env.toml").write_text(
        '[env]\nname = "root"\n[workspace]\nmembers = ["*"]\n[tasks]\nwhole = "true"\n'
    )
    for name in ("web", "bare"):
        (tmp_path / name).mkdir()
    (tmp_path / "web/env.toml").write_text('[env]\nname = "web"\n[tasks]\nown = "true"\n')
    (tmp_path / "bare/pyproject.toml").write_text('[project]\nname = "bare"\nversion = "1"\n')
    return tmp_path


def test_a_member_has_its_own_and_those_of_the_workspace(root: Path) -> None:
    web = project_at(str(root))._replace(member="web")
    for name, folder in (("own", "web"), ("whole", "")):
        assert set(tasks_with(name, web) or ()) == {"own", "whole"}
        assert folder_of(name, web) == f"{root}/{folder}".rstrip("/")
    bare = project_at(str(root))._replace(member="bare")
    assert set(tasks_with("whole", bare) or ()) == {"whole"}
    assert tasks_with("own", bare) is None


def test_for_a_word_that_is_no_task_no_member_is_read(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`run` asks it before every command."""
    monkeypatch.setattr(env_toml, "read_spec", pytest.fail)
    assert tasks_with("python", project_at(str(root))._replace(member="web")) is None
