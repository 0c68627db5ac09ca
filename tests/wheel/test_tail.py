"""METADATA is found from the end of a remote wheel, with as few bytes as can be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.errors import WheelInvalid
from envsync.wheel.tail import Located, find_metadata_in_tail, unpack_located
from tests.support.wheels import make_wheel, wheel_files
from tests.wheel.zips import Layout, Part, demo_parts, end_record, pack_parts

METADATA = wheel_files("demo", "1.0", {})["demo-1.0.dist-info/METADATA"]


def fetch(data: bytes, first: int) -> tuple[bytes, int]:
    """Ask as an index client would, with `first` bytes to begin with: content and requests."""
    begin, requests = max(0, len(data) - first), 1
    while True:
        found = find_metadata_in_tail(data[begin:], len(data), file="demo.whl")
        if isinstance(found, Located):
            break
        assert 0 <= found < begin
        begin, requests = found, requests + 1
    if found.start < begin:
        requests += 1
    return unpack_located(data[found.start : found.end], found, file="demo.whl"), requests


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("first", [1, 22, 100, 600, 1 << 20])
def test_finds_metadata_whatever_the_first_request_brings(first: int, *, compressed: bool) -> None:
    _, data = make_wheel("demo", "1.0", {"demo.bin": b"x" * 9000}, compressed=compressed)
    assert fetch(data, first)[0] == METADATA


def test_one_request_is_enough_when_the_tail_holds_it() -> None:
    _, data = make_wheel("demo", "1.0", {"demo.bin": b"x" * 90_000})
    assert fetch(data, 8192) == (METADATA, 1)


@pytest.mark.parametrize(
    "layout", [Layout(comment=b"c" * 3000), Layout(wide=True)], ids=["comment", "zip64"]
)
def test_finds_metadata_behind_unusual_ends(layout: Layout) -> None:
    data = pack_parts(demo_parts(), layout)
    for first in (10, 30, 90, 3100, 100_000):
        assert fetch(data, first)[0] == METADATA


@given(st.integers(1, 3000))
def test_asking_again_comes_to_an_end(first: int) -> None:
    data = pack_parts(demo_parts(), Layout(comment=b"c" * 500))
    content, requests = fetch(data, first)
    assert content == METADATA
    assert requests <= 4


BIG = {"size": 17 << 20}
REFUSED = {
    "not a zip": b"<html>" * 20_000,
    "no metadata": pack_parts([Part(b"a")]),
    "two of them": pack_parts([*demo_parts(), Part(b"x-1.dist-info/METADATA")]),
    "bytes behind the end": pack_parts(demo_parts(), Layout(tail=b"x")),
    "no directory": end_record(5, 300, 0),
    "giant metadata": pack_parts(
        [Part(b"a-1.dist-info/METADATA", b"", central={"size": 17 << 20})]
    ),
    "metadata that overlaps": pack_parts(
        [Part(b"a-1.dist-info/METADATA", b"", central={"compressed_size": 5000}), Part(b"z" * 99)]
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str) -> None:
    with pytest.raises(WheelInvalid):
        fetch(REFUSED[name], 1 << 20)


def test_metadata_of_vendored_projects_is_not_taken() -> None:
    vendored = Part(b"demo/_vendor/x-1.dist-info/METADATA", b"Name: x")
    assert fetch(pack_parts([vendored, *demo_parts()]), 1 << 20)[0] == METADATA


def test_refuses_other_bytes_than_were_asked_for() -> None:
    data = pack_parts(demo_parts())
    found = find_metadata_in_tail(data, len(data), file="demo.whl")
    assert isinstance(found, Located)
    good = data[found.start : found.end]
    short, shifted = good[:-1], data[found.start + 1 : found.end + 1]
    altered = good[:-1] + bytes([good[-1] ^ 1])
    for chunk in (short, shifted, altered, b"\0" * len(good)):
        with pytest.raises(WheelInvalid):
            unpack_located(chunk, found, file="demo.whl")
