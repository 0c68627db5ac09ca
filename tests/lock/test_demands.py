"""What is required of a package, and what that keeps away."""

from packaging.version import Version

from envsync.lock.demands import Demand, bounding, demands, refusing
from envsync.lock.graph import Edge
from tests.lock.graphs import graph, row, start


def test_demands_are_of_a_package_or_of_one_row_of_it() -> None:
    rows = [
        row("a", "1.0", Edge(1, "b<2", "old"), Edge(2, "b>=2", "new")),
        row("b", "1.0"),
        row("b", "2.0"),
    ]
    seen = graph(rows, [start("a", 0), start("b", 1, 2, requirement="b!=1.5", group="dev")])
    own = Demand("env.toml (group dev)", "b!=1.5", "")
    old, new = Demand("a 1.0", "b<2", "old"), Demand("a 1.0", "b>=2", "new")
    assert demands(seen, "b") == [own, old, new]
    assert demands(seen, "b", 1) == [own, old]
    assert refusing([own, old, new], Version("1.5")) == [own, new]
    assert bounding([own, old, new], Version("1.0")) == [old]


def test_what_can_not_be_read_refuses_nothing() -> None:
    odd = [Demand("a", text, "") for text in ("", "b @ https://files.example/b.whl", "!!")]
    assert refusing(odd, Version("1")) == []
    assert bounding(odd, Version("1")) == [odd[1]]


def test_a_pre_release_is_a_version_like_others() -> None:
    assert refusing([Demand("a", "b>=1", "")], Version("2.0rc1")) == []
