"""Read env.toml into a Spec: every table and key checked, all mistakes reported together."""

import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from functools import partial
from itertools import chain

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from envsync.errors import SpecInvalid
from envsync.spec.conflicts import clash, exclusive_parts
from envsync.spec.document import decode, load
from envsync.spec.fields import Problems, Table, TooManyProblems
from envsync.spec.includes import Entries, Include, OwnName, expand, not_asked_for
from envsync.spec.inputs import Merged, Take, Taken, merged, read_inputs, with_itself
from envsync.spec.lines import KeyPath
from envsync.spec.locations import Reach, is_of_repository, nowhere, read_path
from envsync.spec.model import BASE, InputFile, Part, Spec, WorkspaceSpec
from envsync.spec.policies import (
    read_build,
    read_lock,
    read_requirement_lists,
    read_sync,
    read_tasks,
)
from envsync.spec.problem_lines import problem_lines
from envsync.spec.requirements import read_known, read_name, read_python_range, read_requirement
from envsync.spec.source_parts import place_sources
from envsync.spec.sources import index_names, read_indexes, read_sources
from envsync.spec.wording import kind_of, quote
from envsync.spec.workspace import WithMembers, read_workspace, refuse_in_member

_MAX_NAME = 200
_PYTHON = re.compile(r"[A-Za-z0-9.<>=!~,*+_ -]+")
_ONE_PYTHON = re.compile(r"[A-Za-z]*[-@]?([0-9]+(?:\.[0-9]+){0,2})((?:a|b|rc)[0-9]+)?t?")
_PYTHON_RANGE = re.compile(r"[A-Za-z]*\s*([<>=!~].*)")

_ROOT_ADVICE = {
    "project": "the table is called [env] here",
    "tool": "env.toml is envsync's own: leave out `tool.`",
    "envsync": "leave out `envsync.`",
    "extras": "extras go under [env.optional-dependencies]",
    "dev-dependencies": "write [dependency-groups] with dev = [...]",
    "indexes": "write [[index]]",
    "scripts": "commands go under [tasks]",
    **dict.fromkeys(
        ("name", "requires-python", "python", "dependencies", "default-groups", "path"),
        "it belongs under [env]",
    ),
    "optional-dependencies": "write [env.optional-dependencies]",
}
_ENV_ADVICE = {
    "dependency-groups": "write [dependency-groups]",
    "dev-dependencies": "write [dependency-groups] with dev = [...]",
    "groups": "write [dependency-groups]",
    "extras": "extras go under [env.optional-dependencies]",
    "sources": "write [sources]",
    "index": "write [[index]]",
    "tasks": "write [tasks]",
    **dict.fromkeys(
        ("version", "description", "authors", "readme", "license", "classifiers"),
        "it describes a package and belongs in pyproject.toml",
    ),
}


def parse_spec_bytes(
    data: bytes,
    *,
    path: str = "env.toml",
    folder_name: str,
    reach: Reach = nowhere,
    member_of: Collection[str] | None = None,
    take: Take | None = None,
) -> Spec:
    """Read env.toml from its bytes (UTF-8, at most 1 MiB); else as `parse_spec`."""
    text = decode(data, path=path)
    return parse_spec(
        text, path=path, folder_name=folder_name, reach=reach, member_of=member_of, take=take
    )


def parse_spec(
    text: str,
    *,
    path: str = "env.toml",
    folder_name: str,
    reach: Reach = nowhere,
    member_of: Collection[str] | None = None,
    take: Take | None = None,
) -> Spec:
    """Read the text of env.toml.

    `path` is what messages call the file; `folder_name` is the environment's name where env.toml
    has none; `reach` says where the user lets paths lead that env.toml doesn't let out itself. Of
    a workspace's member, `member_of` are the names of the workspace's indexes. `take` reads the
    files of `from`, which a script can't have. Raises `SpecInvalid` with all mistakes, each with
    its line and key path, in the order of the file, and as `take`.
    """
    content = load(text, path=path)
    problems = Problems()
    given = Merged(content, {})
    files: tuple[InputFile, ...] = ()
    spec = None
    with suppress(TooManyProblems):
        if _names_others(content):
            given, files = _with_others(content, problems, folder_name, take)
        if not problems.found:
            spec = _read(Table(given.content, (), problems), folder_name, reach, member_of)
    if spec is None or problems.found:
        raise SpecInvalid(path, problem_lines(problems, text, given.places))
    return spec._replace(inputs=files)


def _names_others(content: Mapping[str, object]) -> bool:
    """Say whether [env] has more than its own: files to read, or the project itself."""
    env = content.get("env")
    return isinstance(env, dict) and ("from" in env or "package" in env)


def _with_others(
    content: Mapping[str, object], problems: Problems, folder_name: str, take: Take | None
) -> tuple[Merged, tuple[InputFile, ...]]:
    """Put in what the files of `from` declare, and the project itself where it is a package."""
    env = Table(content, (), problems).table("env")
    inputs, is_package = read_inputs(env), env.flag("package")
    if inputs and take is None:
        env.report("only env.toml can name other files", "from")
    if problems.found:
        return Merged({}, {}), ()
    taken = take(inputs) if inputs and take is not None else Taken()
    given = merged(content, taken)
    if is_package:
        name = env.content.get("name") or taken.name or folder_name
        given = given._replace(content=with_itself(given.content, str(name)))
    return given, taken.files


def parse_pyproject(text: str, *, path: str, folder_name: str) -> Spec:
    """Read of a pyproject.toml what an env.toml that says the same would have.

    That is of [project] the name, requires-python, dependencies and extras, and the dependency
    groups (PEP 621, PEP 735). Raises `SpecInvalid` as `parse_spec`.
    """
    problems = Problems()
    root = Table(load(text, path=path), (), problems)
    with suppress(TooManyProblems):
        project = root.table("project")
        own = _own_name(project.convert("name", str) or folder_name)
        requirements = expand(_read_parts(root, project, own), problems.add)
        groups = _of_kind("group", requirements)
        spec = Spec(
            name=own or _folder_as_name(folder_name),
            own_name=own,
            requires_python=project.convert("requires-python", read_python_range),
            dependencies=requirements[BASE],
            optional_dependencies=_of_kind("extra", requirements),
            dependency_groups=groups,
            default_groups=tuple(name for name in groups if name == "dev"),
        )
    if problems.found:
        raise SpecInvalid(path, problem_lines(problems, text))
    return spec


def _read(root: Table, folder_name: str, reach: Reach, member_of: Collection[str] | None) -> Spec:
    workspace = read_workspace(root) if member_of is None else None
    if "env" not in root.content and workspace is None:
        root.report("the table [env] is missing")
    env = root.table("env")
    if member_of is not None:
        refuse_in_member(root, env)
    name = env.convert("name", _read_env_name)
    own = _own_name(name or folder_name)
    parts = _read_parts(root, env, None if own in _sourced(root) else own)
    requirements = expand(parts, root.problems.add)
    groups, extras = _of_kind("group", requirements), _of_kind("extra", requirements)
    indexes = read_indexes(root)
    spec = Spec(
        name=name or _folder_as_name(folder_name),
        own_name=own,
        requires_python=env.convert("requires-python", read_python_range),
        python=env.convert("python", _read_python),
        dependencies=requirements[BASE],
        optional_dependencies=extras,
        dependency_groups=groups,
        default_groups=_read_default_groups(env, groups),
        path=env.convert("path", _read_env_path) or ".venv",
        system_site_packages=env.flag("system-site-packages"),
        seed=env.items("seed", read_name),
        indexes=tuple(one for one in indexes if one.mirror_of is None),
        mirrors=tuple(one for one in indexes if one.mirror_of is not None),
        sources=read_sources(root, [*index_names(root), *(member_of or ())], reach),
        lock=read_lock(root.table("lock"), _may_conflict(groups, extras, workspace)),
        sync=read_sync(root.table("sync")),
        build=read_build(root.table("build")),
        tasks=read_tasks(root.table("tasks")),
        workspace=workspace,
    )
    env.value("from"), env.value("package")  # read before all else, in which they have a part
    env.finish(_ENV_ADVICE)
    root.finish(_ROOT_ADVICE)
    _refuse_two_origins(root, spec)
    _refuse_own_name(root, env, spec)
    _refuse_python_outside(env, spec)
    exclusive = exclusive_parts(spec.lock.conflicts, parts, root.problems.add)
    placed = place_sources(spec.sources, parts, exclusive, root.problems.add)
    spec = spec._replace(exclusive=exclusive, sources=placed)
    _refuse_conflicting_defaults(env, spec)
    return spec


def _may_conflict(
    groups: Mapping[NormalizedName, object],
    extras: Mapping[NormalizedName, object],
    workspace: WorkspaceSpec | None,
) -> Mapping[NormalizedName, object]:
    """Give the names that `[lock] conflicts` may have."""
    return {**groups, **extras} if workspace is None else WithMembers({**groups, **extras})


def _read_env_name(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > _MAX_NAME:
        raise ValueError(f"the name must be printable text of at most {_MAX_NAME} characters")
    return text.strip()


def _folder_as_name(folder_name: str) -> str:
    """Make a folder's name fit for a prompt."""
    name = "".join(char if char.isprintable() else "_" for char in folder_name[:_MAX_NAME])
    return name.strip() or "env"


def _read_python(text: str) -> str:
    """Read `[env] python`; a path is absolute, for a project brings no interpreter (H21)."""
    if text.startswith("/") or re.match(r"[A-Za-z]:[/\\]", text):
        if not text.isprintable():
            raise ValueError("the path has characters that cannot be shown")
        return text
    if "/" in text or "\\" in text or text.startswith("~"):
        raise ValueError("the path of an interpreter must be written in full, from / on")
    if not _PYTHON.fullmatch(text) or text.startswith("-") or len(text) > _MAX_NAME:
        raise ValueError(f'{quote(text)} is not a version such as "3.12", a specifier or a path')
    return text.strip()


def _read_env_path(text: str) -> str:
    path = read_path(text)
    if path == ".":
        raise ValueError("the environment cannot be the project's folder itself")
    if is_of_repository(path):
        raise ValueError("the environment cannot lie in what version control keeps there")
    return path


def _read_parts(root: Table, env: Table, own_name: NormalizedName | None) -> dict[Part, Entries]:
    """Read the dependencies, extras and groups, references between them still in place."""
    report = root.problems.add
    extras = read_requirement_lists(env.table("optional-dependencies"))
    own = OwnName(own_name, extras)
    base = env.items("dependencies", read_requirement)
    path: KeyPath = (*env.path, "dependencies")
    parts: dict[Part, Entries] = {BASE: tuple(own.entries(base, path, report))}
    for name, requirements in extras.items():
        path = (*env.path, "optional-dependencies", name)
        parts[Part("extra", name)] = tuple(own.entries(requirements, path, report))
    groups = root.table("dependency-groups")
    for key, name in groups.names():
        parts[Part("group", name)] = tuple(_read_group(groups, key, own))
    return parts


def _own_name(name: str) -> NormalizedName | None:
    """The name under which the file may ask for its own extras; None if it is none of a package."""
    try:
        return read_name(name)
    except ValueError:
        return None


def _sourced(root: Table) -> frozenset[NormalizedName]:
    """What [sources] names: a package, even where that has the environment's name."""
    sources = root.content.get("sources")
    return frozenset(map(canonicalize_name, sources if isinstance(sources, dict) else ()))


def _of_kind(
    kind: str, requirements: Mapping[Part, tuple[Requirement, ...]]
) -> dict[NormalizedName, tuple[Requirement, ...]]:
    return {part.name: those for part, those in requirements.items() if part.kind == kind}


def _read_group(table: Table, key: str, own: OwnName) -> Iterable[Requirement | Include]:
    for position, item in enumerate(table.elements(key)):
        if isinstance(item, dict):
            include = _read_include(table.table_at(item, key, position))
            if include is not None:
                yield include
        elif isinstance(item, str):
            requirement = table.convert_at(item, read_requirement, key, position)
            if requirement is not None:
                path = (*table.path, key, position)
                yield from own.entry(requirement, path, table.problems.add)
        else:
            table.report(f"expected a requirement, found {kind_of(item)}", key, position)


def _read_include(table: Table) -> Include | None:
    group = table.convert("include-group", read_name)
    if "include-group" not in table.content:
        table.report('expected a requirement or {include-group = "NAME"}')
    table.finish()
    return None if group is None else Include(Part("group", group), table.path)


def _read_default_groups(
    env: Table, groups: Mapping[NormalizedName, object]
) -> tuple[NormalizedName, ...]:
    named = tuple(dict.fromkeys(env.items("default-groups", partial(read_known, groups, "group"))))
    if "default-groups" in env.content:
        return named
    return tuple(name for name in groups if name == "dev")


def _refuse_conflicting_defaults(env: Table, spec: Spec) -> None:
    both = clash((Part("group", name) for name in spec.default_groups), spec.exclusive)
    if both is not None:
        env.report(f"{both[0]} and {both[1]} are kept apart by lock.conflicts", "default-groups")


def _refuse_python_outside(env: Table, spec: Spec) -> None:
    """An interpreter that requires-python excludes could lock and never sync."""
    asked = _versions_asked(spec.python or "")
    if asked is not None and spec.requires_python is not None:
        covered = SpecifierSet(str(spec.requires_python), prereleases=True)
        if covered.is_disjoint(asked):
            env.report(
                f"{quote(spec.python or '')} is outside of requires-python, {spec.requires_python}",
                "python",
            )


def _versions_asked(text: str) -> SpecifierSet | None:
    """The versions that a request for an interpreter leaves; None where it doesn't say."""
    if match := _ONE_PYTHON.fullmatch(text):
        version, stage = match.groups()
        exact = version.count(".") == 2 and not stage
        return SpecifierSet(f"=={version}" if exact else f"=={version}.*", prereleases=True)
    match = _PYTHON_RANGE.fullmatch(text)
    try:
        return None if match is None else SpecifierSet(match[1], prereleases=True)
    except InvalidSpecifier:
        return None


def _refuse_two_origins(root: Table, spec: Spec) -> None:
    """A package with a URL of its own can't have a source as well."""
    lists = (
        spec.dependencies,
        *spec.optional_dependencies.values(),
        *spec.dependency_groups.values(),
    )
    direct = {canonicalize_name(each.name) for each in chain(*lists) if each.url is not None}
    sources = root.table("sources")
    for key in sources.content:
        if canonicalize_name(key) in direct:
            sources.report("a requirement gives this package a URL already", key)


def _refuse_own_name(root: Table, env: Table, spec: Spec) -> None:
    """No list of names may lead to the own name, unless it has a source."""
    own = spec.own_name
    if own is None or own in spec.sources:
        return
    for at, name in enumerate(spec.seed):
        if name == own:
            env.report(not_asked_for(own), "seed", at)
    for package, requirements in spec.build.extra_build_requires.items():
        if any(canonicalize_name(one.name) == own and one.url is None for one in requirements):
            build = root.table("build").table("extra-build-requires")
            build.report(not_asked_for(own), package)
