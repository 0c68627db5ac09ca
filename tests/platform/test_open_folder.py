"""What is done below a folder that is held open stays in it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.platform.open_folder import OpenFolder


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A folder with a link that leads out of it."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_text("theirs")
    (tmp_path / "top/inner").mkdir(parents=True)
    (tmp_path / "top/link").symlink_to("../outside")
    return tmp_path / "top"


CHANGES: dict[str, Callable[[OpenFolder], object]] = {
    "new file": lambda folder: folder.new_file("link/new"),
    "new link": lambda folder: folder.new_link("link/new", "file"),
    "new folder": lambda folder: folder.make_folder("link/new"),
    "new folders": lambda folder: folder.make_folders("link/new/deep"),
    "reading": lambda folder: folder.open_file("link/file"),
    "removal": lambda folder: folder.remove_file("link/file"),
    "emptying": lambda folder: folder.empty("link"),
    "permissions": lambda folder: folder.set_folder_mode("link", 0o700),
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_link_leads_out(top: Path, change: str) -> None:
    mode = (top / "../outside").stat().st_mode
    with OpenFolder(str(top)) as folder, pytest.raises(OSError, match=r"directory|link|exists"):
        CHANGES[change](folder)
    assert os.listdir(top / "../outside") == ["file"]
    assert (top / "../outside").stat().st_mode == mode


def test_a_file_is_made_new_and_never_written_over(top: Path) -> None:
    with OpenFolder(str(top)) as folder:
        with folder.new_file("inner/a") as file:
            file.write(b"text")
        assert folder.read("inner/a", 10) == b"text"
        (top / "inner/b").symlink_to("nowhere")
        for name in ("a", "b"):
            with pytest.raises(FileExistsError):
                folder.new_file(f"inner/{name}")
            with pytest.raises(FileExistsError):
                folder.new_link(f"inner/{name}", "elsewhere")
    assert (top / "inner/a").stat().st_mode & 0o777 == 0o600
    assert sorted(os.listdir(top / "inner")) == ["a", "b"]


def test_what_is_to_go_last_stays_while_folders_are_left(top: Path) -> None:
    (top / "inner/deep").mkdir()
    for name in ("last", "file"):
        (top / "inner" / name).write_text("x")
    (top / "inner/link").symlink_to("../../outside")
    with OpenFolder(str(top)) as folder:
        assert folder.empty("inner", last="last") == ["inner/deep"]
        assert sorted(folder.names("inner")) == ["deep", "last"]
        folder.remove_folder("inner/deep")
        assert folder.empty("inner", last="last") == []
        assert folder.names("inner") == []
    assert (top / "../outside/file").exists()
