"""Which environment uses what."""

from pathlib import Path

import pytest

from envsync.cache.values import with_checksum, without_checksum
from envsync.store.users import User, recall_user, register, users

ENTRIES = {"a": ("wheels-v1/1",), "b": ("x/2", "y/3")}
USER = User("/projects/ä\udcff b/.venv", "auto", ENTRIES, "cpython-311-3.11.7")


def test_what_was_registered_is_recalled(tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    assert recall_user(cache, USER.root) is None
    assert list(users(cache)) == []
    register(cache, USER)
    assert recall_user(cache, USER.root) == USER
    assert [user for _, user in users(cache)] == [USER]
    assert not USER.is_there()


def test_a_record_of_before_interpreters_were_named_is_read(tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    register(cache, USER)
    ((path, _),) = users(cache)
    lines = without_checksum(Path(path).read_bytes()).split(b"\n")
    old = [b"envsync environment 1", *lines[1:3], *lines[4:]]
    Path(path).write_bytes(with_checksum(b"\n".join(old)))
    assert recall_user(cache, USER.root) == USER._replace(label="")


@pytest.mark.parametrize(
    "damage", [b"", b"x", b"envsync environment 1\n", b"envsync environment 2\n", b"\xff" * 100]
)
def test_a_damaged_record_is_known_as_such(tmp_path: Path, damage: bytes) -> None:
    cache = str(tmp_path)
    register(cache, USER)
    ((path, _),) = users(cache)
    Path(path).write_bytes(damage)
    assert recall_user(cache, USER.root) is None
    assert list(users(cache)) == [(path, None)]
