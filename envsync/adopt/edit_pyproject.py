"""Change a list in the text of a pyproject.toml, every other character left alone."""

import re
from collections.abc import Callable, Iterable, Mapping

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envsync.errors import UsageError
from envsync.spec.document import load
from envsync.spec.model import Part
from envsync.spec.requirement_list import RequirementList, with_requirement
from envsync.spec.rewrite import ListPath, RewriteFailed, get_list, put_list
from envsync.spec.wording import show_path

_BARE_NEWLINE = re.compile(r"(?<!\r)\n")
_BYTE_ORDER_MARK = "\ufeff"


def add_to_pyproject(text: str, requirement: str, part: Part, *, file: str) -> str:
    """Give a pyproject.toml with a requirement in its dependencies, a group or an extra.

    As in env.toml, one of the same name and marker is replaced in its place. Raises `UsageError`
    where the file is written in a way that can't be edited.
    """
    new = Requirement(requirement)
    change = lambda listed: with_requirement(listed, new, requirement)  # noqa: E731
    return _change(text, _path(text, part), change, file)


def remove_from_pyproject(text: str, name: str, part: Part, *, file: str) -> str:
    """Give a pyproject.toml without a package in a list, whatever its markers. Raises as above."""

    def without(entries: RequirementList) -> RequirementList:
        positions = [i for i, listed in enumerate(entries.names()) if listed == name]
        for position in reversed(positions):
            entries = entries.remove(position)
        return entries

    return _change(text, _path(text, part), without, file)


def _path(text: str, part: Part) -> ListPath:
    """Give the key path of a part's list, in the spelling that the file has for it."""
    if part.kind == "base":
        return ("project", "dependencies")
    extras: ListPath = ("project", "optional-dependencies")
    tables = extras if part.kind == "extra" else ("dependency-groups",)
    there = _lookup(load(text.removeprefix(_BYTE_ORDER_MARK), path="pyproject.toml"), tables)
    spelled = (str(key) for key in there if canonicalize_name(str(key)) == part.name)
    return (*tables, next(spelled, part.name))


def _lookup(values: Mapping[str, object], path: ListPath) -> Iterable[object]:
    value: object = values
    for key in path:
        value = value.get(key, ()) if isinstance(value, dict) else ()
    return value if isinstance(value, list | dict) else ()


def _change(
    text: str, path: ListPath, change: Callable[[RequirementList], RequirementList], file: str
) -> str:
    body = text.removeprefix(_BYTE_ORDER_MARK)
    values = load(body, path=file)
    try:
        before = RequirementList(get_list(body, path) or "[]", tuple(_lookup(values, path)))
        after = change(before)
        if after.values == before.values:
            return text
        written = put_list(body, path, after.text)
    except RewriteFailed as error:
        raise _by_hand(path, file) from error
    if "\r\n" in body and not _BARE_NEWLINE.search(body):
        written = _BARE_NEWLINE.sub("\r\n", written)
    if tuple(_lookup(load(written, path=file), path)) != after.values:
        raise _by_hand(path, file)
    return text[: len(text) - len(body)] + written


def _by_hand(path: ListPath, file: str) -> UsageError:
    return UsageError(
        f"{file} is written in a way that envsync cannot edit: {show_path(path)}",
        hint="change it by hand, then run `envsync sync`",
    )
