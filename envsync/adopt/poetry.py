"""Read [tool.poetry] of a pyproject.toml."""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from envsync.adopt.addresses import Source, git_source, path_source, read_address
from envsync.adopt.draft import Draft, Origin, Row
from envsync.adopt.indexes import add_index, index_source
from envsync.adopt.poetry_versions import specifier_of
from envsync.adopt.pyproject import says_project
from envsync.adopt.toml_file import Table, TomlFile, text_of, texts_of, wrong_texts
from envsync.spec.model import BASE, Part
from envsync.spec.wording import quote

_ROOT = ("tool", "poetry")
_MEANS_NOTHING = frozenset(
    {
        *("name", "version", "description", "authors", "maintainers", "license", "readme"),
        *("homepage", "repository", "documentation", "keywords", "classifiers", "urls"),
        *("packages", "include", "exclude", "scripts", "plugins", "build", "requires-poetry"),
    }
)
"""They describe the package, or are for its build."""
_TEXTS = (
    *("version", "markers", "python", "platform", "source", "git", "tag", "branch", "rev"),
    *("subdirectory", "path", "file", "url"),
)
_TAKEN = frozenset(
    {"dependencies", "dev-dependencies", "group", "extras", "source", "package-mode"}
)


class _Dependency(NamedTuple):
    """One dependency, as requirements; several where markers choose."""

    requirements: tuple[str, ...]
    is_optional: bool
    origin: Origin


def read_poetry(draft: Draft, file: TomlFile) -> None:
    """Put what [tool.poetry] says into the draft."""
    draft.call(file.text_at(*_ROOT, "name"), file.origin(*_ROOT, "name"))
    _read_sources(draft, file)
    _read_main(draft, file)
    _read_groups(draft, file)
    for key in file.table(*_ROOT):
        if key not in _TAKEN | _MEANS_NOTHING:
            origin = file.origin(*_ROOT, key)
            draft.leave(origin, f"tool.poetry.{key}", "there is nothing like it in env.toml")
    if file.table(*_ROOT).get("package-mode") is not False and file.has("build-system"):
        draft.is_package = draft.is_package or Row(True, file.origin("build-system"))


def _read_sources(draft: Draft, file: TomlFile) -> None:
    """Poetry's own index is asked only where no other is primary, or it is named itself."""
    rows = list(file.tables(*_ROOT, "source"))
    names_public = any((text_of(row, "name") or "").lower() == "pypi" for row, _ in rows)
    primary = [row for row, _ in rows if _priority(row) in ("primary", "default")]
    for row, origin in rows:
        name, url, priority = text_of(row, "name") or "", text_of(row, "url"), _priority(row)
        if url is None:
            continue
        is_last = row is (primary[-1] if primary else None)
        default = priority == "default" or (is_last and not names_public)
        add_index(draft, url, origin, name=name, default=default, explicit=priority == "explicit")
        if priority in ("supplemental", "secondary"):
            advice = "it is asked before the public one: `explicit = true` keeps it to [sources]"
            draft.leave(origin, f"priority of index {name}", advice)


def _priority(row: Table) -> str:
    if row.get("default") is True:
        return "default"
    if row.get("secondary") is True:
        return "secondary"
    return (text_of(row, "priority") or "primary").lower()


def _read_main(draft: Draft, file: TomlFile) -> None:
    """Main dependencies and extras; beside [project] they only say where packages come from."""
    keys = (*_ROOT, "dependencies")
    only_sources = says_project(file)
    found: dict[NormalizedName, _Dependency] = {}
    known = draft.names() if only_sources else ()
    for name, value in file.table(*keys).items():
        origin = file.origin(*keys, name)
        if canonicalize_name(name) == "python":
            _read_python(draft, value, origin)
            continue
        dependency = _dependency(draft, name, value, origin)
        found[canonicalize_name(name)] = dependency
        if only_sources:
            _check_known(draft, name, known, origin)
        elif not dependency.is_optional:
            _require(draft, BASE, dependency)
    for extra, names in file.table(*_ROOT, "extras").items():
        origin = file.origin(*_ROOT, "extras", extra)
        part = draft.extra_part(extra, origin)
        for name in names if isinstance(names, list) and part else ():
            _read_extra(draft, part or BASE, str(name), found, origin)


def _check_known(
    draft: Draft, name: str, known: Collection[NormalizedName], origin: Origin
) -> None:
    if canonicalize_name(name) not in known:
        draft.leave(origin, name, "[project] doesn't ask for it: add it there, or to env.toml")


def _read_extra(
    draft: Draft,
    part: Part,
    name: str,
    found: Mapping[NormalizedName, _Dependency],
    origin: Origin,
) -> None:
    dependency = found.get(canonicalize_name(name.partition("[")[0].partition(" ")[0]))
    if dependency is None:
        draft.leave(origin, f"{quote(name)} in {part}", "it is no dependency of tool.poetry")
    else:
        _require(draft, part, dependency)


def _read_python(draft: Draft, value: object, origin: Origin) -> None:
    try:
        draft.need_python(_range(value) if isinstance(value, str) else None, origin)
    except ValueError as error:
        draft.leave(origin, f"python = {quote(str(value))}", str(error))


def _range(text: str) -> str:
    return ",".join(one.strip() for one in specifier_of(text).split(",")) or ">=3"


def _read_groups(draft: Draft, file: TomlFile) -> None:
    """Poetry installs every group that isn't optional."""
    default: list[str] = []
    groups = file.table(*_ROOT, "group")
    if file.has(*_ROOT, "dev-dependencies"):
        _read_group(draft, file, "dev", *_ROOT, "dev-dependencies")
        default.append("dev")
    for name, table in groups.items():
        if not isinstance(table, Mapping):
            continue
        _read_group(draft, file, name, *_ROOT, "group", name, "dependencies")
        part = draft.group_part(name, file.origin(*_ROOT, "group", name))
        for included in texts_of(table, "include-groups") if part else ():
            draft.include(part or BASE, included, file.origin(*_ROOT, "group", name))
        if table.get("optional") is not True:
            default.append(canonicalize_name(name))
    if default and set(default) != {"dev"}:
        draft.put(("env", "default-groups"), list(dict.fromkeys(default)), file.origin(*_ROOT))
    elif not default and groups:
        draft.put(("env", "default-groups"), [], file.origin(*_ROOT, "group"))


def _read_group(draft: Draft, file: TomlFile, group: str, *keys: str) -> None:
    part = draft.group_part(group, file.origin(*keys))
    for name, value in file.table(*keys).items() if part else ():
        origin = file.origin(*keys, name)
        if canonicalize_name(name) == "python":
            draft.leave(origin, f"python in group {group}", "requires-python is for all of it")
            continue
        _require(draft, part or BASE, _dependency(draft, name, value, origin))


def _require(draft: Draft, part: Part, dependency: _Dependency) -> None:
    for text in dependency.requirements:
        draft.require(part, text, dependency.origin)


def _dependency(draft: Draft, name: str, value: object, origin: Origin) -> _Dependency:
    rows = value if isinstance(value, list) else [value]
    tables: list[object] = [{"version": row} if isinstance(row, str) else row for row in rows]
    requirements: list[str] = []
    is_optional = False
    for table in tables:
        if not isinstance(table, Mapping):
            draft.leave(origin, name, f"{quote(str(table))} is not a version")
            continue
        if wrong := wrong_texts(table, *_TEXTS):
            draft.leave(origin, name, wrong)
            continue
        is_optional |= table.get("optional") is True
        requirements += _requirement(draft, name, table, origin)
    return _Dependency(tuple(requirements), is_optional, origin)


def _requirement(draft: Draft, name: str, table: Table, origin: Origin) -> Iterator[str]:
    """Give the requirement of one table, and put its source into the draft."""
    try:
        version = specifier_of(text_of(table, "version") or "*")
        marker = _marker(table)
    except ValueError as error:
        draft.leave(origin, name, str(error))
        return
    try:
        source = _source(draft, table)
    except ValueError as error:
        draft.lose(name, origin, name, str(error))
        return
    if source:
        draft.send(name, source | ({"marker": marker} if marker else {}), origin)
    if table.get("allow-prereleases") is True:
        advice = "a bound such as `>=2.0a1` asks for a pre-release of one package"
        draft.leave(origin, f"allow-prereleases of {name}", advice)
    for key in table.keys() - _KNOWN:
        draft.leave(origin, f"{key} of {name}", "there is nothing like it in env.toml")
    extras = texts_of(table, "extras")
    bracket = f"[{','.join(extras)}]" if extras else ""
    yield f"{name}{bracket}{version}" + (f"; {marker}" if marker else "")


_KNOWN = frozenset(
    {
        *("version", "extras", "optional", "python", "platform", "markers", "source", "develop"),
        *("git", "tag", "branch", "rev", "subdirectory", "path", "file", "url"),
        *("allow-prereleases",),
    }
)


def _marker(table: Table) -> str:
    """Join what limits a dependency: its marker, Pythons and platforms."""
    parts = []
    if text := text_of(table, "markers"):
        parts.append(text)
    if python := text_of(table, "python"):
        parts += _python_markers(specifier_of(python))
    if platform := text_of(table, "platform"):
        names = [one.strip() for one in platform.split("|") if one.strip()]
        parts.append(" or ".join(f"sys_platform == '{one}'" for one in names))
    if len(parts) == 1:
        return parts[0]
    return " and ".join(f"({part})" if " or " in part else part for part in parts)


def _python_markers(specifier: str) -> Iterator[str]:
    for one in sorted(SpecifierSet(specifier), key=lambda each: (each.operator != ">=", str(each))):
        release = one.version.removesuffix(".*")
        variable = "python_full_version" if release.count(".") > 1 else "python_version"
        version = release if variable == "python_version" else one.version
        yield f"{variable} {one.operator} '{version}'"


def _source(draft: Draft, table: Table) -> Source | None:
    below = text_of(table, "subdirectory")
    editable = table.get("develop") is True
    if url := text_of(table, "git"):
        given = [(key, text_of(table, key)) for key in ("tag", "branch", "rev")]
        revision = next(((key, value) for key, value in given if value), None)
        return git_source(url, revision, below)
    if url := text_of(table, "url"):
        return read_address(url) | ({"subdirectory": below} if below else {})
    if path := text_of(table, "path") or text_of(table, "file"):
        return path_source(path, editable=editable) | ({"subdirectory": below} if below else {})
    if index := text_of(table, "source"):
        if index.lower() == "pypi":
            return None
        return dict(index_source(draft, index) or {})
    return None
