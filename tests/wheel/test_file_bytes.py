"""A file by slices is what its bytes are, and takes no more memory than what is asked for."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.wheel import file_bytes
from envsync.wheel.file_bytes import FileBytes, opened, pieces

ENDS = st.none() | st.integers(-12, 12)


@given(content=st.binary(max_size=10), start=ENDS, stop=ENDS)
def test_slices_are_those_of_the_bytes(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, start: int | None, stop: int | None
) -> None:
    path = tmp_path_factory.getbasetemp() / "file"
    path.write_bytes(content)
    with path.open("rb") as file:
        data = FileBytes(file)
        assert len(data) == len(content)
        assert data[start:stop] == content[start:stop]


@pytest.mark.parametrize("small", [100, 9])
def test_pieces_are_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int) -> None:
    monkeypatch.setattr(file_bytes, "SMALL", small)
    monkeypatch.setattr(file_bytes, "_PIECE", 3)
    (tmp_path / "file").write_bytes(b"0123456789")
    with opened(str(tmp_path / "file")) as data:
        assert isinstance(data, bytes) == (small == 100)
        assert list(pieces(data)) == [b"012", b"345", b"678", b"9"]


def test_a_file_that_is_cut_meanwhile_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100_000)
    with path.open("rb") as file:
        data = FileBytes(file)
        path.write_bytes(b"x" * 10)
        with pytest.raises(OSError, match="Input/output"):
            data[50_000:60_000]
