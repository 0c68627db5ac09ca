"""Say what names the commit and the tags of a repository that a folder lies in, for versions by it.

setuptools-scm, hatch-vcs and their like make a version of these. They are read as files, of plain
repositories, of worktrees and submodules (`.git` is a file there); git isn't run, since a clone
says what that runs (H50). Whether files were edited since, only git knows.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from envsync.errors import StorageFailed
from envsync.platform.files import NotRegular, read_limited

_MAX_HEAD = 4096
_MAX_PACKED = 16 << 20
_MOST_TAGS = 20_000
_TAGS = "refs/tags"


class _Repository(NamedTuple):
    """Where a repository keeps what."""

    own: str
    """Its HEAD is here."""
    shared: str
    """Its references are here: for a worktree those of the repository that it belongs to."""


def commit_rows(place: str) -> Iterator[str]:
    """Give rows that change with the commit and the tags; none where there is no repository.

    `place` is an absolute path. What can't be read counts as absent.
    """
    repository = _find(place)
    if repository is None:
        return
    head = _text(f"{repository.own}/HEAD")
    yield f"HEAD {head}"
    packed = _packed(repository)
    reference = _reference(head)
    if reference:
        loose = _text(f"{repository.shared}/{reference}")
        yield f"{reference} {loose or packed.get(reference, '')}"
    loose_tags = {name: _text(path) for name, path in _loose_tags(repository)}
    tags = {name: said for name, said in packed.items() if name.startswith(f"{_TAGS}/")}
    rows = "\n".join(f"{name} {said}" for name, said in sorted({**tags, **loose_tags}.items()))
    yield f"{_TAGS} {hashlib.sha256(rows.encode()).hexdigest()}"
    yield from _tables(repository)


def commit_paths(place: str) -> list[str]:
    """Give the files and folders, absolute, whose times tell that these rows may have changed."""
    repository = _find(place)
    if repository is None:
        return []
    reference = _reference(_text(f"{repository.own}/HEAD"))
    shared = repository.shared
    paths = [f"{repository.own}/HEAD", f"{shared}/packed-refs", f"{shared}/reftable/tables.list"]
    paths += [f"{shared}/{reference}"] if reference else []
    paths += _tag_folders(repository)
    paths += [path for _, path in _loose_tags(repository)]
    return [path for path in paths if os.path.lexists(path)]


def _find(place: str) -> _Repository | None:
    folder = place
    while not os.path.lexists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    own = os.path.join(folder, ".git")
    if os.path.isfile(own):
        said = _text(own)
        own = os.path.normpath(os.path.join(folder, said.removeprefix("gitdir: ")))
    common = _text(os.path.join(own, "commondir"))
    return _Repository(own, os.path.normpath(os.path.join(own, common)) if common else own)


def _reference(head: str) -> str:
    """Give the reference that HEAD names; a stranger's text must not lead elsewhere (H21)."""
    name = head.removeprefix("ref: ")
    parts = name.split("/")
    return name if name != head and parts[0] == "refs" and ".." not in parts else ""


def _packed(repository: _Repository) -> dict[str, str]:
    packed = {}
    for line in _text(f"{repository.shared}/packed-refs", _MAX_PACKED).splitlines():
        commit, _, name = line.partition(" ")
        if name and not commit.startswith("#"):
            packed[name] = commit
    return packed


def _tag_folders(repository: _Repository) -> list[str]:
    return [folder for folder, _, _ in os.walk(f"{repository.shared}/{_TAGS}")]


def _loose_tags(repository: _Repository) -> Iterator[tuple[str, str]]:
    count = 0
    for folder, _, names in os.walk(f"{repository.shared}/{_TAGS}"):
        for name in sorted(names):
            count += 1
            if count <= _MOST_TAGS:
                path = os.path.join(folder, name)
                yield os.path.relpath(path, repository.shared), path


def _tables(repository: _Repository) -> Iterator[str]:
    """Of a repository that keeps references in tables (reftable), their names: each is new."""
    tables = _text(f"{repository.shared}/reftable/tables.list")
    if tables:
        yield f"reftable {tables}"


def _text(path: str, limit: int = _MAX_HEAD) -> str:
    with suppress(OSError, ValueError, StorageFailed, NotRegular):
        return read_limited(path, limit).decode(errors="replace").strip()
    return ""
