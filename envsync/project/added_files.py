"""Requirements files whose lines `add -r` and `add -c` put into env.toml."""

import os
from collections.abc import Sequence
from typing import NamedTuple

from envsync.adopt.draft import Draft, IndexRow, Row, TooMuch, Wanted
from envsync.adopt.requirements_txt import read_requirements
from envsync.adopt.settle import settle, sources_value
from envsync.errors import SpecInvalid, UsageError
from envsync.events import Reporter
from envsync.inside import read_inside
from envsync.spec.document import MAX_BYTES
from envsync.spec.locations import leads_outside
from envsync.spec.model import BASE

_LISTED = ("lock", "constraints")


class Added(NamedTuple):
    """What files say."""

    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    sources: tuple[tuple[str, object], ...] = ()
    """By package, the value that stands under [sources]."""
    indexes: tuple[IndexRow, ...] = ()


def read_added(
    root: str,
    directory: str,
    files: Sequence[str],
    constraints: Sequence[str],
    reporter: Reporter,
) -> Added:
    """Read requirements and constraints files that the user named, relative to `directory`.

    Raises `SpecInvalid` with what in a file can't be taken over, `UsageError` for one that isn't
    there, `PathRefused`, `StorageFailed`.
    """
    added = Added()
    for name in (*files, *constraints):
        draft = _draft(root, os.path.join(directory, name), name, is_constraint=name in constraints)
        for left in draft.left:
            if left.matters:
                reporter.warn(f"not carried over: {left}")
        added = _with(added, draft)
    return added


def _draft(root: str, path: str, name: str, *, is_constraint: bool) -> Draft:
    if not os.path.exists(path):
        raise UsageError(f"there is no file {name}", hint="`envsync add -r requirements.txt`")
    inner = os.path.relpath(os.path.realpath(path), os.path.realpath(root))
    is_inside = not leads_outside(inner)
    # The user's own word may name a file anywhere; what that names stays beside it.
    base = root if is_inside else os.path.dirname(path)
    place = inner if is_inside else os.path.basename(path)
    draft = Draft(lambda file: read_inside(base, file, MAX_BYTES))
    try:
        read_requirements(draft, place, None if is_constraint else BASE)
    except TooMuch as error:
        raise SpecInvalid(name, [str(error)]) from error
    if not is_inside:
        _leave_paths(draft)
    settle(draft, os.path.basename(root))
    _refuse_left(draft)
    return draft


def _leave_paths(draft: Draft) -> None:
    """Paths in a file that lies elsewhere begin where that does."""
    for name, rows in draft.sources.items():
        for row in [one for one in rows if "path" in _table(one)]:
            advice = f"it begins in another folder: give {name} a source in env.toml by hand"
            draft.leave(row.origin, f"the path of {name}", advice)


def _table(row: Row) -> dict[str, object]:
    return row.value if isinstance(row.value, dict) else {}


def _refuse_left(draft: Draft) -> None:
    bad = sorted(left for left in draft.left if left.blocks)
    if bad:
        file = bad[0].origin.file
        rows = [one for one in bad if one.origin.file == file]
        lines = [f"line {one.origin.line}: {one.what}: {one.advice}" for one in rows]
        raise SpecInvalid(file, lines, hint=f"correct {file}, or add what is right of it by name")


def _with(added: Added, draft: Draft) -> Added:
    rows = [row.text for row in draft.parts[BASE] if isinstance(row, Wanted)]
    limits = [str(row.value) for row in draft.lists.get(_LISTED, ())]
    sources = [(name, sources_value(rows)) for name, rows in draft.sources.items()]
    return Added(
        (*added.requirements, *rows),
        (*added.constraints, *limits),
        (*added.sources, *sources),
        (*added.indexes, *draft.indexes),
    )
