"""Change requirements in the text of a requirements file, every other line left alone."""

import re
from collections.abc import Collection
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envsync.adopt.requirement_lines import Statement, decode_lines, encoding_of, statements
from envsync.errors import UsageError
from envsync.spec.requirement_list import merged_requirement


class _Lines(NamedTuple):
    """A file's lines with their ends, and how they are written."""

    lines: list[str]
    newline: str
    mark: bytes
    encoding: str

    def data(self) -> bytes:
        return self.mark + "".join(self.lines).encode(self.encoding)


def add_to_requirements(data: bytes, requirement: str, *, file: str) -> bytes:
    """Give a requirements file with a requirement: in the place of one of the same name and
    marker, else in alphabetical order if the file has it, else behind the last.

    Raises `UsageError` for one that has hashes, which would no longer fit.
    """
    parts = _lines(data)
    new = Requirement(requirement)
    listed = [(each, found) for each in _statements(data) if (found := _parsed(each))]
    for statement, old in listed:
        same = canonicalize_name(old.name) == canonicalize_name(new.name)
        if same and old.marker == new.marker:
            text = merged_requirement(statement.value, old, requirement, new)
            if text != statement.value:
                _refuse_hashes(statement, file)
                _replace(parts, statement, text)
            return parts.data()
    names = [canonicalize_name(old.name) for _, old in listed]
    later = [each for each, old in listed if canonicalize_name(old.name) > _key(new)]
    if names == sorted(names) and later:
        parts.lines.insert(later[0].line - 1, requirement + parts.newline)
    elif listed:
        _insert_behind(parts, listed[-1][0].end, requirement)
    else:
        _insert_behind(parts, len(parts.lines), requirement)
    return parts.data()


def remove_lines(data: bytes, lines: Collection[int]) -> bytes:
    """Give a requirements file without the statements that begin in these lines."""
    parts = _lines(data)
    gone = [each for each in _statements(data) if each.line in lines]
    for statement in reversed(gone):
        del parts.lines[statement.line - 1 : statement.end]
    return parts.data()


def _statements(data: bytes) -> list[Statement]:
    return list(statements(decode_lines(data)))


def _lines(data: bytes) -> _Lines:
    mark, encoding = encoding_of(data)
    lines = data[len(mark) :].decode(encoding).splitlines(keepends=True)
    newline = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    return _Lines(lines, newline, mark, encoding)


def _parsed(statement: Statement) -> Requirement | None:
    if statement.option:
        return None
    try:
        return Requirement(statement.value)
    except (InvalidRequirement, ValueError, RecursionError):
        return None


def _key(requirement: Requirement) -> str:
    return canonicalize_name(requirement.name)


def _refuse_hashes(statement: Statement, file: str) -> None:
    if statement.options:
        raise UsageError(
            f"{file}: line {statement.line} has hashes or options, which belong to that release",
            hint=f"change {file} with the tool that made it, then `envsync sync`",
        )


def _replace(parts: _Lines, statement: Statement, text: str) -> None:
    """Put a requirement in the place of another, its comment behind it kept."""
    first = parts.lines[statement.line - 1]
    if statement.line == statement.end and statement.value in first:
        parts.lines[statement.line - 1] = first.replace(statement.value, text, 1)
        return
    end = re.search(r"\s*(?:#.*)?(\r?\n)?$", parts.lines[statement.end - 1])
    parts.lines[statement.line - 1 : statement.end] = [text + (end[0] if end else parts.newline)]


def _insert_behind(parts: _Lines, end: int, text: str) -> None:
    if end and not parts.lines[end - 1].endswith(("\n", "\r")):
        parts.lines[end - 1] += parts.newline
    parts.lines.insert(end, text + parts.newline)
