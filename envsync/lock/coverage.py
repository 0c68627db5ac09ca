"""Say for which covered environments a lock has no file of a package: package by platform.

Markers know nothing of libc and the like, so this is a report, not a promise: it is about CPython
on the usual platforms, from the oldest covered Python to the newest that any wheel of the lock is
built for.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, reduce
from typing import NamedTuple

from packaging.utils import NormalizedName

from envsync.model.marker import NEVER, MarkerSet, from_text
from envsync.model.resolution import Resolution, ResolvedPackage
from envsync.model.wheel_markers import serves

PLATFORMS: Mapping[str, str] = {
    "linux x86_64": "sys_platform == 'linux' and platform_machine == 'x86_64'",
    "linux aarch64": "sys_platform == 'linux' and platform_machine == 'aarch64'",
    "macos x86_64": "sys_platform == 'darwin' and platform_machine == 'x86_64'",
    "macos arm64": "sys_platform == 'darwin' and platform_machine == 'arm64'",
    "windows amd64": "sys_platform == 'win32' and platform_machine == 'AMD64'",
}
_CPYTHON_TAG = re.compile(r"cp3(\d+)")
_OLDEST, _NEWEST = 8, 99


class Gap(NamedTuple):
    """A package that some covered platforms have no wheel of."""

    name: NormalizedName
    version: str
    platforms: Mapping[str, str]
    """By the names of `PLATFORMS`: "wheel"; "source" (must be built) or "none", for some Pythons
    only "none on 3.8-3.9"; "" where the package is not needed."""


def gaps(
    resolution: Resolution,
    may_build: Callable[[NormalizedName], bool],
    newest: int | None = None,
) -> tuple[Gap, ...]:
    """The packages without a wheel or source that may be built, somewhere in what is covered.

    `may_build` says whether a package's source distribution may be built without being asked;
    `newest` is the minor version of the newest Python, where that of these packages isn't it.
    """
    if newest is None:
        newest = newest_python(wheels_of(resolution.packages))
    usual = f"implementation_name == 'cpython' and python_version <= '3.{newest}'"
    covered = resolution.environments & from_text(usual)
    told = covered & _on_any()
    missing = []
    for package in resolution.packages:
        candidate = package.candidate
        can_build = candidate.sdist is not None and may_build(package.name)
        if candidate.source is None and candidate.wheels and not can_build:
            needed = package.marker.without_extras()
            places = dict.fromkeys(serves(wheel.filename) for wheel in candidate.wheels)
            # Most have wheels for all that is needed: only for the others it is said where.
            if not _is_covered(needed & told, places):
                cells = _cells(needed & covered, places, has_source=candidate.sdist is not None)
                missing.append(Gap(package.name, str(package.version), cells))
    return tuple(missing)


def table(missing: Iterable[Gap]) -> tuple[str, ...]:
    """The gaps as aligned lines: a head with the platforms that are covered, then a row each."""
    rows = list(missing)
    names = [name for name in PLATFORMS if any(row.platforms[name] for row in rows)]
    lines = [("", *names)]
    lines += [
        (f"{row.name} {row.version}", *(row.platforms[name] for name in names)) for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return tuple(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def wheels_of(packages: Iterable[ResolvedPackage]) -> Iterator[str]:
    """The file names of all wheels."""
    return (wheel.filename for package in packages for wheel in package.candidate.wheels)


def newest_python(filenames: Iterable[str]) -> int:
    """The newest minor of Python 3 that a wheel is built for."""
    tags = {filename.rsplit("-", 3)[1] for filename in filenames}
    minors = [int(minor) for tag in tags for minor in _CPYTHON_TAG.findall(tag)]
    return max(minors, default=_NEWEST)


def _is_covered(needed: MarkerSet, places: Iterable[MarkerSet]) -> bool:
    """Whether wheels for these places are enough."""
    for where in places:
        if needed is NEVER:
            break
        needed = needed - where
    return needed is NEVER


def _cells(
    needed: MarkerSet, places: Iterable[MarkerSet], *, has_source: bool
) -> Mapping[str, str]:
    served = NEVER
    for where in places:
        served = served | where
    without = "source" if has_source else "none"
    return {name: _cell(needed & _on(name), served, without) for name in PLATFORMS}


def _cell(needed: MarkerSet, served: MarkerSet, without: str) -> str:
    if needed.is_never():
        return ""
    missing = needed - served
    if missing.is_never():
        return "wheel"
    return without if missing == needed else f"{without} on {_pythons(missing)}"


def _pythons(where: MarkerSet) -> str:
    """The minors of Python 3 in a set, as ranges: "3.8-3.9, 3.12"."""
    minors = [minor for minor in range(_OLDEST, _NEWEST) if not where.is_disjoint(_minor(minor))]
    ranges: list[list[int]] = []
    for minor in minors:
        if ranges and minor == ranges[-1][1] + 1:
            ranges[-1][1] = minor
        else:
            ranges.append([minor, minor])
    return ", ".join(f"3.{a}" if a == b else f"3.{a}-3.{b}" for a, b in ranges)


@cache
def _on(platform: str) -> MarkerSet:
    return from_text(PLATFORMS[platform])


@cache
def _on_any() -> MarkerSet:
    return reduce(MarkerSet.__or__, map(_on, PLATFORMS), NEVER)


@cache
def _minor(minor: int) -> MarkerSet:
    return from_text(f"python_version == '3.{minor}'")
