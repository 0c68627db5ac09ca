"""A catalog in memory for the resolver, and scenarios: a universe in ten lines of TOML.

    [root]
    requires = ["a", "b; sys_platform == 'win32'"]
    requires-python = ">=3.10"
    extras.fast = ["c"]                    # also groups.dev = [...]
    [lock]                                 # as in env.toml; also [build] allow
    [preferences]
    a = ["1.0"]                            # what the old lock has
    [packages.a.versions."1.0"]
    requires = ["d>=2; extra == 'x'"]
    requires-python = ">=3.8"
    listed-python = false                  # that is in its metadata only
    wheels = ["py3-none-any"]              # this one where the key is missing
    sdist = true                           # default: false
    yanked = "broken"                      # or true
    upload-time = "2024-05-01T00:00:00Z"
    broken = "no Name"                     # its metadata cannot be read
    [expected]
    packages = ["a==1.0", "d==2.0; python_full_version >= '3.11'"]
    notices = ["part of a line"]
    [expected.conflict]                    # instead of packages
    error = "NoSolution"
    says = ["part of the message"]
    hint = "part of the hint"

Where packages have no versions at all, `[packages]` may be left out.
"""

import hashlib
import os
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envsync.errors import MetadataInvalid, PackageNotFound
from envsync.model.candidate import Candidate, CoreMetadata, DirectSource, File
from envsync.model.marker import (
    ALWAYS,
    NEVER,
    MarkerSet,
    extra,
    from_marker,
    from_requires_python,
    from_text,
    group,
)
from envsync.model.resolution import Resolution, RootRequirement
from envsync.model.version_text import parse_version
from envsync.resolve.candidates import Listing, ResolvePolicy
from envsync.resolve.page_judge import candidates_of
from envsync.resolve.universal import resolve

SCENARIOS = os.path.join(os.path.dirname(__file__), "..", "..", "fixtures", "scenarios")
INDEX = "https://index.example/simple/"


class Release(NamedTuple):
    """One version in a universe."""

    requires: tuple[Requirement, ...] = ()
    requires_python: str | None = None
    listed_python: str | None = None
    """What the index says of it."""
    wheels: tuple[str, ...] = ("py3-none-any",)
    sdist: bool = False
    yanked: str | None = None
    upload_time: str | None = None
    broken: str | None = None
    extras: frozenset[str] | None = None
    """What Provides-Extra says; None: the extras that the requirements name."""


Universe = Mapping[str, Mapping[str, Release]]


class MemoryCatalog:
    """A `Catalog` over a universe. `asked` holds every question in order."""

    def __init__(self, universe: Universe, policy: ResolvePolicy) -> None:
        self._universe = {canonicalize_name(name): found for name, found in universe.items()}
        self._policy = policy
        self.asked: list[tuple[str, str]] = []
        self.hints: list[tuple[str, str]] = []

    def listing(self, name: NormalizedName, source: str | None = None) -> Listing:
        self.asked.append(("listing", name))
        if source is not None:
            return self._direct(name, source)
        releases = self._universe.get(name)
        if releases is None:
            raise PackageNotFound(name, [INDEX])
        files = [file for text, one in releases.items() for file in _files(name, text, one)]
        return candidates_of(name, files, INDEX, self._policy)

    def metadata(self, candidate: Candidate) -> CoreMetadata:
        self.asked.append(("metadata", f"{candidate.name} {candidate.version}"))
        release = self._release(candidate)
        if release.broken is not None:
            raise MetadataInvalid(f"{candidate.name}-{candidate.version}", release.broken)
        return CoreMetadata(
            name=candidate.name,
            version=candidate.version,
            requires_dist=release.requires,
            requires_python=_specifiers(release.requires_python),
            provides_extra=frozenset(canonicalize_name(one) for one in extras_of(release)),
        )

    def prefetch(self, name: NormalizedName, specifier: SpecifierSet) -> None:
        self.hints.append((name, str(specifier)))

    def _direct(self, name: NormalizedName, source: str) -> Listing:
        """A source is the key of a package: a local project, an archive, another index."""
        releases = tuple(self._universe.get(canonicalize_name(source), {}))
        where = DirectSource(kind="archive", url=source)
        found = [
            Candidate(name=name, version=Version(text), source=where) for text in reversed(releases)
        ]
        return Listing(name, tuple(found))

    def _release(self, candidate: Candidate) -> Release:
        name = candidate.name
        if candidate.source is not None and candidate.source.url is not None:
            name = canonicalize_name(candidate.source.url)
        for text, release in self._universe[name].items():
            if parse_version(text) == candidate.version:
                return release
        raise LookupError(f"{name} {candidate.version}")


def extras_of(release: Release) -> frozenset[str]:
    """The extras that a release provides."""
    if release.extras is not None:
        return release.extras
    words = " ".join(str(one.marker or "") for one in release.requires).split('extra == "')[1:]
    return frozenset(word.split('"')[0] for word in words)


def _specifiers(text: str | None) -> SpecifierSet | None:
    return SpecifierSet(text) if text else None


def _files(name: str, version: str, release: Release) -> Iterator[File]:
    stem = f"{name.replace('-', '_')}-{version}"
    names = [f"{stem}-{tags}.whl" for tags in release.wheels]
    if release.sdist:
        names.append(f"{stem}.tar.gz")
    for filename in names:
        yield File(
            filename=filename,
            url=f"https://files.example/{filename}",
            hashes={"sha256": hashlib.sha256(filename.encode()).hexdigest()},
            requires_python=release.listed_python,
            upload_time=release.upload_time,
            yanked=release.yanked,
        )


# -- scenarios --------------------------------------------------------------------------------


class Expected(NamedTuple):
    """What a scenario should come to: packages, or an error."""

    packages: tuple[str, ...]
    notices: tuple[str, ...]
    error: str | None
    says: tuple[str, ...]
    hint: str


class Scenario(NamedTuple):
    """A problem with its answer."""

    name: str
    roots: tuple[RootRequirement, ...]
    environments: MarkerSet
    policy: ResolvePolicy
    preferences: Mapping[NormalizedName, tuple[Version, ...]]
    universe: Universe
    expected: Expected

    def resolve(
        self, *, preferences: Mapping[NormalizedName, tuple[Version, ...]] | None = None
    ) -> Resolution:
        """Run the resolver on it."""
        return resolve(
            self.roots,
            environments=self.environments,
            policy=self.policy,
            preferences=self.preferences if preferences is None else preferences,
            catalog=MemoryCatalog(self.universe, self.policy),
        )


def scenario_files() -> tuple[str, ...]:
    """The paths of all scenarios, sorted."""
    found = (
        os.path.join(folder, file) for folder, _, files in os.walk(SCENARIOS) for file in files
    )
    return tuple(sorted(path for path in found if path.endswith(".toml")))


def load_scenario(path: str) -> Scenario:
    """Read one scenario file."""
    with open(path, "rb") as file:
        return read_scenario(tomllib.load(file), os.path.relpath(path, SCENARIOS)[:-5])


def read_scenario(data: dict[str, Any], name: str = "scenario") -> Scenario:
    """Turn the tables of a scenario into values; unknown keys are errors."""
    _only(data, {"description", "root", "lock", "build", "preferences", "packages", "expected"})
    root = data.get("root", {})
    _only(root, {"requires", "requires-python", "extras", "groups", "sources"})
    lock, environments = data.get("lock", {}), _environments(root, data.get("lock", {}))
    return Scenario(
        name=name,
        roots=tuple(_roots(root)),
        environments=environments,
        policy=_policy(lock, root, environments)._replace(
            build_allow=frozenset(data.get("build", {}).get("allow", ()))
        ),
        preferences={
            canonicalize_name(name): tuple(Version(one) for one in versions)
            for name, versions in data.get("preferences", {}).items()
        },
        universe={
            name: {text: _release(one) for text, one in package.get("versions", {}).items()}
            for name, package in data.get("packages", {}).items()
        },
        expected=_expected(data.get("expected", {})),
    )


def _environments(root: dict[str, Any], lock: dict[str, Any]) -> MarkerSet:
    pythons = from_requires_python(SpecifierSet(root.get("requires-python", ">=3.9")))
    limits = [from_text(text) for text in lock.get("environments", ())]
    return pythons & (_any(limits) if limits else ALWAYS)


def _any(markers: Iterable[MarkerSet]) -> MarkerSet:
    found = NEVER
    for marker in markers:
        found = found | marker
    return found


def _roots(root: dict[str, Any]) -> Iterator[RootRequirement]:
    tables: list[tuple[list[str], MarkerSet, str]] = [
        (root.get("requires", []), ALWAYS, "env.toml: env.dependencies")
    ]
    tables += [(texts, extra(x), f"extra {x}") for x, texts in root.get("extras", {}).items()]
    tables += [(texts, group(g), f"group {g}") for g, texts in root.get("groups", {}).items()]
    for texts, condition, origin in tables:
        for text in texts:
            requirement = Requirement(text)
            yield RootRequirement(requirement, condition & from_marker(requirement.marker), origin)


def _policy(lock: dict[str, Any], root: dict[str, Any], environments: MarkerSet) -> ResolvePolicy:
    def member(name: str) -> MarkerSet:
        return extra(name) if name in root.get("extras", {}) else group(name)

    read: dict[str, Callable[[Any], Any]] = {
        "required-environments": lambda texts: tuple(map(from_text, texts)),
        "resolution": str,
        "prereleases": str,
        "exclude-newer": datetime.fromisoformat,
        "constraints": lambda texts: tuple(map(Requirement, texts)),
        "overrides": lambda texts: tuple(map(Requirement, texts)),
        "ignore-requires-python": frozenset,
        "no-binary": frozenset,
        "upgrade": lambda names: names if isinstance(names, bool) else frozenset(names),
        "max-rounds": int,
        "max-regions": int,
        "conflicts": lambda sets: tuple(tuple(member(one) for one in names) for names in sets),
    }
    _only(lock, {*read, "environments"})
    values = {key.replace("-", "_"): read[key](value) for key, value in lock.items() if key in read}
    sources = {
        name: tuple((from_text(marker) if marker else ALWAYS, key) for marker, key in entries)
        for name, entries in root.get("sources", {}).items()
    }
    policy = ResolvePolicy(environments=environments, sources=sources)
    return policy._replace(**values)


def _release(data: dict[str, Any]) -> Release:
    _only(
        data,
        {
            "requires", "requires-python", "wheels", "sdist", "yanked", "upload-time", "broken",
            "extras", "listed-python",
        },
    )  # fmt: skip
    yanked = data.get("yanked")
    return Release(
        requires=tuple(map(Requirement, data.get("requires", ()))),
        requires_python=data.get("requires-python"),
        listed_python=data.get("requires-python") if data.get("listed-python", True) else None,
        wheels=tuple(data.get("wheels", ["py3-none-any"])),
        sdist=data.get("sdist", False),
        yanked=yanked if isinstance(yanked, str) else ("" if yanked else None),
        upload_time=data.get("upload-time"),
        broken=data.get("broken"),
        extras=frozenset(data["extras"]) if "extras" in data else None,
    )


def _expected(data: dict[str, Any]) -> Expected:
    _only(data, {"packages", "notices", "conflict"})
    conflict = data.get("conflict")
    if conflict is not None:
        _only(conflict, {"error", "says", "hint"})
    return Expected(
        packages=tuple(data.get("packages", ())),
        notices=tuple(data.get("notices", ())),
        error=None if conflict is None else conflict.get("error", "NoSolution"),
        says=tuple((conflict or {}).get("says", ())),
        hint=(conflict or {}).get("hint", ""),
    )


def _only(table: Mapping[str, Any], keys: set[str]) -> None:
    if unknown := set(table) - keys:
        raise ValueError(f"unknown keys in a scenario: {sorted(unknown)}")
