"""A TOML file of another tool, with the line of every key."""

from collections.abc import Iterator, Mapping
from functools import cached_property

from envsync.adopt.draft import Draft, Origin
from envsync.errors import SpecInvalid
from envsync.spec.document import decode, load
from envsync.spec.lines import KeyPath, find_lines, line_of

Table = Mapping[str, object]


class TomlFile:
    """What a file holds. Raises `SpecInvalid` where it is no TOML."""

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.odd: dict[KeyPath, str] = {}
        """Key paths at which something else was expected, and what."""
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
        for at, key in enumerate(path):
            value = value.get(key) if isinstance(value, Mapping) else None
            if value is not None and not isinstance(value, Mapping):
                self.odd[path[: at + 1]] = "a table"
        return value if isinstance(value, Mapping) else {}

    def has(self, *path: str) -> bool:
        """Say whether there is anything at a key path."""
        return path[-1] in self.table(*path[:-1])

    def text_at(self, *path: str) -> str | None:
        """Give the string at a key path; None for anything else."""
        value = self.table(*path[:-1]).get(path[-1])
        if value is not None and not isinstance(value, str):
            self.odd[path] = "a string"
        return value if isinstance(value, str) else None

    def texts(self, *path: str) -> Iterator[tuple[str, Origin]]:
        """Give the strings of a list, each with its place; a single string is a list of one."""
        value = self.table(*path[:-1]).get(path[-1])
        if isinstance(value, str):
            yield value, self.origin(*path)
        elif value is not None and not isinstance(value, list):
            self.odd[path] = "a list of strings"
        for number, item in enumerate(value if isinstance(value, list) else ()):
            if isinstance(item, str):
                yield item, self.origin(*path, number)
            else:
                self.odd[*path, number] = "a string"

    def tables(self, *path: str) -> Iterator[tuple[Table, Origin]]:
        """Give the tables of a list, each with its place; a single table is a list of one."""
        value = self.table(*path[:-1]).get(path[-1])
        if isinstance(value, Mapping):
            yield value, self.origin(*path)
        elif value is not None and not isinstance(value, list):
            self.odd[path] = "a list of tables"
        for number, item in enumerate(value if isinstance(value, list) else ()):
            if isinstance(item, Mapping):
                yield item, self.origin(*path, number)
            else:
                self.odd[*path, number] = "a table"

    def tell_odd(self, draft: Draft) -> None:
        """List what was expected to be something else."""
        for path, expected in self.odd.items():
            shown = ".".join(str(key) for key in path)
            draft.leave(self.origin(*path), shown, f"expected {expected}")


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


def wrong_texts(table: Table, *keys: str) -> str | None:
    """Say which of some keys should have been strings; None where all are, or aren't there."""
    wrong = [key for key in keys if key in table and not isinstance(table[key], str)]
    return f"{wrong[0]}: expected a string" if wrong else None
