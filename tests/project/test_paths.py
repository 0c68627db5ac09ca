"""Whose project a folder belongs to."""

import os
from pathlib import Path

import pytest

from envsync.errors import ProjectNotFound, StorageFailed, UsageError
from envsync.project.paths import find_project

SOMEBODY = 12_345


@pytest.fixture
def below(tmp_path: Path) -> Path:
    """A folder two steps below one with an env.toml."""
    (tmp_path / "env.toml").write_text("[env]\n")
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    return folder


def test_the_nearest_folder_upwards_is_the_project(below: Path, tmp_path: Path) -> None:
    assert find_project(str(below)).root == str(tmp_path)
    (below.parent / "env.toml").write_text("")
    assert find_project(str(below)).root == str(below.parent)
    (below / "env.toml").symlink_to("nowhere")
    assert find_project(str(below)).root == str(below)


def test_no_such_environment_names_those_there_are(below: Path, tmp_path: Path) -> None:
    for name in ("env.toml", "env.gpu.toml", "env.a b.toml", "envx.toml"):
        (tmp_path / name).touch()
    with pytest.raises(ProjectNotFound) as caught:
        find_project(str(below), "gpux")
    hint = str(caught.value.hint)
    assert f"{tmp_path} has env.gpu.toml (-e gpu), one without a name (no -e)" in hint


def test_no_project(below: Path) -> None:
    with pytest.raises(ProjectNotFound, match=r"no env\.test\.toml in .*/a/b or any folder above"):
        find_project(str(below), "test")


# Folders above that are somebody else's


@pytest.mark.parametrize("mode", [0o1777, 0o1755, 0o757, 0o1700])
def test_a_folder_above_where_others_may_write_is_not_adopted(
    below: Path, tmp_path: Path, mode: int
) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(UsageError, match=r"where others may write: not used for .*/a/b") as raised:
        find_project(str(below))
    assert f"-C {tmp_path} " in str(raised.value.hint)
    assert find_project(str(tmp_path)).root == str(tmp_path)


@pytest.mark.parametrize("mode", [0o755, 0o775, 0o2775, 0o700])
def test_the_users_own_folder_above_is(below: Path, tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    assert find_project(str(below)).root == str(tmp_path)


def owned(path: Path, monkeypatch: pytest.MonkeyPatch, user: int = SOMEBODY) -> None:
    """Give a file or folder to somebody else, or else be somebody else."""
    if os.geteuid() == 0:
        os.lchown(path, user, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: user)


@pytest.mark.parametrize("theirs", [".", "env.toml"])
def test_a_project_above_of_another_user_is_not_adopted(
    below: Path, tmp_path: Path, theirs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned(tmp_path / theirs, monkeypatch)
    with pytest.raises(UsageError, match="belongs to another user"):
        find_project(str(below))
    assert find_project(str(tmp_path)).root == str(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_adopts_the_project_of_whoever_became_root(
    below: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (tmp_path, tmp_path / "env.toml"):
        os.chown(path, SOMEBODY, -1)
    monkeypatch.setenv("SUDO_UID", f"{SOMEBODY}")
    assert find_project(str(below)).root == str(tmp_path)
    monkeypatch.setenv("SUDO_UID", f"{SOMEBODY + 1}")
    with pytest.raises(UsageError, match=rf"another user \({SOMEBODY}\)"):
        find_project(str(below))
    monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY + 1)
    with pytest.raises(UsageError, match="belongs to another user"):
        find_project(str(below))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's files are root's")
def test_roots_project_above_is_adopted_by_all(
    below: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY)
    assert find_project(str(below)).root == str(tmp_path)


# What can't be looked at


def test_a_folder_that_cannot_be_looked_into_is_no_folder_without_a_project(
    below: Path,
) -> None:
    (below / "loop").symlink_to("loop")
    with pytest.raises(StorageFailed, match="too many levels of symbolic links"):
        find_project(str(below / "loop" / "x"))
    with pytest.raises(StorageFailed, match="file name too long"):
        find_project(str(below), "x" * 300)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every folder")
def test_a_folder_without_leave_is_no_folder_without_a_project(below: Path) -> None:
    below.chmod(0o600)
    try:
        with pytest.raises(StorageFailed, match="permission denied"):
            find_project(str(below))
    finally:
        below.chmod(0o700)
