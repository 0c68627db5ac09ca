"""Only who has the key seals, and only what was sealed so is believed."""

import pytest

from envsync.environment.seal import NOBODY, NotBelieved, Seal

MINE, OTHER = Seal(b"m" * 32), Seal(b"o" * 32)
TEXT = b"a text\nof two lines\n"


def test_what_is_sealed_opens_again() -> None:
    assert MINE.open(MINE.close(TEXT)) == TEXT
    assert MINE.open(MINE.close(b"")) == b""


@pytest.mark.parametrize("seal", [OTHER, NOBODY])
def test_what_another_sealed_is_not_believed_unless_trusted(seal: Seal) -> None:
    data = MINE.close(TEXT)
    with pytest.raises(NotBelieved, match="not written by this user"):
        seal.open(data)
    assert seal.open(data, trusted=True) == TEXT


@pytest.mark.parametrize("trusted", [False, True])
def test_damage_anywhere_is_noticed(trusted: bool) -> None:
    data = MINE.close(TEXT)
    code = range(len(data) - 65, len(data) - 1)
    for position in range(len(data)):
        if trusted and position in code:
            continue  # nobody but its maker can tell
        damaged = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        with pytest.raises(NotBelieved):
            MINE.open(damaged, trusted=trusted)
    for length in range(len(data)):
        with pytest.raises(NotBelieved):
            MINE.open(data[:length], trusted=trusted)
    with pytest.raises(NotBelieved):
        MINE.open(data + b"\n", trusted=trusted)


def test_nothing_is_sealed_without_a_key() -> None:
    for seal in (NOBODY, Seal(b"short")):
        with pytest.raises(ValueError, match="without a key"):
            seal.close(TEXT)
        with pytest.raises(ValueError, match="without a key"):
            seal.sign("name")


def test_names_are_signed() -> None:
    code = MINE.sign("old 7 \udcff")
    assert MINE.has_signed("old 7 \udcff", code)
    for seal, name, other in (
        (OTHER, "old 7 \udcff", code),
        (NOBODY, "old 7 \udcff", code),
        (MINE, "old 8 \udcff", code),
        (MINE, "old 7 \udcff", code[:-1]),
        (MINE, "old 7 \udcff", ""),
        (MINE, "old 7 \udcff", "\u00e9" * 16),
    ):
        assert not seal.has_signed(name, other)
