"""Read a Pipfile."""

import posixpath
import re
from collections.abc import Iterator, Mapping

from envsync.adopt.addresses import Source, git_source, path_source, read_address
from envsync.adopt.draft import Draft, Origin
from envsync.adopt.indexes import add_index, index_source
from envsync.adopt.names import name_of_folder
from envsync.adopt.tasks import add_task
from envsync.adopt.toml_file import Table, TomlFile, text_of, texts_of, wrong_texts
from envsync.spec.model import BASE, Part
from envsync.spec.wording import quote

_NOT_PACKAGES = frozenset({"source", "requires", "scripts", "pipenv", "pipfile", "packages"})
_MARKERS = (
    *("os_name", "sys_platform", "platform_machine", "platform_python_implementation"),
    *("platform_release", "platform_system", "platform_version", "python_version"),
    *("python_full_version", "implementation_name", "implementation_version"),
)
_KNOWN = frozenset(
    {
        *("version", "extras", "markers", "index", "git", "ref", "subdirectory", "path", "file"),
        *("editable", *_MARKERS),
    }
)
_ABOUT_PIPENV = ("sort_pipfile", "disable_pip_input", "install_search_all_sources")
_TEXTS = ("version", "markers", "index", "git", "ref", "subdirectory", "path", "file")
_MADE_UP = r"[0-9a-f]{7}"
"""How old pipenvs call a path that has no name."""
_LONGEST = 200
"""Characters of a marker's value."""
_NOTHING_LIKE = "there is nothing like it in env.toml"


def read_pipfile(draft: Draft, path: str) -> None:
    """Put what a Pipfile says into the draft. Raises `SpecInvalid`."""
    file = TomlFile(path, draft.read_bytes(path))
    draft.has_read(path)
    for number, (row, origin) in enumerate(file.tables("source")):
        _read_source(draft, row, origin, is_first=number == 0)
    _read_python(draft, file)
    for section in file.content:
        if section in _NOT_PACKAGES - {"packages"}:
            continue
        part = _part(draft, section, file.origin(section))
        for name, value in file.table(section).items() if part else ():
            _read_package(draft, part or BASE, name, value, file.origin(section, name))
    for name, value in file.table("scripts").items():
        given = value.get("call", value.get("cmd")) if isinstance(value, Mapping) else value
        add_task(draft, name, given, file.origin("scripts", name))
    _read_options(draft, file)
    file.tell_odd(draft)


def _part(draft: Draft, section: str, origin: Origin) -> Part | None:
    if section == "packages":
        return BASE
    return draft.group_part("dev" if section == "dev-packages" else section, origin)


def _read_source(draft: Draft, row: Table, origin: Origin, *, is_first: bool) -> None:
    name, url = text_of(row, "name") or "", text_of(row, "url")
    if url is None:
        draft.leave(origin, f"source {quote(name)}", "it has no url")
        return
    # Packages come from the first; from others only where they name them.
    add_index(draft, url, origin, name=name, default=is_first, explicit=not is_first)
    if row.get("verify_ssl") is False:
        advice = "hosts that are trusted unasked belong into your own config.toml"
        draft.leave(origin, f"verify_ssl of source {quote(name)}", advice)


def _read_python(draft: Draft, file: TomlFile) -> None:
    for key in ("python_full_version", "python_version"):
        version = file.text_at("requires", key)
        if version is not None and version != "*":
            exact = f"=={version}" if key == "python_full_version" else f"=={version}.*"
            bare = re.fullmatch(r"[0-9.]+", version)
            draft.need_python(exact if bare else version, file.origin("requires", key))
            return


def _read_options(draft: Draft, file: TomlFile) -> None:
    for key, value in file.table("pipenv").items():
        origin = file.origin("pipenv", key)
        if key == "allow_prereleases" and value is True:
            draft.put(("lock", "prereleases"), "allow", origin)
        elif value is not False:
            matters = key not in _ABOUT_PIPENV
            draft.leave(origin, f"pipenv.{key}", _NOTHING_LIKE, matters=matters)


def _read_package(draft: Draft, part: Part, name: str, value: object, origin: Origin) -> None:
    table = {"version": value} if isinstance(value, str) else value
    if not isinstance(table, Mapping):
        draft.leave(origin, name, f"{quote(str(value))} is not a version")
        return
    if wrong := wrong_texts(table, *_TEXTS):
        draft.leave(origin, name, wrong)
        return
    try:
        source = _source(draft, table)
    except ValueError as error:
        draft.lose(name, origin, name, str(error))
        return
    marker = " and ".join(_markers(table))
    if source and re.fullmatch(_MADE_UP, name):
        name = name_of_folder(draft, str(source.get("path", ""))) or name
    if source:
        draft.send(name, source | ({"marker": marker} if marker else {}), origin)
    for key in table.keys() - _KNOWN:
        draft.leave(origin, f"{key} of {name}", _NOTHING_LIKE)
    extras = texts_of(table, "extras")
    bracket = f"[{','.join(extras)}]" if extras else ""
    version = text_of(table, "version") or "*"
    specifier = "" if version.strip() in ("*", "") else version.strip()
    specifier = f"=={specifier}" if re.match(r"[0-9]", specifier) else specifier
    if specifier and specifier[0] not in "<>=!~":
        draft.leave(origin, name, f"{quote(specifier)} is not a version")
        return
    text = f"{name}{bracket}{specifier}" + (f"; {marker}" if marker else "")
    draft.require(part, text, origin)


def _markers(table: Table) -> Iterator[str]:
    if text := text_of(table, "markers"):
        yield f"({text})" if " or " in text else text
    for key in _MARKERS:
        value = text_of(table, key)
        if value and len(value) <= _LONGEST:
            match = re.fullmatch(r"\s*([<>=!~]+|in|not in)?\s*['\"]?([^'\"]*)['\"]?\s*", value)
            if match:
                yield f"{key} {match[1] or '=='} '{match[2].strip()}'"


def _source(draft: Draft, table: Table) -> Source | None:
    below = text_of(table, "subdirectory")
    editable = table.get("editable") is True
    if url := text_of(table, "git"):
        ref = text_of(table, "ref")
        return git_source(url, ("rev", ref) if ref else None, below)
    if place := text_of(table, "file") or text_of(table, "path"):
        if re.match(r"[a-z+]+://|file:", place):
            return read_address(place)
        plain = posixpath.normpath(place)
        is_file = re.search(r"\.(whl|zip|tar\.gz|tgz)$", plain) is not None
        return path_source(place, editable=editable and not is_file)
    if index := text_of(table, "index"):
        default = next((row.name for row in draft.indexes if row.default), None)
        found = dict(index_source(draft, index) or {})
        # What isn't sent elsewhere comes from the first anyway.
        return None if found.get("index") == default else found
    return None
