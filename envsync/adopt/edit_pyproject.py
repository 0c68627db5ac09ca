"""Change a list in the text of a pyproject.toml, every other character left alone."""

from collections.abc import Callable

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envsync.errors import UsageError
from envsync.spec.document import load
from envsync.spec.form import with_mark, without_mark
from envsync.spec.model import Part
from envsync.spec.requirement_list import RequirementList, change_list, with_requirement
from envsync.spec.rewrite import ListPath, RewriteFailed, values_at
from envsync.spec.wording import show_path


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
    return _change(text, _path(text, part), lambda listed: listed.without(name), file)


def _path(text: str, part: Part) -> ListPath:
    """Give the key path of a part's list, in the spelling that the file has for it."""
    if part.kind == "base":
        return ("project", "dependencies")
    extras: ListPath = ("project", "optional-dependencies")
    tables = extras if part.kind == "extra" else ("dependency-groups",)
    there = values_at(load(without_mark(text), path="pyproject.toml"), tables)
    spelled = (str(key) for key in there if canonicalize_name(str(key)) == part.name)
    return (*tables, next(spelled, part.name))


def _change(
    text: str, path: ListPath, change: Callable[[RequirementList], RequirementList], file: str
) -> str:
    body = without_mark(text)
    try:
        changed = change_list(body, load(body, path=file), path, change)
    except RewriteFailed as error:
        raise _by_hand(path, file) from error
    if changed is None:
        return text
    written, after = changed
    if tuple(values_at(load(written, path=file), path)) != after.values:
        raise _by_hand(path, file)
    return with_mark(written, text)


def _by_hand(path: ListPath, file: str) -> UsageError:
    return UsageError(
        f"{file} is written in a way that envsync cannot edit: {show_path(path)}",
        hint="change it by hand, then run `envsync sync`",
    )
