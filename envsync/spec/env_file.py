"""Read a file of variables (`.env`): NAME=VALUE lines with quotes, comments and `${NAME}`.

# a comment
export HOST=localhost            # `export` changes nothing
URL="http://${HOST}:8000/"       # names are expanded, and a backslash escapes
SECRET='as it $stands'           # neither; quoted values may span lines
PORT=${PORT:-8000}               # as in a shell: also - + and :+
NAMES={"a": ["b", "c # d"]}      # what begins with { or [ keeps its quotes, as JSON wants
"""

import re
from collections.abc import Mapping

from envsync.errors import SpecInvalid

MAX_BYTES = 1 << 20

_NAME = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.]*)[ \t]*=[ \t]*", re.ASCII)
_BLANK = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_END = re.compile(r"[ \t]*(?:\n|\Z)|[ \t]+#[^\n]*(?:\n|\Z)")
_COMMENT = re.compile(r"#[^\n]*(?:\n|\Z)")
_PLAIN = re.compile(r"[^ \t\n'\"\\$]+|[ \t]+")
_TEXT = re.compile(r"[^\"\\$]+")
_SINGLE = re.compile(r"'([^']*)'")
_JSON = re.compile(r"[^ \t\n\"$]+|[ \t]+|\"")
_STRING = re.compile(r"(?:[^\"\\\n$]|\\.)+|\"")
_WORD = re.compile(r"[^\n\\$}]+")
_DEEPEST = 20
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_THEMSELVES = "\\\"'$`# "
_EXPANSION = re.compile(
    r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_.]*)(\}|:?[-+]))", re.ASCII
)


def parse_env_file(
    data: bytes, *, path: str, environ: Mapping[str, str], before: Mapping[str, str] = {}
) -> dict[str, str]:
    """Give the variables that a file sets; of a name that comes twice, the last value.

    `environ` are the variables of the process, `before` those of earlier files: what `${NAME}`
    stands for is looked up in `environ`, then above in the file, then in `before`; a name that is
    nowhere is empty. Raises `SpecInvalid` with the line. No message shows a value.
    """
    if len(data) > MAX_BYTES:
        raise _invalid(path, f"the file is larger than {MAX_BYTES // 1024} KiB")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _invalid(path, f"line {line}: the text is not UTF-8") from error
    reader = _Reader(text, environ, before)
    try:
        return reader.run()
    except ValueError as error:
        raise _invalid(path, f"line {reader.line}: {error}") from error


def _invalid(path: str, problem: str) -> SpecInvalid:
    return SpecInvalid(path, [problem], hint=f"correct {path}: a line is NAME=VALUE")


class _Reader:
    """One walk over a text."""

    def __init__(self, text: str, environ: Mapping[str, str], before: Mapping[str, str]) -> None:
        self._text, self._at = text, 0
        self._environ, self._before = environ, before
        self._found: dict[str, str] = {}
        self._started = 0
        self._expanded = 0
        self._depth = 0

    @property
    def line(self) -> int:
        """The line, from 1, on which what is being read began."""
        return self._text.count("\n", 0, self._started) + 1

    def run(self) -> dict[str, str]:
        while self._at < len(self._text):
            if self._take(_BLANK) is None:
                self._started = self._at
                self._assignment()
        return self._found

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match

    def _assignment(self) -> None:
        self._skip_spaces()
        name = self._take(_NAME)
        if name is None:
            raise ValueError("expected NAME=VALUE, the name of letters, digits and _")
        value = self._value()
        if "\0" in value:
            raise ValueError(f"the value of {name[1]} has a NUL")
        self._found[name[1]] = value

    def _skip_spaces(self) -> None:
        while self._text[self._at : self._at + 1] in (" ", "\t"):
            self._at += 1

    def _value(self) -> str:
        """Read to the end of the value: quoted and plain pieces, one after another."""
        if self._text[self._at : self._at + 1] in ("{", "["):
            return self._json()
        pieces: list[str] = []
        quoted = False
        while self._take(_END) is None:
            character = self._text[self._at]
            if not pieces and self._take(_COMMENT) is not None:
                break
            if quoted and character in " \t":
                raise ValueError("after a closing quote only a comment may follow")
            quoted = character in "'\""
            if quoted:
                pieces.append(self._single() if character == "'" else self._double())
            else:
                pieces.append(self._piece(character, _PLAIN))
        return "".join(pieces)

    def _json(self) -> str:
        """Read to the end of the line as it stands: quotes stay, and no comment is in a string."""
        pieces: list[str] = []
        in_string = False
        while in_string or self._take(_END) is None:
            if self._text[self._at : self._at + 1] == "$":
                pieces.append(self._expansion())
                continue
            match = self._take(_STRING if in_string else _JSON)
            if match is None:
                raise ValueError('the quote " is not closed')
            in_string ^= match[0] == '"'
            pieces.append(match[0])
        return "".join(pieces)

    def _piece(self, character: str, plain: re.Pattern[str]) -> str:
        """Read an escape, an expansion, or text that stands for itself."""
        if character == "\\":
            return self._escape()
        if character == "$":
            return self._expansion()
        match = self._take(plain)
        return match[0] if match else ""

    def _single(self) -> str:
        match = self._take(_SINGLE)
        if match is None:
            raise ValueError("the quote ' is not closed")
        return match[1]

    def _double(self) -> str:
        pieces: list[str] = []
        self._at += 1
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == '"':
                self._at += 1
                return "".join(pieces)
            pieces.append(self._piece(character, _TEXT))
        raise ValueError('the quote " is not closed')

    def _escape(self) -> str:
        escaped = self._text[self._at + 1 : self._at + 2]
        if escaped not in _ESCAPES and (not escaped or escaped not in _THEMSELVES):
            raise ValueError("a backslash is written twice, or the value in single quotes")
        self._at += 2
        return _ESCAPES.get(escaped, escaped)

    def _expansion(self) -> str:
        match = self._take(_EXPANSION)
        if match is not None:
            name, operator = match[1] or match[2], match[3]
            if operator in (None, "}"):
                return self._counted(self._lookup(name) or "")
            return self._chosen(name, operator)
        if self._text[self._at + 1 : self._at + 2] in ("{", "("):
            raise ValueError(
                "of expansions only ${NAME}, and ${NAME:-WORD} with :-, -, :+ or +, are "
                "understood; \\$ is a dollar sign"
            )
        self._at += 1
        return "$"

    def _chosen(self, name: str, operator: str) -> str:
        """Expand `${NAME:-WORD}` and its like (POSIX, Shell Command Language 2.6.2)."""
        word, value = self._word(), self._lookup(name)
        is_set = bool(value) if operator[0] == ":" else value is not None
        if operator[-1] == "+":
            return word if is_set else ""
        return self._counted(value or "") if is_set else word

    def _word(self) -> str:
        """Read a word up to its brace; expansions in it are expanded."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError("its expansions are nested too deeply")
        pieces: list[str] = []
        while (character := self._text[self._at : self._at + 1]) != "}":
            if character in ("", "\n"):
                raise ValueError("the brace of an expansion is not closed")
            pieces.append(self._piece(character, _WORD))
        self._at += 1
        self._depth -= 1
        return "".join(pieces)

    def _lookup(self, name: str) -> str | None:
        for values in (self._environ, self._found, self._before):
            if name in values:
                return values[name]
        return None

    def _counted(self, value: str) -> str:
        # Each line may double the one above it: twenty of them make a megabyte of one letter.
        self._expanded += len(value)
        if self._expanded > MAX_BYTES:
            raise ValueError(f"its expansions come to more than {MAX_BYTES // 1024} KiB")
        return value
