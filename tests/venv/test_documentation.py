"""docs/virtual-environments.md names only tests that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
NAMED = sorted(
    set(
        re.findall(
            r"(tests/[\w/]+\.py)::(\w+)",
            (ROOT / "docs" / "virtual-environments.md").read_text(encoding="utf-8"),
        )
    )
)


def test_the_page_names_tests() -> None:
    assert len(NAMED) > 50


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_named_test_exists(file: str, name: str) -> None:
    assert re.search(rf"^def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
