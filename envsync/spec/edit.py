"""Change the text of env.toml, keeping comments, order, blank lines and line endings."""

from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from typing import TypeVar

from packaging.utils import canonicalize_name

from envsync.errors import UsageError
from envsync.spec.document import load
from envsync.spec.form import with_mark, without_mark
from envsync.spec.locations import everywhere
from envsync.spec.model import ALL
from envsync.spec.read import parse_spec
from envsync.spec.requirement_list import RequirementList, change_list, quoted, with_requirement
from envsync.spec.requirements import read_name, read_name_or_all, read_requirement
from envsync.spec.rewrite import ListPath, RewriteFailed, values_at
from envsync.spec.wording import show_path

T = TypeVar("T")

Indexes = Collection[str] | None
"""Those of its workspace, where the text is that of a member."""

DEPENDENCIES: ListPath = ("env", "dependencies")
EXTRAS: ListPath = ("env", "optional-dependencies")
GROUPS: ListPath = ("dependency-groups",)
ALLOW: ListPath = ("build", "allow")
CONSTRAINTS: ListPath = ("lock", "constraints")


class NotListed(UsageError):
    """A package that is to be taken out of a list, and isn't in it; `name` is normalised.

    `needers` are the packages that it comes with, where that is known.
    """

    def __init__(
        self, name: str, path: ListPath, *, needers: Sequence[str] = (), hint: str | None = None
    ) -> None:
        self.name, self.path, self.needers = name, path, tuple(needers)
        needs = "needs" if len(self.needers) == 1 else "need"
        known = f": {' and '.join(self.needers)} {needs} it" if self.needers else ""
        super().__init__(f"{name} is not in {show_path(path)}{known}", hint=hint)


def add_dependency(
    text: str,
    requirement: str,
    *,
    group: str | None = None,
    extra: str | None = None,
    member_of: Indexes = None,
) -> str:
    """Give env.toml with a requirement (PEP 508) in its dependencies, a group or an extra.

    A requirement of the same name and marker that is there already is replaced in its place; its
    extras stay, and so do its versions when the new one says nothing about them. A list in
    alphabetical order stays in it. Of a workspace's member, `member_of` are the names of the
    workspace's indexes. `UsageError` for a requirement or name that can't be used,
    `SpecInvalid` when the text has mistakes or the result would have.
    """
    new = _usable(read_requirement, requirement.strip())
    path = _find_path(text, group, extra)
    change = partial(with_requirement, new=new, text=requirement)
    return _change_list(text, path, change, member_of)


def remove_dependency(
    text: str,
    name: str,
    *,
    group: str | None = None,
    extra: str | None = None,
    member_of: Indexes = None,
) -> str:
    """Give env.toml without a package in its dependencies, a group or an extra.

    All requirements of that name go, whatever their markers. `NotListed` when there is none; its
    hint says where the package is instead, or what was probably meant.
    """
    wanted = _usable(read_name, name.strip())
    path = _find_path(text, group, extra)

    def without(entries: RequirementList) -> RequirementList:
        if wanted not in entries.names():
            raise NotListed(wanted, path, hint=_instead(text, wanted, path, entries.names()))
        return entries.without(wanted)

    return _change_list(text, path, without, member_of)


def add_constraint(text: str, requirement: str, *, member_of: Indexes = None) -> str:
    """Give env.toml with a requirement under `[lock] constraints`, as `add_dependency` does."""
    new = _usable(read_requirement, requirement.strip())
    change = partial(with_requirement, new=new, text=requirement)
    return _change_list(text, CONSTRAINTS, change, member_of)


def lists(text: str, name: str, *, group: str | None = None, extra: str | None = None) -> bool:
    """Say whether env.toml itself has a package in its dependencies, a group or an extra."""
    values = tuple(values_at(_load(text), _find_path(text, group, extra)))
    return _usable(read_name, name) in RequirementList("", values).names()


def allow_build(text: str, names: Collection[str], *, member_of: Indexes = None) -> str:
    """Give env.toml with packages named under `[build] allow`."""
    wanted = sorted({_usable(read_name_or_all, name.strip()) for name in names})

    def with_names(allowed: RequirementList) -> RequirementList:
        for name in wanted:
            if name not in allowed.names() and ALL not in allowed.values:
                allowed = allowed.add(name)
        return allowed

    return _change_list(text, ALLOW, with_names, member_of) if wanted else text


def new_spec(
    name: str,
    requires_python: str | None,
    dependencies: Sequence[str] = (),
    *,
    environment: str | None = None,
) -> str:
    """Give the text of a first env.toml, or of an env.NAME.toml.

    `requires_python` is a specifier such as ">=3.11". `UsageError` for a requirement that can't be
    used, `SpecInvalid` for a name or range.
    """
    range_line = f"requires-python = {quoted(requires_python)}\n" if requires_python else ""
    envsync = f"envsync -e {environment}" if environment else "envsync"
    venv = f".venv-{environment}" if environment else ".venv"
    text = (
        f"# What this project needs. `{envsync} add NAME` writes a package here, `{envsync} sync`\n"
        f"# makes {venv} match it.\n"
        "\n"
        "[env]\n"
        f"name = {quoted(name)}\n"
        f"{range_line}"
        "dependencies = []\n"
        "\n"
        f"# For work on the project itself: `{envsync} add --group dev NAME`.\n"
        "[dependency-groups]\n"
        "dev = []\n"
    )
    for dependency in dependencies:
        text = add_dependency(text, dependency)
    parse_spec(text, folder_name=name)
    return text


def _find_path(text: str, group: str | None, extra: str | None) -> ListPath:
    """Give the key path of a list, in the spelling that the file has for it."""
    if group is not None and extra is not None:
        raise UsageError(
            "a dependency goes into a group or an extra, not both", hint="leave one of them out"
        )
    if group is not None:
        return _spelled(text, GROUPS, group)
    return DEPENDENCIES if extra is None else _spelled(text, EXTRAS, extra)


def _spelled(text: str, tables: ListPath, name: str) -> ListPath:
    wanted = _usable(read_name, name)
    there = map(str, values_at(_load(text), tables))
    spelled = (key for key in there if canonicalize_name(key) == wanted)
    return (*tables, next(spelled, wanted))


def _change_list(
    text: str,
    path: ListPath,
    change: Callable[[RequirementList], RequirementList],
    member_of: Indexes = None,
) -> str:
    """Apply a change to one list of env.toml, and make sure that nothing else changed."""
    body = without_mark(text)
    values = _load(body)
    check_text(body, values, member_of)
    try:
        changed = change_list(body, values, path, change)
    except RewriteFailed as error:
        raise by_hand(path) from error
    if changed is None:
        return text
    written, after = changed
    if _load(written) != _with_list(values, path, after.values):
        raise by_hand(path)
    check_text(written, values, member_of)
    return with_mark(written, text)


def check_text(text: str, values: Mapping[str, object], member_of: Indexes = None) -> None:
    """See that the text has no mistakes; where other files have a part in it, its reader will."""
    env = values.get("env")
    if not isinstance(env, Mapping) or not env.get("from"):
        parse_spec(text, folder_name="env", reach=everywhere, member_of=member_of)


def by_hand(path: ListPath) -> UsageError:
    """Give the error for a file that can't be edited here."""
    return UsageError(
        f"env.toml is written in a way that envsync cannot edit: {show_path(path)}",
        hint="change it by hand, then run `envsync sync`",
    )


def _load(text: str) -> dict[str, object]:
    return load(without_mark(text), path="env.toml")


def _with_list(
    values: dict[str, object], path: ListPath, items: Sequence[object]
) -> dict[str, object]:
    """Give the values of a file with one list in it exchanged."""
    if len(path) == 1:
        return {**values, path[0]: list(items)}
    below = values.get(path[0], {})
    inner = below if isinstance(below, dict) else {}
    return {**values, path[0]: _with_list(inner, path[1:], items)}


def _instead(text: str, wanted: str, path: ListPath, listed: Sequence[str]) -> str | None:
    """Say what to type for a package that isn't in a list: where it is, or what was meant."""
    other = _listed_in(text, wanted)
    if other is not None:
        return f"it is in {show_path(other)}: `{_removal(other)} {wanted}`"
    near = get_close_matches(wanted, listed, n=1)
    return f"`{_removal(path)} {near[0]}`" if near else None


def removal_of(text: str, wanted: str) -> str | None:
    """Give the command that takes a package out of the list that has it; None where none has."""
    path = _listed_in(text, wanted)
    return f"{_removal(path)} {wanted}" if path else None


def _listed_in(text: str, wanted: str) -> ListPath | None:
    """Give the first list with a package."""
    values = _load(text)
    others = [
        (*tables, str(key)) for tables in (GROUPS, EXTRAS) for key in values_at(values, tables)
    ]
    for path in (DEPENDENCIES, *others):
        if wanted in RequirementList("", tuple(values_at(values, path))).names():
            return path
    return None


def _removal(path: ListPath) -> str:
    """Give the command that takes packages out of a list."""
    options = {GROUPS: f" --group {path[-1]}", EXTRAS: f" --extra {path[-1]}"}
    return f"envsync remove{options.get(path[:-1], '')}"


def _usable(read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise UsageError(
            str(error), hint="packages are named as in `envsync add 'flask[async]>=3' rich`"
        ) from error
