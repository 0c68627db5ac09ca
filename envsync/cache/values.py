"""Values with a checksum: what is damaged, cut, or another key's counts as absent.

    CONTENTchecksum HEX     the sha256 of key and content, then a line feed

Nothing is synced to the disk: after a power cut the checksum tells. Text that ends in a line feed
stays text, with one line more.
"""

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress

from envsync.errors import StorageFailed
from envsync.platform.files import make_folders, open_regular, read_limited, write_atomic

_LABEL = b"checksum "
_LENGTH = len(_LABEL) + 64 + 1
_MAX_VALUE = 256 << 20
_PAGE = 8192


def with_checksum(content: bytes, key: str = "") -> bytes:
    """Give content with its checksum, which is also about `key`."""
    return content + _checksum(content, key)


def without_checksum(data: bytes, key: str = "") -> bytes:
    """Give what `with_checksum` was given; raises `ValueError` for anything else."""
    content = data[:-_LENGTH]
    if data[-_LENGTH:] != _checksum(content, key):
        raise ValueError("the checksum is wrong")
    return content


def _checksum(content: bytes, key: str) -> bytes:
    digest = hashlib.sha256(_bytes(key) + b"\0" if key else b"")
    digest.update(content)
    return _LABEL + digest.hexdigest().encode() + b"\n"


def key_of(facts: Iterable[str]) -> str:
    """Give a file name, 64 hexadecimal digits, that stands for all facts."""
    return hashlib.sha256(_bytes("\0".join(facts))).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")  # paths may be any bytes


class ValueCache:
    """Values by key in a folder. What can't be written is not kept: a cache is no promise.

    A value may be kept in a group, to be forgotten with all others of it. Any number of processes
    may share a folder.
    """

    def __init__(self, folder: str) -> None:
        """`folder` is made when the first value is kept."""
        self._folder = folder

    def get(self, key: str, group: str = "") -> bytes | None:
        """Give the value that was kept, None when there is none or it is damaged."""
        try:
            return without_checksum(read_limited(self._path(key, group), _MAX_VALUE), key)
        except (OSError, ValueError):
            return None

    def put(self, key: str, value: bytes, group: str = "") -> None:
        """Keep a value, in place of an older one."""
        path = self._path(key, group)
        with suppress(OSError, StorageFailed):
            make_folders(os.path.dirname(path), 0o700)
            write_atomic(path, with_checksum(value, key), mode=0o600, sync=False)

    def forget(self, group: str) -> None:
        """Drop every value that was kept in a group."""
        name = _group_name(group)
        folder = os.path.join(self._folder, name[:2])
        with suppress(OSError):
            for other in os.listdir(folder):
                if other.startswith(name[2:]):
                    with suppress(OSError):
                        os.unlink(os.path.join(folder, other))

    def _path(self, key: str, group: str) -> str:
        name = key_of((key,))
        if group:
            name = _group_name(group) + name[:32]
        return os.path.join(self._folder, name[:2], name[2:])


def _group_name(group: str) -> str:
    """Give the beginning of the names of a group's files."""
    return f"{key_of((group,))[:32]}-"


def beginning(path: str) -> bytes:
    """Give the first page of a kept value, unchecked: for saying what it is. Raises `OSError`."""
    with open_regular(path) as file:
        length = os.fstat(file.fileno()).st_size - _LENGTH
        return file.read(max(0, min(length, _PAGE)))


def first_text(row: bytes) -> str:
    """Give the text that a value begins with, as the first of a JSON array; "" for another one."""
    text = row.decode("utf-8", "replace")
    return text[2:].partition('"')[0] if text.startswith('["') else ""
