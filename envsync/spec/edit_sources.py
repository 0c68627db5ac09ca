"""Put a source of one package into the text of env.toml, every other character left alone."""

from collections.abc import Mapping

from packaging.utils import canonicalize_name

from envsync.errors import UsageError
from envsync.spec.edit import Indexes, by_hand, check_text
from envsync.spec.form import with_line_ends, with_mark, without_mark
from envsync.spec.model import SourceSpec
from envsync.spec.requirement_list import inline_table
from envsync.spec.rewrite import RewriteFailed, put_list
from envsync.spec.toml import loads

_KEYS = ("tag", "branch", "rev", "subdirectory", "submodules", "lfs")


def put_git_source(text: str, name: str, source: SourceSpec, *, member_of: Indexes = None) -> str:
    """Give env.toml with a package's repository under [sources], in the place of what stood there.

    What an older entry of the same repository says beside its name (submodules, lfs) stays. Raises
    `UsageError` where the file is written in a way that can't be edited, `SpecInvalid`.
    """
    body = without_mark(text)
    values = loads(body)
    table = values.get("sources", {})
    before = table if isinstance(table, dict) else {}
    key = next((one for one in before if canonicalize_name(one) == name), name)
    row = _row(source, before.get(key))
    if before.get(key) == row:
        return text
    path = ("sources", key)
    try:
        written = with_line_ends(put_list(body, path, inline_table(row)), body)
    except RewriteFailed as error:
        raise by_hand(path) from error
    if loads(written) != {**values, "sources": {**before, key: row}}:
        raise by_hand(path)
    check_text(written, values, member_of)
    return with_mark(written, text)


def _row(source: SourceSpec, before: object) -> Mapping[str, object]:
    """Give the keys of a source's table."""
    if isinstance(before, list):
        raise UsageError(
            "this package has several sources in env.toml, each with a marker",
            hint="change it by hand, then run `envsync sync`",
        )
    old = before if isinstance(before, dict) and before.get("git") == source.location else {}
    kept = {key: old[key] for key in ("submodules", "lfs", "marker") if key in old}
    given = {key: getattr(source, key) for key in _KEYS if getattr(source, key)}
    return {"git": source.location, **given, **kept}
