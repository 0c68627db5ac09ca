"""The commands `help` and `version`."""

import argparse
import sys
from typing import TYPE_CHECKING

from envsync import __version__
from envsync.cli.commands import COMMANDS
from envsync.cli.main import Session
from envsync.cli.parser import build_parser, parser_below
from envsync.cli.versions import speedups_version, version_line
from envsync.ui import terminal_columns

if TYPE_CHECKING:
    from envsync.cli.help_page import Section


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `help`; `version` has none."""
    if command == "version":
        return
    parser.add_argument(
        "topic", nargs="*", metavar="COMMAND", help="what is asked about; default: all commands"
    )
    parser.add_argument(
        "--all", action="store_true", dest="every", help="explain the options of every command too"
    )
    parser.add_argument(
        "--man", action="store_true", help="print the page for `man -l -`, or for a package's files"
    )


def run(command: str, options: argparse.Namespace, session: Session) -> int:
    """Print what was asked for."""
    return (_help if command == "help" else _version)(options, session)


def _help(options: argparse.Namespace, session: Session) -> int:
    from envsync.cli.help_page import page_of  # noqa: PLC0415  (after usage is known to be right)
    from envsync.cli.help_text import help_text  # noqa: PLC0415

    topic = options.topic
    if topic and topic[0] in COMMANDS:
        parser, _ = build_parser(topic[:1])
    else:
        parser, _ = build_parser(None)
    page = page_of(parser_below(parser, topic))
    if session.settings.json:
        session.ui.document(
            {
                "command": "help",
                "topic": page.command,
                "usage": page.usage,
                "description": page.description,
                "sections": list(map(_section, page.sections)),
                "shared": [row._asdict() for row in page.shared],
            }
        )
    elif options.man:
        from envsync.cli.man_page import man_page  # noqa: PLC0415

        session.ui.data(man_page(page, __version__))
    else:
        session.ui.data(help_text(page, terminal_columns(), every=options.every))
    return 0


def _section(section: "Section") -> dict[str, object]:
    return {"title": section.title, "rows": [row._asdict() for row in section.rows]}


def _version(_: argparse.Namespace, session: Session) -> int:
    if session.settings.json:
        session.ui.document(
            {
                "command": "version",
                "version": __version__,
                "speedups": speedups_version() or None,
                "python": ".".join(map(str, sys.version_info[:3])),
                "executable": sys.executable,
            }
        )
    else:
        session.ui.data(version_line())
    return 0
