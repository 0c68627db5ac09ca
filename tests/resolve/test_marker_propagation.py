"""Markers propagate along edges to the least fixed point."""

from itertools import pairwise

from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.model.candidate import Candidate
from envsync.model.marker import ALWAYS, MarkerSet, from_text
from envsync.resolve.candidates import Listing
from envsync.resolve.marker_propagation import Edges, Node, propagate
from envsync.resolve.resolver_index import PackageVersions, Release

WINDOWS = from_text("sys_platform == 'win32'")
OLD = from_text("python_version < '3.11'")


def node(name: str) -> Node:
    normalized = canonicalize_name(name)
    listing = Listing(normalized, (Candidate(normalized, Version("1.0")),))
    return Node(Release(PackageVersions(listing), 0), None)


def test_markers_meet_along_a_way_and_join_where_ways_meet() -> None:
    a, b, c = node("a"), node("b"), node("c")
    edges: Edges = {a: {b: WINDOWS, c: OLD}, b: {c: ALWAYS}}
    reached = propagate({a: ALWAYS}, edges)
    assert {a: ALWAYS, b: WINDOWS, c: WINDOWS | OLD} == reached


def test_a_cycle_does_not_keep_itself_alive() -> None:
    a, b, c = node("a"), node("b"), node("c")
    edges: Edges = {a: {b: WINDOWS}, b: {c: ALWAYS}, c: {b: ALWAYS}}
    assert {a: OLD, b: OLD & WINDOWS, c: OLD & WINDOWS} == propagate({a: OLD}, edges)


def test_what_nothing_reaches_is_not_there() -> None:
    a, b, c = node("a"), node("b"), node("c")
    reached = propagate({a: OLD}, {a: {b: from_text("python_version >= '3.11'")}, c: {b: ALWAYS}})
    assert {a: OLD} == {one: marker for one, marker in reached.items() if not marker.is_never()}


def test_a_long_chain_passes_the_first_marker_on() -> None:
    nodes = [node(f"n{at}") for at in range(3_000)]
    edges: Edges = {one: {other: ALWAYS} for one, other in pairwise(nodes)}
    roots: dict[Node, MarkerSet] = {nodes[0]: WINDOWS}
    assert propagate(roots, edges)[nodes[-1]] == WINDOWS
