"""Lay out a page of help for the width of a terminal."""

import textwrap
from collections.abc import Iterable, Iterator

from envsync.cli.help_page import Page, Row, Section

_LEAST = 24
_MOST_COLUMNS = 100
"""Longer lines are hard to read."""
_WIDE_TERM = 28
_NARROW = 60
"""Columns under which texts stand below their terms, not beside them."""


def help_text(page: Page, columns: int, *, every: bool = False) -> str:
    """Give a page as text; `every`: the options of every command are explained, not named only."""
    width = max(min(columns, _MOST_COLUMNS), _LEAST)
    blocks = [list(_wrapped(f"usage: {page.usage}", width, "       "))]
    blocks.append(list(_wrapped(page.description, width)))
    sections = list(page.sections)
    if page.examples:
        sections.insert(0, Section("a first session", page.examples))
    if every and page.shared:
        sections.append(Section("options of every command", page.shared))
    blocks += [_block(section, width) for section in sections]
    if page.shared and not every:
        blocks.append(list(_wrapped(_folded(page), width)))
    blocks += [list(_wrapped(note, width)) for note in page.notes]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _block(section: Section, width: int) -> list[str]:
    return [*_wrapped(f"{section.title}:", width), *_table(section.rows, width)]


def _folded(page: Page) -> str:
    """Name the options of every command in a line."""
    names = [row.term.split(",")[0].split()[0] for row in page.shared]
    topic = page.command.partition(" ")[2]
    command = f"envsync help --all{' ' + topic if topic else ''}"
    return f"options of every command: {', '.join(names)} (`{command}` explains them)"


def _table(rows: Iterable[Row], width: int) -> Iterator[str]:
    rows = list(rows)
    terms = [len(row.term) for row in rows if len(row.term) <= _WIDE_TERM]
    column = max(terms, default=0) + 4
    for row in rows:
        if width < _NARROW:
            yield from _wrapped(f"  {row.term}", width, "    ")
            yield from _wrapped(f"      {row.text}", width, "      ") if row.text else ()
            continue
        if len(row.term) > _WIDE_TERM or not row.text:
            yield from _wrapped(f"  {row.term}", width, "    ")
            head = " " * column
        else:
            head = f"  {row.term:<{column - 2}}"
        if row.text:
            yield from _wrapped(head + row.text, width, " " * column)


def _wrapped(text: str, width: int, indent: str = "") -> Iterator[str]:
    """Break lines between words; a word stays whole as long as it has room of its own."""
    yield from textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)
