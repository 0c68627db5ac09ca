"""The commands `list` and `outdated`."""

import argparse
from typing import TYPE_CHECKING

from envsync.cli.columns import columns, size_text
from envsync.cli.main import Session
from envsync.project.paths import Project, find_project
from envsync.ui import counted

if TYPE_CHECKING:
    from envsync.operations.installed import Installed
    from envsync.operations.outdated import Outdated

_DIFFERENT = 3


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `list` and `outdated`."""
    if command == "list":
        parser.add_argument(
            "--format", choices=("columns", "freeze"), default="columns", help="how it is written"
        )
        return
    parser.add_argument("packages", nargs="*", metavar="NAME", help="these alone, newest or not")
    parser.add_argument("--direct", action="store_true", help="what env.toml itself requires")
    parser.add_argument("--check", action="store_true", help="exit 3 if something is outdated")


def run(command: str, options: argparse.Namespace, session: Session) -> int:
    """Look, and say what was found."""
    project = find_project(session.directory, session.environment)
    return (_list if command == "list" else _outdated)(project, options, session)


def _list(project: Project, options: argparse.Namespace, session: Session) -> int:
    from envsync.operations.installed import installed  # noqa: PLC0415

    found = installed(project, session.settings, session.ui)
    if session.settings.json:
        session.ui.document(
            {
                "command": "list",
                "environment": found.root,
                "packages": [_package(one) for one in found.packages],
            }
        )
    elif options.format == "freeze":
        session.ui.data_lines(f"{one.name}=={one.version}" for one in found.packages)
    else:
        rows = [
            (one.name, one.version, size_text(one.size), _source(one)) for one in found.packages
        ]
        head = ("package", "version", "size", "source")
        session.ui.data_lines(columns(head, rows, session.ui, right=(2,)))
    return 0


def _package(one: "Installed") -> dict[str, object]:
    return {
        "name": one.name,
        "version": one.version,
        "files": one.files,
        "size": one.size,
        "source": {"kind": one.kind, "place": one.place or None, "editable": one.editable},
    }


def _source(one: "Installed") -> str:
    """Say where it is from: of most packages, which are from an index, the index."""
    if one.kind == "wheel":
        return one.place
    said = {"sdist": "built from source", "vcs": "repository"}.get(one.kind, one.kind)
    words = "editable" if one.editable else said
    return f"{words}: {one.place}" if one.place else words


def _outdated(project: Project, options: argparse.Namespace, session: Session) -> int:
    from envsync.operations.outdated import outdated  # noqa: PLC0415

    found = outdated(project, options.packages, session.settings, session.ui, direct=options.direct)
    for name in found.unknown:
        from envsync.cli.misspelt import unknown_package  # noqa: PLC0415  (difflib)

        raise unknown_package(name, found.known)
    late = [one for one in found.packages if one.is_outdated()]
    if session.settings.json:
        session.ui.document(
            {
                "command": "outdated",
                "packages": [_outdated_document(one) for one in found.packages],
                "current": found.current,
                "not_asked": list(found.unasked),
            }
        )
    elif found.packages:
        rows = [_outdated_row(one) for one in found.packages]
        head = ("package", "installed", "locked", "allowed", "newest", "in the way")
        session.ui.data_lines(columns(head, rows, session.ui))
    if late and any(one.allowed and one.allowed not in one.locked for one in late):
        session.ui.hint("`envsync lock --upgrade` takes what is allowed where all fits together")
    elif not late:
        session.ui.note(
            f"Nothing newer for {counted(found.current + len(found.packages), 'package')}"
        )
    if found.unasked:
        session.ui.note(f"Not asked about, as no index has them: {', '.join(found.unasked)}")
    return _DIFFERENT if options.check and any(one.is_late() for one in late) else 0


def _outdated_row(one: "Outdated") -> tuple[str, ...]:
    newest = f"{one.newest} ({one.prerelease} is a pre-release)" if one.prerelease else one.newest
    reasons = "; ".join(reason.text for reason in one.in_the_way)
    return one.name, one.installed, ", ".join(one.locked), one.allowed, newest, reasons


def _outdated_document(one: "Outdated") -> dict[str, object]:
    return {
        "name": one.name,
        "installed": one.installed or None,
        "locked": list(one.locked),
        "allowed": one.allowed or None,
        "newest": one.newest or None,
        "prerelease": one.prerelease or None,
        "direct": one.is_direct,
        "outdated": one.is_outdated(),
        "in_the_way": [reason._asdict() for reason in one.in_the_way],
    }
