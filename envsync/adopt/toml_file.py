"""A TOML file of another tool, with the line of every key."""

from collections.abc import Iterator, Mapping
from functools import cached_property

from envsync.adopt.draft import Origin
from envsync.errors import SpecInvalid
from envsync.spec.document import decode, load
from envsync.spec.lines import KeyPath, find_lines, line_of

Table = Mapping[str, object]


class TomlFile:
    """What a file holds. Raises `SpecInvalid` where it is no TOML."""

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.text = decode(data, path=path)
        try:
            self.content = load(self.text, path=path)
        except SpecInvalid as error:
            error.hint = error.hint or f"correct {path}, then try again"
            raise

    @cached_property
    def _lines(self) -> Mapping[KeyPath, int]:
        return find_lines(self.text)

    def origin(self, *path: str | int) -> Origin:
        """Say where a key path stands."""
        return Origin(self.path, line_of(self._lines, path))

    def table(self, *path: str) -> Table:
        """Give the table at a key path; an empty one where there is none."""
        value: object = self.content
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value if isinstance(value, Mapping) else {}

    def has(self, *path: str) -> bool:
        """Say whether there is anything at a key path."""
        return path[-1] in self.table(*path[:-1])

    def text_at(self, *path: str) -> str | None:
        """Give the string at a key path; None for anything else."""
        value = self.table(*path[:-1]).get(path[-1])
        return value if isinstance(value, str) else None

    def texts(self, *path: str) -> Iterator[tuple[str, Origin]]:
        """Give the strings of a list, each with its place; a single string is a list of one."""
        value = self.table(*path[:-1]).get(path[-1])
        if isinstance(value, str):
            yield value, self.origin(*path)
        for number, item in enumerate(value if isinstance(value, list) else ()):
            if isinstance(item, str):
                yield item, self.origin(*path, number)

    def tables(self, *path: str) -> Iterator[tuple[Table, Origin]]:
        """Give the tables of a list, each with its place; a single table is a list of one."""
        value = self.table(*path[:-1]).get(path[-1])
        if isinstance(value, Mapping):
            yield value, self.origin(*path)
        for number, item in enumerate(value if isinstance(value, list) else ()):
            if isinstance(item, Mapping):
                yield item, self.origin(*path, number)


def text_of(table: Table, key: str) -> str | None:
    """Give a string of a table; None for anything else."""
    value = table.get(key)
    return value if isinstance(value, str) else None


def texts_of(table: Table, key: str) -> list[str]:
    """Give the strings of a list in a table; a single string is a list of one."""
    value = table.get(key)
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
