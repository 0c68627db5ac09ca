"""Which environment uses what."""

from pathlib import Path

import pytest

from envsync.store.users import User, recall_user, register, users

USER = User("/projects/ä\udcff b/.venv", "auto", {"a": ("wheels-v1/1",), "b": ("x/2", "y/3")})


def test_what_was_registered_is_recalled(tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    assert recall_user(cache, USER.root) is None
    assert list(users(cache)) == []
    register(cache, USER)
    assert recall_user(cache, USER.root) == USER
    assert [user for _, user in users(cache)] == [USER]
    assert not USER.is_there()


@pytest.mark.parametrize("damage", [b"", b"x", b"envsync environment 1\n", b"\xff" * 100])
def test_a_damaged_record_is_known_as_such(tmp_path: Path, damage: bytes) -> None:
    cache = str(tmp_path)
    register(cache, USER)
    ((path, _),) = users(cache)
    Path(path).write_bytes(damage)
    assert recall_user(cache, USER.root) is None
    assert list(users(cache)) == [(path, None)]
