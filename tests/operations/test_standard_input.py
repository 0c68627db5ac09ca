"""Standard input is read ahead without being taken from the command that comes next."""

import os
import pty
from collections.abc import Iterator
from pathlib import Path

import pytest

from envsync.operations import standard_input
from envsync.operations.standard_input import read_ahead


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    """Whatever a test makes standard input, it is the old one afterwards."""
    kept = os.dup(0)
    try:
        yield
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def become_input(descriptor: int) -> None:
    os.dup2(descriptor, 0)
    os.close(descriptor)


def piped(data: bytes) -> None:
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    become_input(reading)


def test_a_file_is_read_from_where_it_stands_and_put_back_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    become_input(os.open(path, os.O_RDONLY))
    os.lseek(0, 4, os.SEEK_SET)
    assert read_ahead(3) == b"456"
    assert os.read(0, 100) == b"456789"


def test_a_pipe_is_read_to_its_end_and_what_was_read_comes_again() -> None:
    piped(b"0123456789")
    assert read_ahead(100) == b"0123456789"
    assert read_ahead(4) == b"0123"
    assert os.read(0, 100) == b"0123456789"


def test_no_more_is_read_than_asked_for() -> None:
    piped(b"0123456789")
    assert read_ahead(4) == b"0123"
    assert os.read(0, 100) == b"0123"


def test_what_comes_in_pieces_is_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standard_input, "_PIECE", 3)
    piped(b"0123456789")
    assert read_ahead(8) == b"01234567"


def test_a_terminal_is_left_alone() -> None:
    outer, inner = pty.openpty()
    os.write(outer, b"typed\n")
    become_input(inner)
    try:
        assert read_ahead(100) == b""
        assert os.read(0, 100) == b"typed\n"
    finally:
        os.close(outer)


def test_standard_input_that_is_closed_has_nothing() -> None:
    os.close(0)
    assert read_ahead(100) == b""
