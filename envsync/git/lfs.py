"""Large files out of Git LFS: by choice, by the program `git-lfs`, into the store."""

import os
import re
from collections.abc import Iterable, Iterator

from envsync.errors import GitFailed
from envsync.git.access import Access
from envsync.git.address import Address
from envsync.git.trees import Entry

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
    # for that one's password. In the store, what was fetched once is there for the next checkout.
    settings = {
        "remote.origin.url": address.url,
        "lfs.url": _server(address),
        "lfs.storage": os.path.join(os.path.dirname(repository), "lfs"),
        "lfs.concurrenttransfers": "4",
        "filter.lfs.process": "git-lfs filter-process",
        "filter.lfs.smudge": "git-lfs smudge -- %f",
        "filter.lfs.clean": "git-lfs clean -- %f",
        "filter.lfs.required": "true",
    }
    config = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    if not access.offline:
        answer = program.remote(tree, address.scheme, *config, "lfs", "fetch", "origin", "HEAD")
        if answer.code:
            raise address.failed(answer.errors, "Git LFS: ")
    answer = program.remote(tree, address.scheme, *config, "lfs", "checkout")
    left = list(pointers(tree, listed))
    if answer.code or left:
        what = f"{left[0]} and {len(left) - 1} more" if left[1:] else "".join(left)
        raise GitFailed(address.url, f"Git LFS has not brought {what or 'its files'}")


def _server(address: Address) -> str:
    """Give the LFS server of a repository, as git-lfs finds it (its specification, "Server
    Discovery").
    """
    if address.scheme == "file":
        return address.url
    base = address.url.rstrip("/")
    return f"{base if base.endswith('.git') else f'{base}.git'}/info/lfs"
