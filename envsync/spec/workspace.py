"""Read `[workspace]`, and say by its patterns which folders below it are members.

A pattern is a path with `*`, `?` and `[...]` in its parts, none of which match a leading dot, and
`**` for any number of parts. A folder that a pattern of `exclude` matches is none, and none below.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import partial

from envsync.spec.fields import Table
from envsync.spec.locations import read_path
from envsync.spec.model import WorkspaceSpec
from envsync.spec.wording import quote

ANY_DEPTH = "**"
_MOST_PARTS = 32
_WILD = frozenset("*?[")

_ADVICE = {
    "packages": "write members = [...]",
    "include": "write members = [...]",
    **dict.fromkeys(("dependencies", "requires-python"), "it belongs under [env]"),
}
_MEMBERS_HAVE_NOT = {
    "index": "indexes",
    "lock": "how versions are chosen",
    "sync": "how files are placed",
    "build": "what may be built, and how",
    "workspace": "members: workspaces don't nest",
}
_MEMBERS_ENV_HAS_NOT = ("python", "path", "system-site-packages", "seed")


def read_workspace(root: Table) -> WorkspaceSpec | None:
    """Read `[workspace]` of the file at a workspace's root; None where there is none."""
    if "workspace" not in root.content:
        return None
    table = root.table("workspace")
    members = table.items("members", partial(_read_pattern, "."))
    exclude = table.items("exclude", partial(_read_pattern, ""))
    if table.content.get("members", []) == []:
        table.report('members must list folders, such as members = ["packages/*"]')
    for at, pattern in enumerate(members):
        if pattern in members[:at]:
            table.report(f"{quote(pattern)} is listed twice", "members", at)
    table.finish(_ADVICE)
    return WorkspaceSpec(members, exclude)


def refuse_in_member(root: Table, env: Table) -> None:
    """Report what only the file at a workspace's root can say, since there is one lock."""
    for key, what in _MEMBERS_HAVE_NOT.items():
        if key in root.content:
            root.report(f"the workspace's own env.toml says {what}", key)
            root.value(key)
    for key in _MEMBERS_ENV_HAS_NOT:
        if key in env.content:
            env.report("the workspace's own env.toml says that: its members share one .venv", key)


def _read_pattern(itself: str, text: str) -> str:
    pattern = read_path(text)
    if pattern == itself:
        raise ValueError("the workspace's own folder needs no entry")
    if pattern.count("/") >= _MOST_PARTS:
        raise ValueError(f"the pattern has over {_MOST_PARTS} parts")
    return pattern


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
