"""The command `diff`."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from envsync.cli.columns import size_text
from envsync.cli.look import add_where_arguments, where_of
from envsync.cli.main import Session
from envsync.errors import UsageError
from envsync.lock.difference import Difference, Elsewhere, Moved, Side
from envsync.project.paths import find_project, with_lock
from envsync.ui import Ui, counted

if TYPE_CHECKING:
    from envsync.operations.difference import Compared

_DIFFERENT = 3
_SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "downgraded": ("↓", "yellow"),
          "upgraded": ("↑", "yellow"), "changed": ("~", "yellow")}  # fmt: skip
_HEAD = "HEAD"
_MOST_NAMES = 5


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:  # noqa: ARG001
    """Declare the arguments of `diff`."""
    parser.add_argument(
        "revisions", nargs="*", metavar="REV",
        help="of git: what the lock is compared with (default: HEAD), or two",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=("text", "markdown"), default="text", help="how it is written"
    )
    parser.add_argument("--check", action="store_true", help="exit 3 if they differ")
    add_where_arguments(parser, several_locks=True)


def run(command: str, options: argparse.Namespace, session: Session) -> int:  # noqa: ARG001
    """Compare, and show it."""
    from envsync.operations.difference import compare  # noqa: PLC0415

    files = options.lock is not None
    sides = options.lock if files else options.revisions or [_HEAD]
    if len(sides) > 2 or (files and options.revisions):
        raise UsageError(
            "two locks are compared, no more",
            hint="`envsync diff REV`, `envsync diff REV REV` or `envsync diff --lock FILE FILE`",
        )
    if len(sides) == 2 and files:
        project = with_lock(session.directory, session.environment, sides[-1])
    else:
        project = find_project(session.directory, session.environment)
    compared = compare(
        project, sides, where_of(options, project), session.settings, session.ui, files=files
    )
    if not compared.has_before:
        session.ui.note(f"There is no {compared.before}: all is new")
    if session.settings.json:
        session.ui.document({"command": "diff", **_document(compared)})
    elif options.format == "markdown":
        session.ui.data_lines(_markdown(compared))
    else:
        session.ui.data_lines(_lines(compared, session.ui))
    return _DIFFERENT if options.check and not compared.difference.is_empty() else 0


def _lines(compared: "Compared", ui: Ui) -> Iterator[str]:
    found = compared.difference
    if found.is_empty():
        yield f"{compared.before} and {compared.after} pin the same"
        return
    for required in found.required:
        sign, color = _SIGNS[required.kind]
        yield f"{ui.in_color(color, sign)} env.toml: {required.what}"
    for elsewhere in found.indexes:
        yield f"{ui.in_color('yellow', '~')} {_elsewhere(elsewhere)}"
    if (found.required or found.indexes) and found.packages:
        yield ""
    for moved in found.packages:
        sign, color = _SIGNS[moved.kind]
        head, *more = _about(moved)
        yield f"{ui.in_color(color, sign)} {ui.in_color('cyan', moved.name)} {head}"
        yield from (f"    {line}" for line in more)
    if found.packages:
        yield ""
        yield _summary(found)


def _elsewhere(one: Elsewhere) -> str:
    shown = ", ".join(one.names[:_MOST_NAMES])
    more = f" and {len(one.names) - _MOST_NAMES:,} more" if len(one.names) > _MOST_NAMES else ""
    return f"{shown}{more}: index {one.before} -> {one.after}"


def _about(moved: Moved) -> Iterator[str]:
    """Say what became of a package: in a line where one version moved, else one for each."""
    before, after = moved.before, moved.after
    if len(before) <= 1 and len(after) <= 1:
        yield " ".join(filter(None, _of_one(moved)))
        return
    yield "; ".join(moved.about) or moved.kind
    for side in before:
        yield f"- {_side(side)}"
    for side in after:
        yield f"+ {_side(side)}"


def _of_one(moved: Moved) -> Iterator[str]:
    old, new = (next(iter(sides), None) for sides in (moved.before, moved.after))
    if old and new and old.version != new.version:
        yield f"{old.version} -> {new.version}"
    else:
        yield (new or old or _NONE).version
    if old and new and old.source != new.source:
        yield f"{old.source} -> {new.source}"
    markers = [side.marker or "always" for side in (old, new) if side]
    if len(set(markers)) == 2:
        yield f"; {markers[0]} -> {markers[1]}"
    elif markers[:1] != ["always"] and markers:
        yield f"; {markers[0]}"
    if "replaced files" in moved.about:
        yield "files of the same name have other hashes!"
    elif "files" in moved.about and old and new:
        yield f"{counted(old.files, 'file')} -> {new.files}"
    facts = [_growth(moved), new.uploaded if new else ""]
    if any(facts):
        yield f"({', '.join(filter(None, facts))})"


_NONE = Side("", "", "", None, "", 0)


def _side(side: Side) -> str:
    facts = ", ".join(filter(None, (size_text(side.size), side.uploaded)))
    return " ".join(
        filter(None, (side.version, f"; {side.marker}" if side.marker else "",
                      f"({facts})" if facts else ""))
    )  # fmt: skip


def _growth(moved: Moved) -> str:
    sizes = [side.size for side in (*moved.before, *moved.after)]
    if not sizes or None in sizes:
        return ""
    if moved.kind in ("added", "removed"):
        return size_text(max(size or 0 for size in sizes))
    growth = moved.growth or 0
    return f"{'-' if growth < 0 else '+'}{size_text(abs(growth))}" if growth else ""


def _summary(found: Difference) -> str:
    counts = {kind: sum(one.kind == kind for one in found.packages) for kind in _SIGNS}
    said = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    growths = [one.growth for one in found.packages]
    total = sum(one or 0 for one in growths)
    if not said or None in growths or not total:
        return said
    return f"{said}; {'-' if total < 0 else '+'}{size_text(abs(total))} of largest files"


def _markdown(compared: "Compared") -> Iterator[str]:
    found = compared.difference
    yield f"### {_plain(compared.before)} → {_plain(compared.after)}"
    yield ""
    if found.is_empty():
        yield "They pin the same."
        return
    for required in found.required:
        yield f"- {required.kind}: `{_code(required.what)}`"
    for elsewhere in found.indexes:
        yield f"- {_plain(_elsewhere(elsewhere))}"
    if found.required or found.indexes:
        yield ""
    if found.packages:
        yield "| | package | before | after | size | uploaded |"
        yield "|---|---|---|---|---:|---|"
    for moved in found.packages:
        old = "<br>".join(_cell(side) for side in moved.before)
        new = "<br>".join(_cell(side) for side in moved.after)
        dates = "<br>".join(side.uploaded for side in moved.after if side.uploaded)
        kind = "; ".join((moved.kind, *moved.about))
        yield f"| {kind} | {_plain(moved.name)} | {old} | {new} | {_growth(moved)} | {dates} |"
    if found.packages:
        yield ""
        yield f"{_summary(found)}."


def _cell(side: Side) -> str:
    text = _plain(side.version)
    return f"{text} where `{_code(side.marker)}`" if side.marker else text


def _code(text: str) -> str:
    return text.replace("`", "'").replace("|", "\\|")


def _plain(text: str) -> str:
    """Give a stranger's text so that Markdown makes nothing of it."""
    for sign in "\\`*_[]<>|#":
        text = text.replace(sign, f"\\{sign}")
    return text


def _document(compared: "Compared") -> dict[str, object]:
    return {
        "before": compared.before,
        "after": compared.after,
        "environment": compared.shown,
        "requirements": [one._asdict() for one in compared.difference.required],
        "indexes": [
            {"before": one.before, "after": one.after, "packages": list(one.names)}
            for one in compared.difference.indexes
        ],
        "packages": [
            {
                "kind": moved.kind,
                "name": moved.name,
                "about": list(moved.about),
                "growth": moved.growth,
                "before": [_side_document(side) for side in moved.before],
                "after": [_side_document(side) for side in moved.after],
            }
            for moved in compared.difference.packages
        ],
    }


def _side_document(side: Side) -> dict[str, object]:
    return {
        "version": side.version,
        "marker": side.marker or None,
        "source": side.source,
        "size": side.size,
        "uploaded": side.uploaded or None,
        "files": side.files,
    }
