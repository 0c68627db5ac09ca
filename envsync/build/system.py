"""Read how a tree says that it is built: `[build-system]` of its pyproject.toml (PEP 517, 518)."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envsync.build.sources import SourceTree
from envsync.errors import SourceInvalid
from envsync.platform.files import read_limited, storage_errors
from envsync.spec.toml import loads

MAX_PYPROJECT_BYTES = 4 << 20

LEGACY_BACKEND = "setuptools.build_meta:__legacy__"
"""What builds a tree that names no backend (PEP 517, "Source trees")."""
LEGACY_REQUIRES = ("setuptools>=40.8.0",)
"""The first setuptools that has the legacy backend."""
_LEGACY_FILES = ("setup.py", "setup.cfg")
"""setuptools needs no setup.py where setup.cfg says all."""

# PEP 517: `module.path` or `module.path:object.path`.
_BACKEND = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*(:[^\W\d]\w*(\.[^\W\d]\w*)*)?")


class BuildSystem(NamedTuple):
    """How a tree says that it is built (PEP 518, PEP 517)."""

    requires: tuple[Requirement, ...]
    backend: str
    backend_path: tuple[str, ...] = ()
    """Folders of in-tree backends, relative to the tree."""


def read_build_system(tree: SourceTree) -> BuildSystem:
    """Read how a tree is built: `[build-system]` of its pyproject.toml (PEP 518, PEP 517).

    Without the table, or without `build-backend`, setuptools' legacy backend builds it. Raises
    `SourceInvalid` for a table that breaks the specification, and when there is nothing to build.
    """
    pyproject_path = os.path.join(tree.path, "pyproject.toml")
    if not os.path.lexists(pyproject_path):
        if not any(os.path.isfile(os.path.join(tree.path, name)) for name in _LEGACY_FILES):
            raise SourceInvalid(tree.label, "it has neither pyproject.toml nor setup.py")
        return _legacy(())
    try:
        document = _read_toml(pyproject_path)
        system = _build_system(document.get("build-system"))
        _check_backend_path(tree.path, system.backend_path)
    except ValueError as error:
        raise SourceInvalid(tree.label, f"pyproject.toml: {error}") from error
    return system


def _read_toml(path: str) -> Mapping[str, object]:
    with storage_errors(path):
        data = read_limited(path, MAX_PYPROJECT_BYTES)
    try:
        return loads(data.decode())
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error


def _legacy(requires: Sequence[Requirement]) -> BuildSystem:
    """Give the legacy build system; setuptools is added where the tree doesn't ask for it."""
    if not any(canonicalize_name(requirement.name) == "setuptools" for requirement in requires):
        requires = (*requires, *map(Requirement, LEGACY_REQUIRES))
    return BuildSystem(tuple(requires), LEGACY_BACKEND)


def _build_system(table: object) -> BuildSystem:
    if table is None:
        return _legacy(())
    if not isinstance(table, dict):
        raise ValueError("build-system is not a table")
    if "requires" not in table:
        raise ValueError("build-system.requires is missing")
    requires = parse_requirements(
        _strings(table["requires"], "build-system.requires"), "build-system.requires"
    )
    backend_path = _strings(table.get("backend-path", []), "build-system.backend-path")
    if "build-backend" not in table:
        if backend_path:
            raise ValueError("build-system.backend-path stands without build-backend")
        return _legacy(requires)
    backend = table["build-backend"]
    if not isinstance(backend, str) or not _BACKEND.fullmatch(backend):
        raise ValueError(f"build-system.build-backend: {backend!r} names no Python object")
    return BuildSystem(requires, backend, backend_path)


def _strings(value: object, key: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{key} is not a list of strings")
    return tuple(value)


def parse_requirements(texts: Iterable[str], where: str) -> tuple[Requirement, ...]:
    """Parse requirements (PEP 508); `ValueError` says which one, at `where`, is none."""
    requirements = []
    for index, text in enumerate(texts):
        try:
            requirements.append(Requirement(text))
        except (InvalidRequirement, RecursionError) as error:
            raise ValueError(f"{where}[{index}]: {text[:200]!r} is not a requirement") from error
    return tuple(requirements)


def _check_backend_path(root: str, backend_path: Sequence[str]) -> None:
    """Raise `ValueError` unless each folder is one of the tree (PEP 517, hazard H48).

    The text must not lead out, and neither may a link on the way.
    """
    real_root = os.path.realpath(root)
    for index, folder in enumerate(backend_path):
        where = f"build-system.backend-path[{index}]: {folder!r}"
        if os.path.isabs(folder) or ".." in re.split(r"[/\\]", folder) or "\0" in folder:
            raise ValueError(f"{where} is outside the source tree")
        real = os.path.realpath(os.path.join(root, folder))
        if real != real_root and not real.startswith(real_root + os.sep):
            raise ValueError(f"{where} is outside the source tree")
        if not os.path.isdir(real):
            raise ValueError(f"{where} is not a folder")
