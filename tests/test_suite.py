"""The suite itself: no folder of it is left out unseen."""

import os
from fnmatch import fnmatch
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def test_every_folder_is_looked_into(pytestconfig: pytest.Config) -> None:
    """By its own default, pytest leaves out folders called build and venv."""
    left_out = pytestconfig.getini("norecursedirs")
    folders = [name for _, names, _ in os.walk(TESTS) for name in names if name != "__pycache__"]
    assert "venv" in folders
    assert [name for name in folders if any(fnmatch(name, one) for one in left_out)] == []


def test_every_file_of_tests_is_known_by_its_name() -> None:
    """Tests in a file that isn't called test_*.py would never run."""
    others = [path for path in TESTS.rglob("*.py") if not path.name.startswith("test_")]
    assert [path for path in others if "\ndef test_" in path.read_text()] == []
