"""Small graphs for the tests of who only looks."""

from collections.abc import Mapping, Sequence

from envsync.lock.graph import Edge, Graph, LockedFile, Row, Start


def row(name: str, version: str = "1.0", *edges: Edge, **fields: object) -> Row:
    """A package of an index."""
    filename = f"{name}-{version}-py3-none-any.whl"
    plain = Row(
        name,
        version,
        kind="index",
        place="https://index.example/simple/",
        editable=False,
        marker="",
        requires_python="",
        wheels=[LockedFile(filename, 1000, "2026-01-02T03:04:05Z", filename[:16])],
        source=None,
        edges=edges,
    )
    return plain._replace(**fields)  # type: ignore[arg-type]


def start(name: str, *rows: int, **fields: str) -> Start:
    """A requirement of env.toml."""
    plain = Start(name, name, marker="", extra="", group="", rows=rows)
    return plain._replace(**fields)  # type: ignore[arg-type]


def graph(rows: Sequence[Row], starts: Sequence[Start], **fields: object) -> Graph:
    """A graph that is known in all words."""
    plain = Graph(rows, starts, (), (), (), "", (), is_whole=True)
    return plain._replace(**fields)  # type: ignore[arg-type]


def chain_of(names: Sequence[str], edges: Mapping[str, Sequence[str]]) -> Graph:
    """A graph of names alone, from the first one on."""
    at = {name: number for number, name in enumerate(names)}
    rows = [
        row(name, "1.0", *(Edge(at[other], f"{other}>=1") for other in edges.get(name, ())))
        for name in names
    ]
    return graph(rows, [start(names[0], 0)])
