"""The commands `tree` and `why`."""

import argparse
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from envsync.cli.columns import size_text
from envsync.cli.main import Session
from envsync.cli.selection import add_choice_arguments, selection_of
from envsync.errors import UsageError
from envsync.lock.graph import Graph, Row, Start
from envsync.lock.tree import AGAIN, CUT, CYCLE, Line
from envsync.operations.world import Where
from envsync.project.paths import Project, find_project, with_lock
from envsync.ui import Ui, counted

if TYPE_CHECKING:
    from envsync.lock.chains import Chain
    from envsync.lock.demands import Demand
    from envsync.operations.tree import Tree
    from envsync.operations.why import Why

_EXTRAS = re.compile(r"[A-Za-z0-9._-]+(\[[^\]]*\])")
_MARKS = {AGAIN: "(*)", CYCLE: "(cycle)", "": ""}
_MOST_CHAINS = 20


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `tree` and `why`."""
    if command == "tree":
        parser.add_argument("packages", nargs="*", metavar="NAME", help="from these down")
        parser.add_argument(
            "-i",
            "--invert",
            action="append",
            default=[],
            metavar="NAME",
            help="who needs NAME, up to env.toml",
        )
        parser.add_argument(
            "-d",
            "--duplicates",
            action="store_true",
            help="who needs what the lock has several versions of",
        )
        parser.add_argument("--depth", type=_depth, metavar="N", help="show so many levels below")
        parser.add_argument("--sizes", action="store_true", help="show the sizes of files")
    else:
        parser.add_argument(
            "wanted", metavar="NAME[==VERSION]",
            help="with a version: what keeps it, or newer ones, away",
        )  # fmt: skip
    add_where_arguments(parser)


def add_where_arguments(parser: argparse.ArgumentParser, *, several_locks: bool = False) -> None:
    """Declare the options that say for what a lock is looked at."""
    what = parser.add_argument_group("what of the lock is looked at")
    what.add_argument("--universal", action="store_true", help="all that it covers")
    what.add_argument(
        "--platform",
        metavar="NAME",
        help="another one: linux, macos, windows, aarch64-manylinux_2_28, win_arm64 and the like",
    )
    if several_locks:
        what.add_argument(
            "--lock", nargs="+", metavar="FILE",
            help="compare this pylock.toml, of any tool, with the project's, or two",
        )  # fmt: skip
    else:
        what.add_argument("--lock", metavar="FILE", help="this pylock.toml, of any tool")
    add_choice_arguments(parser)


def where_of(options: argparse.Namespace, project: Project, *, here: bool = False) -> Where:
    """Read the options that say for what a lock is looked at.

    Where they say nothing, that is everything, or, with `here`, this environment.
    """
    where = Where(options.universal, options.platform, selection_of(options, project))
    names_one = where.platform is not None or "python" in options
    if where.universal and names_one:
        raise UsageError(
            "--universal is for every environment, and --platform and --python are for one",
            hint="leave one of them out",
        )
    if not here and not names_one and where.is_whole():
        return where._replace(universal=True)
    return where


def project_of(options: argparse.Namespace, session: Session) -> Project:
    """Find the project, or that of the lock which is named."""
    if options.lock is None:
        return find_project(session.directory, session.environment)
    return with_lock(session.directory, session.environment, options.lock)


def _depth(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 6:
        raise argparse.ArgumentTypeError(f"expected a number of levels, not {text}")
    return int(text)


def run(command: str, options: argparse.Namespace, session: Session) -> int:
    """Look at the lock, and show it."""
    project = project_of(options, session)
    if command == "why":
        return _why(project, options, session)
    from envsync.operations.tree import look_at_tree  # noqa: PLC0415

    _judge_tree(options)
    seen = look_at_tree(
        project,
        where_of(options, project, here=not options.duplicates),
        session.settings,
        session.ui,
        names=options.invert or options.packages,
        invert=bool(options.invert),
        duplicates=options.duplicates,
        depth=options.depth,
        sizes=options.sizes or session.settings.json,
    )
    _refuse_unknown(seen.unknown, seen.view.graph)
    if session.settings.json:
        session.ui.document({"command": "tree", **_tree_document(seen, options)})
        return 0
    session.ui.data_lines(_tree_lines(seen, options, session.ui))
    if any(line.mark == AGAIN for line in seen.lines) and session.ui.columns() is not None:
        session.ui.note("(*) what it needs is shown above")
    return 0


def _judge_tree(options: argparse.Namespace) -> None:
    """Refuse what has no meaning together."""
    given = [
        name
        for name, value in (
            ("NAME", options.packages),
            ("--invert", options.invert),
            ("--duplicates", options.duplicates),
        )
        if value
    ]
    if len(given) > 1:
        raise UsageError(
            f"{given[0]} and {given[1]} exclude each other",
            hint="`envsync tree --invert NAME` is for who needs NAME",
        )


def _refuse_unknown(names: Iterable[str], graph: Graph) -> None:
    for name in names:
        from envsync.cli.misspelt import unknown_package  # noqa: PLC0415  (difflib)

        raise unknown_package(name, graph.names())


def _tree_lines(seen: "Tree", options: argparse.Namespace, ui: Ui) -> Iterator[str]:
    several = seen.several()
    for line in seen.lines:
        stem = _stem(line.lasts)
        if line.row is None:
            assert line.start is not None
            yield f"{stem}{_required(line.start)}"
            continue
        row = seen.view.graph.rows[line.row]
        yield stem + " ".join(filter(None, _label(line, row, several, options, seen, ui)))
    if not seen.lines:
        yield _nothing(options, seen.world.shown)


def _nothing(options: argparse.Namespace, shown: str) -> str:
    if options.duplicates:
        return "the lock has one version of each package"
    names = " and ".join(options.invert or options.packages)
    return f"nothing needs {names} in {shown}" if names else f"nothing is required in {shown}"


def _stem(lasts: Sequence[bool]) -> str:
    if not lasts:
        return ""
    return "".join("    " if last else "│   " for last in lasts[:-1]) + (
        "└── " if lasts[-1] else "├── "
    )


def _label(
    line: Line, row: Row, several: Iterable[str], options: argparse.Namespace, seen: "Tree", ui: Ui
) -> Iterator[str]:
    above = line.edge or line.start
    upwards = options.invert or options.duplicates
    requirement = above.requirement if above else ""
    extras = _EXTRAS.match(requirement)
    # Upwards it is said what of it is needed below, not the other way round.
    yield ui.in_color("cyan", row.name + (extras[1] if extras and not upwards else ""))
    yield row.version or f"({row.place})"
    if upwards and line.edge is not None and requirement:
        yield f"(requires {requirement})"
    if options.sizes and (size := seen.sizes[line.row or 0]) is not None:
        yield ui.in_color("dim", f"[{size_text(size)}]")
    if row.editable:
        yield "(editable)"
    if line.edge is not None and line.edge.extra:
        yield f"(extra: {line.edge.extra})"
    if line.start is not None and (part := _part(line.start)):
        yield f"({part.replace(' ', ': ', 1)})"
    marker = (above.marker if above else "") or (row.marker if row.name in several else "")
    if marker and seen.universal:
        yield ui.in_color("dim", f"; {marker}")
    if line.mark == CUT and options.depth is None:
        yield ui.in_color("dim", "(deeper)")
    yield ui.in_color("dim", _MARKS.get(line.mark, ""))


def _part(start: Start) -> str:
    """Say in what of env.toml a requirement stands; members of a workspace are groups."""
    part = start.part.removeprefix("group workspace-root")
    return part.replace("group member-", "member ", 1)


def _required(start: Start) -> str:
    """Say that env.toml requires something; locks of other tools don't tell what theirs did."""
    where = f" ; {start.marker}" if start.marker else ""
    if not start.requirement:
        return f"the lock itself has {start.name}{where}"
    part = f" ({part})" if (part := _part(start)) else ""
    return f"env.toml{part} requires {start.requirement}{where}"


def _tree_document(seen: "Tree", options: argparse.Namespace) -> dict[str, object]:
    shown = {line.row for line in seen.lines if line.row is not None}
    return {
        "environment": seen.world.shown,
        "inverted": bool(options.invert or options.duplicates),
        "packages": [
            {
                **row_document(at, seen.view.graph.rows[at]),
                "size": seen.sizes[at],
                "dependencies": [
                    {"id": edge.to, "requirement": edge.requirement or None,
                     "marker": edge.marker or None, "extra": edge.extra or None}
                    for edge in seen.view.edges[at]
                    if edge.to in shown
                ],
            }
            for at in sorted(shown)
        ],
        "roots": [
            {**start_document(start), "packages": [at for at in start.rows if at in shown]}
            for start in seen.view.starts
            if shown.intersection(start.rows)
        ],
    }  # fmt: skip


def row_document(at: int, row: Row) -> dict[str, object]:
    """Give a package of a lock for `--json`; `at` is its number in the lock."""
    return {
        "id": at,
        "name": row.name,
        "version": row.version or None,
        "source": {"kind": row.kind, "place": row.place or None, "editable": row.editable},
        "marker": row.marker or None,
        "requires_python": row.requires_python or None,
    }


def start_document(start: Start) -> dict[str, object]:
    """Give a requirement of env.toml for `--json`."""
    return {
        "name": start.name,
        "requirement": start.requirement or None,
        "marker": start.marker or None,
        "extra": start.extra or None,
        "group": start.group or None,
    }


def _why(project: Project, options: argparse.Namespace, session: Session) -> int:
    from envsync.operations.why import why  # noqa: PLC0415

    seen = why(project, options.wanted, where_of(options, project), session.settings, session.ui)
    _refuse_unknown(seen.unknown, seen.graph)
    if session.settings.json:
        session.ui.document({"command": "why", **_why_document(seen)})
        return 0
    is_read = session.ui.columns() is not None and session.settings.verbosity <= 0
    most = _MOST_CHAINS if is_read else len(seen.chains.found)
    session.ui.data_lines(_why_lines(seen, most, session.ui))
    return 0


def _why_lines(seen: "Why", most: int, ui: Ui) -> Iterator[str]:
    rows = [seen.graph.rows[at] for at in seen.rows]
    if seen.version is not None:
        yield from _version_lines(seen, ui)
        if not rows:
            return
        yield ""
    for row in rows:
        yield ui.in_color("cyan", row.label) + (f" ; {row.marker}" if row.marker else "")
    found = seen.chains.found
    if not found:
        yield f"  is not needed in {seen.shown}" if rows else ""
        return
    for chain in found[:most]:
        yield ""
        yield from (f"  {line}" for line in _chain_lines(chain, seen.graph))
    if len(found) > most or not seen.chains.is_all:
        least = "" if seen.chains.is_all else "at least "
        more = counted(len(found) - most, "chain") if len(found) > most else "others"
        yield ""
        yield f"  and {least}{more} more" + ("" if most == len(found) else " (-v shows all)")


def _chain_lines(chain: "Chain", graph: Graph) -> Iterator[str]:
    yield _required(chain.start)
    for at, edge in zip(chain.rows, chain.edges, strict=False):
        row = graph.rows[at]
        name = f"{row.name}[{edge.extra}] {row.version}" if edge.extra else row.label
        words = edge.requirement or f"{graph.rows[edge.to].name} (in what words isn't known here)"
        yield f"{name} requires {words}" + (f" ; {edge.marker}" if edge.marker else "")


def _version_lines(seen: "Why", ui: Ui) -> Iterator[str]:
    name, version = seen.name, seen.version
    locked = [seen.graph.rows[at].version for at in seen.graph.named(name)]
    here = [seen.graph.rows[at].version for at in seen.rows]
    what = ui.in_color("cyan", f"{name} {version}")
    if here:
        if seen.bounds:
            yield f"{what} is locked; newer ones must also meet"
            yield from (f"  {line}" for line in _demand_lines(seen.bounds))
        else:
            yield f"{what} is locked; nothing that is known here keeps newer ones away"
    elif seen.refusals:
        yield f"{what} is not locked, as it does not meet"
        yield from (f"  {line}" for line in _demand_lines(seen.refusals))
    else:
        yield f"{what} is not locked, though all that is known here of requirements admits it"
    if seen.unknown_demands:
        count = counted(len(seen.unknown_demands), "package")
        yield f"  what {count} in the lock require of it isn't known on this machine:"
        yield f"    {', '.join(seen.unknown_demands)}"
    others = sorted(set(locked) - set(here))
    if others:
        yield f"  locked: {', '.join(others)}"
    yield f"  `envsync outdated {name}` asks the indexes"


def _demand_lines(demands: Iterable["Demand"]) -> Iterator[str]:
    for one in demands:
        yield f"{one.requirement} of {one.by}" + (f" ; {one.marker}" if one.marker else "")


def _why_document(seen: "Why") -> Mapping[str, object]:
    return {
        "name": seen.name,
        "version": None if seen.version is None else str(seen.version),
        "environment": seen.shown,
        "packages": [row_document(at, seen.graph.rows[at]) for at in seen.rows],
        "chains": [
            {
                "root": start_document(chain.start),
                "steps": [
                    {
                        "id": at,
                        "name": seen.graph.rows[at].name,
                        "version": seen.graph.rows[at].version or None,
                        "requirement": edge.requirement or None if edge else None,
                        "marker": edge.marker or None if edge else None,
                        "extra": edge.extra or None if edge else None,
                    }
                    for at, edge in zip(chain.rows, (*chain.edges, None), strict=True)
                ],
            }
            for chain in seen.chains.found
        ],
        "complete": seen.chains.is_all,
        "refused_by": [one._asdict() for one in seen.refusals],
        "bounded_by": [one._asdict() for one in seen.bounds],
        "unknown": list(seen.unknown_demands),
    }
