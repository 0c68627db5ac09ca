"""Large files out of Git LFS: by choice, by the program `git-lfs`, into the store."""

import os
import re
from collections.abc import Iterable, Iterator

from envsync.errors import GitFailed
from envsync.git.access import Access
from envsync.git.address import Address
from envsync.git.trees import Entry
from envsync.platform.files import make_folders, sha256_file, storage_errors
from envsync.platform.links import Placer

_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n")
_MAX_POINTER = 1024


def pointers(tree: str, listed: Iterable[Entry]) -> Iterator[str]:
    """Give the paths in a checkout that hold a pointer in the place of a large file."""
    for entry in listed:
        if entry.mode.startswith("100") and 0 < entry.size < _MAX_POINTER:
            with open(os.path.join(tree, entry.path), "rb") as file:
                if _POINTER.match(file.read(_MAX_POINTER)):
                    yield entry.path


def bring_files(
    access: Access, repository: str, address: Address, tree: str, listed: tuple[Entry, ...]
) -> None:
    """Put the files that pointers stand for in their place. Raises `GitFailed`."""
    wanted = list(pointers(tree, listed))
    if not wanted:
        return
    program = access.program
    if program.local(tree, "lfs", "version").code:
        raise GitFailed(
            address.url,
            "`lfs = true` needs git-lfs, which is not installed",
            hint="install git-lfs, then run this again",
        )
    # The server is that of the repository, whatever .lfsconfig says: git's helpers would be asked
    # for that one's password.
    settings = {
        "remote.origin.url": address.url,
        "lfs.url": _server(address),
    }
    config = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    # Else whoever asks git in this checkout would be told that those files were edited.
    program.local(tree, "lfs", "install", "--local", "--skip-repo")
    kept = os.path.join(os.path.dirname(repository), "lfs")
    here = os.path.join(tree, ".git", "lfs", "objects")
    with storage_errors(kept):
        _link_objects(kept, here)
    if not access.offline:
        answer = program.remote(tree, address.scheme, *config, "lfs", "fetch", "origin", "HEAD")
        if answer.code:
            raise address.failed(answer.errors, "Git LFS: ")
        with storage_errors(kept):
            _link_objects(here, kept)
    answer = program.remote(tree, address.scheme, *config, "lfs", "checkout")
    left = list(pointers(tree, listed))
    if answer.code or left:
        what = f"{left[0]} and {len(left) - 1} more" if left[1:] else "".join(left)
        raise GitFailed(address.url, f"Git LFS has not brought {what or 'its files'}")


def _link_objects(source: str, target: str) -> None:
    """Put the objects of one folder into another, each under its sha256, where it is right."""
    placer = Placer()
    for folder, _, names in os.walk(source):
        there = f"{target}{folder[len(source) :]}"
        for name in names:
            path = f"{folder}/{name}"
            if os.path.lexists(f"{there}/{name}") or sha256_file(path) != name:
                continue  # half of one, if anything
            make_folders(there)
            placer.place(path, f"{there}/{name}")


def _server(address: Address) -> str:
    """Give the LFS server of a repository, as git-lfs finds it (its specification, "Server
    Discovery").
    """
    if address.scheme == "file":
        return address.url
    base = address.url.rstrip("/")
    return f"{base if base.endswith('.git') else f'{base}.git'}/info/lfs"
