"""Remember that a lock answers its env.toml, by the bytes of both.

    fresh-v4/<key>      its name is a hash of envsync's version, the default index and both files;
                        for each file that env.toml names with `from` a line: its hash and path

On the path of every `lock` with nothing to do: imports next to nothing, and no OpenSSL to hash.
"""

import os

from envsync import __version__
from envsync.platform.flags import READ
from envsync.platform.user import others_cannot_write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envsync.settings import Settings
    from envsync.spec.model import InputFile

BUCKET = "fresh-v4"
_LARGEST = 64 << 20
"""Bytes of an env.toml or a lock from which on somebody else has to look."""
_TYPE, _FILE = 0o170000, 0o100000


def is_known_fresh(
    cache_dir: str, default_index: "str | None", spec_path: str, lock_path: str
) -> bool:
    """Say whether the lock on disk is known to answer the env.toml on disk.

    What another user could have put into the cache counts for nothing. False means "look closer",
    never an error.
    """
    try:
        place = _place(cache_dir, default_index, _read(spec_path), _read(lock_path))
        folders = os.stat(cache_dir), os.lstat(f"{cache_dir}/{BUCKET}")
        if not all(map(others_cannot_write, (*folders, os.lstat(place)))):
            return False
        inputs = _read(place)
        return not inputs or _inputs_hold(inputs, os.path.dirname(spec_path))
    except (OSError, ValueError):
        return False


def remember_fresh(
    spec: bytes, lock: bytes, settings: "Settings", inputs: "Sequence[InputFile]" = ()
) -> None:
    """Keep that a lock, as it was written, answers an env.toml and its inputs, as they were read.

    Where an input's path is no line, nothing is kept.
    """
    from envsync.errors import StorageFailed  # noqa: PLC0415  (for writing only)
    from envsync.platform.files import make_folders, write_atomic  # noqa: PLC0415

    place = _place(settings.cache_dir, settings.default_index, spec, lock)
    if any("\n" in one.path for one in inputs):
        return
    lines = "".join(f"{_hash(one.data)} {one.path}\n" for one in inputs)
    data = lines.encode("utf-8", "surrogateescape")
    try:
        make_folders(os.path.dirname(place), 0o700)
        write_atomic(place, data, mode=0o600, sync=False)
    except (OSError, StorageFailed):
        return  # a cache is no promise


def _place(cache_dir: str, default_index: "str | None", spec: bytes, lock: bytes) -> str:
    """Give the path that stands for all that the answer depends on."""
    facts = "\0".join((__version__, default_index or "", str(len(spec)))).encode()
    digest = _hash(b"%d %b" % (len(facts), facts), spec, lock)
    return f"{cache_dir}/{BUCKET}/{digest}"


def _hash(*pieces: bytes) -> str:
    try:
        from _blake2 import blake2b  # noqa: PLC0415
    except ImportError:  # a Python that takes all hashes from OpenSSL
        from hashlib import blake2b  # noqa: PLC0415

    digest = blake2b(digest_size=32)
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _inputs_hold(lines: bytes, folder: str) -> bool:
    """Say whether each input still has the bytes that were read."""
    for line in lines.decode("utf-8", "surrogateescape").splitlines():
        digest, _, path = line.partition(" ")
        if _hash(_read(os.path.join(folder, path))) != digest:
            return False
    return True


def _read(path: str) -> bytes:
    """Read a file. Raises `OSError`, and `ValueError` for what is none, or may have no end."""
    if os.stat(path).st_mode & _TYPE != _FILE:
        raise ValueError(path)
    with open(os.open(path, READ), "rb", buffering=0) as file:
        data = file.read(_LARGEST)
    if data is None or len(data) == _LARGEST:
        raise ValueError(path)
    return data
