"""What is left of a lock that can't be read as a whole."""

import pytest
from packaging.version import Version

from envsync.lock.compare import preferences
from envsync.lock.salvage import salvage
from envsync.lock.text import render
from tests.lock.samples import lock_of, package

TEXT = render(
    lock_of(*(package(name, "1.0", "py3-none-any") for name in ("alpha", "mike", "zulu")))
)


def pins(text: str) -> dict[str, list[str]]:
    found = salvage(text.encode())
    chosen = preferences(found) if found else {}
    return {name: [str(version) for version in versions] for name, versions in chosen.items()}


def test_both_sides_of_a_merge() -> None:
    """Also where the marks cut a package in two, and with what the branches began with."""
    old = '\nversion = "1.0"\n'
    cut = (
        '\n<<<<<<< HEAD\nversion = "2.0"\n||||||| base\nversion = "0.9"\n======='
        + old
        + ">>>>>>> b\n"
    )
    assert pins(TEXT.replace(old, cut, 1)) == {
        "alpha": ["2.0", "1.0"], "mike": ["1.0"], "zulu": ["1.0"],
    }  # fmt: skip
    other = TEXT.replace('name = "mike"', 'name = "november"').split("[[packages]]")[2]
    both = TEXT.split("[[packages]]")
    both[2] = f"\n<<<<<<< HEAD{both[2]}=======\n{other}>>>>>>> b\n"
    assert set(pins("[[packages]]".join(both))) == {"alpha", "mike", "november", "zulu"}


def test_what_crossed_branches_began_with_is_left_out() -> None:
    """It is a merge itself then, whose marks git makes longer (diff3)."""
    head, old, *rest = TEXT.split("[[packages]]")
    one, two, newer = (old.replace("1.0", version) for version in ("2.0", "3.0", "9.0"))
    nested = f"<<<<<<<<< Temporary branch 1{newer}=========\n{old}>>>>>>>>> Temporary branch 2\n"
    clash = f"<<<<<<< a{one}||||||| merged common ancestors\n{nested}=======\n{two}>>>>>>> b\n"
    clash = clash.replace('\nname = "alpha"', '\n[[packages]]\nname = "alpha"')
    assert pins(head + "[[packages]]".join((clash, *rest)))["alpha"] == ["3.0", "2.0"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXT[: TEXT.index('name = "zulu"') + 40], {"alpha", "mike", "zulu"}),
        (TEXT.replace("sha256 =", "md5 =", 1), {"alpha", "mike", "zulu"}),
        (TEXT.replace('name = "mike"', "name = mike"), {"alpha", "zulu"}),
        (TEXT.replace('\nversion = "1.0"', '\nversion = "one"', 1), {"mike", "zulu"}),
        ("\x00[[packages]]\nname = 'x'\nversion = '1'\n", set()),
        ("{}", set()),
    ],
    ids=["cut off", "a bad hash", "no name", "no version", "not at a line's start", "no lock"],
)
def test_what_is_sound_is_kept(text: str, expected: set[str]) -> None:
    assert set(pins(text)) == expected


def test_hashes_of_sound_rows_are_kept_for_comparison() -> None:
    found = salvage(TEXT.replace('name = "mike"', "name = mike").encode())
    assert found is not None
    assert [bool(row.wheels) for row in found.packages] == [True, True]
    assert found.packages[0].version == Version("1.0")
