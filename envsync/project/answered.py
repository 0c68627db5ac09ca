"""Remember that a lock answers its env.toml, by the bytes of both.

    fresh-v3/<key>      empty: all there is to say is its name, a hash of envsync's version, the
                        default index and both files

On the path of every `lock` with nothing to do: imports next to nothing, and no OpenSSL to hash.
"""

import os

from envsync import __version__
from envsync.platform.flags import READ
from envsync.platform.user import others_cannot_write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envsync.settings import Settings

BUCKET = "fresh-v3"
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
        return all(map(others_cannot_write, (*folders, os.lstat(place))))
    except (OSError, ValueError):
        return False


def remember_fresh(spec: bytes, lock: bytes, settings: "Settings") -> None:
    """Keep that a lock, as it was written, answers an env.toml, as it was read."""
    from envsync.errors import StorageFailed  # noqa: PLC0415  (for writing only)
    from envsync.platform.files import make_folders, write_atomic  # noqa: PLC0415

    place = _place(settings.cache_dir, settings.default_index, spec, lock)
    try:
        make_folders(os.path.dirname(place), 0o700)
        write_atomic(place, b"", mode=0o600, sync=False)
    except (OSError, StorageFailed):
        return  # a cache is no promise


def _place(cache_dir: str, default_index: "str | None", spec: bytes, lock: bytes) -> str:
    """Give the path that stands for all that the answer depends on."""
    try:
        from _blake2 import blake2b  # noqa: PLC0415
    except ImportError:  # a Python that takes all hashes from OpenSSL
        from hashlib import blake2b  # noqa: PLC0415

    facts = "\0".join((__version__, default_index or "", str(len(spec)))).encode()
    digest = blake2b(b"%d %b" % (len(facts), facts), digest_size=32)
    digest.update(spec)
    digest.update(lock)
    return f"{cache_dir}/{BUCKET}/{digest.hexdigest()}"


def _read(path: str) -> bytes:
    """Read a file. Raises `OSError`, and `ValueError` for what is none, or may have no end."""
    if os.stat(path).st_mode & _TYPE != _FILE:
        raise ValueError(path)
    with open(os.open(path, READ), "rb", buffering=0) as file:
        data = file.read(_LARGEST)
    if data is None or len(data) == _LARGEST:
        raise ValueError(path)
    return data
