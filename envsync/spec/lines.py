"""Find the line of every key in the text of a TOML file.

`tomllib` gives values without places, and a message about a mistake needs one. The scan is only
made when there is something to report, and trusts that `tomllib` accepted the text.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

KeyPath = tuple[str | int, ...]
"""Keys and list indexes from the file's root: ("index", 0, "url")."""

MAX_KEY_PARTS = 32
MAX_DEPTH = 64
_DEPTH_CHANGE = {"[": 1, "{": 1, "]": -1, "}": -1}

_GRAMMAR = r'''(?P<space>[ \t]++)
      | (?P<newline>\r?\n)
      | (?P<comment>\#[^\n]*+)
      | (?P<string>
            """(?:[^"\\]|\\.|"(?!""))*+(?:"{3,5}|\Z)    # up to two quotes may precede the end
          | \'\'\'(?:[^']|'(?!\'\'))*+(?:'{3,5}|\Z)
          | "(?:[^"\\\n]|\\.)*+"?
          | '[^'\n]*+'?
        )
      | (?P<mark>[\[\]{}=,.])
      | (?P<word>[^\s\[\]{}=,.\#"']++)
      | (?P<other>.)'''
"""One token of TOML; every text is a sequence of these, so the scan never fails."""


class Token(NamedTuple):
    """A token that matters: no white space, no comment."""

    kind: str
    text: str
    line: int


def find_tokens(text: str) -> Iterator[re.Match[str]]:
    """Cut TOML text into tokens; the group that matched names the kind."""
    return re.finditer(_GRAMMAR, text, re.VERBOSE | re.DOTALL)


def find_lines(text: str) -> dict[KeyPath, int]:
    """Give the line, counted from 1, on which each table, key and list item begins."""
    return _Scan(text).run()


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """Give the line of a key path, or of the nearest thing around it that has one."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def excess_line(text: str) -> int | None:
    """Give the first line whose brackets or dotted key go deeper than those of any real file.

    `tomllib` is recursive in brackets and quadratic in dotted keys.
    """
    depth = parts = 0
    for token in _tokens(text):
        if token.text == ".":
            parts += 1
        elif token.kind in ("mark", "newline"):
            parts = 0
            depth += _DEPTH_CHANGE.get(token.text, 0)
        if depth > MAX_DEPTH or parts >= MAX_KEY_PARTS:
            return token.line
    return None


def _tokens(text: str) -> Iterator[Token]:
    line = 1
    for match in find_tokens(text):
        kind, token = match.lastgroup or "other", match.group()
        if kind not in ("space", "comment"):
            yield Token(kind, token, line)
        line += token.count("\n")


class _Frame:
    """An array or inline table that the scan is inside of."""

    def __init__(self, path: KeyPath, *, is_array: bool) -> None:
        self.path, self.is_array = path, is_array
        self.index = 0
        self.key: list[str] = []
        """Parts of the key being read; only in an inline table."""
        self.in_key = not is_array

    def target(self) -> KeyPath:
        """Where the value that comes next belongs."""
        return (*self.path, self.index) if self.is_array else (*self.path, *self.key)

    def next(self) -> None:
        """A comma was passed."""
        self.index += 1
        self.key = []
        self.in_key = not self.is_array


class _Scan:
    """One walk over a text, statement by statement."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.found: dict[KeyPath, int] = {}
        self.last_index: dict[KeyPath, int] = {}
        """Arrays of tables, and the index of the newest element of each."""
        self.table: KeyPath = ()

    def run(self) -> dict[KeyPath, int]:
        """Walk to the end."""
        for token in self.tokens:
            if token.text == "[":
                self._header(token.line)
            elif token.kind != "newline":
                self._pair(token)
        return self.found

    def _header(self, line: int) -> None:
        brackets, parts = 1, []
        for token in self.tokens:
            if token.kind == "newline":
                break
            if token.text == "[":
                brackets += 1
            elif token.kind in ("word", "string"):
                parts.append(_key_text(token.text))
        path = self._inside_arrays(tuple(parts), is_array=brackets == 2)
        self._record((), path, line)
        self.table = path

    def _inside_arrays(self, parts: tuple[str, ...], *, is_array: bool) -> KeyPath:
        """Put the index of the newest element behind each part that is an array of tables."""
        path: KeyPath = ()
        for position, part in enumerate(parts):
            path = (*path, part)
            if is_array and position == len(parts) - 1:
                self.last_index[path] = self.last_index.get(path, -1) + 1
            if path in self.last_index:
                path = (*path, self.last_index[path])
        return path

    def _pair(self, token: Token) -> None:
        parts, line = [_key_text(token.text)], token.line
        for token in self.tokens:
            if token.kind in ("word", "string"):
                parts.append(_key_text(token.text))
            elif token.text == "=" or token.kind == "newline":
                break
        path = (*self.table, *parts)
        self._record(self.table, path, line)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        """Pass over one value, noting what is inside its arrays and inline tables."""
        stack: list[_Frame] = []
        for token in self.tokens:
            if token.kind == "newline":
                if not stack:
                    return
            elif token.text in ("[", "{"):
                target = stack[-1].target() if stack else path
                self.found.setdefault(target, token.line)
                stack.append(_Frame(target, is_array=token.text == "["))
            elif token.text in ("]", "}"):
                del stack[-1:]
            elif stack:
                self._inside(stack[-1], token)

    def _inside(self, frame: _Frame, token: Token) -> None:
        if token.text == ",":
            frame.next()
        elif token.text == "=":
            frame.in_key = False
        elif frame.is_array:
            self.found.setdefault(frame.target(), token.line)
        elif frame.in_key and token.text != ".":
            frame.key.append(_key_text(token.text))
            self.found.setdefault(frame.target(), token.line)

    def _record(self, base: KeyPath, path: KeyPath, line: int) -> None:
        """Note a path, and those on the way to it that a dotted key or header implies."""
        for end in range(len(base) + 1, len(path) + 1):
            self.found.setdefault(path[:end], line)


def _key_text(token: str) -> str:
    """Read one part of a key: bare, or quoted with escapes."""
    if token[0] not in "\"'":
        return token
    try:
        value = tomllib.loads(f"key = {token}")["key"]
    except ValueError:
        return token
    return value if isinstance(value, str) else token
