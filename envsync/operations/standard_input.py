"""Standard input read before it goes to the command that this process becomes."""

import os
import tempfile

from envsync.platform.files import storage_errors

NAME = "standard input"
_PIECE = 1 << 20


def read_ahead(limit: int) -> bytes:
    """Give what comes by standard input, up to `limit` bytes, and put all that was read back.

    A terminal is left alone: nobody knows when who types is done. Raises `StorageFailed`.
    """
    if _is_closed() or os.isatty(0):
        return b""
    with storage_errors(NAME):
        try:
            start = os.lseek(0, 0, os.SEEK_CUR)
        except OSError:  # a pipe
            data = _read(limit)
            _put_in_place(data)
        else:
            data = _read(limit)
            os.lseek(0, start, os.SEEK_SET)
    return data


def _is_closed() -> bool:
    try:
        os.fstat(0)
    except OSError:
        return True
    return False


def _read(limit: int) -> bytes:
    pieces: list[bytes] = []
    left = limit
    while left and (piece := os.read(0, min(left, _PIECE))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _put_in_place(data: bytes) -> None:
    """Make a file without a name, which holds the data, standard input."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        os.dup2(file.fileno(), 0)
