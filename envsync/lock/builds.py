"""What builds require, as it was locked: the rows of `[[tool.envsync.builds]]`, a small lock each.

PEP 751 has no place for build requirements. A row says for which packages it is, what these and
env.toml ask for, and which files that is in every environment, in the form of `[[packages]]`.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from packaging.pylock import Package, Pylock, PylockValidationError
from packaging.version import Version

KEY = "builds"
_MAKER = "envsync"
_MOST = 1_000


class LockedBuild(NamedTuple):
    """What some builds require."""

    names: tuple[str, ...]
    """The packages that are built with it, normalised and sorted."""
    requires: tuple[str, ...]
    """The requirements that it meets, sorted."""
    packages: tuple[Package, ...]

    @property
    def pylock(self) -> Pylock:
        """It as a lock by itself."""
        return Pylock(lock_version=Version("1.0"), created_by=_MAKER, packages=list(self.packages))

    def digest(self) -> str:
        """Name it by the files that it may lead to: sha256 in hexadecimal."""
        files = sorted(
            f"{package.name} {sorted(file.hashes.items())}"
            for package in self.packages
            for file in (package.sdist, package.archive, *(package.wheels or ()))
            if file is not None
        )
        return hashlib.sha256("\n".join(files).encode()).hexdigest()


def build_rows(builds: Iterable[LockedBuild]) -> list[Mapping[str, object]]:
    """Give what `[tool.envsync] builds` is to hold, sorted by what it is for."""
    return [
        {
            "for": list(build.names),
            "requires": list(build.requires),
            "packages": build.pylock.to_dict()["packages"],
        }
        for build in sorted(builds, key=lambda build: build.names)
    ]


def locked_builds(tool: Mapping[str, object] | None) -> tuple[LockedBuild, ...]:
    """Read those of a lock's `tool` table. Raises `ValueError` for rows of another form."""
    table = (tool or {}).get(_MAKER)
    rows = table.get(KEY, ()) if isinstance(table, Mapping) else ()
    if not isinstance(rows, Sequence) or isinstance(rows, str) or len(rows) > _MOST:
        raise ValueError(f"{KEY} is no list of tables")
    return tuple(map(_read, rows))


def _read(row: object) -> LockedBuild:
    if not isinstance(row, Mapping):
        raise ValueError(f"{KEY} is no list of tables")
    try:
        lock = Pylock.from_dict(
            {"lock-version": "1.0", "created-by": _MAKER, "packages": row.get("packages", [])}
        )
    except PylockValidationError as error:
        raise ValueError(f"{KEY}: {error.message}".partition("\n")[0]) from error
    return LockedBuild(_texts(row, "for"), _texts(row, "requires"), tuple(lock.packages))


def _texts(row: Mapping[str, object], key: str) -> tuple[str, ...]:
    texts = row.get(key)
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{KEY}: {key} is no list of strings")
    return tuple(texts)


def build_for(builds: Iterable[LockedBuild], name: str) -> LockedBuild | None:
    """Give what the build of a package requires, as far as it was locked."""
    return next((build for build in builds if name in build.names), None)
