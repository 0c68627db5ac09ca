"""Spread markers from the roots along the edges until nothing changes: who is installed where.

Nodes are versions of packages and of their extras. A node's marker is the union over its incoming
edges of "where the parent is" and "where the parent asks for it", the least fixed point of that; so
cycles don't keep themselves alive, and what nothing reaches has the marker NEVER and drops out.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from packaging.utils import NormalizedName

from envsync.model.candidate import CoreMetadata
from envsync.model.marker import NEVER, MarkerSet
from envsync.model.resolution import Edge, ResolvedPackage
from envsync.resolve.region import RegionSolution
from envsync.resolve.resolver_index import Release


class Node(NamedTuple):
    """One version of a package, or of one of its extras."""

    release: Release
    extra: NormalizedName | None


Edges = dict[Node, dict[Node, MarkerSet]]


def packages_of(
    regions: Iterable[RegionSolution],
    *,
    allowed: MarkerSet,
    told: Callable[[Release], tuple[CoreMetadata | None, str]],
) -> tuple[ResolvedPackage, ...]:
    """Join the regions' pins into packages with exact markers, sorted by name and version.

    `told` gives the metadata of a pin and its digest, which the packages then carry. Outside of
    `allowed`, the combinations of extras and groups that may be installed, the marker of a package
    with one version says whatever is simplest.
    """
    roots, edges = _graph(regions)
    reached = propagate(roots, edges)
    releases: dict[Release, list[Node]] = {}
    for node in reached:
        releases.setdefault(node.release, []).append(node)
    packages = []
    for release, nodes in releases.items():
        metadata, facts = told(release)
        package = _package(release, nodes, reached, edges)
        packages.append(package._replace(metadata=metadata, facts=facts))
    names = Counter(package.name for package in packages)
    packages = [
        package._replace(marker=package.marker.simplify(allowed))
        if names[package.name] == 1
        else package
        for package in packages
    ]
    return tuple(sorted(packages, key=_place))


def propagate(roots: dict[Node, MarkerSet], edges: Edges) -> dict[Node, MarkerSet]:
    """The least markers with: roots hold at least theirs, and each edge passes its part on."""
    reached: dict[Node, MarkerSet] = {}
    waiting: dict[Node, None] = {}
    for node, marker in roots.items():
        reached[node] = reached.get(node, NEVER) | marker
        waiting[node] = None
    while waiting:
        node = next(iter(waiting))
        del waiting[node]
        here = reached[node]
        for child, marker in edges.get(node, {}).items():
            before = reached.get(child, NEVER)
            after = before | (here & marker)
            # Equal sets are one object. Each grows a finite number of times, so that circles end,
            # too.
            if after is not before:
                reached[child] = after
                waiting[child] = None
    return reached


def _graph(regions: Iterable[RegionSolution]) -> tuple[dict[Node, MarkerSet], Edges]:
    roots: dict[Node, MarkerSet] = {}
    edges: Edges = {}
    for solution in regions:
        nodes = {key: Node(pin.release, key.extra) for key, pin in solution.pins.items()}
        for root in solution.roots:
            _add(roots, nodes[root.key], root.marker)
        for key, requirements in solution.requirements.items():
            children = edges.setdefault(nodes[key], {})
            for requirement in requirements:
                _add(children, nodes[requirement.key], requirement.marker)
    return roots, edges


def _add(markers: dict[Node, MarkerSet], node: Node, marker: MarkerSet) -> None:
    markers[node] = markers.get(node, NEVER) | marker


def _package(
    release: Release, nodes: list[Node], reached: dict[Node, MarkerSet], edges: Edges
) -> ResolvedPackage:
    marker = NEVER
    required: dict[Release, MarkerSet] = {}
    for node in nodes:
        marker = marker | reached[node]
        for child, where in edges.get(node, {}).items():
            required[child.release] = required.get(child.release, NEVER) | (where & reached[node])
    dependencies = [
        Edge(one.name, one.version, where.simplify(marker))
        for one, where in required.items()
        if one != release and not where.is_never()
    ]
    dependencies.sort(key=lambda edge: (edge.name, edge.version))
    extras = sorted(
        (node.extra, reached[node].simplify(marker)) for node in nodes if node.extra is not None
    )
    return ResolvedPackage(
        name=release.name,
        version=release.version,
        marker=marker,
        candidate=release.candidate,
        dependencies=tuple(dependencies),
        extras=tuple(extras),
    )


def _place(package: ResolvedPackage) -> tuple[object, ...]:
    source = package.candidate.source
    return package.name, package.version, str(source), package.candidate.index_url or ""
