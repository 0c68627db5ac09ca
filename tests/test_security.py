"""SECURITY.md and docs/hazards.md name what exists, and all hazards that comments name."""

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


PROJECT = TESTS.parent
HAZARDS = (PROJECT / "docs/hazards.md").read_text()
HELD_BY = sorted(set(re.findall(r"`(tests/(?:\w+/)*test_\w+\.py)(?:::(test_\w+))?`", HAZARDS)))
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in HAZARDS.partition("## Promises")[0].splitlines()
    if re.match(r"\| H\d", line)
]


def test_each_hazard_has_a_row_with_where_it_is_met_and_a_test() -> None:
    assert [row[0] for row in ROWS] == [f"H{number}" for number in range(1, len(ROWS) + 1)]
    assert [row[0] for row in ROWS if len(row) != 4 or "::test_" not in row[3]] == []
    assert [row[0] for row in ROWS if not _modules(row[2])] == []


@pytest.mark.parametrize(("file", "name"), HELD_BY, ids=map("::".join, HELD_BY))
def test_what_holds_a_hazard_is_there(file: str, name: str) -> None:
    text = (PROJECT / file).read_text()
    assert f"def {name}(" in text if name else "def test_" in text


def test_modules_and_campaigns_that_hazards_name_are_there() -> None:
    for row in ROWS:
        for module in _modules(row[2]):
            assert (PROJECT / "envsync" / module).exists(), (row[0], module)
    for campaign in re.findall(r"`python -m tests\.campaigns\.(\w+)`", HAZARDS):
        assert (TESTS / f"campaigns/{campaign}.py").exists()


def test_numbers_in_comments_are_those_of_the_document() -> None:
    known = set(re.findall(r"^\| ([HC]\d+) \|", HAZARDS, re.MULTILINE))
    for folder in ("envsync", "tests"):
        for path in (PROJECT / folder).rglob("*.py"):
            text = path.read_text()
            named = {*re.findall(r"\bH\d+\b", text), *re.findall(r'\A"""(C\d+):', text)}
            assert named <= known, path


def _modules(text: str) -> list[str]:
    """Folders and modules of envsync in a text, as paths below it."""
    return re.findall(r"`((?:\w+/)+|(?:\w+/)*\w+\.py)`", text)
