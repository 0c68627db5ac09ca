"""Turn a resolution into a lock: what PEP 751 has a place for, and `[tool.envsync]` for the rest.

Nothing of the machine goes in: no time of writing, no absolute path, no credentials. Equal inputs
give an equal lock, whatever order they came in.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    PackageWheel,
    Pylock,
)
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, parse_wheel_filename
from packaging.version import Version

from envsync.errors import IndexFailed
from envsync.lock.builds import KEY, LockedBuild, build_rows
from envsync.lock.evidence import evidence_table
from envsync.lock.fingerprint import fingerprint, root_rows
from envsync.lock.read import CREATED_BY, SECURE_HASHES
from envsync.lock.urls import public_url
from envsync.model.candidate import Candidate, DirectSource, File
from envsync.model.file_urls import is_local, path_of
from envsync.model.filenames import is_source_name
from envsync.model.marker import MarkerSet
from envsync.model.resolution import Resolution, ResolvedPackage
from envsync.model.wheel_markers import serves
from envsync.spec.model import Spec

LOCK_VERSION = Version("1.0")

_Pin = tuple[NormalizedName, Version]
_References = Mapping[_Pin, Sequence[Mapping[str, object]]]
"""What edges to a name and version say; several where one version comes from several sources."""

_PARTS_WITH_BUILD = 6
"""Of a wheel's name: name, version, build, and three tags."""
_BOUNDED_ABOVE = {"~=": ">=", "==": ">=", "===": ">="}


def to_pylock(
    resolution: Resolution,
    spec: Spec,
    *,
    requires_python: SpecifierSet | None = None,
    exclude_newer: datetime | None = None,
    builds: Sequence[LockedBuild] = (),
    by_index: Mapping[str, datetime | None] | None = None,
) -> Pylock:
    """Lock a resolution of `spec`.

    `requires_python` is what was covered where env.toml gives none; `exclude_newer` is the time
    that was used, with its zone, and `by_index` has those of indexes with one of their own;
    `builds` is what builds require. Raises `IndexFailed` for a file without sha256 or stronger.
    """
    return with_rows(
        package_rows(resolution, spec),
        spec,
        requires_python=requires_python,
        exclude_newer=exclude_newer,
        builds=builds,
        by_index=by_index,
    )


def package_rows(
    resolution: Resolution, spec: Spec, locked: Sequence[Package] = ()
) -> Sequence[Package]:
    """Give a lock's packages.

    With `locked`, packages of a lock that the resolution changes nothing of: those, and its new
    ones.
    """
    known = {row.name for row in locked}
    new = [row for row in _rows(resolution, spec) if row.name not in known]
    return sorted((*locked, *new), key=lambda row: row.name) if locked else new


def _rows(resolution: Resolution, spec: Spec) -> list[Package]:
    packages = sorted(resolution.packages, key=_package_order)
    pins = Counter((package.name, package.version) for package in packages)
    names = Counter(package.name for package in packages)
    references: dict[_Pin, list[Mapping[str, object]]] = {}
    for package in packages:
        rows = references.setdefault((package.name, package.version), [])
        rows.append(_reference(package, names, pins))
    return [_package(package, resolution, spec, references) for package in packages]


def with_rows(
    rows: Sequence[Package],
    spec: Spec,
    *,
    requires_python: SpecifierSet | None = None,
    exclude_newer: datetime | None = None,
    builds: Sequence[LockedBuild] = (),
    by_index: Mapping[str, datetime | None] | None = None,
) -> Pylock:
    """Lock packages that answer `spec`; see `to_pylock`."""
    markers = sorted({str(marker) for marker in spec.lock.environments})
    by_text = {str(marker): marker for marker in spec.lock.environments}
    return Pylock(
        lock_version=LOCK_VERSION,
        environments=[by_text[text] for text in markers] or None,
        requires_python=spec.requires_python or requires_python,
        extras=sorted(spec.optional_dependencies),
        dependency_groups=sorted(spec.dependency_groups),
        default_groups=sorted(spec.default_groups) or None,
        created_by=CREATED_BY,
        packages=rows,
        tool={CREATED_BY: _tool(spec, rows, exclude_newer, by_index or {}, builds)},
    )


def _package_order(package: ResolvedPackage) -> tuple[str, Version, str]:
    return package.name, package.version, str(package.marker)


def _package(
    package: ResolvedPackage,
    resolution: Resolution,
    spec: Spec,
    references: _References,
) -> Package:
    candidate = package.candidate
    source = candidate.source
    # PEP 751: a source tree may change its version, so it must not be said.
    has_version = source is None or source.kind in ("wheel", "archive")
    believed = package.name not in spec.lock.ignore_requires_python
    return Package(
        name=package.name,
        version=package.version if has_version else None,
        marker=package.marker.simplify(resolution.environments).to_marker(),
        requires_python=package.requires_python
        if believed
        else without_upper_bound(package.requires_python),
        dependencies=_dependencies(package, references) or None,
        vcs=_vcs(source) if source is not None and source.kind == "vcs" else None,
        directory=_directory(source) if source is not None and source.kind == "directory" else None,
        archive=_archive(source)
        if source is not None and source.kind in ("wheel", "archive")
        else None,
        index=_index(candidate),
        sdist=_sdist(package, candidate.sdist) if candidate.sdist and source is None else None,
        wheels=_wheels(candidate, package.marker & resolution.environments) or None
        if source is None
        else None,
        tool=evidence_table(
            package,
            trust_record=(package.name, package.version) in spec.lock.trust_record,
            index=_folder_name(candidate, spec),
        ),
    )


def _index(candidate: Candidate) -> str | None:
    """PEP 751 has a place for the URL of an index; a folder of this machine has none to write."""
    url = candidate.index_url
    return None if url is None or candidate.source is not None or is_local(url) else public_url(url)


def _folder_name(candidate: Candidate, spec: Spec) -> str | None:
    """The name that env.toml gives to an index which is a folder or page on this machine."""
    url = candidate.index_url
    if not is_local(url) or candidate.source is not None:
        return None
    return next((index.name for index in spec.indexes if index.url == url), None)


def without_upper_bound(specifiers: SpecifierSet | None) -> SpecifierSet | None:
    """The lower bounds of a requires-python, for packages whose upper bound is not believed."""
    kept = [
        f"{_BOUNDED_ABOVE.get(one.operator, one.operator)}{one.version.removesuffix('.*')}"
        for one in specifiers or ()
        if one.operator not in ("<", "<=", "!=")
    ]
    return SpecifierSet(",".join(kept)) if kept else None


def _dependencies(package: ResolvedPackage, references: _References) -> list[Mapping[str, object]]:
    """PEP 751, "packages.dependencies": purely informational, the least that tells rows apart."""
    pins = {(edge.name, edge.version) for edge in package.dependencies}
    pins.discard((package.name, package.version))
    return [row for pin in sorted(pins) for row in references.get(pin, ())]


def _reference(
    package: ResolvedPackage, names: Mapping[NormalizedName, int], pins: Mapping[_Pin, int]
) -> Mapping[str, object]:
    if names[package.name] == 1:
        return {"name": str(package.name)}
    source = package.candidate.source
    if source is None or source.kind in ("wheel", "archive"):
        row: dict[str, object] = {"name": str(package.name), "version": str(package.version)}
        if pins[package.name, package.version] == 1:
            return row
    else:
        row = {"name": str(package.name)}
    return {**row, **_identity(package.candidate)}


def _identity(candidate: Candidate) -> Mapping[str, object]:
    source = candidate.source
    if source is None:
        url = _index(candidate)
        return {"index": url} if url else {}
    key = "archive" if source.kind == "wheel" else source.kind
    place = {"url": public_url(source.url)} if source.url else {"path": source.path or "."}
    return {key: place}


def files_to_lock(package: ResolvedPackage, environments: MarkerSet) -> list[File]:
    """The files of an index that the lock names for a package: its wheels and its source."""
    if package.candidate.source is not None:
        return []
    used = _used(package.candidate, package.marker & environments)
    return [*used, *([package.candidate.sdist] if package.candidate.sdist else [])]


def _used(candidate: Candidate, needed: MarkerSet) -> list[File]:
    """Wheels that some covered environment could take; all of them if nothing else is left."""
    files = {file.filename: (file, serves(file.filename)) for file in candidate.wheels}
    # Many wheels are for the same: each place is compared once.
    places = dict.fromkeys(where for _, where in files.values())
    met = {where for where in places if not where.is_disjoint(needed)}
    used = [file for file, where in files.values() if where in met]
    if not used and candidate.sdist is None:
        return [file for file, _ in files.values()]
    return used


def _wheels(candidate: Candidate, needed: MarkerSet) -> list[PackageWheel]:
    return [
        PackageWheel(
            name=_name_beside(file),
            upload_time=_upload_time(file),
            **_place(file),
            size=file.size,
            hashes=_hashes(file.filename, file.url, file.hashes),
        )
        for file in _in_order(_used(candidate, needed))
    ]


def _place(file: File) -> Mapping[str, str]:
    """Where a file is: at a URL, or at a path relative to the lock (PEP 751)."""
    if is_local(file.url) and not path_of(file.url).startswith("/"):
        return {"path": path_of(file.url)}
    return {"url": public_url(file.url)}


def _in_order(files: Iterable[File]) -> list[File]:
    """By file name, but later builds first: installers take the first of equal tags."""
    by_name = sorted(files, key=lambda file: file.filename)
    return sorted(by_name, key=lambda file: _build(file.filename), reverse=True)


def _build(filename: str) -> tuple[int, str]:
    """The build number of a wheel's name, which few have: the others need not be parsed."""
    if filename.count("-") < _PARTS_WITH_BUILD - 1:
        return -1, ""
    return parse_wheel_filename(filename)[2] or (-1, "")


def _sdist(package: ResolvedPackage, file: File) -> PackageSdist:
    return PackageSdist(
        name=_name_beside(file)
        if is_source_name(file.filename, package.name)
        else _source_name(package, file),
        upload_time=_upload_time(file),
        **_place(file),
        size=file.size,
        hashes=_hashes(file.filename, file.url, file.hashes),
    )


def _source_name(package: ResolvedPackage, file: File) -> str:
    """The name that the specification gives a file whose own is older: x-1.0-1 is x-1.0.post1."""
    kind = ".zip" if file.filename.endswith(".zip") else ".tar.gz"
    return f"{package.name.replace('-', '_')}-{package.version}{kind}"


def _name_beside(file: File) -> str | None:
    """PEP 751 leaves out the name where the URL ends in it."""
    url = public_url(file.url)
    plain = "?" not in url and "%" not in url
    return None if plain and url.rpartition("/")[2] == file.filename else file.filename


def _upload_time(file: File) -> datetime | None:
    """UTC, as PEP 751 demands; None where the index gives none that can be read."""
    if not file.upload_time:
        return None
    try:
        moment = datetime.fromisoformat(file.upload_time)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _hashes(filename: str, url: str | None, hashes: Mapping[str, str]) -> Mapping[str, str]:
    secure = {name: hashes[name].lower() for name in sorted(hashes) if name in SECURE_HASHES}
    if not secure:
        raise IndexFailed(
            public_url(url or filename),
            f"gives no sha256 for {filename}, so what would be installed could not be checked",
            hint="ask who runs the index to give sha256 hashes (PEP 503), or use another index",
        )
    return secure


def _archive(source: DirectSource) -> PackageArchive:
    place = source.url or source.path or ""
    return PackageArchive(
        url=public_url(source.url) if source.url else None,
        path=source.path if not source.url else None,
        size=source.size,
        hashes=_hashes(place.rpartition("/")[2], source.url, source.hashes),
        subdirectory=source.subdirectory,
    )


def _directory(source: DirectSource) -> PackageDirectory:
    return PackageDirectory(
        path=source.path or ".",
        editable=source.editable or None,
        subdirectory=source.subdirectory,
    )


def _vcs(source: DirectSource) -> PackageVcs:
    return PackageVcs(
        type=source.vcs or "git",
        url=public_url(source.url) if source.url else None,
        path=source.path if not source.url else None,
        requested_revision=source.requested_revision,
        commit_id=source.commit or "",
        subdirectory=source.subdirectory,
    )


def _tool(
    spec: Spec,
    rows: Sequence[Package],
    exclude_newer: datetime | None,
    by_index: Mapping[str, datetime | None],
    builds: Sequence[LockedBuild],
) -> Mapping[str, object]:
    options: dict[str, object] = {
        "fingerprint": fingerprint(spec),
        "prereleases": spec.lock.prereleases,
        "resolution": spec.lock.resolution,
        "roots": root_rows(spec, rows),
    }
    if exclude_newer is not None:
        options["exclude-newer"] = _moment(exclude_newer)
    times = {
        index.name: _moment(time)
        for index in spec.indexes
        if (time := by_index.get(public_url(index.url))) is not None
    }
    if times:
        options["index-exclude-newer"] = times
    if builds:
        options[KEY] = build_rows(builds)
    return options


def _moment(time: datetime) -> str:
    return f"{time.astimezone(UTC).isoformat().removesuffix('+00:00')}Z"
