"""The digest of what metadata decides."""

import pytest
from packaging.requirements import Requirement

from envsync.wheel.facts import facts_digest, facts_of, requirement_text
from envsync.wheel.metadata import parse_metadata
from tests.support.wheels import render_metadata

ONE = ["Flask [Dot.Env, async] >=2,<4", "rich; os_name == 'nt'", "orjson; extra == 'Fast_One'"]


def digest(*requires: str, version: str = "1.0", python: str | None = None, more: str = "") -> str:
    text = render_metadata(
        "shop",
        version,
        requires=requires,
        requires_python=python,
        metadata_extra=[line for line in more.split("\n") if line],
    )
    return facts_digest(parse_metadata(text.encode(), file="METADATA"))


def test_order_spelling_and_what_decides_nothing_do_not_count() -> None:
    again = ['orjson ; extra == "fast-one"', "rich;os_name=='nt'", "flask[async,dot-env]<4,>=2"]
    assert digest(*ONE, python=">=3.8,<4") == digest(*again, python="<4 , >=3.8")
    assert digest(*ONE) == digest(*ONE, ONE[1])
    assert digest(*ONE) == digest(*ONE, version="2.0", more="Summary: other\nKeywords: x")
    two = "Provides-Extra: Fast_One\nProvides-Extra: a"
    assert digest(more=two) == digest(more="Provides-Extra: a\nProvides-Extra: fast.one")


@pytest.mark.parametrize(
    "other",
    [
        digest(*ONE[1:]),
        digest(*ONE, "more"),
        digest(ONE[0].replace("<4", "<5"), *ONE[1:]),
        digest(ONE[0].replace("async", "other"), *ONE[1:]),
        digest(*ONE[:1], "rich; os_name == 'posix'", ONE[2]),
        digest(*ONE[:2], "orjson"),
        digest("flask @ https://files.example/flask.whl", *ONE[1:]),
        digest(*ONE, python=">=3.8"),
        digest(*ONE, more="Provides-Extra: fast-one"),
    ],
)
def test_whatever_decides_something_counts(other: str) -> None:
    assert other != digest(*ONE)
    assert len(other) == 64


@pytest.mark.parametrize(
    "text",
    [
        "a>=1;(python_version<'3') and extra=='X_y'",
        "a ; os_name=='nt' or (os_name=='posix' and extra=='z')",
        "a[c,b] @ https://files.example/a.whl ; extra=='b'",
        "a===weird",
        "a~=1.0,!=1.5.*",
    ],
)
def test_a_requirement_that_was_written_down_reads_the_same(text: str) -> None:
    requirement = Requirement(text)
    assert requirement_text(Requirement(str(requirement))) == requirement_text(requirement)
    assert requirement_text(Requirement(requirement_text(requirement))) == requirement_text(
        requirement
    )


def test_facts_read_like_metadata() -> None:
    text = render_metadata("shop", "1", requires=ONE, requires_python=">=3.8", extras={"e": []})
    assert list(facts_of(parse_metadata(text.encode(), file="METADATA"))) == [
        "Requires-Python: >=3.8",
        "Provides-Extra: e",
        "Requires-Dist: flask[async,dot-env]<4,>=2",
        'Requires-Dist: orjson ; extra == "fast-one"',
        'Requires-Dist: rich ; os_name == "nt"',
    ]


def test_bytes_that_are_no_text_are_digested_like_others() -> None:
    text = b"Metadata-Version: 2.1\nName: shop\nVersion: 1\nRequires-Python: ===\xff\n"
    assert len(facts_digest(parse_metadata(text, file="METADATA"))) == 64
