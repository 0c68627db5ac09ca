"""Folders of envsync's that lie beside an environment for the time of a change.

    NAME.envsync-new-RANDOM-CODE    a new environment that is being built, or the rest of an old one
    NAME.envsync-old-INODE-CODE     an old one that was renamed away, until it is emptied

CODE is this user's seal of the rest, and of the very folder that all of them lie in: a folder of
such a name that came with a clone or a copy is a stranger's, and is left alone.
"""

import os
import re
from typing import NamedTuple

from envsync.environment.seal import Seal
from envsync.environment.tree import Tree
from envsync.platform.files import unguessable

NEW, OLD = "new", "old"

_NAME = re.compile(r"(.+)\.envsync-(new|old)-([0-9a-f]+)-([0-9a-f]+)", re.DOTALL)


class Beside(NamedTuple):
    """One of these folders."""

    name: str
    kind: str
    """`NEW` or `OLD`."""


def new_name(parent: Tree, name: str, seal: Seal) -> str:
    """Give the name of a folder in which an environment called `name` is built or removed."""
    return _name(parent, name, NEW, unguessable(), seal)


def old_name(parent: Tree, name: str, inode: int, seal: Seal) -> str:
    """Give the name under which what was at `name` waits to be emptied."""
    return _name(parent, name, OLD, str(inode), seal)


def ours(parent: Tree, name: str, seal: Seal) -> list[Beside]:
    """Give this user's folders beside an environment called `name`. Raises `OSError`."""
    own: list[Beside] = []
    for entry in sorted(parent.names("")):
        match = _NAME.fullmatch(entry) if entry.startswith(f"{name}.") else None
        if match is None or match[1] != name:
            continue
        _, kind, mark, code = match.groups()
        if seal.has_signed(_signed(parent, name, kind, mark), code) and (
            kind == NEW or _has_inode(parent, entry, mark)
        ):
            own.append(Beside(entry, kind))
    return own


def _has_inode(parent: Tree, entry: str, inode: str) -> bool:
    """Say whether it is the very folder: the name could have been given to another later."""
    status = parent.find(entry)
    return status is not None and str(status.st_ino) == inode


def _name(parent: Tree, name: str, kind: str, mark: str, seal: Seal) -> str:
    code = seal.sign(_signed(parent, name, kind, mark))
    return f"{name}.envsync-{kind}-{mark}-{code}"


def _signed(parent: Tree, name: str, kind: str, mark: str) -> str:
    """Give what a code seals; the inode of the folder makes names of a copied project worthless."""
    return f"{kind} {mark} {parent.identity()} {name}"


def folder_of(root: str) -> tuple[str, str]:
    """Give the folder that an environment lies in, without links, and its name there."""
    parent, name = os.path.split(root)
    # Names are sealed for the folder itself: by whichever way it is reached, it must be one.
    return os.path.realpath(parent), name
