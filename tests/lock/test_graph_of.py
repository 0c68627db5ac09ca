"""A lock as a graph, with what is known of its metadata."""

import marshal

import pytest
from packaging.markers import Marker
from packaging.pylock import Package, PackageDirectory, PackageVcs, Pylock
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from envsync.lock.graph import Edge, as_values, from_values, largest, uploaded
from envsync.lock.graph_of import graph_of
from tests.lock.samples import lock_of, package, sdist

FACTS = f"sha256:{'0' * 64}"


def needing(name: str, *needed: str, extras: tuple[str, ...] = ()) -> Package:
    """A package that depends on others."""
    rows = [{"name": one} for one in extras]
    return package(
        name,
        "1.0",
        "py3-none-any",
        dependencies=[{"name": one} for one in needed],
        tool={"envsync": {"metadata": FACTS, "extras": rows}} if rows else None,
    )


def edges(pylock: Pylock, *texts: str) -> list[Edge]:
    """The edges of the first package, whose metadata has these lines."""
    required = list(map(Requirement, texts))

    def known(one: Package) -> list[Requirement] | None:
        return required if one is pylock.packages[0] else []

    return list(graph_of(pylock, known).rows[0].edges)


def test_an_edge_has_the_words_of_the_metadata() -> None:
    pylock = lock_of(needing("a", "b"), package("b", "2.0", "py3-none-any"))
    assert edges(pylock, "B >=1,<3") == [Edge(1, "b<3,>=1")]
    assert edges(pylock, "b<9; sys_platform == 'win32'", "b[x]>1; sys_platform != 'win32'") == [
        Edge(1, "b<9", 'sys_platform == "win32"'),
        Edge(1, "b[x]>1", 'sys_platform != "win32"'),
    ]
    assert graph_of(pylock, lambda _: None).rows[0].edges == [Edge(1)]
    assert not graph_of(pylock, lambda _: None).is_whole


def test_where_an_edge_holds_is_said_for_what_the_lock_covers() -> None:
    pylock = lock_of(
        needing("a", "b"),
        package("b", "2.0", "py3-none-any"),
        requires_python=SpecifierSet(">=3.11"),
        environments=[Marker("sys_platform == 'linux'")],
    )
    assert edges(pylock, "b; python_version >= '3.8'") == [Edge(1, "b")]
    assert edges(pylock, "b>=2; python_version < '3.10'", "b; os_name == 'posix'") == [Edge(1, "b")]


def test_an_extra_brings_in_what_it_adds() -> None:
    pylock = lock_of(needing("a", "b", extras=("x",)), package("b", "2.0", "py3-none-any"))
    assert edges(pylock, "b>1; extra == 'x'") == [Edge(1, "b>1", "", "x")]
    assert edges(pylock, "b; extra == 'y'") == [Edge(1)]
    assert edges(pylock, "b>1; extra == 'x' and sys_platform == 'win32'", "b") == [
        Edge(1, "b>1", 'sys_platform == "win32"', "x"), Edge(1, "b")
    ]  # fmt: skip


def test_what_overrides_put_there_has_no_words() -> None:
    pylock = lock_of(needing("a", "b"), package("b", "2.0", "py3-none-any"))
    assert edges(pylock, "b<2") == [Edge(1)]


def test_a_requirement_leads_to_the_rows_that_it_admits() -> None:
    rows = [package("b", version, "py3-none-any") for version in ("1.0", "2.0")]
    above = package(
        "a", "1.0", dependencies=[{"name": "b", "version": one} for one in ("1.0", "2.0")],
        sdist=sdist("a-1.0.tar.gz"),
    )  # fmt: skip
    assert edges(
        lock_of(above, *rows), "b<2; python_version < '3.12'", "b>=2; python_version >= '3.12'"
    ) == [
        Edge(1, "b<2", 'python_version < "3.12"'),
        Edge(2, "b>=2", 'python_version >= "3.12"'),
    ]  # fmt: skip


def test_a_lock_of_another_tool_begins_where_nothing_leads() -> None:
    pylock = lock_of(
        needing("a", "b"), needing("b"), needing("c", "d"), needing("d", "c"), needing("e", "e")
    )
    assert graph_of(pylock, lambda _: None).rows[4].edges == []
    found = graph_of(pylock, lambda _: None)
    assert [(one.name, one.requirement) for one in found.starts] == [
        ("a", ""), ("e", ""), ("c", "")
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["b>=2", "b", "B ; sys_platform == 'linux'", "not a requirement"])
def test_a_root_is_read(text: str) -> None:
    tool = {"envsync": {"roots": [{"requirement": text, "group": "dev"}]}}
    found = graph_of(lock_of(package("b", "2.0", "py3-none-any"), tool=tool), lambda _: None)
    (one,) = found.starts
    assert one.group == "dev"
    assert (one.rows == [0]) is ("not" not in text)


def test_where_packages_come_from() -> None:
    rows = [
        Package(name=NormalizedName("d"), directory=PackageDirectory(path="../d", editable=True)),
        Package(
            name=NormalizedName("v"),
            vcs=PackageVcs(
                type="git", url="https://user:secret@git.example/v", commit_id="a" * 40
            ),
        ),
        package("i", "1.0", "py3-none-any", index="https://user:secret@index.example/simple/"),
    ]  # fmt: skip
    found = graph_of(lock_of(*rows), lambda _: None).rows
    assert [(one.kind, one.place) for one in found] == [
        ("directory", "../d"),
        ("vcs", f"git+https://git.example/v@{'a' * 40}"),
        ("index", "https://index.example/simple/"),
    ]
    assert [one.editable for one in found] == [True, False, False]
    assert found[0].label == "d (../d)"


def test_it_is_read_back_as_it_was() -> None:
    pylock = lock_of(needing("a", "b"), package("b", "2.0", "py3-none-any"))
    found = graph_of(pylock, lambda _: [Requirement("b>=1")])
    again = from_values(marshal.loads(marshal.dumps(as_values(found))))
    assert as_values(found) == as_values(again)
    assert again.rows[0].edges == [Edge(1, "b>=1")]
    assert largest(again.rows[0]) == 1000
    assert uploaded(again.rows[0]) == ""
    odd: list[list[object]] = [[], [1, 2], [["x"], [], [], [], [], "", [], True, ""], [[[]], []]]
    for broken in odd:
        with pytest.raises((ValueError, TypeError, IndexError)):
            from_values(broken)
