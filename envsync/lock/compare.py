"""Compare locks by what they pin: preferences for the next locking, changes for the report."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock
from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.errors import HashMismatch
from envsync.lock.filenames import artifact_filename
from envsync.model.file_urls import is_local


class Change(NamedTuple):
    """What became of one package between two locks; versions are sorted, oldest first."""

    kind: Literal["added", "removed", "updated"]
    name: NormalizedName
    before: tuple[str, ...]
    """Versions, or sources ("directory .", "vcs URL@commit") where the lock gives no version."""
    after: tuple[str, ...]


class CommitOf(NamedTuple):
    """What a lock pins to a commit."""

    name: NormalizedName
    url: str
    revision: str | None


def preferences(pylock: Pylock) -> Mapping[NormalizedName, tuple[Version, ...]]:
    """The versions that a lock pins, by package, newest first; sources without one are left out."""
    by_name: dict[NormalizedName, set[Version]] = {}
    for package in pylock.packages:
        if package.version is not None:
            by_name.setdefault(package.name, set()).add(package.version)
    return {name: tuple(sorted(versions, reverse=True)) for name, versions in by_name.items()}


def locked_commits(pylock: Pylock) -> Mapping[CommitOf, str]:
    """The commits that a lock pins, by package, address and what was asked for there."""
    return {
        CommitOf(package.name, package.vcs.url, package.vcs.requested_revision): (
            package.vcs.commit_id
        )
        for package in pylock.packages
        if package.vcs is not None and package.vcs.url is not None
    }


def changes(old: Pylock | None, new: Pylock) -> tuple[Change, ...]:
    """What a new lock pins otherwise than the old one (None: there was none), sorted by name."""
    before, after = _pins(old), _pins(new)
    return tuple(
        Change(
            _kind(before.get(name), after.get(name)),
            name,
            before.get(name, ()),
            after.get(name, ()),
        )
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def check_hashes(old: Pylock, new: Pylock, *, trusted: Collection[str] = ()) -> None:
    """Refuse a file that has another sha256 now than the one that was locked (H10).

    A published file never changes; one that did is an attack or a mistake, and relocking must not
    hide it. What `[sources]` names by path or URL, and what lies in a folder, may change, but not
    unasked: `trusted` has the names of packages whose new file is wanted. Raises `HashMismatch`.
    """
    files = dict(_listed(new))
    for file, locked in _listed(old):
        if files.get(file, locked) != locked:
            raise HashMismatch(
                file[0],
                f"sha256:{locked} as in the lock",
                f"sha256:{files[file]} on the index",
                hint="the index replaced a file that was locked: find out why; "
                "if you trust the new one, delete the lock and run `envsync lock`",
            )
    named = dict(_named(new))
    for named_file, locked in _named(old):
        sha256, (name, place, _) = named.get(named_file, locked), named_file
        if sha256 != locked and name not in trusted:
            raise HashMismatch(
                place,
                f"sha256:{locked} as in the lock",
                f"sha256:{sha256} there",
                hint=trust_hint(name),
            )


def trust_hint(name: str) -> str:
    """What to do about a file of [sources], or of a folder, that is not what was locked."""
    return (
        "the file changed after it was locked: find out why; if it is as you want it, "
        f"`envsync lock --upgrade-package {name}` locks what is there now"
    )


def _listed(pylock: Pylock) -> Iterator[tuple[tuple[str, str | None], str]]:
    """By file name and index: another index may well have built the same version by itself."""
    for package in pylock.packages:
        for file in files_of(package):
            if "sha256" in file.hashes and not _is_here(file):
                yield (artifact_filename(file), package.index), file.hashes["sha256"]


def _named(pylock: Pylock) -> Iterator[tuple[tuple[NormalizedName, str, bool], str]]:
    """Files that are named directly, or lie in a folder that is an index.

    By package, place, and whether it is the former.
    """
    for package in pylock.packages:
        here = (file for file in files_of(package) if _is_here(file))
        for file in (*here, *([package.archive] if package.archive else ())):
            if "sha256" in file.hashes:
                place = file.url or file.path or ""
                yield (package.name, place, file is package.archive), file.hashes["sha256"]


def files_of(package: Package) -> Sequence[PackageWheel | PackageSdist]:
    """Give the files of an index that a lock names for a package."""
    return (*(package.wheels or ()), *([package.sdist] if package.sdist else ()))


def _is_here(file: PackageWheel | PackageSdist) -> bool:
    return file.url is None or is_local(file.url)


def _kind(
    before: tuple[str, ...] | None, after: tuple[str, ...] | None
) -> Literal["added", "removed", "updated"]:
    if before is None:
        return "added"
    return "removed" if after is None else "updated"


def _pins(pylock: Pylock | None) -> Mapping[NormalizedName, tuple[str, ...]]:
    by_name: dict[NormalizedName, dict[str, tuple[Version, str]]] = {}
    for package in pylock.packages if pylock is not None else ():
        shown = _shown(package)
        by_name.setdefault(package.name, {})[shown] = (package.version or Version("0"), shown)
    return {name: tuple(sorted(pins, key=pins.__getitem__)) for name, pins in by_name.items()}


def _shown(package: Package) -> str:
    if package.version is not None:
        return str(package.version)
    if package.directory is not None:
        return f"directory {package.directory.path}"
    if package.vcs is not None:
        return f"{package.vcs.type} {package.vcs.url or package.vcs.path}@{package.vcs.commit_id}"
    if package.archive is not None:
        return f"archive {package.archive.url or package.archive.path}"
    return "no version"
