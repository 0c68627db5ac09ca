"""Make a lock's graph: its rows, with what is known of their metadata put to the edges.

A lock names what a package depends on, and neither the requirement nor where it holds: PEP 751 has
no more ("packages.dependencies"). Both are in the metadata that the lock was made from, where that
is still on the machine.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from packaging.pylock import Package, PackageArchive, PackageSdist, PackageWheel, Pylock
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envsync.lock.evidence import evidence_of
from envsync.lock.filenames import artifact_filename
from envsync.lock.fingerprint import Root, recorded_roots, requirement_text
from envsync.lock.graph import Edge, Graph, LockedFile, Row, Start
from envsync.lock.read import SECURE_HASHES
from envsync.lock.together import is_meant, referred_name
from envsync.lock.urls import public_url
from envsync.model.marker import (
    ALWAYS,
    NEVER,
    MarkerSet,
    from_marker,
    from_requires_python,
)
from envsync.wheel.requirement import parse_requirement

_DIGITS = 16

Metadata = Callable[[Package], Sequence[Requirement] | None]
"""Gives what a package requires by its metadata; None where that isn't known."""


def graph_of(pylock: Pylock, metadata: Metadata) -> Graph:
    """Give the graph of a lock that was judged (`lock.read`)."""
    covered = _covered(pylock)
    places: dict[str, list[int]] = {}
    for at, package in enumerate(pylock.packages):
        places.setdefault(package.name, []).append(at)
    required = [metadata(package) for package in pylock.packages]
    rows = [
        _row(package, list(_edges(package, needs, places, pylock.packages, covered)))
        for package, needs in zip(pylock.packages, required, strict=True)
    ]
    has_unknown = any(
        needs is None and package.dependencies
        for package, needs in zip(pylock.packages, required, strict=True)
    )
    return Graph(
        rows,
        list(_starts(pylock, rows, places, covered)),
        list(pylock.extras or ()),
        list(pylock.dependency_groups or ()),
        list(pylock.default_groups or ()),
        str(pylock.requires_python or ""),
        list(map(str, pylock.environments or ())),
        is_whole=not has_unknown,
    )


def _covered(pylock: Pylock) -> MarkerSet:
    covered = ALWAYS
    if pylock.requires_python is not None:
        covered = from_requires_python(pylock.requires_python)
    if pylock.environments:
        some = NEVER
        for marker in pylock.environments:
            some |= from_marker(marker)
        covered &= some
    return covered


def _row(package: Package, edges: Sequence[Edge]) -> Row:
    kind, place, editable = _source(package)
    direct = [_file(package.archive)] if package.archive is not None else []
    return Row(
        package.name,
        "" if package.version is None else str(package.version),
        kind,
        place,
        editable,
        "" if package.marker is None else str(package.marker),
        str(package.requires_python or ""),
        [*map(_file, package.wheels or ()), *direct],
        None if package.sdist is None else _file(package.sdist),
        edges,
    )


def _source(package: Package) -> tuple[str, str, bool]:
    if package.directory is not None:
        folder = package.directory
        inner = f"{folder.path}/{folder.subdirectory}" if folder.subdirectory else folder.path
        return "directory", inner, bool(folder.editable)
    if package.vcs is not None:
        place = public_url(package.vcs.url) if package.vcs.url else package.vcs.path or ""
        return "vcs", f"{package.vcs.type}+{place}@{package.vcs.commit_id}", False
    if package.archive is not None:
        archive = package.archive
        return "archive", public_url(archive.url) if archive.url else archive.path or "", False
    return "index", public_url(package.index) if package.index else "", False


def _file(file: PackageWheel | PackageSdist | PackageArchive) -> LockedFile:
    name = next((name for name in SECURE_HASHES if name in file.hashes), "")
    return LockedFile(
        artifact_filename(file), file.size, _moment(file.upload_time), file.hashes[name][:_DIGITS]
    )


def _moment(time: datetime | None) -> str:
    if time is None:
        return ""
    moment = time.astimezone(UTC) if time.tzinfo else time
    return f"{moment.replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def _edges(
    package: Package,
    required: Sequence[Requirement] | None,
    places: Mapping[str, Sequence[int]],
    rows: Sequence[Package],
    covered: MarkerSet,
) -> Iterator[Edge]:
    extras = {name: from_marker(marker) for name, marker in evidence_of(package).extras}
    by_name: dict[str, list[Requirement]] = {}
    for requirement in required or ():
        by_name.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    for reference in package.dependencies or ():
        name = referred_name(reference)
        words = [
            word for one in by_name.get(name, ()) for word in _conditions(one, extras, covered)
        ]
        for to in places.get(name, ()):
            if rows[to] is not package and is_meant(reference, rows[to]):
                # Where `overrides` have their say, metadata has no word for what the lock has.
                fitting = [word for word in words if _admits(word[0], rows[to])]
                yield from (
                    (Edge(to, _words(one), _text(where), extra) for one, where, extra in fitting)
                    if fitting
                    else (Edge(to),)
                )


def _admits(requirement: Requirement, row: Package) -> bool:
    version = row.version
    return version is None or requirement.specifier.contains(version, prereleases=True)


def _words(requirement: Requirement) -> str:
    """A requirement's text without its marker."""
    text = requirement_text(requirement)
    return text.removesuffix(f"; {requirement.marker}").rstrip()


def _conditions(
    requirement: Requirement, extras: Mapping[str, MarkerSet], covered: MarkerSet
) -> Iterator[tuple[Requirement, MarkerSet, str]]:
    """Where a requirement holds, without any extra and by each that something asks for."""
    marker = from_marker(requirement.marker)
    plain = marker.assign_extras(())
    if not plain.is_disjoint(covered):
        yield requirement, plain.simplify(covered), ""
    for extra, asked in extras.items() if plain is not marker else ():
        added = (marker.assign_extras({extra}) - plain) & asked
        if not added.is_disjoint(covered):
            yield requirement, added.simplify(covered), extra


def _text(where: MarkerSet) -> str:
    try:
        return str(where.to_marker() or "")
    except ValueError:  # PEP 508 can't write it: whoever looks is told more rather than less
        return ""


def _starts(
    pylock: Pylock, rows: Sequence[Row], places: Mapping[str, Sequence[int]], covered: MarkerSet
) -> Iterator[Start]:
    recorded = recorded_roots(pylock)
    for root in recorded:
        yield _start(root, rows, places, covered)
    if not recorded:
        needed = {edge.to for row in rows for edge in row.edges}
        yield from (
            Start(row.name, "", row.marker, "", "", [at])
            for at, row in enumerate(rows)
            if at not in needed
        )
        # What only a cycle leads to would be seen nowhere.
        yield from (
            Start(rows[at].name, "", rows[at].marker, "", "", [at])
            for at in _unreached(rows, [at for at in range(len(rows)) if at not in needed])
        )


def _unreached(rows: Sequence[Row], starts: Iterable[int]) -> Iterator[int]:
    seen: set[int] = set()
    _reach(rows, starts, seen)
    for at in range(len(rows)):
        if at not in seen:
            yield at
            _reach(rows, [at], seen)


def _reach(rows: Sequence[Row], starts: Iterable[int], seen: set[int]) -> None:
    waiting = list(starts)
    while waiting:
        at = waiting.pop()
        if at not in seen:
            seen.add(at)
            waiting += [edge.to for edge in rows[at].edges]


def _start(
    root: Root, rows: Sequence[Row], places: Mapping[str, Sequence[int]], covered: MarkerSet
) -> Start:
    try:
        requirement = parse_requirement(root.requirement)
    except ValueError:  # written by hand: shown as it is
        name = canonicalize_name(root.requirement.partition(" ")[0])
        return Start(name, root.requirement, "", root.extra or "", root.group or "", ())
    name = canonicalize_name(requirement.name)
    marker = from_marker(requirement.marker).simplify(covered)
    fitting = [
        at
        for at in places.get(name, ())
        if not rows[at].version
        or requirement.specifier.contains(rows[at].version, prereleases=True)
    ]
    return Start(
        name, _words(requirement), _text(marker), root.extra or "", root.group or "",
        fitting or places.get(name, ()),
    )  # fmt: skip
