"""A page of help as a man page, in the man macros that every roff knows."""

from collections.abc import Iterable, Iterator

from envsync.cli.help_page import Page, Row


def man_page(page: Page, version: str) -> str:
    """Give the source of a man page of section 1."""
    name = page.command.replace(" ", "-")
    return "\n".join((*_head(page, name, version), *_body(page))) + "\n"


def _head(page: Page, name: str, version: str) -> Iterator[str]:
    yield f'.TH "{_plain(name.upper())}" "1" "" "envsync {_plain(version)}" "envsync"'
    yield ".SH NAME"
    summary = page.description.rstrip(".")
    yield f"{_plain(name)} \\- {_plain(summary[:1].lower() + summary[1:])}"
    yield ".SH SYNOPSIS"
    yield f".B {_plain(page.command)}"
    yield _plain(page.usage.removeprefix(page.command).strip())


def _body(page: Page) -> Iterator[str]:
    yield ".SH DESCRIPTION"
    yield _line(page.description)
    for note in page.notes:
        yield ".PP"
        yield _line(note)
    for section in page.sections:
        yield f'.SH "{_plain(section.title.upper())}"'
        yield from _rows(section.rows)
    if page.shared:
        yield '.SH "OPTIONS OF EVERY COMMAND"'
        yield from _rows(page.shared)
    if page.examples:
        yield ".SH EXAMPLES"
        yield from _rows(page.examples)
    yield ".SH EXIT STATUS"
    yield from _rows(
        (
            Row("0", "done"),
            Row("1", "could not"),
            Row("2", "usage, or an invalid file"),
            Row("3", "a check found a difference"),
            Row("130", "interrupted"),
        )
    )


def _rows(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        yield ".TP"
        yield f".B {_plain(row.term)}"
        yield _line(row.text)


def _line(text: str) -> str:
    """Give text for a line of its own, which must not begin with a request's mark."""
    plain = _plain(text)
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain


def _plain(text: str) -> str:
    """Give text without roff's escapes; hyphens stay ones that can be typed."""
    return text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
