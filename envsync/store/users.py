"""Which environment uses which entries of the store, so that clean-up knows.

    environments-v1/<key>      key: sha256 of the environment's path

    envsync environment 2
    root /project/.venv
    link hardlink
    python cpython-311-3.11.7                 label of its interpreter (`store.bytecode`), or none
    flask<TAB>wheels-v1/ab12…                 one line for each entry, with the package's name
    flask<TAB>bytecode-v1/ab12…-cpython-311-3.11.7
    checksum 77aa…

Written when an environment changes, never read by a sync that has nothing to do. A record that is
lost costs a download at most: environments don't need the store, but for those of symbolic links.
Records of version 1 name no interpreter.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from envsync.cache.bucket import RECORDS, Bucket
from envsync.cache.values import key_of, with_checksum, without_checksum
from envsync.platform.files import make_folders, read_limited, storage_errors, write_atomic

BUCKET = Bucket("environments-v1", RECORDS)
_HEAD, _OLD_HEAD = "envsync environment 2", "envsync environment 1"
_LIMIT = 16 << 20


class User(NamedTuple):
    """An environment, and the entries of the store that its files are links or copies of."""

    root: str
    """Absolute."""
    link_mode: str
    entries: Mapping[str, tuple[str, ...]]
    """Package name -> entries, each as BUCKET/KEY."""
    label: str = ""
    """What its interpreter's bytecode is known by; "" where it has none, or nobody knows."""

    def is_there(self) -> bool:
        """Say whether the environment still exists."""
        return os.path.lexists(f"{self.root}/.envsync/id")


def recall_user(cache_dir: str, root: str) -> User | None:
    """Give what is known of the environment at `root`; None when that is nothing."""
    try:
        user = _parse(read_limited(_path(cache_dir, root), _LIMIT))
    except (OSError, ValueError):
        return None
    return user if user.root == root else None


def register(cache_dir: str, user: User) -> None:
    """Keep what an environment uses, in place of what was known of it. Raises `StorageFailed`."""
    lines = [_HEAD, f"root {user.root}", f"link {user.link_mode}", f"python {user.label}"]
    for name, entries in sorted(user.entries.items()):
        lines += [f"{name}\t{entry}" for entry in entries]
    body = ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")
    path = _path(cache_dir, user.root)
    with storage_errors(path):
        make_folders(os.path.dirname(path))
        write_atomic(path, with_checksum(body), sync=False)


def users(cache_dir: str) -> Iterator[tuple[str, User | None]]:
    """Give every record with its path; None for one that can't be read. Raises `OSError`."""
    folder = BUCKET.folder(cache_dir)
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        path = f"{folder}/{name}"
        try:
            yield path, _parse(read_limited(path, _LIMIT))
        except FileNotFoundError:
            continue
        except (ValueError, OSError):
            yield path, None


def present(records: Iterable[tuple[str, User | None]]) -> list[User]:
    """Those of the recorded environments that can be read and still exist."""
    return [user for _, user in records if user is not None and user.is_there()]


def entries_of(environments: Iterable[User]) -> set[str]:
    """The entries that any of some environments uses, each as BUCKET/KEY."""
    return {name for user in environments for names in user.entries.values() for name in names}


def _path(cache_dir: str, root: str) -> str:
    return f"{BUCKET.folder(cache_dir)}/{key_of((root,))[:32]}"


def _parse(data: bytes) -> User:
    head, root, link, *lines = without_checksum(data).decode("utf-8", "surrogateescape").split("\n")
    if head not in (_HEAD, _OLD_HEAD):
        raise ValueError(f"unknown format {head[:40]!r}")
    label = lines.pop(0).removeprefix("python ") if head == _HEAD else ""
    entries: dict[str, tuple[str, ...]] = {}
    for line in lines[:-1]:
        name, entry = line.split("\t")
        entries[name] = (*entries.get(name, ()), entry)
    return User(root.removeprefix("root "), link.removeprefix("link "), entries, label)
