"""Whose something is, and who else may write to it."""

import os
from pathlib import Path

import pytest

from envsync.platform import user

ME, OTHER = 1000, 1001


def thing(owner: int, mode: int = 0o100644) -> os.stat_result:
    """What is known of a file or folder of somebody's."""
    return os.stat_result((mode, 1, 1, 1, owner, owner, 0, 0, 0, 0))


@pytest.fixture(params=[ME, 0], ids=["user", "root"])
def me(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    number: int = request.param
    monkeypatch.setattr(os, "geteuid", lambda: number)
    monkeypatch.delenv("SUDO_UID", raising=False)
    return number


def test_what_is_mine_is_nobody_elses(me: int) -> None:
    assert user.is_root() == (me == 0)
    assert user.is_mine(thing(me))
    assert not user.is_mine(thing(OTHER))
    assert user.is_mine(thing(0)) == (me == 0)
    assert user.is_mine_or_roots(thing(0))
    assert not user.is_mine_or_roots(thing(OTHER))


def test_neither_i_nor_root_is_a_stranger(me: int) -> None:
    assert user.stranger(thing(me), thing(0)) is None
    assert user.stranger(thing(me), thing(OTHER)) == OTHER
    assert user.stranger(thing(OTHER + 1), thing(OTHER)) == OTHER


@pytest.mark.parametrize(("sudo", "known"), [(f"{OTHER}", True), ("7", False), ("²", False)])
def test_who_became_root_is_no_stranger_to_root(
    me: int, monkeypatch: pytest.MonkeyPatch, sudo: str, known: bool
) -> None:
    monkeypatch.setenv("SUDO_UID", sudo)
    assert (user.stranger(thing(OTHER)) is None) == (known and me == 0)


@pytest.mark.parametrize(
    ("mode", "closed"),
    [(0o40755, True), (0o40700, True), (0o40775, False), (0o40757, False), (0o41777, False)],
)
def test_others_write_where_group_or_everybody_may(me: int, mode: int, closed: bool) -> None:
    assert user.others_cannot_write(thing(me, mode)) == closed
    assert user.others_cannot_write(thing(0, mode)) == closed
    assert not user.others_cannot_write(thing(OTHER, mode))
    assert user.only_root_writes(thing(0, mode)) == closed
    assert user.only_root_writes(thing(0, mode), sticky=True) == (closed or mode == 0o41777)
    assert not user.only_root_writes(thing(OTHER, mode), sticky=True)


def test_an_owner_without_a_name_is_called_by_the_number(tmp_path: Path) -> None:
    assert user.owner_name(thing(4_321_987)) == "4321987"
    assert user.owner_name(thing(0)) == "root"
