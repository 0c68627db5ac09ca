"""Ways from env.toml to a package."""

from itertools import pairwise

from envsync.lock.chains import MOST_CHAINS, chains
from envsync.lock.graph import Edge, Graph
from envsync.lock.tree import view
from tests.lock.graphs import chain_of, graph, row, start


def names(seen: Graph, *ends: int) -> list[str]:
    """The chains as names in a row."""
    found = chains(view(seen, lambda _: True), ends)
    return ["".join(seen.rows[at].name for at in chain.rows) for chain in found.found]


def test_the_shortest_chain_comes_first() -> None:
    seen = chain_of("abcd", {"a": "bcd", "b": "c", "c": "d"})
    assert names(seen, 3) == ["ad", "acd", "abcd"]
    assert names(seen, 0) == ["a"]


def test_no_chain_passes_a_package_twice() -> None:
    assert names(chain_of("abc", {"a": "b", "b": "ac", "c": "b"}), 2) == ["abc"]


def test_what_nothing_needs_has_none() -> None:
    assert names(chain_of("ab", {}), 1) == []


def test_an_edge_of_an_extra_is_for_who_asks_for_that_extra() -> None:
    rows = [
        row("a", "1.0", Edge(2, "c>=1")),
        row("b", "1.0", Edge(2, "c[x]")),
        row("c", "1.0", Edge(3, "d", "", "x")),
        row("d"),
    ]
    seen = graph(rows, [start("a", 0), start("b", 1)])
    assert names(seen, 3) == ["bcd"]
    # An extra that stands for others: who knows which.
    rows[0] = row("a", "1.0", Edge(2, "c[all]"))
    assert names(graph(rows, [start("a", 0)]), 3) == ["acd"]
    # Nor is it known what isn't known.
    rows[0] = row("a", "1.0", Edge(2))
    assert names(graph(rows, [start("a", 0)]), 3) == ["acd"]


def test_more_chains_than_anybody_reads_are_cut_soon() -> None:
    layers = [[f"{layer}-{one}" for one in range(6)] for layer in range(30)]
    edges = {one: below for above, below in pairwise(layers) for one in above}
    edges["top"] = layers[0]
    every = ["top", *(one for layer in layers for one in layer)]
    seen = chain_of(every, edges)
    found = chains(view(seen, lambda _: True), [len(every) - 1])
    assert (len(found.found), found.is_all) == (MOST_CHAINS, False)
