"""Remembering pins in a compact form."""

import orjson
import pytest

from envsync.lock.pins import Pinned, pack_pins, unpack_pins
from envsync.lock.select import select
from tests.lock.samples import lock_of, package, sdist, target_of

PINS = select(
    lock_of(package("a", "1", "py3-none-any"), package("b", "2", sdist=sdist("b-2.tar.gz"))),
    target_of(),
)


def test_what_was_packed_is_unpacked() -> None:
    assert unpack_pins(pack_pins(PINS)) == PINS
    assert unpack_pins(pack_pins(())) == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"{}",
        b"[1]",
        b"[1, [[]]]",
        b'[1, ["x"]]',
        b"[1, [5]]",
        b"[1, 5]",
        orjson.dumps([2, []]),
        orjson.dumps([1, [[None] * len(Pinned._fields)]]),
        pack_pins(PINS)[:-9],
    ],
)
def test_anything_else_is_nothing(data: bytes) -> None:
    """A damaged cache entry only costs a new selection."""
    assert unpack_pins(data) is None


def test_what_can_be_installed_without_a_build() -> None:
    assert [pin.is_wheel for pin in PINS] == [True, False]
