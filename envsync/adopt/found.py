"""Which of a folder's files say what a project needs, and in which order they are believed."""

import posixpath
import re
from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple

from packaging.utils import canonicalize_name

from envsync.spec.model import BASE, Part

Kind = Literal[
    "pyproject", "pipfile", "setup.cfg", "setup.py", "requirements", "constraints", "conda", "lock"
]

LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock")
_KINDS: tuple[tuple[str, Kind], ...] = (
    (r"pyproject\.toml", "pyproject"),
    (r"Pipfile", "pipfile"),
    (r"setup\.cfg", "setup.cfg"),
    (r"setup\.py", "setup.py"),
    (r"uv\.lock|poetry\.lock|pdm\.lock|Pipfile\.lock|pylock(?:\.[^.]+)?\.toml", "lock"),
    (r"(?:environment|conda)[\w.-]*\.ya?ml", "conda"),
    (r".*\.ya?ml", "conda"),
    (r"constraints[\w.-]*\.(?:txt|in)|[\w.-]*[-_]constraints\.(?:txt|in)", "constraints"),
    (r".*\.(?:txt|in|pip)", "requirements"),
)
_REQUIREMENTS = re.compile(
    r"(?:(?P<before>[\w.]+)[-_])?req(?:uirement)?s?(?:[-_.](?P<after>[\w.-]+?))?\.(?:txt|in|pip)"
)
_IN_FOLDER = re.compile(r"requirements/(?P<name>[\w.-]+)\.(?:txt|in)")
_MAIN = frozenset({"base", "main", "prod", "production", "common", "default", "requirements", ""})
_GROUPS = {
    **dict.fromkeys(("dev", "develop", "development", "local"), "dev"),
    **dict.fromkeys(("test", "tests", "testing"), "test"),
    **dict.fromkeys(("doc", "docs", "documentation"), "docs"),
    **dict.fromkeys(("lint", "linting"), "lint"),
}


class FoundFile(NamedTuple):
    """A file, what it is, and where its requirements go."""

    path: str
    kind: Kind
    part: Part = BASE


class Found(NamedTuple):
    """What is read, in this order, and what is not."""

    files: tuple[FoundFile, ...]
    """What declares; the first that has dependencies has the project's."""
    locks: tuple[str, ...] = ()
    """Those that the user named; none: all that are there."""


def kind_of_file(path: str) -> Kind | None:
    """Say what a file is by its name; None for one that can't be read here."""
    name = posixpath.basename(path)
    return next((kind for pattern, kind in _KINDS if re.fullmatch(pattern, name)), None)


def file_named(path: str) -> FoundFile | None:
    """Give a file that the user names; None where its name doesn't say what it is."""
    kind = kind_of_file(path)
    if kind is None:
        return None
    return FoundFile(path, kind, part_of(path) if kind == "requirements" else BASE)


def part_of(path: str) -> Part:
    """Say by a requirements file's name whether it is the project's or a group's."""
    match = _IN_FOLDER.search(path) or _REQUIREMENTS.fullmatch(posixpath.basename(path))
    if match is None:
        return BASE
    given = match.groupdict()
    word = given.get("name") or given.get("after") or given.get("before") or ""
    plain = canonicalize_name(re.sub(r"[-_.]?req(?:uirement)?s?$", "", word))
    if plain in _MAIN:
        return BASE
    return Part("group", canonicalize_name(_GROUPS.get(plain, plain)))


def find_files(names: Collection[str]) -> Found:
    """Choose from the names in a project's folder, and in its `requirements`, what is read."""
    files = [FoundFile(name, kind) for name, kind in _fixed(names)]
    required = sorted(filter(_is_requirements, names), key=_rank)
    files += [FoundFile(name, "requirements", part_of(name)) for name in required]
    files += [
        FoundFile(name, "conda")
        for name in ("environment.yml", "environment.yaml", "conda.yml", "conda.yaml")
        if name in names
    ]
    return Found(tuple(files))


def _fixed(names: Collection[str]) -> Iterable[tuple[str, Kind]]:
    order: tuple[tuple[str, Kind], ...] = (
        ("pyproject.toml", "pyproject"),
        ("Pipfile", "pipfile"),
        ("setup.cfg", "setup.cfg"),
        ("setup.py", "setup.py"),
    )
    return (row for row in order if row[0] in names)


def _is_requirements(name: str) -> bool:
    if kind_of_file(name) != "requirements":
        return False
    return _IN_FOLDER.fullmatch(name) is not None or _REQUIREMENTS.fullmatch(name) is not None


def _rank(name: str) -> tuple[bool, bool, str]:
    """Order: the project's before groups', what is written by hand before what was made of it."""
    return (part_of(name) != BASE, not name.endswith(".in"), name)


def source_of(compiled: str, names: Collection[str]) -> str | None:
    """Give the requirements file that another one was made of, by its name: X.in for X.txt."""
    other = re.sub(r"\.txt$", ".in", compiled)
    return other if other != compiled and other in names else None
