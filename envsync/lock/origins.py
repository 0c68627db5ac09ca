"""Say which rows of a lock env.toml does not lead to: not required, or from another place.

A lock is a file like any other of a clone: its fingerprint has no secret, so anybody can add a row
to it and keep that. What a row may bring along, a build above all, follows from env.toml. Hashes
are taken as they stand, and so are the addresses of files: an index may keep them anywhere.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from envsync.lock.evidence import evidence_of
from envsync.lock.pins import Pinned
from envsync.lock.select import label, pin_of_source
from envsync.lock.together import is_meant, referred_name
from envsync.lock.urls import public_url
from envsync.model.file_urls import file_url, is_local
from envsync.model.marker import NEVER, from_marker
from envsync.spec.declared import declared_sources
from envsync.spec.locations import shortest
from envsync.spec.model import IndexSpec, SourceSpec, Spec
from envsync.spec.references import direct_source

_ID = re.compile(r"(?i)[0-9a-f]{40}|[0-9a-f]{64}")

IsDefault = Callable[[str], bool]
"""Says whether an address is that of the index which is asked where env.toml names none."""


def unfounded(spec: Spec, pylock: Pylock, is_default: IsDefault) -> tuple[str, ...]:
    """Why rows of a lock of envsync's own do not follow from env.toml, a phrase each.

    Judged are the lock's head, what requires each row, and where it comes from. Empty when
    everything is as env.toml says.
    """
    sources = declared_sources(spec)
    return (
        *_head(spec, pylock),
        *_unrequired(spec, pylock.packages),
        *(
            f"{label(row)} in the lock is {reason}"
            for row in pylock.packages
            if (reason := _why_elsewhere(row, sources.get(row.name, ()), spec, is_default))
        ),
    )


def is_declared(pin: Pinned, spec: Spec) -> bool:
    """Say whether env.toml itself names the very place that a pin comes from."""
    return declared_source(pin, spec) is not None


def declared_source(pin: Pinned, spec: Spec) -> SourceSpec | None:
    """Give the source of env.toml that names the very place of a pin; None where none does.

    What env.toml adds to builds (`extra-build-requires`) may name repositories, too.
    """
    name = canonicalize_name(pin.name)
    sources = (*declared_sources(spec).get(name, ()), *_of_builds(spec, name))
    return next((source for source in sources if _names(source, pin)), None)


def _of_builds(spec: Spec, name: NormalizedName) -> Iterator[SourceSpec]:
    for requirements in spec.build.extra_build_requires.values():
        for one in requirements:
            if one.url is not None and canonicalize_name(one.name) == name:
                yield direct_source(one.url)


def place(pin: Pinned) -> str:
    """Where a pin comes from, as the lock spells it: "directory lib", "archive vendor/x.tar.gz"."""
    where = pin.url or pin.path or pin.filename
    below = f" (subdirectory {pin.subdirectory})" if pin.subdirectory else ""
    return f"{'editable ' if pin.editable else ''}{pin.kind} {where}{below}"


# -- the head: what decides which rows are installed


def _head(spec: Spec, pylock: Pylock) -> Iterator[str]:
    wanted_python = spec.requires_python
    if wanted_python is not None and wanted_python != pylock.requires_python:
        yield "requires-python in the lock is not that of env.toml"
    markers = sorted(map(str, spec.lock.environments))
    for key, locked, wanted in (
        ("extras", pylock.extras, spec.optional_dependencies),
        ("dependency-groups", pylock.dependency_groups, spec.dependency_groups),
        ("default-groups", pylock.default_groups, spec.default_groups),
        ("environments", map(str, pylock.environments or ()), markers),
    ):
        if sorted(locked or ()) != sorted(wanted):
            yield f"{key} in the lock are not those of env.toml"


# -- what requires a row


def _unrequired(spec: Spec, rows: Sequence[Package]) -> Iterator[str]:
    """Rows that neither env.toml nor another row leads to; and what is required and not there."""
    by_name: dict[NormalizedName, list[Package]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    reached: dict[int, Package] = {}
    waiting: list[Package] = []

    def reach(packages: Iterable[Package]) -> None:
        new = [row for row in packages if id(row) not in reached]
        reached.update((id(row), row) for row in new)
        waiting.extend(new)

    overridden = {canonicalize_name(one.name) for one in spec.lock.overrides}
    for requirement in _roots(spec):
        name = canonicalize_name(requirement.name)
        there = by_name.get(name, [])
        reach(row for row in there if name in overridden or _admits(requirement, row))
        if not there and requirement.marker is None:
            yield f"{requirement} has no row in the lock"
    while waiting:
        row = waiting.pop()
        for reference in row.dependencies or ():
            name = referred_name(reference)
            packages = [one for one in by_name.get(name, ()) if is_meant(reference, one)]
            reach(packages)
            if not packages:
                yield f"{label(row)} in the lock needs {name}, which has no row there"
    for row in rows:
        if id(row) not in reached:
            yield f"nothing requires {label(row)}, which is in the lock"


def _roots(spec: Spec) -> Iterator[Requirement]:
    yield from spec.dependencies
    yield from (Requirement(name) for name in spec.seed)
    for lists in (spec.optional_dependencies, spec.dependency_groups):
        for requirements in lists.values():
            yield from requirements


def _admits(requirement: Requirement, row: Package) -> bool:
    return row.version is None or requirement.specifier.contains(row.version, prereleases=True)


# -- where a row comes from


def _why_elsewhere(
    row: Package, sources: Sequence[SourceSpec], spec: Spec, is_default: IsDefault
) -> str:
    """Say how a row's place differs from what env.toml says; empty where it doesn't."""
    applying = [source for source in sources if _applies(source, row)]
    pin = pin_of_source(row)
    if pin is not None:
        named = any(_names(source, pin) for source in applying)
        return "" if named else f"{place(pin)}, which env.toml does not name"
    files = (*([row.sdist] if row.sdist else ()), *(row.wheels or ()))
    if not row.index:
        allowed = bool(files) and _folders(row, files, applying, spec, is_default)
        return "" if allowed else "not from an index, and env.toml does not name its files"
    if any(file.url is None for file in files):
        return "not from an index, and env.toml does not name its files"
    allowed = _indexes(row, applying, spec, is_default)
    return "" if allowed else f"from {row.index}, which is not where env.toml sends it"


def _applies(source: SourceSpec, row: Package) -> bool:
    """Say whether there is any environment where both the source's and the row's marker hold."""
    if source.marker is None or row.marker is None:
        return True
    return not from_marker(source.marker).is_disjoint(from_marker(row.marker))


def _indexes(
    row: Package, applying: Sequence[SourceSpec], spec: Spec, is_default: IsDefault
) -> bool:
    """Say whether a row's index is one that env.toml, or the lack of it, sends the package to."""
    index = _address(row.index or "")
    if any(_address(one.url) == index for one in _serving(row, applying, spec)):
        return True
    return _may_be_unnamed(row, applying, spec) and is_default(index)


def _folders(
    row: Package,
    files: Sequence[PackageSdist | PackageWheel],
    applying: Sequence[SourceSpec],
    spec: Spec,
    is_default: IsDefault,
) -> bool:
    """Say the same of a row whose index is a folder or page on this machine.

    Of a file only its place is judged, and that where the lock is read: its hash says the rest.
    """
    name = evidence_of(row).index_name
    if name:
        serving = _serving(row, applying, spec)
        return any(is_local(one.url) and one.name == name for one in serving)
    urls = [file.url or file_url(file.path or "") for file in files]
    return _may_be_unnamed(row, applying, spec) and all(map(is_default, urls))


def _serving(row: Package, applying: Sequence[SourceSpec], spec: Spec) -> Iterator[IndexSpec]:
    """The indexes of env.toml that a row may come from."""
    sent = {source.location for source in applying if source.kind == "index"}
    yield from (one for one in spec.indexes if one.name in sent)
    if _is_free(row, applying, spec):
        yield from (one for one in spec.indexes if not one.explicit)


def _may_be_unnamed(row: Package, applying: Sequence[SourceSpec], spec: Spec) -> bool:
    """Say whether a row may come from the index that is asked where env.toml names none."""
    return _is_free(row, applying, spec) and not any(one.default for one in spec.indexes)


def _is_free(row: Package, applying: Sequence[SourceSpec], spec: Spec) -> bool:
    """Say whether [sources] leaves an environment of a row's to the indexes in their order."""
    if row.name == spec.own_name:
        return False
    covered = NEVER
    for source in applying:
        covered = covered | from_marker(source.marker)
    return not applying or not from_marker(row.marker).implies(covered)


def _address(url: str) -> str:
    return public_url(url).rstrip("/")


def same_index(first: str, second: str) -> bool:
    """Say whether two addresses are one index's: credentials and a last slash don't count."""
    return _address(first) == _address(second)


def _names(source: SourceSpec, pin: Pinned) -> bool:
    """Say whether a source of env.toml is the place that a pin of a direct source comes from."""
    if source.subdirectory != pin.subdirectory:
        return False
    if source.kind == "path":
        is_local = pin.url is None and pin.kind in ("directory", "archive")
        return is_local and _plain(pin.path) == source.location and pin.editable == source.editable
    if source.kind == "url":
        url, _, fragment = source.location.partition("#")
        algorithm, _, digest = fragment.partition("=")
        is_right = not digest or pin.hashes.get(algorithm) == digest.lower()
        return pin.kind == "archive" and pin.url == public_url(url) and is_right
    if source.kind == "git":
        is_right = pin.requested_revision == source.revision
        if source.rev and _ID.fullmatch(source.rev):  # it means itself, whatever a lock says
            is_right = is_right and pin.commit == source.rev.lower()
        return pin.kind == "vcs" and pin.url == public_url(source.location) and is_right
    return False


def _plain(path: str | None) -> str:
    """The shortest form of a path, as env.toml's are kept."""
    parts = [part for part in (path or "").split("/") if part not in ("", ".")]
    return shortest(parts, absolute=(path or "").startswith("/"))
