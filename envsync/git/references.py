"""Ask a repository which commit a tag, branch or other name means."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import NamedTuple

from envsync.errors import GitFailed
from envsync.git.access import Access
from envsync.git.address import Address
from envsync.spec.model import SourceSpec

_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT = re.compile(r"[0-9a-f]{4,39}")
_ROW = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64})\t(.+)")


class Meant(NamedTuple):
    """What a name means at a repository."""

    commit: str
    """Its full id, or the beginning of one where `is_short`."""
    name: str | None = None
    """The reference that the server has it under; None for the id of a commit."""
    is_short: bool = False


def is_id(text: str) -> bool:
    """Say whether a text is the full id of a commit."""
    return _ID.fullmatch(text) is not None


def object_format(commit: str) -> str:
    """Give the kind of repository that an id is of."""
    return "sha256" if len(commit) == 64 else "sha1"


def ask(access: Access, address: Address, source: SourceSpec) -> Meant:
    """Ask which commit a source means: its tag, branch or revision, or the default branch.

    Raises `GitFailed`: no such name, or one of two meanings; or the server can't be asked.
    """
    revision = (source.rev or "").lower()
    if is_id(revision):
        return Meant(revision)
    wanted = list(_names(source))
    words = [*wanted, *(f"{name}^{{}}" for name in wanted)]
    rows = _rows(access, address, *words)
    # An annotated tag is named by the commit that it leads to.
    found = {name: rows.get(f"{name}^{{}}", rows[name]) for name in wanted if name in rows}
    if len(set(found.values())) > 1:
        listed = " and ".join(f"{name} ({commit[:12]})" for name, commit in found.items())
        raise GitFailed(
            address.url,
            f"{source.revision} means two commits: {listed}",
            hint=f"write which is meant: @{next(iter(found))}, or tag or branch in [sources]",
        )
    if found:
        name, commit = next(iter(found.items()))
        return Meant(commit, name)
    if source.rev and _SHORT.fullmatch(source.rev.lower()):
        return Meant(source.rev.lower(), is_short=True)
    raise _unknown(access, address, source)


def _names(source: SourceSpec) -> Iterator[str]:
    """Give the full names that a source may mean."""
    if source.tag:
        yield f"refs/tags/{source.tag}"
    elif source.branch:
        yield f"refs/heads/{source.branch}"
    elif not source.rev or source.rev == "HEAD":
        yield "HEAD"
    elif source.rev.startswith("refs/"):
        yield source.rev
    else:
        yield from (f"refs/tags/{source.rev}", f"refs/heads/{source.rev}", f"refs/{source.rev}")


def _rows(access: Access, address: Address, *patterns: str) -> Mapping[str, str]:
    """Ask for references; a pattern of git's finds more than the one that has just this name."""
    words = ("ls-remote", "--quiet", "--", address.url, *patterns)
    answer = access.program.remote(None, address.scheme, *words)
    if answer.code:
        raise address.failed(answer.errors)
    rows = map(_ROW.fullmatch, answer.output.decode(errors="replace").splitlines())
    return {row[2]: row[1] for row in rows if row}


def _unknown(access: Access, address: Address, source: SourceSpec) -> GitFailed:
    """Give the error for a name that a repository doesn't have, with what was probably meant."""
    rows = _rows(access, address)
    if not rows:
        return GitFailed(address.url, "the repository is empty: it has no commit yet")
    kind = "tag" if source.tag else "branch" if source.branch else "tag, branch or commit"
    beginnings = {"tag": ("refs/tags/",), "branch": ("refs/heads/",)}
    if source.revision is None:
        kind = "branch"
    there = [
        name.removeprefix(beginning)
        for name in rows
        for beginning in beginnings.get(kind, ("refs/tags/", "refs/heads/"))
        if name.startswith(beginning) and not name.endswith("^{}")
    ]
    if source.revision is None:
        return GitFailed(
            address.url,
            "it has no default branch",
            hint=f"name one of its branches: {', '.join(sorted(there)[:5])}" if there else None,
        )
    near = get_close_matches(source.revision, there, n=3, cutoff=0.5) or sorted(there)[-3:]
    shown = [name for name in near if name.isprintable()]
    return GitFailed(
        address.url,
        f"it has no {kind} {source.revision}",
        hint=f"it has {', '.join(shown)}" if shown else f"it has no {kind} at all",
    )
