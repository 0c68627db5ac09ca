"""Look at the tree of a commit: judge what is in it, and read single files (hazard H51).

Nothing is written: what breaks a rule is refused before it is checked out.
"""

import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from envsync.build.members import (
    MAX_MEMBERS,
    MAX_UNPACKED_BYTES,
    check_link,
    split_path,
)
from envsync.errors import GitFailed
from envsync.git.access import Access
from envsync.git.address import Address, DamagedClone

LINK, SUBMODULE, FOLDER = "120000", "160000", "040000"
_MAX_LINK = 4096


class Entry(NamedTuple):
    """One file, link or submodule of a tree."""

    path: str
    mode: str
    object_id: str
    size: int


def entries(access: Access, repository: str, address: Address, commit: str) -> tuple[Entry, ...]:
    """Give all files, links and submodules of a commit, judged.

    Raises `GitFailed`: names that mean something else elsewhere, links that lead out of the
    repository, more than any package has.
    """
    words = ("ls-tree", "-r", "-z", "-l", "--full-tree", commit)
    try:
        output = access.program.listing(repository, *words)
    except GitFailed as error:
        raise DamagedClone(address.url, f"its clone is damaged: {error.reason}") from error
    listed = tuple(_read(output)) if output is not None else None
    if (
        listed is None
        or len(listed) > MAX_MEMBERS
        or sum(one.size for one in listed) > MAX_UNPACKED_BYTES
    ):
        raise GitFailed(address.url, f"{commit[:12]} is larger than any package")
    for entry in listed:
        try:
            parts = split_path(entry.path)
            if any(map(_is_of_git, parts)):
                raise ValueError(f"the name {entry.path!r} is one of git's own")
            if entry.mode == LINK:
                target = _link_target(access, repository, address, entry)
                # The top folder of the rule is the checkout itself.
                check_link((".", *parts), target)
        except ValueError as error:
            reason = f"{error}".replace("the archive", "the repository")
            raise GitFailed(address.url, f"{commit[:12]}: {reason}") from error
    return listed


def _is_of_git(part: str) -> bool:
    """Say whether some file system takes a name for `.git`: by case, by characters that it leaves
    out (HFS+), by what it cuts off, or by its short name (NTFS; CVE-2014-9390).
    """
    shown = "".join(one for one in part if unicodedata.category(one) != "Cf").casefold()
    return shown.partition(":")[0].rstrip(" .") in (".git", "git~1")


def _read(output: bytes) -> Iterator[Entry]:
    for row in output.split(b"\0"):
        if row:
            facts, _, path = row.decode("utf-8", "surrogateescape").partition("\t")
            mode, _, object_id, size = facts.split()
            yield Entry(path, mode, object_id, int(size) if size.isdigit() else 0)


def _link_target(access: Access, repository: str, address: Address, entry: Entry) -> str:
    if entry.size > _MAX_LINK:
        raise ValueError(f"the link {entry.path!r} is {entry.size} bytes long")
    answer = access.program.local(repository, "cat-file", "blob", entry.object_id)
    if answer.code:
        raise DamagedClone(address.url, f"its clone is damaged: {answer.errors[-300:]}")
    return answer.output.decode("utf-8", "surrogateescape")


def read_file(access: Access, repository: str, commit: str, path: str, limit: int) -> bytes | None:
    """Give the content of a regular file of a commit; None where there is none, or a larger one."""
    words = ("ls-tree", "-z", "-l", "--full-tree", commit, "--", path)
    answer = access.program.local(repository, *words)
    found = next(_read(answer.output), None) if answer.code == 0 else None
    if found is None or not found.mode.startswith("100") or found.path != path:
        return None
    if found.size > limit:
        return None
    content = access.program.local(repository, "cat-file", "blob", found.object_id)
    return content.output if content.code == 0 else None
