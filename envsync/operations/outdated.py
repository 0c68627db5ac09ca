"""One page: what the indexes have that is newer than the lock, and what stands in its way.

The indexes are asked anew. No version is tried: what is said to be allowed is what all requirements
of the lock's packages, the constraints and the policy of env.toml leave of a package alone.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envsync.acquire.package_sources import PackageSources
from envsync.catalog.places import INDEX_KEY
from envsync.catalog.resolver_input import covered_environments, resolve_policy
from envsync.errors import PackageNotFound
from envsync.events import Reporter
from envsync.lock.demands import Demand, demands, refusing
from envsync.lock.graph import Graph
from envsync.model.candidate import Candidate
from envsync.model.marker import from_requires_python
from envsync.model.version_text import parse_version
from envsync.operations.installed import versions_installed
from envsync.operations.look import normal, read_graph
from envsync.project.env_toml import read_spec
from envsync.project.paths import Project
from envsync.project.request import LockOptions
from envsync.resolve.candidates import Listing, ResolvePolicy
from envsync.resolve.rejections import NeedsPython
from envsync.settings import Settings
from envsync.spec.model import Spec
from envsync.spec.times import newest_times

_OLDEST = SpecifierSet(">=3.8")


class InTheWay(NamedTuple):
    """What keeps the newest version of a package away."""

    kind: str
    """"requirement", "constraint", "python", "file" (no wheel, too new and the like), "yanked",
    "pre-release" or "not listed"."""
    text: str


class Outdated(NamedTuple):
    """One package, and how it stands."""

    name: str
    installed: str
    """"" where it isn't installed."""
    locked: tuple[str, ...]
    """Oldest first."""
    allowed: str
    """The newest that the lock may have; "" where there is none."""
    newest: str
    """The newest of all that isn't a pre-release, if there is any."""
    prerelease: str
    """A pre-release that is newer than that; "" where there is none."""
    in_the_way: tuple[InTheWay, ...]
    is_direct: bool

    def is_outdated(self) -> bool:
        """Say whether something newer is there."""
        return bool(self.newest) and Version(self.newest) > Version(self.locked[-1])

    def is_late(self) -> bool:
        """Say whether what is newer is to be had at all: a yanked release isn't."""
        return self.is_outdated() and all(one.kind != "yanked" for one in self.in_the_way)


class Answer(NamedTuple):
    """What was found."""

    packages: tuple[Outdated, ...]
    current: int
    """Packages that were looked at, too, and are at their newest."""
    unknown: tuple[str, ...]
    """Names that were asked for and that the lock doesn't have."""
    known: tuple[str, ...]
    unasked: tuple[str, ...]
    """Packages that no index is asked about: they come from elsewhere."""


def outdated(
    project: Project,
    names: Sequence[str],
    settings: Settings,
    reporter: Reporter,
    *,
    direct: bool = False,
) -> Answer:
    """Say of the locked packages, or of those named, what is newer.

    Raises `UsageError`, `LockInvalid`, and `IndexFailed` where an index doesn't answer.
    """
    spec, _ = read_spec(project)
    graph = read_graph(project.lock_path, project, settings, reporter)
    required = {start.name for start in graph.starts}
    asked = set(map(normal, names))
    every = [
        name
        for name in graph.names()
        if (name in asked if asked else not direct or name in required)
    ]
    from_index = [name for name in every if _versions(graph, name)]
    policy = _policy(spec, graph)
    installed = versions_installed(project, settings)
    with PackageSources(project.root, spec, settings, reporter, renewed=True) as sources:
        found = [
            _judge(name, listing, graph, policy, installed.get(name, ""), name in required)
            for name, listing in _listings(from_index, policy, sources)
        ]
    shown = tuple(one for one in found if asked or one.is_outdated())
    return Answer(
        shown,
        len(found) - len(shown),
        tuple(sorted(asked - set(graph.names()))),
        tuple(graph.names()),
        tuple(name for name in every if name not in from_index),
    )


def _versions(graph: Graph, name: str) -> list[Version]:
    """Give the versions of a package that come from an index, oldest first."""
    rows = [row for row in graph.rows if row.name == name and row.kind == "index" and row.version]
    return sorted({Version(row.version) for row in rows})


def _policy(spec: Spec, graph: Graph) -> ResolvePolicy:
    said = SpecifierSet(graph.requires_python) if graph.requires_python else _OLDEST
    environments = covered_environments(spec, spec.requires_python or said)
    newest, by_index = newest_times(spec, datetime.now(UTC))
    return resolve_policy(spec, environments, newest, LockOptions(), by_index)


def _listings(
    names: Sequence[str], policy: ResolvePolicy, sources: PackageSources
) -> Iterator[tuple[str, Listing]]:
    """Give what the indexes have of packages; all are asked at once."""
    catalog, client = sources.catalog(policy), sources.client()
    keys = [
        (canonicalize_name(name), key)
        for name in names
        for key in _index_keys(canonicalize_name(name), policy)
    ]
    for name, key in keys:
        client.page(name, index=None if key is None else key.removeprefix(INDEX_KEY))
    for name, key in keys:
        try:
            yield name, catalog.listing(name, key)
        except PackageNotFound:
            yield name, Listing(name, ())


def _index_keys(name: NormalizedName, policy: ResolvePolicy) -> list[str | None]:
    """Give the first of the indexes that [sources] sends a package to; None: all in their order."""
    rules = policy.sources.get(name, ())
    keys: list[str | None] = [key for _, key in rules if key.startswith(INDEX_KEY)]
    return keys[:1] or [None]


def _judge(
    name: str,
    listing: Listing,
    graph: Graph,
    policy: ResolvePolicy,
    installed: str,
    is_direct: bool,
) -> Outdated:
    locked = _versions(graph, name)
    admits_unstable = policy.prereleases == "allow" or any(one.is_prerelease for one in locked)
    asked = _asked(name, graph, policy)
    allowed = max(
        filter(None, (_allowed(listing, some, admits_unstable) for some in asked)), default=None
    )
    every = _all_versions(listing)
    stable = max((one for one in every if not one.is_prerelease), default=None)
    newest = stable or max(every, default=None)
    unstable = max((one for one in every if one.is_prerelease), default=None)
    reasons: list[InTheWay] = []
    if newest is not None and (allowed is None or newest > allowed) and newest > locked[-1]:
        reasons = list(dict.fromkeys(_reasons(newest, listing, asked, policy)))
    is_newer = unstable is not None and newest is not None and unstable > newest
    return Outdated(
        name,
        installed,
        tuple(map(str, locked)),
        str(allowed or ""),
        str(newest or ""),
        str(unstable) if is_newer else "",
        tuple(reasons),
        is_direct,
    )


def _asked(name: str, graph: Graph, policy: ResolvePolicy) -> list[list[Demand]]:
    """Give what is required of each of a package's rows, and by the constraints of env.toml."""
    constraints = [
        Demand(f"env.toml ({policy.constraints_key})", _plain(one), str(one.marker or ""))
        for one in policy.constraints
        if canonicalize_name(one.name) == name
    ]
    rows = [at for at in graph.named(name) if graph.rows[at].kind == "index"]
    return [[*demands(graph, name, at), *constraints] for at in rows]


def _plain(requirement: Requirement) -> str:
    return f"{requirement.name}{requirement.specifier}"


def _allowed(listing: Listing, asked: Sequence[Demand], admits_unstable: bool) -> Version | None:
    for candidate in listing.candidates:
        version = candidate.version
        if candidate.yanked is not None or (version.is_prerelease and not admits_unstable):
            continue
        if not refusing(asked, version):
            return version
    return None


def _all_versions(listing: Listing) -> list[Version]:
    texts = [parse_version(one.version) for one in listing.rejected if one.version]
    named = [one.version for one in listing.candidates]
    return [*named, *(one for one in texts if one is not None), *listing.held_back]


def _reasons(
    version: Version, listing: Listing, asked: Sequence[Sequence[Demand]], policy: ResolvePolicy
) -> Iterator[InTheWay]:
    """Give what stands in the way of a version, for each row of the lock."""
    for one in listing.rejected:
        if one.version and parse_version(one.version) == version:
            kind = "python" if isinstance(one.reason, NeedsPython) else "file"
            yield InTheWay(kind, str(one.reason))
    candidate = next((one for one in listing.candidates if one.version == version), None)
    if candidate is not None:
        yield from _of_candidate(candidate, policy)
    for some in asked:
        for demand in refusing(some, version):
            kind = "constraint" if policy.constraints_key in demand.by else "requirement"
            where = f" ; {demand.marker}" if demand.marker else ""
            yield InTheWay(kind, f"{demand.by} requires {demand.requirement}{where}")


def _of_candidate(candidate: Candidate, policy: ResolvePolicy) -> Iterator[InTheWay]:
    if candidate.yanked is not None:
        yield InTheWay("yanked", f"yanked ({candidate.yanked})" if candidate.yanked else "yanked")
    if candidate.version.is_prerelease and policy.prereleases != "allow":
        yield InTheWay("pre-release", "a pre-release")
    requires = candidate.requires_python
    if requires is not None and not policy.environments.implies(from_requires_python(requires)):
        yield InTheWay("python", f"needs Python {requires}")
