"""Check a commit out into a private folder: exactly its files, with nothing run (hazard H51).

The folder becomes a repository of its own, whose objects are linked out of the clone: a back end
that asks git for a version or for a list of files finds them there, and the clone may be deleted
meanwhile.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from envsync.errors import GitFailed
from envsync.git.access import Access
from envsync.git.address import Address, DamagedClone
from envsync.git.fetching import commit_at
from envsync.git.lfs import bring_files, pointers
from envsync.git.program import options
from envsync.git.trees import SUBMODULE, Entry, entries
from envsync.platform.files import make_folders, remove_tree, storage_errors
from envsync.platform.links import Placer

_MAX_GITMODULES = 1 << 20


class Submodule(NamedTuple):
    """A repository that belongs into a folder of a checkout."""

    path: str
    url: str
    """As .gitmodules has it."""
    commit: str


def check_out(
    access: Access,
    repository: str,
    address: Address,
    commit: str,
    directory: str,
    *,
    history: bool = False,
    lfs: bool | None = False,
) -> tuple[Entry, ...]:
    """Check a commit out into `directory`, which is empty; gives what is in it.

    Without `history` the commit has no parents there, whatever the clone has of them. `lfs` is None
    where nothing is to be said of large files that are left out. Raises
    `GitFailed`, `DamagedClone`, `StorageFailed`.
    """
    listed = entries(access, repository, address, commit)
    with storage_errors(directory):
        for name in os.listdir(directory):  # of an attempt with a damaged clone
            path = f"{directory}/{name}"
            is_folder = os.path.isdir(path) and not os.path.islink(path)
            remove_tree(path) if is_folder else os.unlink(path)
    formats = ("--object-format=sha256",) if len(commit) == 64 else ()
    _must(access, address, directory, "init", "--quiet", *formats, directory)
    with storage_errors(directory):
        _link_objects(repository, f"{directory}/.git")
        _write_heads(access, repository, address, f"{directory}/.git", commit, history=history)
    no_filters = list(options(access.program.filters()))
    _must(access, address, directory, *no_filters, "checkout", "--quiet", "--force", "--detach")
    if commit_at(access, directory, "HEAD") != commit:
        raise DamagedClone(address.url, f"what was checked out is not {commit}")
    if lfs:
        bring_files(access, repository, address, directory, listed)
    elif lfs is False and (left := next(pointers(directory, listed), None)) is not None:
        access.reporter.warn(
            f"{address.url}: {left} is a pointer to a large file (Git LFS); "
            "`lfs = true` in [sources] fetches those"
        )
    return listed


def _must(access: Access, address: Address, folder: str, *words: str) -> None:
    answer = access.program.local(folder, *words)
    if answer.code:
        raise address.failed(answer.errors, "it can't be checked out: ")


def _link_objects(repository: str, git: str) -> None:
    """Link all objects of a clone into another repository; they are read-only in both."""
    top = f"{repository}/objects"
    placer = Placer()
    for folder, _, names in os.walk(top):
        target = f"{git}/objects{folder[len(top) :]}"
        make_folders(target)
        for name in names:
            if name.startswith("tmp_"):
                continue
            placer.place(f"{folder}/{name}", f"{target}/{name}")


def _write_heads(
    access: Access, repository: str, address: Address, git: str, commit: str, *, history: bool
) -> None:
    """Say in a new repository where history ends, which tags there are, and what is checked out."""
    shallow = {commit} if not history else set()
    with suppress(FileNotFoundError), open(f"{repository}/shallow", encoding="ascii") as file:
        shallow |= set(file.read().split())
    if shallow:
        with open(f"{git}/shallow", "w", encoding="ascii") as file:
            file.write("".join(f"{one}\n" for one in sorted(shallow)))
    rows = list(_tags(access, repository)) if history else []
    given = "".join(f"create {name} {target}\n" for target, name in rows)
    answer = access.program.local(git, "update-ref", "--stdin", given=given.encode())
    if answer.code:
        raise DamagedClone(address.url, f"its tags can't be read: {answer.errors[-300:]}")
    _must(access, address, git, "update-ref", "--no-deref", "HEAD", commit)


def _tags(access: Access, repository: str) -> Iterator[tuple[str, str]]:
    words = ("for-each-ref", "--format=%(objectname) %(refname)", "refs/tags/")
    for row in access.program.local(repository, *words).output.decode().splitlines():
        target, _, name = row.partition(" ")
        yield target, name


def submodules(
    access: Access, directory: str, address: Address, listed: tuple[Entry, ...]
) -> tuple[Submodule, ...]:
    """Give the submodules of a checkout. Raises `GitFailed` for one that .gitmodules lacks."""
    gitlinks = {entry.path: entry.object_id for entry in listed if entry.mode == SUBMODULE}
    if not gitlinks:
        return ()
    if any(one.path == ".gitmodules" and one.size > _MAX_GITMODULES for one in listed):
        raise GitFailed(address.url, "its .gitmodules is larger than any")
    words = ("config", "--null", "--blob", "HEAD:.gitmodules", "--get-regexp", r"^submodule\.")
    answer = access.program.local(directory, *words)
    named: dict[str, dict[str, str]] = {}
    for row in answer.output.decode("utf-8", "replace").split("\0"):
        key, _, value = row.partition("\n")
        name, _, field = key.removeprefix("submodule.").rpartition(".")
        named.setdefault(name, {})[field] = value
    urls = {one.get("path", "").rstrip("/"): one.get("url", "") for one in named.values()}
    missing = next((path for path in gitlinks if not urls.get(path)), None)
    if missing is not None:
        raise GitFailed(
            address.url, f"its .gitmodules names no address for the submodule {missing}"
        )
    return tuple(Submodule(path, urls[path], commit) for path, commit in gitlinks.items())
