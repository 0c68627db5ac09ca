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
from envsync.resolve.offer import Offer
from envsync.resolve.region import Solved


class Node(NamedTuple):
    """One version of a package, or of one of its extras."""

    offer: Offer
    at: int
    extra: NormalizedName | None


Edges = dict[Node, dict[Node, MarkerSet]]


def packages_of(
    regions: Iterable[Solved],
    *,
    allowed: MarkerSet,
    told: Callable[[Offer, int], tuple[CoreMetadata | None, str]] = lambda *_: (None, ""),
) -> tuple[ResolvedPackage, ...]:
    """Join the regions' pins into packages with exact markers, sorted by name and version.

    `told` gives the metadata of a pin and its digest, which the packages then carry. Outside of
    `allowed`, the combinations of extras and groups that may be installed, the marker of a package
    with one version says whatever is simplest.
    """
    roots, edges = _graph(regions)
    reached = spread(roots, edges)
    versions: dict[tuple[Offer, int], list[Node]] = {}
    for node in reached:
        versions.setdefault((node.offer, node.at), []).append(node)
    packages = []
    for (offer, at), nodes in versions.items():
        metadata, facts = told(offer, at)
        package = _package(nodes, reached, edges)
        packages.append(package._replace(metadata=metadata, facts=facts))
    names = Counter(package.name for package in packages)
    packages = [
        package._replace(marker=package.marker.simplify(allowed))
        if names[package.name] == 1
        else package
        for package in packages
    ]
    return tuple(sorted(packages, key=_place))


def spread(roots: dict[Node, MarkerSet], edges: Edges) -> dict[Node, MarkerSet]:
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
            if after is not before:
                reached[child] = after
                waiting[child] = None
    return reached


def _graph(regions: Iterable[Solved]) -> tuple[dict[Node, MarkerSet], Edges]:
    roots: dict[Node, MarkerSet] = {}
    edges: Edges = {}
    for solved in regions:
        nodes = {key: Node(pin.offer, pin.at, key[1]) for key, pin in solved.pins.items()}
        for ask in solved.roots:
            _add(roots, nodes[ask.key], ask.marker)
        for key, asks in solved.asks.items():
            children = edges.setdefault(nodes[key], {})
            for ask in asks:
                _add(children, nodes[ask.key], ask.marker)
    return roots, edges


def _add(markers: dict[Node, MarkerSet], node: Node, marker: MarkerSet) -> None:
    markers[node] = markers.get(node, NEVER) | marker


def _package(nodes: list[Node], reached: dict[Node, MarkerSet], edges: Edges) -> ResolvedPackage:
    marker = NEVER
    found: dict[tuple[Offer, int], MarkerSet] = {}
    for node in nodes:
        marker = marker | reached[node]
        for child, where in edges.get(node, {}).items():
            target = (child.offer, child.at)
            found[target] = found.get(target, NEVER) | (where & reached[node])
    owner = (nodes[0].offer, nodes[0].at)
    candidate = owner[0].candidates[owner[1]]
    dependencies = [
        Edge(offer.name, offer.version(at), where.simplify(marker))
        for (offer, at), where in found.items()
        if (offer, at) != owner and not where.is_never()
    ]
    dependencies.sort(key=lambda edge: (edge.name, edge.version))
    extras = sorted(
        (node.extra, reached[node].simplify(marker)) for node in nodes if node.extra is not None
    )
    return ResolvedPackage(
        candidate.name, candidate.version, marker, candidate, tuple(dependencies), tuple(extras)
    )


def _place(package: ResolvedPackage) -> tuple[object, ...]:
    source = package.candidate.source
    return package.name, package.version, str(source), package.candidate.index_url or ""
