"""SECURITY.md names tests that exist."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TEXT = (TESTS.parent / "SECURITY.md").read_text()
NAMED = sorted(set(re.findall(r"`((?:\w+/)*test_\w+\.py)(?:::(test_\w+))?`", TEXT)))


def test_there_are_tests_for_most_rows() -> None:
    rows = TEXT.partition("| attack |")[2].splitlines()[2:]
    assert len(rows) > 30
    assert [row for row in rows if row and "test_" not in row] == []


@pytest.mark.parametrize(("file", "name"), NAMED, ids=map("::".join, NAMED))
def test_what_is_named_is_there(file: str, name: str) -> None:
    text = (TESTS / file).read_text()
    assert f"def {name}(" in text if name else "def test_" in text
