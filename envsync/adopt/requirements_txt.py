"""Read requirements files: what they require, and the options of pip in them."""

import posixpath
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from packaging.utils import canonicalize_name, parse_wheel_filename

from envsync.adopt.addresses import egg_name, git_source, path_source, read_address
from envsync.adopt.draft import Draft, Origin
from envsync.adopt.indexes import add_index
from envsync.adopt.names import name_of_folder
from envsync.adopt.requirement_lines import Statement, decode_lines, statements
from envsync.errors import PathRefused, SpecInvalid
from envsync.spec.model import ALL, BASE, Part
from envsync.spec.requirements import MAX_REQUIREMENT
from envsync.spec.wording import quote

_ADDRESS = re.compile(r"(?:[a-z]+\+)?[a-z]+://|git\+|file:", re.IGNORECASE)
_PATH = re.compile(r"\.{1,2}(?:$|[\\/\[])|[\\/]|~[\\/]|[A-Za-z]:[\\/]")
_ARCHIVE = re.compile(r"\.(?:whl|zip|tar\.gz|tgz|tar\.bz2|tar\.xz)(?:\s*;|\[|$)", re.IGNORECASE)
_SILENT = ("--trusted-host", "--use-feature", "--prefer-binary", "--require-hashes")
_MOST_FILES = 200


class _File(NamedTuple):
    """One file while it is read."""

    path: str
    part: Part | None
    """None: what is listed are constraints."""
    above: tuple[str, ...] = ()
    """The files that led here."""

    def origin(self, statement: Statement) -> Origin:
        return Origin(self.path, statement.line)

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.path)


def read_requirements(draft: Draft, path: str, part: Part | None) -> None:
    """Read a requirements file into a part of the draft, or into its constraints.

    Raises `SpecInvalid` for one that can't be read, or includes itself.
    """
    draft.included.add((path, part))
    _read(draft, _File(path, part))


def require_editable(draft: Draft, part: Part, place: str, origin: Origin) -> None:
    """Take an address or a path that is to be installed editable, relative to the project."""
    _require_source(draft, _File("", part), place, origin, editable=True)


def read_requirement_lines(
    draft: Draft, path: str, lines: Iterable[tuple[int, str]], part: Part
) -> None:
    """Take lines of a requirements file that stand in another file, such as conda's."""
    for line, text in lines:
        for statement in statements(text):
            _take(draft, _File(path, part), statement._replace(line=line, end=line))


def file_statements(draft: Draft, path: str) -> list[Statement]:
    """Give the statements of a file. Raises `SpecInvalid`."""
    try:
        return list(statements(decode_lines(draft.read_bytes(path))))
    except ValueError as error:
        raise SpecInvalid(path, [str(error)], hint=f"save {path} as UTF-8") from error


def _read(draft: Draft, file: _File) -> None:
    draft.has_read(file.path)
    if len(draft.files) > _MOST_FILES:
        raise SpecInvalid(file.path, [f"over {_MOST_FILES} files include each other"])
    found = file_statements(draft, file.path)
    for statement in found:
        _take(draft, file, statement)


def _take(draft: Draft, file: _File, statement: Statement) -> None:
    origin, option, value = file.origin(statement), statement.option, statement.value
    if len(value) > MAX_REQUIREMENT:
        draft.leave(origin, quote(value[:60]), f"it has over {MAX_REQUIREMENT} characters")
        return
    if option == "":
        _require(draft, file, statement)
    elif option == "?":
        draft.leave(origin, quote(value), "a quote is not closed: close it")
    elif option in ("--requirement", "--constraint"):
        _include(draft, file, statement)
    elif option == "--editable":
        _require_source(draft, file, value, origin, editable=True)
    elif option in _INDEX_OPTIONS:
        _INDEX_OPTIONS[option](draft, file, value, origin)
    elif option in _SILENT:
        draft.leave(origin, option, *_said(option), matters=False)
    else:
        draft.leave(origin, quote(option), "no option that a requirements file can have here")


def _include(draft: Draft, file: _File, statement: Statement) -> None:
    origin = file.origin(statement)
    if not statement.value:
        draft.leave(origin, statement.option, "it names no file: name one, or take the line out")
        return
    if _ADDRESS.match(statement.value):
        shown = f"{statement.option} {quote(statement.value)}"
        draft.leave(origin, shown, "only files of the project are read: put a copy there")
        return
    path = posixpath.normpath(posixpath.join(file.folder, statement.value.replace("\\", "/")))
    if path == file.path or path in file.above:
        way = " -> ".join((*file.above, file.path, path)[-4:])
        raise SpecInvalid(
            file.path,
            [f"line {statement.line}: the file includes itself: {way}"],
            hint=f"take line {statement.line} out of {file.path}",
        )
    part = None if statement.option == "--constraint" else file.part
    below = _File(path, part, (*file.above, file.path))
    known = (path, part)
    if known in draft.included or ((path, BASE) in draft.included and part is not None):
        return
    if part is None and path in draft.compiled:
        advice = "it is made of another file: its versions are kept where they fit"
        draft.leave(origin, f"--constraint {path}", advice, matters=False)
        return
    draft.included.add(known)
    try:
        _read(draft, below)
    except PathRefused as error:
        raise SpecInvalid(file.path, [f"line {statement.line}: {error}"]) from error


def _require(draft: Draft, file: _File, statement: Statement) -> None:
    origin, text = file.origin(statement), statement.value
    for option, value in statement.options:
        if option != "--hash":
            advice = "settings of a build go under [build] config-settings in env.toml"
            draft.leave(origin, f"{option}={value}", advice)
    if statement.hashes():
        draft.leave(origin, "--hash", "the lock has the hashes of every file", matters=False)
    if _is_place(text):
        _require_source(draft, file, text, origin, editable=False)
    elif file.part is None:
        draft.constrain(text, origin)
    else:
        draft.require(file.part, text, origin)


def _is_place(text: str) -> bool:
    """Tell an address or a path that stands alone from a requirement."""
    if _ADDRESS.match(text) or _PATH.match(text):
        return True
    head = text.partition(";")[0].strip()
    return _ARCHIVE.search(head) is not None and "@" not in head and " " not in head


def _require_source(
    draft: Draft, file: _File, text: str, origin: Origin, *, editable: bool
) -> None:
    """Take a requirement that is an address or a path, and has a name only there."""
    body, marker = _without_marker(text)
    named = re.match(r"([A-Za-z0-9._-]+(?:\[[^\]]*\])?)\s*@\s*(\S.*)", body)
    if named:
        body = named[2]
    place, extras = _split_extras(body.strip())
    try:
        if _ADDRESS.match(place):
            source = git_source(place) if place.startswith("git+") else read_address(place)
        else:
            source = path_source(re.sub(r"#egg=.*$", "", place), folder=file.folder)
    except ValueError as error:
        told = named[1].partition("[")[0] if named else (egg_name(place) or ("",))[0]
        draft.lose(told, origin, quote(text), str(error))
        return
    if editable and "path" in source and not _ARCHIVE.search(str(source["path"])):
        source["editable"] = True
    known = _named(named[1]) if named else _name(draft, place, source)
    if known is None:
        advice = "it has no name: write NAME @ in front of it"
        if "outside" in source:
            advice = "nothing outside of the project is read for a name: write #egg=NAME behind it"
        draft.leave(origin, quote(text), advice)
        return
    name, of_name = known
    if file.part is None:
        draft.leave(origin, quote(text), f"as a constraint: name a version of {name}")
        return
    draft.send(name, source, origin)
    condition = f"; {marker.strip()}" if marker.strip() else ""
    draft.require(file.part, f"{name}{of_name or extras}{condition}", origin)


def _without_marker(text: str) -> tuple[str, str]:
    """Split off a marker: an address may have a `;` in it, a path not."""
    for end in (" ;", "; ") if "://" in text else (";",):
        if end in text:
            body, _, marker = text.partition(end)
            return body, marker
    return text, ""


def _split_extras(text: str) -> tuple[str, str]:
    if _ADDRESS.match(text):
        return text, ""
    head, bracket, extras = text.rpartition("[")
    return (head, f"[{extras}") if bracket and extras.endswith("]") else (text, "")


def _named(text: str) -> tuple[str, str]:
    name, bracket, extras = text.partition("[")
    return canonicalize_name(name), f"{bracket}{extras}"


def _name(draft: Draft, place: str, source: dict[str, object]) -> tuple[str, str] | None:
    """Find the name of what lies at an address or path: told, in a file's name, or in its files."""
    if told := egg_name(place):
        return told
    path = str(source.get("path") or source.get("url") or "")
    base = posixpath.basename(path.partition("#")[0])
    if base.endswith(".whl"):
        try:
            return str(parse_wheel_filename(base)[0]), ""
        except ValueError:
            return None
    if match := re.fullmatch(r"(.+)-\d[^-]*\.(?:zip|tar\.gz|tgz|tar\.bz2|tar\.xz)", base):
        return canonicalize_name(match[1]), ""
    if "path" in source and "outside" not in source:
        folder = posixpath.join(path, str(source.get("subdirectory", "")))
        name = name_of_folder(draft, folder)
        if name is None and folder in (".", "./") and draft.name is not None:
            name = canonicalize_name(str(draft.name.value))
        return (name, "") if name else None
    return None


def _index(draft: Draft, _: _File, value: str, origin: Origin) -> None:
    add_index(draft, value, origin, default=True)


def _extra_index(draft: Draft, _: _File, value: str, origin: Origin) -> None:
    add_index(draft, value, origin)


def _find_links(draft: Draft, file: _File, value: str, origin: Origin) -> None:
    place = posixpath.normpath(posixpath.join(file.folder, value))
    add_index(draft, value if _ADDRESS.match(value) else place, origin, flat=True)


def _no_index(draft: Draft, _: _File, __: str, origin: Origin) -> None:
    advice = "an env.toml whose [[index]] has default = true asks no public index"
    draft.leave(origin, "--no-index", advice)


def _pre(draft: Draft, _: _File, __: str, origin: Origin) -> None:
    draft.put(("lock", "prereleases"), "allow", origin)


def _no_binary(draft: Draft, _: _File, value: str, origin: Origin) -> None:
    for name in filter(None, re.split(r"[,\s]+", value)):
        if name != ":none:":
            plain = name if name == ALL else canonicalize_name(name)
            draft.add(("lock", "no-binary"), plain, origin)


def _only_binary(draft: Draft, _: _File, value: str, origin: Origin) -> None:
    advice = "nothing is built from source without leave under [build] allow"
    draft.leave(origin, f"--only-binary {value}", advice, matters=False)


_INDEX_OPTIONS: dict[str, Callable[[Draft, _File, str, Origin], None]] = {
    "--index-url": _index,
    "--extra-index-url": _extra_index,
    "--find-links": _find_links,
    "--no-index": _no_index,
    "--pre": _pre,
    "--no-binary": _no_binary,
    "--only-binary": _only_binary,
}


def _said(option: str) -> tuple[str]:
    return (
        {
            "--trusted-host": "hosts that are trusted unasked belong into your own config.toml",
            "--require-hashes": "the lock has the hashes of every file",
        }.get(option, "it changes nothing here"),
    )
