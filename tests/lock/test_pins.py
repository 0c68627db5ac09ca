"""Remembering pins in a compact form."""

import pytest

from envsync.lock.pins import Pinned, pack_pins, unpack_pins
from envsync.lock.select import select
from tests.lock.samples import lock_of, package, sdist, target_of

PINS = select(
    lock_of(package("a", "1", "py3-none-any"), package("b", "2", sdist=sdist("b-2.tar.gz"))),
    target_of(),
)


def packed(pins: tuple[Pinned, ...]) -> str:
    text = pack_pins(pins)
    assert text is not None
    return text


def test_what_was_packed_is_unpacked() -> None:
    assert unpack_pins(packed(PINS)) == PINS
    assert unpack_pins(packed(())) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "directory", "path": "."},
        {"editable": True},
        {"subdirectory": "py"},
        {"hashes": {"sha512": "0" * 128}},
        {"url": "https://files.example/a\tb"},
        {"filename": "a\nb"},
        {"version": None},
    ],
)
def test_what_a_line_cannot_hold_is_not_packed(change: dict[str, object]) -> None:
    assert pack_pins([PINS[0]._replace(**change)]) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["x", "a\tb", packed(PINS)[:-90], packed(PINS) + "\n", "\t" * 7])
def test_anything_else_is_refused(text: str) -> None:
    """A damaged cache entry only costs a new selection."""
    with pytest.raises(ValueError, match=r"."):
        unpack_pins(text)


def test_what_can_be_installed_without_a_build() -> None:
    assert [pin.is_wheel for pin in PINS] == [True, False]


def test_what_decided_a_pin_is_packed_with_it() -> None:
    told = (
        PINS[0]
        ._replace(
            facts="ab" * 32,
            speaker="a-1-py3-none-any.whl",
            extras=("x", "y"),
            requires_python=">=3.8",
        )
        ._replace(trust_record=True)
    )
    assert unpack_pins(packed((told, PINS[1]))) == (told, PINS[1])
    assert pack_pins([told._replace(speaker="a\tb")]) is None


def test_an_editable_folder_is_packed_with_what_decided_it() -> None:
    for path, below in (("packages/a", None), (".", "py"), ("../b", None), ("/srv/b", "x")):
        folder = Pinned("a", None, "directory", "", None, path, "", {}, editable=True)
        folder = folder._replace(subdirectory=below, facts="sha256:1", extras=("x", "y"))
        assert unpack_pins(packed((folder,))) == (folder,)
        assert pack_pins([folder._replace(editable=False)]) is None
