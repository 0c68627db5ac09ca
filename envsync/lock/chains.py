"""Follow the chains that lead from env.toml to a package."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from envsync.lock.graph import Edge, Start
from envsync.lock.tree import View

MOST_CHAINS = 1000
_MOST_STEPS = 200_000
_EXTRAS = re.compile(r"[A-Za-z0-9._-]+\[([^\]]*)\]")


class Chain(NamedTuple):
    """One way from a requirement of env.toml to a package."""

    start: Start
    rows: tuple[int, ...]
    """From what env.toml requires to the package itself."""
    edges: tuple[Edge, ...]
    """One between each two rows."""


class Chains(NamedTuple):
    """The chains that were found, the shortest first."""

    found: Sequence[Chain]
    is_all: bool
    """There are no others."""


def chains(seen: View, ends: Collection[int]) -> Chains:
    """Give the chains to some rows, none of which passes a row twice."""
    far = _distances(seen, ends)
    found: list[Chain] = []
    budget = [_MOST_STEPS]
    for start in seen.starts:
        for at in start.rows:
            if at in far:
                for chain in _from(seen, start, at, far, budget):
                    found.append(chain)
                    if len(found) > MOST_CHAINS:
                        budget[0] = 0
                        break
    is_all = budget[0] > 0
    ordered = sorted(found, key=lambda chain: len(chain.rows))
    return Chains(ordered[:MOST_CHAINS], is_all)


def _distances(seen: View, ends: Collection[int]) -> Mapping[int, int]:
    """How far from each row the nearest end is; rows that lead to none are left out."""
    back: dict[int, set[int]] = {}
    for at, edges in seen.edges.items():
        for edge in edges:
            back.setdefault(edge.to, set()).add(at)
    far = {end: 0 for end in ends if end in seen.edges}
    waiting = list(far)
    for at in waiting:
        for other in sorted(back.get(at, ())):
            if other not in far:
                far[other] = far[at] + 1
                waiting.append(other)
    return far


def _from(
    seen: View, start: Start, first: int, far: Mapping[int, int], budget: list[int]
) -> Iterator[Chain]:
    """Give the chains of one requirement, in depth; ends when the budget of steps is spent."""
    waiting: list[tuple[tuple[int, ...], tuple[Edge, ...]]] = [((first,), ())]
    while waiting and budget[0] > 0:
        budget[0] -= 1
        rows, edges = waiting.pop()
        if far[rows[-1]] == 0:
            yield Chain(start, rows, edges)
            continue
        asked = edges[-1].requirement if edges else start.requirement
        onward = [
            edge
            for edge in _asked_for(asked, seen.edges[rows[-1]])
            if edge.to in far and edge.to not in rows
        ]
        # The nearest comes off the stack first.
        onward.sort(key=lambda edge: far[edge.to], reverse=True)
        waiting += [((*rows, edge.to), (*edges, edge)) for edge in onward]


def _asked_for(requirement: str, edges: Sequence[Edge]) -> Iterator[Edge]:
    """Give the edges that a package has for who requires it so: not those of others' extras.

    An extra without edges of its own may stand for others: then all are given.
    """
    match = _EXTRAS.match(requirement)
    asked = {one.strip() for one in match[1].split(",")} if match else set()
    is_known = bool(requirement) and asked <= {edge.extra for edge in edges}
    return (edge for edge in edges if not is_known or not edge.extra or edge.extra in asked)
