"""The command `doctor`."""

import argparse
import os
import textwrap
from collections.abc import Iterator, Sequence

from envsync.cli.main import Session
from envsync.operations.doctor import Examined, examine
from envsync.operations.findings import Finding, is_broken
from envsync.ui import printable, terminal_columns

_NARROW = 60
_MARKS = {"ok": "ok", "note": "note", "broken": "BROKEN"}


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:
    """Declare no arguments: all is looked at."""


def run(command: str, options: argparse.Namespace, session: Session) -> int:  # noqa: ARG001
    """Look at everything; 1 where something is broken."""
    what = Examined(session.directory, session.environment, session.settings, os.environ)
    found = examine(what)
    failed = is_broken(found)
    if session.settings.json:
        rows = [{**one._asdict(), "advice": one.advice or None} for one in found]
        session.ui.document({"command": "doctor", "broken": failed, "findings": rows})
    else:
        shown = [one._replace(advice=session.ui.in_place(one.advice)) for one in found]
        session.ui.data("\n".join(report_lines(shown, terminal_columns())))
    return 1 if failed else 0


def report_lines(findings: Sequence[Finding], columns: int) -> Iterator[str]:
    """Lay findings out for a terminal's width: in columns where there is room, else below."""
    topics = max((len(one.topic) for one in findings), default=0)
    for one in findings:
        mark = _MARKS[one.state]
        head = f"{mark:<6}  {one.topic:<{topics}}  "
        indent = len(head)
        if columns < _NARROW:
            yield f"{mark} {one.topic}"
            head, indent = "    ", 4
        for text in filter(None, (one.text, one.advice)):
            prefix = "-> " if text is one.advice else ""
            yield from _wrapped(f"{head}{prefix}{printable(text)}", columns, indent)
            head = " " * indent


def _wrapped(text: str, columns: int, indent: int) -> Iterator[str]:
    """Break between words; a path that has no room stays whole, to be copied."""
    yield from textwrap.wrap(
        text,
        max(columns, indent + 20),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
