"""Sets of versions as bits agree with what `packaging` says of each version."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envsync.model.version_text import parse_version
from envsync.resolve.versions import VersionTable, bits_of, first_bit, parse_specifiers

TEXTS = [
    f"{epoch}{release}{suffix}{local}"
    for epoch in ("", "1!")
    for release in ("0", "0.9", "1", "1.0.1", "1.2", "1.10", "2.0", "2.0.3", "3")
    for suffix in ("", ".dev1", "a1", "b2", "rc1", ".post1", ".post1.dev2")
    for local in ("", "+cpu", "+cu12.1")
]
VERSIONS = sorted({Version(text) for text in TEXTS})
specifier_texts = st.builds(
    lambda operator, version: f"{operator}{version}",
    st.sampled_from(["==", "!=", ">=", ">", "<=", "<", "==="]),
    st.sampled_from(TEXTS),
).filter(lambda text: "+" not in text or text.startswith(("==", "!=")))
prefix_texts = st.builds(
    lambda operator, version: f"{operator}{version}.*",
    st.sampled_from(["==", "!="]),
    st.sampled_from(["0", "1", "1.0", "1.2", "2.0", "1!1", "1!2.0", "7"]),
)
compatible_texts = st.sampled_from(["~=1.0", "~=1.2", "~=1.0.1", "~=2.0rc1", "~=1!1.0", "~=0.9.1"])


def table_of(versions: list[Version]) -> VersionTable:
    return VersionTable(versions, [at for at, one in enumerate(versions) if one.is_prerelease])


def versions_in(table: VersionTable, mask: int) -> list[Version]:
    return [table.versions[at] for at in sorted(bits_of(mask, lowest=True))]


@given(
    st.lists(st.sampled_from(VERSIONS), unique=True),
    st.lists(specifier_texts | prefix_texts | compatible_texts, max_size=3),
)
@settings(max_examples=400, deadline=None)
def test_accepted_is_what_packaging_contains(versions: list[Version], texts: list[str]) -> None:
    table = table_of(sorted(versions))
    specifiers = SpecifierSet(",".join(texts))
    expected = [one for one in table.versions if specifiers.contains(one, prereleases=True)]
    assert expected == versions_in(table, table.accepted(specifiers))


def test_bits_come_in_the_order_asked_for() -> None:
    assert list(bits_of(0b10110, lowest=False)) == [4, 2, 1]
    assert list(bits_of(0b10110, lowest=True)) == [1, 2, 4]
    assert (first_bit(0b10110, lowest=False), first_bit(0b10110, lowest=True)) == (4, 1)


def test_a_pin_is_equality_without_wildcard() -> None:
    table = table_of([Version("1.0"), Version("1.1")])
    assert [Version("1.1")] == versions_in(table, table.pinned(SpecifierSet("==1.1")))
    assert [Version("1.1")] == versions_in(table, table.pinned(SpecifierSet("===1.1")))
    assert table.pinned(SpecifierSet("==1.*")) == 0
    assert table.pinned(SpecifierSet("==1.1,<1")) == 0


@pytest.mark.parametrize("text", ["", "one", "1." + "9" * 5000, "1." * 100 + "0", "1.0 ; x", "१.२"])
def test_what_is_no_version_is_none(text: str) -> None:
    assert parse_version(text) in {None, Version("1.2")}
    if text != "१.२":
        assert parse_version(text) is None


def test_the_longest_version_has_128_characters() -> None:
    assert parse_version("1" * 128) is not None
    assert parse_version("1" * 129) is None


def test_a_requires_python_that_says_nothing_is_none() -> None:
    for text in (None, "", "no specifier", ">=3.x"):
        assert parse_specifiers(text) is None
    assert parse_specifiers(">=3.9") == SpecifierSet(">=3.9")


def test_a_version_has_its_place_or_none() -> None:
    table = table_of([Version("1.0"), Version("1.1a1"), Version("2.0")])
    assert [table.position(Version(text)) for text in ("1", "1.1a1", "2.0", "3")] == [0, 1, 2, None]
    assert versions_in(table, table.all) == list(table.versions)
    assert table.prereleases == 0b010


def test_a_place_is_looked_for_once() -> None:
    looked_at = []

    class Versions(list[Version]):
        def __getitem__(self, at: Any) -> Any:
            looked_at.append(at)
            return super().__getitem__(at)

    table = VersionTable(Versions(Version(str(number)) for number in range(100)), ())
    for sought, place in (("7", 7), ("7.5", None)):
        assert table.position(Version(sought)) == place
        looked_at.clear()
        assert table.position(Version(sought)) == place
        assert not looked_at
