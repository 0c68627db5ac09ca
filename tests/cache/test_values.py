"""Cached values survive nothing that could make them wrong."""

import random
import threading
from pathlib import Path

import pytest

from envsync.cache.values import (
    ValueCache,
    beginning,
    first_text,
    key_of,
    with_checksum,
    without_checksum,
)


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_values_come_back(tmp_path: Path) -> None:
    cache = ValueCache(str(tmp_path / "c"))

    assert cache.get("k") is None
    cache.put("k", b"one")
    cache.put("k", b"two\n")
    cache.put("../../escape\0\n", b"")

    assert (cache.get("k"), cache.get("../../escape\0\n")) == (b"two\n", b"")
    assert len(files_of(tmp_path)) == 2
    assert {path.stat().st_mode & 0o777 for path in files_of(tmp_path)} == {0o600}


def test_a_group_is_forgotten_and_nothing_else(tmp_path: Path) -> None:
    cache = ValueCache(str(tmp_path / "a-b" / "c"))
    cache.put("k", b"alone")
    for group in ("x", "y"):
        for key in ("k", "l"):
            cache.put(key, f"{group} {key}".encode(), group)
    assert [cache.get("k"), cache.get("k", "x"), cache.get("l", "y")] == [b"alone", b"x k", b"y l"]

    cache.forget("x")
    cache.forget("never kept")

    assert [cache.get(key, "x") for key in "kl"] == [None, None]
    assert [cache.get(key, "y") for key in "kl"] == [b"y k", b"y l"]
    assert cache.get("k") == b"alone"


def test_a_value_of_one_group_is_none_of_another(tmp_path: Path) -> None:
    cache = ValueCache(str(tmp_path))
    cache.put("k", b"x", "x")

    assert [cache.get("k", group) for group in ("", "y", "xx")] == [None, None, None]


def test_a_flipped_bit_anywhere_makes_a_value_absent(tmp_path: Path) -> None:
    cache = ValueCache(str(tmp_path))
    cache.put("k", b"value" * 20)
    (path,) = files_of(tmp_path)
    good = path.read_bytes()
    chance = random.Random(5)

    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 1 << chance.randrange(8)
        path.write_bytes(bad)
        assert cache.get("k") is None, place

    path.write_bytes(good)
    assert cache.get("k") == b"value" * 20


def test_a_cut_or_lengthened_value_is_absent(tmp_path: Path) -> None:
    cache = ValueCache(str(tmp_path))
    cache.put("k", b"value")
    (path,) = files_of(tmp_path)
    good = path.read_bytes()

    for bad in [*(good[:size] for size in range(len(good))), good + b"\0", b"", good + good]:
        path.write_bytes(bad)
        assert cache.get("k") is None


def test_swapped_values_are_absent(tmp_path: Path) -> None:
    cache = ValueCache(str(tmp_path))
    cache.put("a", b"value of a")
    cache.put("b", b"value of b")
    one, other = files_of(tmp_path)
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)

    assert (cache.get("a"), cache.get("b")) == (None, None)


def test_a_folder_in_the_way_or_a_read_only_place_is_no_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    cache = ValueCache(str(blocked))

    cache.put("k", b"value")

    assert cache.get("k") is None


def test_a_link_in_the_cache_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    cache = ValueCache(str(tmp_path / "c"))
    cache.put("k", b"old")
    (path,) = files_of(tmp_path / "c")
    target = tmp_path / "precious"
    target.write_text("precious")
    path.unlink()
    path.symlink_to(target)

    cache.put("k", b"new")

    assert (cache.get("k"), target.read_text()) == (b"new", "precious")


def test_writers_side_by_side_leave_one_whole_value(tmp_path: Path) -> None:
    cache = ValueCache(str(tmp_path))
    values = [bytes([number]) * 200_000 for number in range(4)]

    def write(value: bytes) -> None:
        for _ in range(10):
            cache.put("k", value)
            assert cache.get("k") in values

    threads = [threading.Thread(target=write, args=(value,)) for value in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert cache.get("k") in values
    assert len(files_of(tmp_path)) == 1


@pytest.mark.parametrize(
    "content", [b"", b"text\n", b"no line feed", b"checksum \n" * 20, b"\0\xff"]
)
@pytest.mark.parametrize("key", ["", "a key"])
def test_what_got_a_checksum_comes_back_for_its_key_alone(content: bytes, key: str) -> None:
    data = with_checksum(content, key)

    assert without_checksum(data, key) == content
    for other in ("", "a key", "another"):
        if other != key:
            with pytest.raises(ValueError, match="the checksum is wrong"):
                without_checksum(data, other)


def test_a_checksum_can_be_told_by_other_tools() -> None:
    """Text with a line more, and its sha256 in it: what manifests of the store have always been."""
    assert with_checksum(b"abc\n") == (
        b"abc\nchecksum edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb\n"
    )


def test_a_key_may_be_any_path(tmp_path: Path) -> None:
    """Of bytes that are no text in the file system's encoding, too."""
    cache = ValueCache(str(tmp_path))
    cache.put("/home/\udcff/project", b"value")

    assert cache.get("/home/\udcff/project") == b"value"


def test_a_name_stands_for_all_facts() -> None:
    keys = {key_of(facts) for facts in (["a", "b"], ["b", "a"], ["ab"], ["a", "b", ""], ["\udcff"])}

    assert len(keys) == 5
    assert {len(key) for key in keys} == {64}


@pytest.mark.parametrize("value", [b"", b"Name: x", b"y" * 8192, b"z" * 9000])
def test_the_beginning_of_a_value_is_none_of_its_checksum(tmp_path: Path, value: bytes) -> None:
    ValueCache(str(tmp_path)).put("k", value)
    (path,) = files_of(tmp_path)

    assert beginning(str(path)) == value[:8192]


@pytest.mark.parametrize(
    ("row", "text"),
    [(b'["name","1.0"]', "name"), (b'{"a":1}', ""), (b"", ""), (b'["cut', "cut"), (b"[1]", "")],
)
def test_the_text_that_a_row_begins_with(row: bytes, text: str) -> None:
    assert first_text(row) == text
