"""Read what standards put into pyproject.toml: [project] and [dependency-groups]."""

import posixpath

from envsync.adopt.draft import Draft, Origin, Row
from envsync.adopt.requirements_txt import read_requirements
from envsync.adopt.toml_file import TomlFile, texts_of
from envsync.spec.model import BASE, Part
from envsync.spec.wording import kind_of

_DYNAMIC = (
    "it is dynamic, so that only a build could tell: write it into pyproject.toml or env.toml"
)


def read_pyproject(draft: Draft, path: str) -> TomlFile:
    """Read [project] and [dependency-groups] (PEP 621, 735) and give the file for its other tables.

    Raises `SpecInvalid` for what is no TOML.
    """
    file = TomlFile(path, draft.read_bytes(path))
    draft.has_read(path)
    _read_project(draft, file)
    read_groups(draft, file, "dependency-groups")
    return file


def says_project(file: TomlFile) -> bool:
    """Say whether [project] has the dependencies, itself or in files that it names."""
    return file.has("project") and (
        file.has("project", "dependencies")
        or "dependencies" not in texts_of(file.table("project"), "dynamic")
        or file.has("tool", "setuptools", "dynamic", "dependencies")
    )


def _read_project(draft: Draft, file: TomlFile) -> None:
    draft.call(file.text_at("project", "name"), file.origin("project", "name"))
    python = file.text_at("project", "requires-python")
    draft.need_python(python, file.origin("project", "requires-python"))
    _check_list(draft, file, "project", "dependencies")
    for text, origin in file.texts("project", "dependencies"):
        draft.require(BASE, text, origin)
    for name in file.table("project", "optional-dependencies"):
        keys = ("project", "optional-dependencies", name)
        part = draft.extra_part(name, file.origin(*keys))
        _check_list(draft, file, *keys)
        for text, origin in file.texts(*keys) if part else ():
            draft.require(part or BASE, text, origin)
    _read_dynamic(draft, file)
    if file.has("project") and file.has("build-system"):
        draft.is_package = Row(True, file.origin("build-system"))


def read_groups(draft: Draft, file: TomlFile, *keys: str) -> None:
    """Read a table of dependency groups, with what they include."""
    for name, items in file.table(*keys).items():
        part = draft.group_part(name, file.origin(*keys, name))
        _check_list(draft, file, *keys, name)
        if part is None or not isinstance(items, list):
            continue
        for number, item in enumerate(items):
            _read_item(draft, part, item, file.origin(*keys, name, number))


def _read_item(draft: Draft, part: Part, item: object, origin: Origin) -> None:
    if isinstance(item, str):
        draft.require(part, item, origin)
    elif isinstance(item, dict) and isinstance(item.get("include-group"), str):
        draft.include(part, item["include-group"], origin)
    else:
        what = f"{kind_of(item)} in {part}"
        draft.leave(origin, what, 'write a requirement or {include-group = "NAME"}')


def _check_list(draft: Draft, file: TomlFile, *keys: str) -> None:
    value = file.table(*keys[:-1]).get(keys[-1])
    if value is None:
        return
    items = value if isinstance(value, list) else [None]
    groups = keys[0] != "project"
    for number, item in enumerate(items):
        if not isinstance(item, str) and not (groups and isinstance(item, dict)):
            where = file.origin(*keys, number)
            draft.leave(where, ".".join(keys), "expected a list of requirements")


def _read_dynamic(draft: Draft, file: TomlFile) -> None:
    """Take what setuptools reads from other files of the project, which is as good as static."""
    dynamic = texts_of(file.table("project"), "dynamic")
    table = ("tool", "setuptools", "dynamic")
    origin = file.origin("project", "dynamic")
    if "dependencies" in dynamic:
        found = _from_files(draft, file, BASE, *table, "dependencies")
        if not found and not file.has("tool", "poetry", "dependencies"):
            draft.leave(origin, "project.dependencies", _DYNAMIC)
    if "optional-dependencies" in dynamic:
        extras = file.table(*table, "optional-dependencies")
        for name in extras:
            part = draft.extra_part(name, file.origin(*table, "optional-dependencies", name))
            if part is not None:
                _from_files(draft, file, part, *table, "optional-dependencies", name)
        if not extras and not file.has("tool", "poetry", "extras"):
            draft.leave(origin, "project.optional-dependencies", _DYNAMIC)


def _from_files(draft: Draft, file: TomlFile, part: Part, *keys: str) -> bool:
    names = texts_of(file.table(*keys), "file")
    for name in names:
        place = posixpath.normpath(posixpath.join(posixpath.dirname(file.path), name))
        read_requirements(draft, place, part)
    return bool(names)
