"""Typed getters for TOML tables that note every mistake with its key path and go on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from packaging.utils import NormalizedName

from envsync.spec.lines import KeyPath
from envsync.spec.requirements import read_name
from envsync.spec.wording import kind_of, near_miss, quote, quoting_advice, wrapping_advice

T = TypeVar("T")
Choice = TypeVar("Choice", bound=str)


class Problem(NamedTuple):
    """One mistake of a file."""

    path: KeyPath
    text: str


class TooManyProblems(Exception):
    """Reading stops: the rest of the file would only say more of the same."""


class Problems:
    """The mistakes found so far."""

    MOST = 100
    MOST_VALUES = 20_000
    """Strings that are read from one file; no real one comes near, and each costs time."""

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self._values = 0

    def add(self, text: str, path: KeyPath) -> None:
        """Note a mistake; raises `TooManyProblems` with the hundredth."""
        self.found.append(Problem(path, text))
        if len(self.found) >= self.MOST:
            raise TooManyProblems

    def count_value(self, path: KeyPath) -> None:
        """Count a string that is going to be read."""
        self._values += 1
        if self._values > self.MOST_VALUES:
            self.add(f"the file has over {self.MOST_VALUES} values", path)
            raise TooManyProblems


class Table:
    """One table of a file while it is read.

    A getter notes what is wrong in `problems` and then gives the default, so that one reading
    finds all mistakes. `finish` reports the keys that no getter asked for.
    """

    def __init__(self, content: Mapping[str, object], path: KeyPath, problems: Problems) -> None:
        self.content, self.path, self.problems = content, path, problems
        self._asked: dict[str, None] = {}

    def report(self, text: str, *keys: str | int) -> None:
        """Note a mistake at this table, or at the keys below it."""
        self.problems.add(text, (*self.path, *keys))

    def value(self, key: str) -> object:
        """Give the raw value of a key, None where it is missing."""
        self._asked[key] = None
        return self.content.get(key)

    def convert(self, key: str, read: Callable[[str], T]) -> T | None:
        """Read a string; `read` raises ValueError with the reason why it can't be used."""
        value = self.value(key)
        return None if value is None else self.convert_at(value, read, key)

    def convert_at(self, value: object, read: Callable[[str], T], *keys: str | int) -> T | None:
        """Read a string that was already taken out, noting mistakes at the given keys."""
        if not isinstance(value, str):
            self.report(f"expected a string, found {kind_of(value)}{quoting_advice(value)}", *keys)
            return None
        self.problems.count_value((*self.path, *keys))
        try:
            return read(value)
        except ValueError as error:
            self.report(str(error), *keys)
            return None

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Read true or false."""
        value = self.value(key)
        if isinstance(value, bool):
            return value
        if value is not None:
            self.report(f"expected true or false, found {kind_of(value)}", key)
        return default

    def choice(self, key: str, options: tuple[Choice, ...]) -> Choice:
        """Read one of several words; the first is the default."""

        def read(text: str) -> Choice:
            for option in options:
                if text == option:
                    return option
            words = ", ".join(f'"{option}"' for option in options)
            raise ValueError(f"{quote(text)} is not one of {words}{near_miss(text, options)}")

        return self.convert(key, read) or options[0]

    def elements(self, key: str) -> list[object]:
        """Read a list of anything."""
        value = self.value(key)
        if value is None or isinstance(value, list):
            return value or []
        self.report(f"expected a list, found {kind_of(value)}{wrapping_advice(value)}", key)
        return []

    def items(self, key: str, read: Callable[[str], T]) -> tuple[T, ...]:
        """Read a list of strings, each through `read`."""
        read_items = (
            self.convert_at(item, read, key, index) for index, item in enumerate(self.elements(key))
        )
        return tuple(item for item in read_items if item is not None)

    def table(self, key: str) -> "Table":
        """Read a table below this one; a missing one is empty."""
        return self.table_at(self.value(key), key)

    def table_at(self, value: object, *keys: str | int) -> "Table":
        """Take a value that was already taken out as a table; None is an empty one."""
        path = (*self.path, *keys)
        if value is None or isinstance(value, dict):
            return Table(value or {}, path, self.problems)
        self.report(f"expected a table, found {kind_of(value)}", *keys)
        return Table({}, path, self.problems)

    def tables_at(self, values: Sequence[object], key: str) -> "list[Table]":
        """Take the items of a list that was already taken out as tables; others are reported."""
        tables = []
        for index, value in enumerate(values):
            table = self.table_at(value, key, index)
            if isinstance(value, dict):
                tables.append(table)
        return tables

    def names(self) -> Iterator[tuple[str, NormalizedName]]:
        """Go through a table whose keys are names of packages, groups or extras.

        Gives each key as written and normalised; refuses names that are written in two ways.
        """
        spelled: dict[NormalizedName, str] = {}
        for key in self.content:
            self._asked[key] = None
            name = self.convert_at(key, read_name, key)
            if name is None:
                continue
            if name in spelled:
                self.report(f"the same name as {quote(spelled[name])}", key)
                continue
            spelled[name] = key
            yield key, name

    def values(self, read: Callable[[str], T]) -> dict[str, T]:
        """Read every key of the table, whatever it is called."""
        converted = {key: self.convert(key, read) for key in self.content}
        return {key: value for key, value in converted.items() if value is not None}

    def finish(self, advice: Mapping[str, str] | None = None) -> None:
        """Report every key that no getter asked for.

        `advice` says for a wrong key what to write instead; else a near miss is looked for.
        """
        known = tuple(self._asked)
        for key in self.content:
            if key in self._asked:
                continue
            instead = (advice or {}).get(key)
            hint = f"; {instead}" if instead else near_miss(key, known) or _all_of(known)
            self.report(f"unknown key{hint}", key)


def _all_of(keys: Sequence[str]) -> str:
    """Name the keys that there are; a table whose keys are anybody's has none to name."""
    return f"; known here: {', '.join(keys)}" if keys else ""
