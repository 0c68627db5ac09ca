"""Read `[workspace]`, and say what of an env.toml its members can't have."""

from functools import partial

from packaging.utils import NormalizedName

from envsync.spec.fields import Table
from envsync.spec.locations import read_path
from envsync.spec.model import WorkspaceSpec
from envsync.spec.wording import quote

MEMBER = "member-"
"""Begins the names of the groups that members have in the lock."""
_MOST_PARTS = 32

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


class WithMembers(dict[NormalizedName, object]):
    """Names that `[lock] conflicts` may have in a workspace: its members are not known yet."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or str(name).startswith(MEMBER)


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
