"""Built wheels in the store: whole or absent, whoever writes and however it is damaged."""

import hashlib
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from envsync.errors import StorageFailed
from envsync.store.built import BuiltStore, BuiltWheel
from tests.support.wheels import make_wheel

KEY = "0123456789abcdef" * 4
NAME, CONTENT = make_wheel("shop", "1.0")


@pytest.fixture
def wheel(tmp_path: Path) -> str:
    path = tmp_path / "built" / NAME
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return str(path)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def entry(cache: Path) -> Path:
    return cache / "built-v3" / KEY


def test_what_was_put_in_comes_out(cache: Path, wheel: str) -> None:
    put = BuiltStore(str(cache)).put(KEY, wheel)
    path = entry(cache) / NAME
    expected = BuiltWheel(str(path), NAME, hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
    assert expected == put
    assert expected == BuiltStore(str(cache)).get(KEY)
    assert path.read_bytes() == CONTENT
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert sorted(os.listdir(cache / "built-v3")) == [".lock", KEY]


def test_what_is_not_there_is_none(cache: Path) -> None:
    assert BuiltStore(str(cache)).get(KEY) is None
    assert not cache.exists()


def test_the_first_one_stays(cache: Path, wheel: str) -> None:
    store = BuiltStore(str(cache))
    first = store.put(KEY, wheel)
    Path(wheel).write_bytes(CONTENT + b"other")
    assert first == store.put(KEY, wheel)
    assert sorted(os.listdir(cache / "built-v3")) == [".lock", KEY]


DAMAGE: dict[str, Callable[[Path], object]] = {
    "edited": lambda path: _rewrite(path / NAME, b"x" * len(CONTENT)),
    "truncated": lambda path: _rewrite(path / NAME, CONTENT[:-1]),
    "emptied": lambda path: _rewrite(path / NAME, b""),
    "removed": lambda path: (path / NAME).unlink(),
    "a link": lambda path: _replace_by_link(path / NAME),
    "a folder": lambda path: _replace_by_folder(path / NAME),
    "no manifest": lambda path: (path / "manifest").unlink(),
    "manifest emptied": lambda path: _rewrite(path / "manifest", b""),
    "manifest edited": lambda path: _edit(path / "manifest", 40),
    "manifest cut": lambda path: _rewrite(path / "manifest", (path / "manifest").read_bytes()[:-9]),
    "manifest not text": lambda path: _rewrite(path / "manifest", b"\xff"),
    "manifest huge": lambda path: _rewrite(path / "manifest", b"x\n" * 9999),
}


def _rewrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def _replace_by_link(path: Path) -> None:
    path.rename(path.parent / "x")
    path.symlink_to("x")


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _edit(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    _rewrite(path, bytes(content))


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_entry_is_absent_and_made_anew(cache: Path, wheel: str, damage: str) -> None:
    store = BuiltStore(str(cache))
    whole = store.put(KEY, wheel)
    DAMAGE[damage](entry(cache))
    assert store.get(KEY) is None
    assert whole == store.put(KEY, wheel)
    assert whole == store.get(KEY)
    assert sorted(os.listdir(entry(cache))) == ["manifest", NAME]
    assert sorted(os.listdir(cache / "built-v3")) == [".lock", KEY]


def test_a_file_in_place_of_the_entry_is_replaced(cache: Path, wheel: str) -> None:
    entry(cache).parent.mkdir(parents=True)
    entry(cache).write_text("")
    store = BuiltStore(str(cache))
    assert store.get(KEY) is None
    assert store.put(KEY, wheel) == store.get(KEY)


def test_every_byte_of_the_manifest_counts(cache: Path, wheel: str) -> None:
    store = BuiltStore(str(cache))
    store.put(KEY, wheel)
    manifest = entry(cache) / "manifest"
    for position in range(manifest.stat().st_size):
        _edit(manifest, position)
        assert store.get(KEY) is None
        _edit(manifest, position)
    assert store.get(KEY) is not None


def test_many_at_once_leave_one_entry(cache: Path, wheel: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = set(pool.map(lambda _: BuiltStore(str(cache)).put(KEY, wheel), range(24)))
    assert len(results) == 1
    assert sorted(os.listdir(cache / "built-v3")) == [".lock", KEY]


def test_what_a_killed_process_left_staged_harms_nobody(cache: Path, wheel: str) -> None:
    staged = cache / "built-v3" / ".staging-left"
    staged.mkdir(parents=True)
    (staged / NAME).write_bytes(CONTENT[:5])
    store = BuiltStore(str(cache))
    assert store.get(KEY) is None
    assert store.put(KEY, wheel) == store.get(KEY)


@pytest.mark.parametrize("key", ["", "x", "../x", KEY.upper(), KEY + "\n", KEY[1:]])
def test_a_key_is_64_hexadecimal_digits(cache: Path, wheel: str, key: str) -> None:
    with pytest.raises(ValueError, match="is not a key"):
        BuiltStore(str(cache)).get(key)
    with pytest.raises(ValueError, match="is not a key"):
        BuiltStore(str(cache)).put(key, wheel)


def test_only_wheels_are_taken(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "manifest").write_text("")
    with pytest.raises(ValueError, match="Invalid wheel filename"):
        BuiltStore(str(cache)).put(KEY, str(tmp_path / "manifest"))


def test_a_store_that_cannot_be_written_is_a_storage_error(tmp_path: Path, wheel: str) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(StorageFailed):
        BuiltStore(str(tmp_path / "cache")).put(KEY, wheel)


def test_a_wheel_that_is_gone_leaves_nothing(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        BuiltStore(str(cache)).put(KEY, str(tmp_path / NAME))
    assert os.listdir(cache / "built-v3") == []
