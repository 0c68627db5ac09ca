"""A draft without what files say that env.toml goes on reading."""

from packaging.utils import canonicalize_name

from envsync.adopt.draft import Draft, Included, Wanted
from envsync.spec.model import BASE


def without_live(draft: Draft, live: Draft) -> None:
    """Take out of a draft all that is in the draft of the files that stay the truth."""
    if live.name is not None:
        draft.name = None
    if live.requires_python is not None:
        draft.requires_python = None
    _let_package_be_a_flag(draft, live)
    for part, rows in live.parts.items():
        known = set(map(_meaning, rows))
        kept = [row for row in draft.part(part) if _meaning(row) not in known]
        draft.parts[part] = kept
        if not kept and part != BASE:
            del draft.parts[part]
    urls = {row.url.rstrip("/") for row in live.indexes}
    draft.indexes = [row for row in draft.indexes if row.url.rstrip("/") not in urls]
    for name in live.sources:
        draft.sources.pop(name, None)
    for path, listed in live.lists.items():
        values = [row.value for row in listed]
        left = [row for row in draft.lists.get(path, ()) if row.value not in values]
        draft.lists[path] = left
        if not left:
            del draft.lists[path]
    for path in live.values:
        draft.values.pop(path, None)


def _let_package_be_a_flag(draft: Draft, live: Draft) -> None:
    """The project itself is named by `package = true`, whatever its name comes to be."""
    if draft.is_package is None or live.name is None:
        return
    own = canonicalize_name(str(live.name.value))
    draft.sources.pop(own, None)
    base = draft.parts[BASE]
    draft.parts[BASE] = [row for row in base if not isinstance(row, Wanted) or row.name != own]
    draft.put(("env", "package"), True, draft.is_package.origin)


def _meaning(row: Wanted | Included) -> tuple[str, str]:
    return ("group", row.group) if isinstance(row, Included) else ("", row.text)
