"""Mutants: what is changed, and what is left alone."""

import ast
from pathlib import Path

import pytest

from tests.mutants.mutations import mutants

PACKAGE = Path(__file__).parent.parent.parent / "envsync"


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("x = a == b", ["x = a != b"]),
        ("x = a < b", ["x = a <= b"]),
        ("x = a and b", ["x = (a or b)"]),
        ("x = not a", ["x = (a)"]),
        ("x = a + b", ["x = (a - b)"]),
        ("x = True", ["x = False"]),
        ("x = 3", ["x = 4"]),
        ("if a: x()", ["if not (a): x()", "if a: pass"]),
        ("while a in b: break", ["while a not in b: break", "while a in b: continue"]),
        ("def f(): return x", ["def f(): return None"]),
        ("def f(): raise X", ["def f(): pass"]),
        ("x.y = z", ["pass"]),
        ("x += y", ["pass"]),
    ],
)
def test_each_change(source: str, changed: list[str]) -> None:
    assert sorted(one.text for one in mutants(source)) == sorted(changed)


@pytest.mark.parametrize(
    "source",
    [
        '"""A module."""',
        "x: 'int | None'",
        "def f(a: A | B) -> C | D: ...",
        "if TYPE_CHECKING:\n    call()",
        "@lru_cache(1)\ndef f(): ...",
        "return_nothing = None",
        "def f(): return None",
    ],
)
def test_what_only_types_and_documents_say_is_left_alone(source: str) -> None:
    assert list(mutants(source)) == []


def test_every_mutant_of_the_package_differs_and_parses() -> None:
    source = (PACKAGE / "environment" / "journal.py").read_text()
    made = list(mutants(source))
    assert len(made) > 50
    assert len({one.text for one in made}) == len(made)
    for one in made[::10]:
        assert ast.dump(ast.parse(one.text)) != ast.dump(ast.parse(source))
