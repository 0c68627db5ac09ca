"""env.toml is only written over what was read of it."""

import os
from pathlib import Path

import pytest

from envsync.errors import EnvsyncError, StorageFailed
from envsync.project.env_toml import changed_spec
from envsync.project.paths import project_at


def test_a_line_added_meanwhile_is_seen_even_behind_the_largest_file(tmp_path: Path) -> None:
    before = "#" * (1 << 20)
    (tmp_path / "env.toml").write_text(before)
    project = project_at(str(tmp_path))
    assert changed_spec(project, before, "x") == [(project.spec_path, b"x")]
    (tmp_path / "env.toml").write_text(f"{before}\n")
    with pytest.raises(EnvsyncError, match="changed while this command ran"):
        changed_spec(project, before, "x")


def test_a_fifo_put_in_its_place_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "env.toml")
    with pytest.raises(StorageFailed, match="FIFO"):
        changed_spec(project_at(str(tmp_path)), "a", "b")
