"""Which folders the patterns of `[workspace]` mean.

A pattern is a path with `*`, `?` and `[...]` in its parts, none of which match a leading dot, and
`**` for any number of parts. A folder that a pattern of `exclude` matches is none, and none below.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

ANY_DEPTH = "**"
_WILD = frozenset("*?[")


def is_pattern(text: str) -> bool:
    """Say whether what `members` lists may be several folders."""
    return not _WILD.isdisjoint(text)


def member_above(members: Iterable[str], exclude: Collection[str], folder: str) -> str | None:
    """Give the member that a folder, relative to the workspace's, is or lies in; None: it is none.

    Of members in one another it is the inner one.
    """
    parts = folder.split("/")
    members = tuple(members)
    for end in range(len(parts), 0, -1):
        path = "/".join(parts[:end])
        if any(matches(one, path) for one in members) and not is_excluded(exclude, path):
            return path
    return None


def is_excluded(exclude: Iterable[str], folder: str) -> bool:
    """Say whether a folder, or one above it in the workspace, is excluded."""
    parts = folder.split("/")
    above = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    return any(matches(pattern, path) for pattern in exclude for path in above)


def matches(pattern: str, path: str) -> bool:
    """Say whether a pattern means a folder."""
    return _matches(pattern.split("/"), path.split("/"))


def _matches(pattern: Sequence[str], path: Sequence[str]) -> bool:
    """Compare part by part; in time bounded by the product of both."""
    ends = {0}
    for part in pattern:
        ends = set(_after(part, path, ends))
    return len(path) in ends


def _after(part: str, path: Sequence[str], starts: Collection[int]) -> Iterator[int]:
    """Give how much of a path may be used up when a part of a pattern was."""
    for at in starts:
        if part == ANY_DEPTH:
            yield at
            while at < len(path) and not path[at].startswith("."):
                at += 1
                yield at
        elif at < len(path) and is_match(part, path[at]):
            yield at + 1


def is_match(part: str, name: str) -> bool:
    """Say whether a part of a pattern, none with `**`, means a folder's name."""
    if name.startswith(".") and not part.startswith("."):
        return False
    return fnmatchcase(name, part)
