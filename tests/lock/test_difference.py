"""Two locks, compared as people read them."""

import pytest

from envsync.lock.difference import Elsewhere, Moved, Required, difference
from envsync.lock.graph import EMPTY, LockedFile, Row
from tests.lock.graphs import graph, row, start


def moved(before: list[Row], after: list[Row]) -> list[tuple[str, str, tuple[str, ...]]]:
    found = difference(graph(before, ()), graph(after, ()))
    return [(one.kind, one.name, one.about) for one in found.packages]


def only(before: list[Row], after: list[Row]) -> Moved:
    (one,) = difference(graph(before, ()), graph(after, ())).packages
    return one


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("1.0", "1.1", "upgraded"),
        ("1.10", "1.9", "downgraded"),
        ("1.0", "1.0.post1", "upgraded"),
        ("2.0rc1", "2.0", "upgraded"),
        ("1.0", "1!0.5", "upgraded"),
        ("", "1.0", "changed"),
    ],
)
def test_a_version_that_moved(before: str, after: str, kind: str) -> None:
    assert only([row("a", before)], [row("a", after)]).kind == kind


def test_what_came_and_went() -> None:
    assert moved([row("a")], [row("b")]) == [("removed", "a", ()), ("added", "b", ())]
    assert moved([row("a")], [row("a")]) == []
    assert difference(EMPTY, EMPTY).is_empty()


def test_only_what_moved_of_several_versions_is_shown() -> None:
    old, new = "python_version < '3.12'", "python_version >= '3.12'"
    kept = row("a", "1.0", marker=old)
    one = only([kept, row("a", "2.0", marker=new)], [kept, row("a", "3.0", marker=new)])
    assert one.kind == "upgraded"
    assert [side.version for side in (*one.before, *one.after)] == ["2.0", "3.0"]
    gone = only([kept, row("a", "2.0", marker=new)], [row("a", "2.0")])
    assert gone.kind == "upgraded"


def test_where_it_is_needed() -> None:
    one = only([row("a")], [row("a", marker="sys_platform == 'win32'")])
    assert (one.kind, one.about) == ("changed", ("marker",))
    rows = [row("a")], [row("a", marker="sys_platform == 'win32'")]
    here = difference(
        graph(rows[0], ()), graph(rows[1], ()), (lambda _: True, lambda marker: not marker)
    )
    assert [one.kind for one in here.packages] == ["removed"]


def test_files_of_the_same_version() -> None:
    wheels = [LockedFile("a-1.0-py3-none-any.whl", 1000, "", "another")]
    assert moved([row("a")], [row("a", wheels=wheels)]) == [("changed", "a", ("replaced files",))]
    more = [*row("a").wheels, LockedFile("a-1.0-cp312-cp312-win32.whl", 2000, "", "d")]
    one = only([row("a")], [row("a", wheels=more)])
    assert (one.about, one.growth) == (("files",), 1000)
    assert (one.before[0].files, one.after[0].files) == (1, 2)


def test_another_index_is_said_once_for_all() -> None:
    other = "https://mirror.example/simple/"
    before = [row("a"), row("b"), row("c")]
    after = [row("a", place=other), row("b", place=other), row("c", "2.0", place=other)]
    found = difference(graph(before, ()), graph(after, ()))
    assert found.indexes == (Elsewhere("https://index.example/simple/", other, ("a", "b")),)
    assert [(one.name, one.kind, one.about) for one in found.packages] == [
        ("c", "upgraded", ("source",))
    ]  # fmt: skip
    local = row("a", kind="directory", place="../a")
    assert moved([row("a")], [local]) == [("changed", "a", ("source",))]


def test_what_env_toml_asks_for() -> None:
    before = graph([row("a")], [start("a", 0), start("b", 0, group="dev")])
    after = graph([row("a")], [start("a", 0, marker="x")], requires_python=">=3.12")
    assert difference(before, after).required == (
        Required("removed", "a"), Required("removed", "b (group dev)"),
        Required("added", "a ; x"), Required("added", "requires-python >=3.12"),
    )  # fmt: skip


def test_sizes_that_are_not_known_are_not_summed() -> None:
    without = [LockedFile("a-2.0-py3-none-any.whl", None, "", "d")]
    assert only([row("a")], [row("a", "2.0", wheels=without)]).growth is None
