"""env.toml is only written over what was read of it."""

import os
from pathlib import Path

import pytest

from envsync.errors import EnvsyncError, StorageFailed
from envsync.project.env_toml import changed_spec
from envsync.project.paths import project_at
from envsync.project.texts import write_together


def test_a_line_added_meanwhile_is_seen_even_behind_the_largest_file(tmp_path: Path) -> None:
    before = "#" * (1 << 20)
    (tmp_path / "env.toml").write_text(before)
    project = project_at(str(tmp_path))
    changed = changed_spec(project, before, "x")
    assert [(text.path, text.data) for text in changed] == [(project.spec_path, b"x")]
    (tmp_path / "env.toml").write_text(f"{before}\n")
    with pytest.raises(EnvsyncError, match=r"env\.toml was changed while this command ran"):
        write_together(changed)
    assert (tmp_path / "env.toml").read_text() == f"{before}\n"


def test_a_fifo_put_in_its_place_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "env.toml")
    with pytest.raises(StorageFailed, match="FIFO"):
        write_together(changed_spec(project_at(str(tmp_path)), "a", "b"))
