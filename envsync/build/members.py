"""What a source archive may hold: one value per member, and the rules on names, links and clashes.

    shop-1.0/                      one top folder, nothing beside it
    shop-1.0/src/shop.py           regular files; hard links have become files by now
    shop-1.0/README -> docs/a.md   links that stay inside the top folder

Everything is judged before the first byte is written. Breaking a rule is a `ValueError` whose
text says which member and why; `sources` names the archive.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from envsync.wheel.paths import folders_of, too_many_folders

MAX_MEMBERS = 200_000
MAX_UNPACKED_BYTES = 8 << 30
MAX_COMPONENT_BYTES = 255
MAX_DEPTH = 64

# Archives of source compress tenfold at most; only what was made to fill a disk goes beyond this.
MAX_RATIO = 200
RATIO_FREE_BYTES = 64 << 20

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")
_DRIVE = re.compile(r"[A-Za-z]:")


class SourceMember(NamedTuple):
    """One file, folder or symbolic link of a source archive."""

    path: str
    """Relative, with forward slashes, the archive's top folder included."""
    kind: Literal["file", "folder", "link"]
    offset: int = 0
    """Where a file's content begins, in the archive's terms."""
    size: int = 0
    executable: bool = False
    mtime: int = 0
    """Seconds since the epoch, as the archive says."""
    target: str = ""
    """What a symbolic link holds."""


def split_path(path: str) -> tuple[str, ...]:
    """Take a member's path apart; a leading "./" and a final "/" are dropped.

    Raises `ValueError` for whatever could mean another place on some system: absolute paths,
    drives, backslashes, control characters, empty, "." and ".." components, too long or too deep.
    """
    parts = path.removesuffix("/").split("/")
    while len(parts) > 1 and parts[0] == ".":
        del parts[0]
    if _FORBIDDEN.search(path) or _DRIVE.match(path):
        raise ValueError(f"the name {path!r} is not portable")
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"the name {path!r} leads out of the archive")
    if len(parts) > MAX_DEPTH or any(
        len(part.encode(errors="surrogatepass")) > MAX_COMPONENT_BYTES for part in parts
    ):
        raise ValueError(f"the name {path[:80]!r}... is too long or too deep")
    return tuple(parts)


def check_link(parts: Sequence[str], target: str) -> None:
    """Raise `ValueError` unless the link at `parts` (top folder first) stays in the top folder.

    ".." may stand at the front only. So the upward steps start from a real folder (nothing is
    ever written through a link), and what follows can meet only links that obey the same rule.
    """
    shown = f"the link {'/'.join(parts)!r} to {target[:200]!r}"
    if not target or target.startswith("/") or _FORBIDDEN.search(target) or _DRIVE.match(target):
        raise ValueError(f"{shown} leads out of the archive")
    steps = [step for step in target.split("/") if step not in ("", ".")]
    upward = 0
    while upward < len(steps) and steps[upward] == "..":
        upward += 1
    if ".." in steps[upward:] or upward > len(parts) - 2:
        raise ValueError(f"{shown} leads out of the archive")


def check_layout(members: Iterable[SourceMember]) -> str:
    """Judge all members together and give the name of the one top folder.

    Raises `ValueError` for two entries of one path (folders may repeat), for anything below a file
    or a link, and for a second top folder. Paths and links were judged one by one before.
    """
    kinds: dict[str, str] = {}
    tops: set[str] = set()
    for member in members:
        if member.path in kinds and not member.kind == kinds[member.path] == "folder":
            raise ValueError(f"{member.path!r} is there twice")
        kinds[member.path] = member.kind
        tops.add(member.path.partition("/")[0])
    for parent in (parents := folders_of(kinds)):
        if kinds.get(parent, "folder") != "folder":
            raise ValueError(f"something lies below {parent!r}, which is no folder")
    if too_many_folders(len(kinds), len(parents)):
        raise ValueError(f"it has {len(kinds)} entries in {len(parents)} folders")
    if len(tops) != 1:
        raise ValueError(f"it has {len(tops)} entries at the top instead of one folder")
    top = tops.pop()
    if kinds.get(top, "folder") != "folder":
        raise ValueError(f"{top!r} at the top is no folder")
    return top
