"""What of a graph is shown as a tree."""

from itertools import pairwise

from envsync.lock.graph import Edge, Graph
from envsync.lock.tree import AGAIN, CUT, CYCLE, DEEPEST, inverted, tree, view
from tests.lock.graphs import chain_of, graph, row, start


def drawn(seen: Graph, depth: int | None = None) -> list[str]:
    """The lines as level, name and mark."""
    lines = tree(view(seen, lambda _: True), depth)
    return [
        f"{len(line.lasts)} {seen.rows[line.row or 0].name} {line.mark}".strip() for line in lines
    ]


def test_a_subtree_is_shown_once() -> None:
    seen = chain_of("abcd", {"a": "bc", "b": "c", "c": "d"})
    assert drawn(seen) == ["0 a", "1 b", "2 c", "3 d", f"1 c {AGAIN}"]


def test_what_was_cut_is_shown_where_there_is_room() -> None:
    seen = chain_of("abcd", {"a": "bc", "b": "c", "c": "d"})
    assert drawn(seen, 2) == ["0 a", "1 b", f"2 c {CUT}", "1 c", "2 d"]
    assert drawn(seen, 0) == [f"0 a {CUT}"]


def test_a_cycle_ends() -> None:
    seen = chain_of("abc", {"a": "b", "b": "c", "c": "ab"})
    assert drawn(seen) == ["0 a", "1 b", "2 c", f"3 a {CYCLE}", f"3 b {CYCLE}"]


def test_chains_may_be_long() -> None:
    names = [f"n{number}" for number in range(DEEPEST)]
    seen = chain_of(names, {one: [other] for one, other in pairwise(names)})
    assert len(drawn(seen)) == DEEPEST
    lines = list(inverted(view(seen, lambda _: True), [names[-1]]))
    assert len(lines) == DEEPEST + 1
    assert lines[-1].start is not None


def test_no_chain_is_drawn_without_end() -> None:
    names = [f"n{number}" for number in range(DEEPEST + 9)]
    seen = chain_of(names, {one: [other] for one, other in pairwise(names)})
    assert drawn(seen)[-1] == f"{DEEPEST} n{DEEPEST} {CUT}"


def test_what_does_not_hold_is_left_out() -> None:
    rows = [
        row("a", "1.0", Edge(1, "b", "never"), Edge(2, "c"), Edge(3, "d")),
        row("b"),
        row("c", "1.0", Edge(3, "d", "never")),
        row("d", "1.0", marker="never"),
    ]
    seen = graph(rows, [start("a", 0), start("b", 1, marker="never"), start("d", 3)])
    found = view(seen, lambda marker: marker != "never")
    assert sorted(found.edges) == [0, 2]
    assert [one.name for one in found.starts] == ["a"]


def test_extras_and_groups_are_chosen() -> None:
    starts = [start("a", 0, extra="x"), start("b", 1, group="g"), start("c", 2)]
    seen = graph([row("a"), row("b"), row("c")], starts)
    chosen = {
        (extras, groups): [one.name for one in view(seen, lambda _: True, extras, groups).starts]
        for extras, groups in ((None, None), ((), ()), (("x",), ()), ((), ("g",)))
    }
    assert chosen == {
        (None, None): ["a", "b", "c"], ((), ()): ["c"], (("x",), ()): ["a", "c"],
        ((), ("g",)): ["b", "c"],
    }  # fmt: skip


def test_what_is_needed_in_any_case_is_not_of_an_extra() -> None:
    edges = (Edge(1, "b", "", "x"), Edge(1, "b>=1"))
    seen = graph([row("a", "1.0", *edges), row("b")], [start("a", 0)])
    line = list(tree(view(seen, lambda _: True)))[1]
    assert line.edge == Edge(1, "b>=1")
