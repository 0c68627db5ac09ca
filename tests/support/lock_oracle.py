"""A judge of pylock.toml that shares no code with envsync: TOML, `packaging` and the wheels.

    found = violations(lock_bytes, env_toml_text, shelf)
    assert found == []

For every environment of a grid (Pythons, platforms, implementations, extras and groups that may be
installed together) it selects what PEP 751 selects and walks from env.toml's requirements along
the metadata inside the files themselves: at most one version of each package, every requirement
met, nothing selected that nobody needs, a file to install everywhere, and all hashes true.

What is judged is env.toml's promise, so its overrides, constraints, sources and conflicts count.
"""

import hashlib
import io
import re
import tarfile
import tomllib
import urllib.request
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain, combinations
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags, mac_platforms
from packaging.utils import (
    NormalizedName,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

MOST_CHOICES = 48
"""Choices of extras and groups that are tried; with more of them, only small and large ones."""


class Shelf(Protocol):
    """Where the files of a lock are."""

    def content(self, url: str) -> bytes:
        """Give a file as it is served; LookupError where there is none."""

    def metadata(self, url: str) -> str:
        """Give METADATA of the wheel, or PKG-INFO of the source distribution, at this address."""

    def filenames(self, name: str, index: str | None) -> Collection[str]:
        """Give the files that an index lists for a project; empty where that isn't known."""


# -- what the lock says -----------------------------------------------------------------------


class Artifact(NamedTuple):
    """One file of the lock."""

    url: str
    filename: str
    hashes: Mapping[str, str]
    size: int | None


class Row(NamedTuple):
    """One `[[packages]]`."""

    name: str
    version: str | None
    marker: Marker | None
    requires_python: str
    wheels: tuple[Artifact, ...]
    sdist: Artifact | None
    archive: Artifact | None
    place: str | None
    """Of a directory or repository: where it is. Its files are not looked at."""
    index_url: str | None
    edges: tuple[Mapping[str, Any], ...]

    @property
    def title(self) -> str:
        return f"{self.name} {self.version}" if self.version else self.name

    @property
    def files(self) -> tuple[Artifact, ...]:
        others = [one for one in (self.sdist, self.archive) if one is not None]
        return (*self.wheels, *others)


class Lock(NamedTuple):
    """What of a lock matters here."""

    requires_python: str
    environments: tuple[Marker, ...]
    extras: frozenset[str]
    groups: frozenset[str]
    rows: tuple[Row, ...]


def read_lock(data: bytes) -> Lock:
    """Read pylock.toml."""
    table = tomllib.loads(data.decode())
    return Lock(
        requires_python=table.get("requires-python", ""),
        environments=tuple(map(Marker, table.get("environments", ()))),
        extras=frozenset(table.get("extras", ())),
        groups=frozenset(table.get("dependency-groups", ())),
        rows=tuple(map(_row, table["packages"])),
    )


def _row(table: Mapping[str, Any]) -> Row:
    elsewhere = table.get("vcs") or table.get("directory")
    return Row(
        name=table["name"],
        version=table.get("version"),
        marker=Marker(table["marker"]) if "marker" in table else None,
        requires_python=table.get("requires-python", ""),
        wheels=tuple(map(_artifact, table.get("wheels", ()))),
        sdist=_artifact(table["sdist"]) if "sdist" in table else None,
        archive=_artifact(table["archive"]) if "archive" in table else None,
        place=(elsewhere.get("url") or elsewhere.get("path")) if elsewhere else None,
        index_url=table.get("index"),
        edges=tuple(table.get("dependencies", ())),
    )


def _artifact(table: Mapping[str, Any]) -> Artifact:
    url = table.get("url") or table.get("path") or ""
    filename = table.get("name") or unquote(urlsplit(url).path.rpartition("/")[2])
    return Artifact(url, filename, table.get("hashes", {}), table.get("size"))


# -- what env.toml asks -----------------------------------------------------------------------


class Root(NamedTuple):
    """One requirement of env.toml."""

    requirement: Requirement
    kind: str
    """"", "extra" or "group"."""
    member: str
    """The extra or group that brings it in."""

    def is_on(self, place: "Place") -> bool:
        """Say whether it counts in an environment, its own marker aside."""
        chosen = {"extra": place.extras, "group": place.groups}.get(self.kind)
        return chosen is None or self.member in chosen


class Source(NamedTuple):
    """One entry of [sources]."""

    marker: Marker | None
    key: str
    """"index", "url", "git" or "path"."""
    location: str


class Asked(NamedTuple):
    """What of env.toml matters to a lock."""

    requires_python: str
    environments: tuple[Marker, ...]
    required: tuple[Marker, ...]
    roots: tuple[Root, ...]
    extras: tuple[str, ...]
    groups: tuple[str, ...]
    conflicts: tuple[frozenset[str], ...]
    brings: Mapping[tuple[str, str], frozenset[str]]
    """The names of an extra or group and of all that it includes, by kind and name."""
    constraints: Mapping[str, list[Requirement]]
    overrides: Mapping[str, list[Requirement]]
    sources: Mapping[str, tuple[Source, ...]]


def read_env_toml(text: str) -> Asked:
    """Read env.toml, trusting it."""
    table = tomllib.loads(text)
    env, lock = table["env"], table.get("lock", {})
    extras = {canonicalize_name(k): v for k, v in env.get("optional-dependencies", {}).items()}
    groups = {canonicalize_name(k): v for k, v in table.get("dependency-groups", {}).items()}
    parts = {"extra": extras, "group": groups}
    own_name = "" if env.get("name") in table.get("sources", ()) else env.get("name", "")
    roots = [Root(Requirement(one), "", "") for one in env.get("dependencies", ())]
    roots += [Root(Requirement(one), "extra", name) for name in extras for one in extras[name]]
    for name in groups:
        roots += [Root(Requirement(one), "group", name) for one in _expanded(groups, name)]
    return Asked(
        requires_python=env.get("requires-python", ""),
        environments=tuple(map(Marker, lock.get("environments", ()))),
        required=tuple(map(Marker, lock.get("required-environments", ()))),
        roots=tuple(chain.from_iterable(_unfolded(root, own_name, extras) for root in roots)),
        extras=tuple(extras),
        groups=tuple(groups),
        conflicts=tuple(
            frozenset(map(canonicalize_name, one)) for one in lock.get("conflicts", ())
        ),
        brings={
            (kind, name): frozenset(_brought(name, kind, parts, canonicalize_name(own_name)))
            for kind, part in parts.items()
            for name in part
        },
        constraints=_by_name(lock.get("constraints", ())),
        overrides=_by_name(lock.get("overrides", ())),
        sources=_sources(table),
    )


def _expanded(groups: Mapping[NormalizedName, Any], name: NormalizedName) -> Iterator[str]:
    """PEP 735: included groups stand for their requirements."""
    for entry in groups[name]:
        if isinstance(entry, str):
            yield entry
        else:
            yield from _expanded(groups, canonicalize_name(entry["include-group"]))


def _unfolded(
    root: Root, own_name: str, extras: Mapping[NormalizedName, list[str]]
) -> Iterator[Root]:
    """Unfold a requirement for the project's own extras, `all = ["shop[fast]"]`."""
    own = _own_extras(root.requirement, own_name, extras)
    if not own:
        yield root
    for extra in own:
        for text in extras[extra]:
            requirement = Requirement(text)
            requirement.marker = _both(requirement.marker, root.requirement.marker)
            yield from _unfolded(root._replace(requirement=requirement), own_name, extras)


def _own_extras(
    requirement: Requirement, own_name: str, extras: Collection[NormalizedName]
) -> list[NormalizedName]:
    if not own_name or canonicalize_name(requirement.name) != canonicalize_name(own_name):
        return []
    return sorted({canonicalize_name(one) for one in requirement.extras} & set(extras))


def _brought(
    name: NormalizedName,
    kind: str,
    parts: Mapping[str, Mapping[NormalizedName, Any]],
    own_name: str,
) -> Iterator[str]:
    """An extra's or group's name, and those of everything that it includes."""
    yield name
    for entry in parts[kind][name]:
        if isinstance(entry, str):
            for extra in _own_extras(Requirement(entry), own_name, parts["extra"]):
                yield from _brought(extra, "extra", parts, own_name)
        else:
            yield from _brought(canonicalize_name(entry["include-group"]), "group", parts, own_name)


def _both(one: Marker | None, other: Marker | None) -> Marker | None:
    return Marker(f"({one}) and ({other})") if one and other else one or other


def _by_name(texts: Iterable[str]) -> Mapping[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = {}
    for requirement in map(Requirement, texts):
        found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def _sources(table: Mapping[str, Any]) -> Mapping[str, tuple[Source, ...]]:
    urls = {one["name"]: one["url"] for one in table.get("index", ())}
    found: dict[str, tuple[Source, ...]] = {}
    for name, value in table.get("sources", {}).items():
        entries = value if isinstance(value, list) else [value]
        found[canonicalize_name(name)] = tuple(
            Source(
                marker=Marker(entry["marker"]) if "marker" in entry else None,
                key=key,
                location=urls.get(entry[key], "") if key == "index" else entry[key],
            )
            for entry in entries
            for key in ("index", "url", "git", "path")
            if key in entry
        )
    return found


# -- the grid ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class System:
    """A platform, as markers and as wheel tags name it."""

    label: str
    sys_platform: str
    platform_system: str
    os_name: str
    machine: str
    platforms: tuple[str, ...]
    """Platform tags, most wanted first."""


def _manylinux(machine: str) -> tuple[str, ...]:
    aliases = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
    oldest = 5 if machine == "x86_64" else 17
    found: list[str] = []
    for minor in range(40, oldest - 1, -1):
        found.append(f"manylinux_2_{minor}_{machine}")
        if minor in aliases:
            found.append(f"{aliases[minor]}_{machine}")
    return (*found, f"linux_{machine}")


def _musllinux(machine: str) -> tuple[str, ...]:
    return (*(f"musllinux_1_{minor}_{machine}" for minor in (2, 1, 0)), f"linux_{machine}")


def _systems() -> Iterator[System]:
    for machine in ("x86_64", "aarch64"):
        for libc, platforms in (("glibc", _manylinux(machine)), ("musl", _musllinux(machine))):
            label = f"linux {machine} {libc}"
            yield System(label, "linux", "Linux", "posix", machine, platforms)
    for machine in ("arm64", "x86_64"):
        tags = tuple(mac_platforms((15, 0), machine))
        yield System(f"darwin {machine}", "darwin", "Darwin", "posix", machine, tags)
    yield System("win32 AMD64", "win32", "Windows", "nt", "AMD64", ("win_amd64",))
    yield System("win32 ARM64", "win32", "Windows", "nt", "ARM64", ("win_arm64",))


SYSTEMS = tuple(_systems())
PATCHES = {8: 20, 9: 18, 10: 13, 11: 7, 12: 4, 13: 1, 14: 0}
"""A patch release of each minor version of Python 3 in the grid."""
PYPY_MINORS = (9, 10, 11)


class Place(NamedTuple):
    """One environment of the grid: marker variables, wheel tags, chosen extras and groups."""

    python: str
    implementation: str
    system: System
    extras: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        chosen = "".join(f" [{one}]" for one in sorted(self.extras))
        chosen += "".join(f" +{one}" for one in sorted(self.groups))
        return f"{self.implementation} {self.python} on {self.system.label}{chosen}"


@cache
def variables(python: str, implementation: str, system: System) -> Mapping[str, str]:
    """The environment markers (PEP 508) of an interpreter."""
    return {
        "implementation_name": implementation,
        "implementation_version": python if implementation == "cpython" else "7.3.17",
        "os_name": system.os_name,
        "platform_machine": system.machine,
        "platform_python_implementation": "CPython" if implementation == "cpython" else "PyPy",
        "platform_release": "6.1.0",
        "platform_system": system.platform_system,
        "platform_version": "#1",
        "python_full_version": python,
        "python_version": ".".join(python.split(".")[:2]),
        "sys_platform": system.sys_platform,
    }


@cache
def tag_ranks(minor: int, implementation: str, system: System) -> Mapping[Tag, int]:
    """The wheel tags that an interpreter takes (PEP 425, 600, 656), most wanted first."""
    version, platforms = (3, minor), system.platforms
    if implementation == "cpython":
        own = list(cpython_tags(version, [f"cp3{minor}"], platforms))
        rest = compatible_tags(version, f"cp3{minor}", platforms)
    else:
        own = list(generic_tags(f"pp3{minor}", [f"pypy3{minor}_pp73"], platforms))
        rest = compatible_tags(version, "pp3", platforms)
    return {tag: rank for rank, tag in reversed(list(enumerate([*own, *rest])))}


@cache
def wheel_rank(filename: str, minor: int, implementation: str, system: System) -> int | None:
    """How much an interpreter wants a wheel, 0 most; None: not at all."""
    ranks = tag_ranks(minor, implementation, system)
    found = [ranks[tag] for tag in parse_wheel_filename(filename)[3] if tag in ranks]
    return min(found, default=None)


def rank_at(filename: str, place: Place) -> int | None:
    return wheel_rank(filename, int(place.python.split(".")[1]), place.implementation, place.system)


def grid(asked: Asked, lock: Lock) -> Iterator[Place]:
    """Every environment that env.toml wants covered, with every choice that may be installed."""
    choices = list(_choices(asked))
    for python, implementation, system in _bare_places(asked, lock):
        if _is_covered(asked, variables(python, implementation, system)):
            for extras, groups in choices:
                yield Place(python, implementation, system, extras, groups)


def _bare_places(asked: Asked, lock: Lock) -> Iterator[tuple[str, str, System]]:
    names = " ".join(one.filename for row in lock.rows for one in row.files)
    tagged = "linux_" in names
    systems = [one for one in SYSTEMS if tagged or not one.label.endswith("musl")]
    literals = set(re.findall(r"3\.[0-9]+\.[0-9]+", f"{lock} {asked}"))
    for minor, patch in PATCHES.items():
        for system in systems:
            for python in _patches(minor, patch, literals):
                yield python, "cpython", system
            if minor in PYPY_MINORS and system.machine in ("x86_64", "arm64", "AMD64"):
                yield f"3.{minor}.{patch}", "pypy", system


def _patches(minor: int, usual: int, literals: Collection[str]) -> Iterator[str]:
    """The usual patch release, and those around each that a marker or bound names."""
    named = {int(one.split(".")[2]) for one in literals if one.startswith(f"3.{minor}.")}
    around = {number + step for number in named for step in (-1, 0, 1)}
    yield from (f"3.{minor}.{patch}" for patch in sorted({usual, *around}) if patch >= 0)


def _is_covered(asked: Asked, environment: Mapping[str, str]) -> bool:
    if not _contains(asked.requires_python, environment["python_full_version"]):
        return False
    limits = asked.environments
    return not limits or any(holds(marker, environment) for marker in limits)


def _choices(asked: Asked) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
    """Sets of extras and groups without two members of one conflict."""
    members = [("extra", one) for one in asked.extras] + [("group", one) for one in asked.groups]
    count = len(members)
    sizes = range(count + 1) if 2**count <= MOST_CHOICES else (0, 1, count - 1, count)
    for size in sizes:
        for chosen in combinations(members, size):
            names = frozenset().union(*(asked.brings[member] for member in chosen))
            if any(len(conflict & names) > 1 for conflict in asked.conflicts):
                continue
            yield (
                frozenset(name for kind, name in chosen if kind == "extra"),
                frozenset(name for kind, name in chosen if kind == "group"),
            )


def holds(marker: Marker | None, environment: Mapping[str, str], extra: str = "") -> bool:
    """Evaluate the marker of a requirement."""
    return marker is None or marker.evaluate({**environment, "extra": extra})


@lru_cache(maxsize=4096)
def _contains(specifiers: str, version: str) -> bool:
    return SpecifierSet(specifiers).contains(version, prereleases=True)


@lru_cache(maxsize=4096)
def lower_bound(requires_python: str) -> str:
    """Leave out what bounds Python from above: it is told, and doesn't bind (env.toml's contract).

    `==3.9.*` and `~=3.9` become `>=3.9`.
    """
    kept = []
    for one in SpecifierSet(requires_python):
        if one.operator in (">=", ">"):
            kept.append(str(one))
        elif one.operator in ("==", "~=", "==="):
            kept.append(f">={one.version.removesuffix('.*')}")
    return ",".join(kept)


# -- metadata ---------------------------------------------------------------------------------


class Facts(NamedTuple):
    """What a file says of itself."""

    name: str
    version: str
    requires_python: str
    requires: tuple[Requirement, ...]


@lru_cache(maxsize=4096)
def read_facts(text: str) -> Facts:
    """Read METADATA or PKG-INFO: the headers that matter."""
    headers = [line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line]
    found: dict[str, list[str]] = {}
    for key, value in headers:
        found.setdefault(key.strip().lower(), []).append(value.strip())
    return Facts(
        name=found["name"][0],
        version=found["version"][0],
        requires_python=found.get("requires-python", [""])[0],
        requires=tuple(map(Requirement, found.get("requires-dist", ()))),
    )


def metadata_in(filename: str, content: bytes | io.IOBase) -> str:
    """Read METADATA out of a wheel, or PKG-INFO out of a source distribution."""
    file: Any = io.BytesIO(content) if isinstance(content, bytes) else content
    if filename.endswith((".whl", ".zip")):
        with zipfile.ZipFile(file) as archive:
            wanted = ".dist-info/METADATA" if filename.endswith(".whl") else "/PKG-INFO"
            (member,) = (n for n in archive.namelist() if n.endswith(wanted) and n.count("/") == 1)
            return archive.read(member).decode()
    with tarfile.open(fileobj=file) as tar:
        (path,) = (n for n in tar.getnames() if n.endswith("/PKG-INFO") and n.count("/") == 1)
        opened = tar.extractfile(path)
        assert opened is not None
        return opened.read().decode()


# -- the judge --------------------------------------------------------------------------------


class Gap(NamedTuple):
    """An environment for which the lock selects a package and has no file of it."""

    name: str
    version: str | None
    place: "Place"


class Judgement(NamedTuple):
    """What is wrong, and where packages can't be installed though the lock selects them."""

    violations: list[str]
    gaps: list[Gap]
    places: int
    """How many environments were looked at."""


def violations(
    lock: bytes, env_toml: str, shelf: Shelf, *, told: Callable[[Gap], bool] | None = None
) -> list[str]:
    """Say what is wrong with a lock, a line each; an empty list for a good one.

    `told` says whether whoever locked was told of a gap: then it is no violation.
    """
    return judge(lock, env_toml, shelf, told=told).violations


def judge(
    lock: bytes,
    env_toml: str,
    shelf: Shelf,
    *,
    told: Callable[[Gap], bool] | None = None,
    hashes: bool = True,
    every_wheel: bool = True,
) -> Judgement:
    """Judge a lock as `violations` does.

    Without `hashes` no file is read in whole. Without `every_wheel` the first wheel of each row
    speaks for the others, as for locks of the real world where each would cost a request.
    """
    judging = _Judging(read_lock(lock), read_env_toml(env_toml), shelf, every_wheel=every_wheel)
    judging.whole()
    for row in judging.lock.rows:
        judging.files(row, hashes=hashes)
    places = 0
    for place in grid(judging.asked, judging.lock):
        places += 1
        judging.place(place)
    judging.installability(told or (lambda gap: False))
    return Judgement(judging.found(), list(judging.gaps()), places)


class _Judging:
    """The state of `judge`."""

    def __init__(self, lock: Lock, asked: Asked, shelf: Shelf, *, every_wheel: bool) -> None:
        self.lock, self.asked, self._shelf = lock, asked, shelf
        self._every_wheel = every_wheel
        self._found: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self._fits: dict[int, dict[Place, bool]] = {}

    def found(self) -> list[str]:
        return [
            f"{text} ({self._first[text]}{f' and {count - 1} more' if count > 1 else ''})"
            if text in self._first
            else text
            for text, count in self._found.items()
        ]

    def gaps(self) -> Iterator[Gap]:
        for at, fits in sorted(self._fits.items()):
            row = self.lock.rows[at]
            yield from (Gap(row.name, row.version, place) for place, fit in fits.items() if not fit)

    def _say(self, text: str, place: Place | None = None) -> None:
        self._found[text] += 1
        if place is not None:
            self._first.setdefault(text, place.label)

    # what holds everywhere

    def whole(self) -> None:
        """Look at what the lock says about itself."""
        for what, locked, wanted in (
            ("extras", self.lock.extras, self.asked.extras),
            ("groups", self.lock.groups, self.asked.groups),
        ):
            if locked != set(wanted):
                self._say(f"the lock has the {what} {sorted(locked)}, not {sorted(wanted)}")
        for row in self.lock.rows:
            for edge in row.edges:
                if not any(_points_at(edge, other) for other in self.lock.rows):
                    self._say(f"{row.title} has an edge to nothing: {dict(edge)}")

    def files(self, row: Row, *, hashes: bool) -> None:
        """Look at each file of a package: is it there, is it what the lock says?"""
        if not row.files and row.place is None:
            self._say(f"{row.title} has no file at all")
        for file in row.files:
            self._identity(row, file)
            if hashes:
                self._hashes(row, file)

    def _identity(self, row: Row, file: Artifact) -> None:
        name, version = _named(file.filename)
        if name != row.name or str(version) != row.version:
            self._say(f"{file.filename} is not a file of {row.title}")

    def _hashes(self, row: Row, file: Artifact) -> None:
        try:
            content = self._shelf.content(file.url)
        except LookupError:
            self._say(f"{row.title}: nothing is served at the address of {file.filename}")
            return
        if not set(file.hashes) & {"sha256", "sha384", "sha512"}:
            self._say(f"{file.filename} has no secure hash")
        for algorithm, digest in file.hashes.items():
            if hashlib.new(algorithm, content).hexdigest() != digest:
                self._say(f"the {algorithm} of {file.filename} is not that of the served bytes")
        if file.size not in (None, len(content)):
            self._say(f"the size of {file.filename} is not that of the served bytes")

    # one environment

    def place(self, place: Place) -> None:
        """Select for one environment and compare with what is needed there."""
        environment = variables(place.python, place.implementation, place.system)
        self._covers(environment, place)
        selected: dict[str, int] = {}
        for at, row in enumerate(self.lock.rows):
            if not self._selects(row, environment, place):
                continue
            if row.name in selected:
                self._say(f"two versions of {row.name} are selected", place)
            selected[row.name] = at
            self._fits.setdefault(at, {})[place] = self._file_for(row, place) is not None
        needed = self._closure(selected, environment, place)
        for name in sorted(set(selected) - needed):
            title = self.lock.rows[selected[name]].title
            self._say(f"{title} is selected, and nothing needs it", place)

    def _covers(self, environment: Mapping[str, str], place: Place) -> None:
        limits = self.lock.environments
        if not _contains(self.lock.requires_python, place.python) or (
            limits and not any(holds(marker, environment) for marker in limits)
        ):
            self._say("the lock does not cover an environment that env.toml covers", place)

    def _selects(self, row: Row, environment: Mapping[str, str], place: Place) -> bool:
        return row.marker is None or row.marker.evaluate(
            {**environment, "extras": place.extras, "dependency_groups": place.groups},
            context="lock_file",
        )

    def _file_for(self, row: Row, place: Place) -> str | None:
        """The address of what would be installed; "" for what has no files; None for nothing."""
        if row.place is not None:
            return ""
        archive = row.archive
        if archive is not None:
            fits = not archive.filename.endswith(".whl") or _fits(archive.filename, place)
            return archive.url if fits else None
        ranked = [(rank_at(one.filename, place), one) for one in row.wheels]
        fitting = [(rank, one.filename, one.url) for rank, one in ranked if rank is not None]
        if fitting:
            return min(fitting)[2]
        return row.sdist.url if row.sdist is not None else None

    def _closure(
        self, selected: Mapping[str, int], environment: Mapping[str, str], place: Place
    ) -> set[str]:
        """Walk from env.toml through the selection; gives the names that are needed."""
        extras: dict[str, frozenset[str]] = {}
        waiting: list[tuple[str, Requirement, bool]] = []
        for root in self.asked.roots:
            if root.is_on(place) and holds(root.requirement.marker, environment):
                waiting += self._meant("env.toml", root.requirement, environment, is_root=True)
        while waiting:
            who, requirement, is_root = waiting.pop()
            name = canonicalize_name(requirement.name)
            at = selected.get(name)
            if at is None:
                self._say(f"{who} needs {_shown(requirement)}, and no {name} is selected", place)
                continue
            row = self.lock.rows[at]
            self._judge_requirement(who, requirement, row, is_root=is_root, place=place)
            before = extras.get(name)
            after = (before or frozenset()) | {canonicalize_name(x) for x in requirement.extras}
            if after == before:
                continue
            extras[name] = after
            facts = self._facts(row, place)
            if facts is None:
                continue
            if before is None:
                self._judge_package(row, facts, environment, place)
            for inner in facts.requires:
                if any(holds(inner.marker, environment, extra) for extra in ("", *after)):
                    waiting += self._meant(row.title, inner, environment, is_root=False)
                    self._judge_edge(row, inner, selected, environment, place)
        return set(extras)

    def _meant(
        self, who: str, requirement: Requirement, environment: Mapping[str, str], *, is_root: bool
    ) -> Iterator[tuple[str, Requirement, bool]]:
        """Put overrides in the place of a requirement."""
        overrides = self.asked.overrides.get(canonicalize_name(requirement.name))
        if overrides is None:
            yield who, requirement, is_root
        for override in overrides or ():
            if holds(override.marker, environment):
                meant = Requirement(str(override))
                meant.extras |= requirement.extras
                yield "[lock] overrides", meant, True

    def _judge_requirement(
        self, who: str, requirement: Requirement, row: Row, *, is_root: bool, place: Place
    ) -> None:
        if row.version is not None and not requirement.specifier.contains(
            row.version, prereleases=True
        ):
            self._say(f"{who} needs {_shown(requirement)}, and {row.title} is selected", place)
        if requirement.url is not None:
            found = row.archive.url if row.archive is not None else row.place
            wanted = requirement.url.partition("#")[0].removeprefix("git+")
            if found is None or not wanted.startswith(found):
                self._say(f"{who} needs {_shown(requirement)}, and it is not from there", place)

    def _judge_package(
        self, row: Row, facts: Facts, environment: Mapping[str, str], place: Place
    ) -> None:
        """Look at one selected package by its own metadata."""
        if canonicalize_name(facts.name) != row.name or (
            row.version is not None and str(Version(facts.version)) != row.version
        ):
            self._say(f"{row.title} is {facts.name} {facts.version} by its own metadata", place)
        if not _contains(lower_bound(facts.requires_python), place.python):
            self._say(f"{row.title} needs Python {facts.requires_python}", place)
        if _contains(facts.requires_python, place.python) and not _contains(
            row.requires_python, place.python
        ):
            self._say(f"{row.title} is refused by the lock's own requires-python", place)
        for constraint in self.asked.constraints.get(row.name, ()):
            if holds(constraint.marker, environment) and not constraint.specifier.contains(
                row.version or "0", prereleases=True
            ):
                self._say(f"{row.title} breaks the constraint {_shown(constraint)}", place)
        self._judge_source(row, environment, place)

    def _judge_source(self, row: Row, environment: Mapping[str, str], place: Place) -> None:
        for source in self.asked.sources.get(row.name, ()):
            if not holds(source.marker, environment):
                continue
            if source.key == "index":
                good = (row.index_url or "").rstrip("/") == source.location.rstrip("/")
            elif source.key == "url":
                good = row.archive is not None and row.archive.url == source.location
            else:
                good = row.place is not None
            if not good:
                self._say(f"{row.title} does not come from {source.location}", place)
            return

    def _judge_edge(
        self,
        row: Row,
        requirement: Requirement,
        selected: Mapping[str, int],
        environment: Mapping[str, str],
        place: Place,
    ) -> None:
        """`packages.dependencies` must name what the package needs here."""
        for _, meant, _ in self._meant(row.title, requirement, environment, is_root=False):
            at = selected.get(canonicalize_name(meant.name))
            if at is None or self.lock.rows[at] is row:
                continue
            if not any(_points_at(edge, self.lock.rows[at]) for edge in row.edges):
                self._say(f"{row.title} has no edge to {self.lock.rows[at].title}", place)

    def _facts(self, row: Row, place: Place) -> Facts | None:
        url = self._file_for(row, place)
        if not self._every_wheel or url is None:
            files = row.files
            url = files[0].url if files else None
        if not url:
            return None
        try:
            return read_facts(self._shelf.metadata(url))
        except LookupError:
            return None  # said by `files` already

    # files for everybody

    def installability(self, told: Callable[[Gap], bool]) -> None:
        """Every package needs a file wherever it is selected, or the locking must have said so."""
        for gap in self.gaps():
            if not told(gap):
                self._say(f"{gap.name} {gap.version} has no file, and that was not told", gap.place)
        for at, fits in sorted(self._fits.items()):
            row = self.lock.rows[at]
            for place, fit in fits.items():
                if not fit:
                    self._left_out(row, place)
            self._required(row, fits)

    def _left_out(self, row: Row, place: Place) -> None:
        """The index has a file that fits: then the lock must have it."""
        for filename in self._shelf.filenames(row.name, row.index_url):
            if (
                filename.endswith(".whl")
                and str(_named(filename)[1]) == row.version
                and _fits(filename, place)
            ):
                self._say(f"the lock of {row.title} leaves out {filename}", place)

    def _required(self, row: Row, fits: Mapping[Place, bool]) -> None:
        for marker in self.asked.required:
            here = [
                fit
                for place, fit in fits.items()
                if holds(marker, variables(place.python, place.implementation, place.system))
            ]
            if here and not any(here):
                self._say(f"{row.title} has no file for the required environment {marker}")


def _fits(filename: str, place: Place) -> bool:
    return rank_at(filename, place) is not None


def _named(filename: str) -> tuple[str, Version]:
    if filename.endswith(".whl"):
        return parse_wheel_filename(filename)[:2]
    return parse_sdist_filename(filename)


def _points_at(edge: Mapping[str, Any], row: Row) -> bool:
    """PEP 751: an edge is as much of a row as tells it from the others."""
    if edge.get("name") != row.name:
        return False
    url = row.archive.url if row.archive is not None else row.place
    found = {"version": row.version, "index": row.index_url}
    return all(
        found[key] == value if key in found else url in (value.get("url"), value.get("path"))
        for key, value in edge.items()
        if key != "name"
    )


def _shown(requirement: Requirement) -> str:
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    at = f" @ {requirement.url}" if requirement.url else ""
    return f"{requirement.name}{extras}{requirement.specifier}{at}"


# -- shelves ----------------------------------------------------------------------------------


class MemoryShelf:
    """Files that are at hand: `contents` by address, `listed` by project and index."""

    def __init__(
        self,
        contents: Mapping[str, bytes],
        listed: Mapping[tuple[str, str | None], Sequence[str]] | None = None,
    ) -> None:
        self._contents, self._listed = contents, listed or {}
        self._metadata: dict[str, str] = {}

    def content(self, url: str) -> bytes:
        return self._contents[url]

    def metadata(self, url: str) -> str:
        found = self._metadata.get(url)
        if found is None:
            filename = unquote(urlsplit(url).path.rpartition("/")[2])
            found = self._metadata[url] = metadata_in(filename, self._contents[url])
        return found

    def filenames(self, name: str, index: str | None) -> Collection[str]:
        return self._listed.get((name, index), ())


class RemoteShelf:
    """Files on a server that answers byte ranges: metadata is read without the rest of a wheel."""

    def __init__(self) -> None:
        self._metadata: dict[str, str] = {}

    def content(self, url: str) -> bytes:
        with urllib.request.urlopen(url) as response:
            return bytes(response.read())

    def metadata(self, url: str) -> str:
        found = self._metadata.get(url)
        if found is None:
            filename = unquote(urlsplit(url).path.rpartition("/")[2])
            is_zip = filename.endswith((".whl", ".zip"))
            file = io.BufferedReader(_Ranged(url), 1 << 16) if is_zip else self.content(url)
            found = self._metadata[url] = metadata_in(filename, file)
        return found

    def filenames(self, name: str, index: str | None) -> Collection[str]:
        return ()


class _Ranged(io.RawIOBase):
    """A remote file that is read by ranges; its tail, where a wheel keeps METADATA, at once."""

    TAIL = 1 << 17

    def __init__(self, url: str) -> None:
        self._url, self._at = url, 0
        self._tail, content_range = self._get(f"-{self.TAIL}")
        self._size = int(content_range.rpartition("/")[2]) if content_range else len(self._tail)

    def _get(self, wanted: str) -> tuple[bytes, str]:
        request = urllib.request.Request(self._url, headers={"Range": f"bytes={wanted}"})
        with urllib.request.urlopen(request) as response:
            return response.read(), response.headers.get("Content-Range", "")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = start + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        stop = min(self._at + len(buffer), self._size)
        if stop <= self._at:
            return 0
        first = self._size - len(self._tail)
        if self._at >= first:
            content = self._tail[self._at - first : stop - first]
        else:
            content, _ = self._get(f"{self._at}-{stop - 1}")
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)
