"""Find and read the members of a workspace: its folders that `[workspace]` names.

    env.toml            says what the member needs, with [env], groups, [sources] and [tasks] alone
    pyproject.toml      with [project]: groups and extras count too. With [build-system] the member
                        is a package, installed with what its metadata requires; without, what
                        [project] requires is installed, as with uv
    setup.py            makes a package of it as well

A member has one of them. Nothing is run.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from envsync.errors import PathRefused, SpecInvalid
from envsync.inside import read_inside, real_path
from envsync.project.inputs import take_of_member
from envsync.project.outside import reach_of
from envsync.project.paths import Project
from envsync.spec.document import MAX_BYTES, decode, load
from envsync.spec.fields import Problems
from envsync.spec.locations import is_of_repository
from envsync.spec.member_patterns import ANY_DEPTH, is_excluded, is_match, is_pattern
from envsync.spec.members import MemberSpec, combine, stays_inside
from envsync.spec.model import Spec, WorkspaceSpec
from envsync.spec.problem_lines import problem_lines
from envsync.spec.read import parse_pyproject, parse_spec_bytes
from envsync.spec.requirements import read_name

SPEC, PYPROJECT, SETUP = "env.toml", "pyproject.toml", "setup.py"
FILES = (SPEC, PYPROJECT, SETUP)
_NO_MEMBERS = frozenset({"__pycache__", "node_modules", "build", "dist"})
_MOST_MEMBERS = 2_000
_MOST_FOLDERS = 20_000


class Found(NamedTuple):
    """The members of a workspace on the disk."""

    folders: Mapping[str, int]
    """Relative to the workspace's folder -> which pattern named it."""
    looked_in: Sequence[str]
    """Folders, absolute, where others may appear that would be members."""


def with_members(project: Project, spec: Spec, text: str, edited: Mapping[str, bytes]) -> Spec:
    """Give the env.toml that asks for what a workspace's root and all its members need.

    `text` is that of the root's file, `spec` its values; `edited` has by relative path what files
    are to hold. Raises `SpecInvalid` with the mistakes of the first file that has some.
    """
    if spec.workspace is None:
        return spec
    found = find_members(project.root, spec.workspace, text)
    members = [_read_member(project.root, path, spec, edited) for path in found.folders]
    return combine(spec, members, path=os.path.basename(project.spec_path))


def member_inputs(project: Project, spec: Spec) -> list[str] | None:
    """Give what decides who the members are and what they need, absolute: files and folders.

    None where that is too much to name: below `**` anything may appear anywhere.
    """
    if spec.workspace is None:
        return []
    if any(ANY_DEPTH in pattern.split("/") for pattern in spec.workspace.members):
        return None
    found = find_members(project.root, spec.workspace, "")
    inputs = list(found.looked_in)
    for path in found.folders:
        folder = os.path.join(project.root, path)
        inputs += [folder, *filter(os.path.lexists, (f"{folder}/{name}" for name in FILES))]
    return inputs


# -- on the disk


def find_members(root: str, workspace: WorkspaceSpec, text: str) -> Found:
    """Find the folders that patterns name.

    `text` is the root's file, for lines in `SpecInvalid`.
    """
    problems = Problems()
    folders: dict[str, int] = {}
    real: dict[str, str] = {}
    looked_in: dict[str, None] = {}
    for at, pattern in enumerate(workspace.members):
        key = ("workspace", "members", at)
        matched = list(_expand(root, pattern, looked_in))
        kept = [path for path in matched if not is_excluded(workspace.exclude, path)]
        if ANY_DEPTH in pattern.split("/"):
            # It means what lies between a folder and its projects as well.
            kept = [path for path in kept if _has_project(os.path.join(root, path))]
        elif is_pattern(pattern):
            kept = [path for path in kept if _holds_files(os.path.join(root, path))]
        if not kept:
            problems.add(_nothing(pattern, matched), key)
        for path in kept:
            if path in folders:
                before = workspace.members[folders[path]]
                problems.add(f"{path} is a member by {before} already", key)
                continue
            folders[path] = at
            reason = _why_none(root, path, real)
            if reason is not None:
                problems.add(f"{path} {reason}", key)
    if len(folders) > _MOST_MEMBERS:
        problems.add(f"over {_MOST_MEMBERS} folders are members", ("workspace", "members"))
    if problems.found:
        raise SpecInvalid(SPEC, problem_lines(problems, text))
    return Found(dict(sorted(folders.items())), list(looked_in))


def _nothing(pattern: str, matched: Sequence[str]) -> str:
    if matched:
        return f"all that {pattern} matches is excluded, or has no file in it"
    return f"no folder matches {pattern}" if is_pattern(pattern) else f"no folder {pattern}"


def _expand(root: str, pattern: str, looked_in: dict[str, None]) -> Iterator[str]:
    """Give the folders that a pattern names, sorted; and note where others would appear."""
    found, parts = {""}, pattern.split("/")
    for at, part in enumerate(parts, 1):
        links = at == len(parts)
        found = {path for above in found for path in _below(root, above, part, looked_in, links)}
    yield from sorted(path for path in found if path)


def _below(
    root: str, above: str, part: str, looked_in: dict[str, None], links: bool
) -> Iterator[str]:
    if part == ANY_DEPTH:
        yield above
        for path in _below(root, above, "*", looked_in, links=False):
            yield from _below(root, path, part, looked_in, links)
    elif is_pattern(part):
        looked_in[os.path.join(root, above)] = None
        if len(looked_in) > _MOST_FOLDERS:
            raise SpecInvalid(
                SPEC, [f"workspace.members: there are over {_MOST_FOLDERS} folders to look into"]
            )
        for name in _folders(os.path.join(root, above), links):
            if is_match(part, name):
                yield f"{above}/{name}" if above else name
    else:
        path = f"{above}/{part}" if above else part
        if os.path.isdir(os.path.join(root, path)):
            yield path


def _folders(folder: str, links: bool) -> list[str]:
    """Give what may be members in a folder; with `links` those that links lead to, too.

    On the way to members links aren't followed: they may lead round in circles.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        return [entry.name for entry in entries if _may_be_member(entry, links)]
    return []


def _may_be_member(entry: os.DirEntry[str], links: bool) -> bool:
    if entry.name in _NO_MEMBERS or not entry.is_dir(follow_symlinks=links):
        return False
    return not os.path.lexists(os.path.join(entry.path, "pyvenv.cfg"))


def _holds_files(folder: str) -> bool:
    """Say whether there is more in a folder than git leaves there when another branch has none."""
    return any(
        name not in _NO_MEMBERS and not name.endswith(".egg-info") and not name.startswith(".")
        for name in os.listdir(folder)
    )


def _has_project(folder: str) -> bool:
    return any(os.path.lexists(os.path.join(folder, name)) for name in FILES)


def _why_none(root: str, path: str, real: dict[str, str]) -> str | None:
    """Say why a folder can't be a member; `real` has those before by where they really are."""
    try:
        place = real_path(root, path)
    except PathRefused as error:
        return error.reason.replace("the project's folder", "the workspace")
    if is_of_repository(path) or place == os.path.realpath(root):
        return "cannot be a member"
    other = real.setdefault(place, path)
    if other != path:
        return f"is the member {other} by another name"
    if not _has_project(place):
        return "has no project: neither env.toml nor pyproject.toml nor setup.py"
    return None


# -- what one says


def _read_member(root: str, path: str, spec: Spec, edited: Mapping[str, bytes]) -> MemberSpec:
    own = _own_spec(root, path, spec, edited)
    text = _text(root, f"{path}/{PYPROJECT}", edited)
    file = f"{path}/{SPEC if own is not None else PYPROJECT if text is not None else SETUP}"
    document = load(text, path=f"{path}/{PYPROJECT}") if text is not None else {}
    has_setup = os.path.lexists(os.path.join(root, path, SETUP))
    can_be_required = _package_name(document) is not None or has_setup
    is_package = has_setup or (can_be_required and "build-system" in document)
    if own is None and not can_be_required:
        reason = "there is no [project] with a name in it, and no env.toml beside it"
        raise SpecInvalid(file, [reason], hint=f"`envsync -C {path} init` makes it a member")
    folder = os.path.basename(path)
    needs = own or Spec(folder, _as_name(folder))
    extras: tuple[NormalizedName, ...] = ()
    if (text is not None and "project" in document) or "dependency-groups" in document:
        declared = parse_pyproject(text or "", path=f"{path}/{PYPROJECT}", folder_name=folder)
        if is_package:
            # Its metadata says the rest.
            extras = tuple(declared.optional_dependencies)
            declared = declared._replace(dependencies=(), optional_dependencies={})
        needs = _together(needs, declared)
    name = _as_name(_package_name(document) or "") or needs.own_name
    if name is None:
        raise SpecInvalid(file, [f"{needs.name!r} cannot be the name of a member"])
    return MemberSpec(path, file, name, needs, is_package, can_be_required, extras)


def _own_spec(root: str, path: str, spec: Spec, edited: Mapping[str, bytes]) -> Spec | None:
    """Read a member's own env.toml; None where it has none."""
    file = f"{path}/{SPEC}"
    text = _text(root, file, edited)
    if text is None:
        return None
    reach = reach_of(os.path.join(root, path))
    return parse_spec_bytes(
        text.encode(),
        path=file,
        folder_name=os.path.basename(path),
        reach=lambda place: stays_inside(path, place) or reach(place),
        member_of=[index.name for index in spec.indexes],
        take=partial(take_of_member, root, file, edited),
    )


def _text(root: str, file: str, edited: Mapping[str, bytes]) -> str | None:
    if file in edited:
        return decode(edited[file], path=file)
    if not os.path.lexists(os.path.join(root, file)):
        return None
    try:
        return decode(read_inside(root, file, MAX_BYTES), path=file)
    except PathRefused as error:
        raise SpecInvalid(file, [error.reason]) from error


def member_text(project: Project) -> tuple[str, str]:
    """Give the env.toml of the member that a project is entered by: its relative path, its text.

    Raises `SpecInvalid`; its text is "" where there is none.
    """
    file = f"{project.member}/{SPEC}"
    return file, _text(project.root, file, {}) or ""


def _package_name(document: Mapping[str, object]) -> str | None:
    """Give the name that a pyproject.toml gives its package: in [project], or poetry's table."""
    tool = document.get("tool")
    for table in (document.get("project"), tool.get("poetry") if isinstance(tool, dict) else None):
        name = table.get("name") if isinstance(table, dict) else None
        if isinstance(name, str) and name:
            return name
    return None


def _as_name(text: str) -> NormalizedName | None:
    try:
        return read_name(text)
    except ValueError:
        return None


def _together(first: Spec, second: Spec) -> Spec:
    """Give what two files of one member need together."""
    groups = {**second.dependency_groups, **first.dependency_groups}
    extras = {**second.optional_dependencies, **first.optional_dependencies}
    ranges = [one.requires_python for one in (first, second) if one.requires_python is not None]
    return first._replace(
        requires_python=SpecifierSet(",".join(map(str, ranges))) if ranges else None,
        dependencies=_once(first.dependencies, second.dependencies),
        dependency_groups={
            name: _once(*(one.dependency_groups.get(name, ()) for one in (first, second)))
            for name in groups
        },
        optional_dependencies={
            name: _once(*(one.optional_dependencies.get(name, ()) for one in (first, second)))
            for name in extras
        },
        default_groups=tuple(dict.fromkeys((*first.default_groups, *second.default_groups))),
    )


def _once(*lists: Iterable[Requirement]) -> tuple[Requirement, ...]:
    """Join lists: an env.toml may take from the very pyproject.toml that stands beside it."""
    return tuple(dict.fromkeys(chain(*lists)))
