"""An INI file of another tool, with the line of every value."""

import configparser
import re
from collections.abc import Iterator
from functools import cached_property

from envsync.adopt.draft import Origin
from envsync.errors import SpecInvalid

_BEGINNING = re.compile(r"[^\s#;\[=:][^=:]*")


def name_in_setup_cfg(path: str, data: bytes) -> str | None:
    """Give the name that a setup.cfg has. Raises `SpecInvalid`."""
    return IniFile(path, data).value("metadata", "name")


class IniFile:
    """An INI file, with the line of every value's lines. Raises `SpecInvalid`."""

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self._parser = configparser.RawConfigParser(strict=False, delimiters=("=", ":"))
        self._parser.optionxform = str  # type: ignore[assignment, method-assign]
        try:
            self.text = data.decode("utf-8-sig")
            self._parser.read_string(self.text, source=path)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise SpecInvalid(path, [f"line {line}: the text is not UTF-8"]) from error
        except configparser.Error as error:
            line = getattr(error, "lineno", None) or 1
            raise SpecInvalid(
                path,
                [f"line {line}: not the text of an INI file"],
                hint=f"correct {path}, then try again",
            ) from error

    def value(self, section: str, key: str) -> str | None:
        """Give a value; None where it isn't there."""
        return self._parser.get(section, _dashed(self._parser, section, key), fallback=None)

    def keys(self, section: str) -> list[str]:
        """Give the keys of a section, as written."""
        if not self._parser.has_section(section):
            return []
        return list(self._parser[section])

    def origin(self, section: str, key: str) -> Origin:
        """Say where a value begins."""
        return Origin(self.path, next((line for line, _ in self._lines(section, key)), 1))

    def lines(self, section: str, key: str) -> Iterator[tuple[str, Origin]]:
        """Give the lines of a value that say something, each with its place."""
        for line, text in self._lines(section, key):
            bare = re.sub(r"(^|\s)[#].*$", "", text).strip()
            if bare:
                yield bare, Origin(self.path, line)

    def _lines(self, section: str, key: str) -> list[tuple[int, str]]:
        return self._placed.get((section, _plain(key)), [])

    @cached_property
    def _placed(self) -> dict[tuple[str, str], list[tuple[int, str]]]:
        """The lines of every value, by section and key."""
        placed: dict[tuple[str, str], list[tuple[int, str]]] = {}
        section, rows = "", list[tuple[int, str]]()
        for number, line in enumerate(self.text.splitlines(), 1):
            header, match = re.match(r"\[(.+)\]", line), _BEGINNING.match(line)
            if header:
                section, rows = header[1].strip(), []
            elif match and match.end() < len(line):
                rows = placed.setdefault((section, _plain(match[0])), [])
                rows.append((number, line[match.end() + 1 :]))
            elif line[:1] in (" ", "\t"):
                rows.append((number, line))
        return placed


def _plain(key: str) -> str:
    """Spell a key in one way: old files have dashes for underscores."""
    return key.strip().lower().replace("-", "_")


def _dashed(parser: configparser.RawConfigParser, section: str, key: str) -> str:
    """Give a key as the file spells it: old files have dashes for underscores."""
    other = key.replace("_", "-")
    return other if parser.has_section(section) and other in parser[section] else key
