"""Cut a requirements file into its statements, as pip reads it."""

import codecs
import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODING = rb"^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)"
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$")
_SHORT = {"-r": "--requirement", "-c": "--constraint", "-e": "--editable", "-i": "--index-url"}
_SHORT |= {"-f": "--find-links"}
_ALIASES = {
    "--requirements": "--requirement",
    "--constraints": "--constraint",
    "--pypi-url": "--index-url",
}
_LONGEST = 10_000
_KNOWN = (
    *("--requirement", "--constraint", "--editable", "--index-url", "--extra-index-url"),
    *("--find-links", "--no-index", "--pre", "--no-binary", "--only-binary", "--trusted-host"),
)
"""An option may be shortened as long as it is one of these alone."""
_EDITABLE = r"(?:-e|--editable)(?:\s+|=)\s*([^'\"\s-].*)"
_FLAGS = ("--no-index", "--prefer-binary", "--require-hashes", "--pre")
_OF_ONE = re.compile(r"(?<=\s)(?:--(?:hash|config-settings?|global-option|install-option)\b|-C\b)")
"""What may stand behind a requirement."""


class Statement(NamedTuple):
    """A logical line: an option with its value, or a requirement with its own options."""

    line: int
    end: int
    """The last line, counted from 1."""
    option: str
    """Spelled out, such as "--index-url"; "" for a requirement."""
    value: str
    options: tuple[tuple[str, str], ...] = ()
    """Of a requirement: such as ("--hash", "sha256:...")."""

    def hashes(self) -> tuple[str, ...]:
        """Give the sha256 digests that the requirement's file must have one of."""
        given = (value for key, value in self.options if key == "--hash")
        return tuple(one.partition(":")[2] for one in given if one.startswith("sha256:"))


def decode_lines(data: bytes) -> str:
    """Decode a requirements file: by its mark, by its coding comment, else as UTF-8.

    Raises `ValueError` with the line that can't be decoded.
    """
    mark, encoding = encoding_of(data)
    try:
        return data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line}: the text is not {encoding.upper()}") from None
    except (UnicodeError, LookupError):
        raise ValueError(f"line 1: {encoding!r} is no encoding of text") from None


def encoding_of(data: bytes) -> tuple[bytes, str]:
    """Give a file's byte order mark, and its encoding. Raises `ValueError` for one unknown."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return mark, encoding
    for line in data.split(b"\n")[:2]:
        match = re.match(_CODING, line)
        if match:
            return b"", _known(match[1].decode())
    return b"", "utf-8"


def _known(encoding: str) -> str:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise ValueError(f"line 1: there is no encoding {encoding!r}") from None
    return encoding


def statements(text: str) -> Iterator[Statement]:
    """Give the statements of a requirements file; comments and empty lines are left out."""
    for start, end, line in _logical(text):
        bare = _COMMENT.sub("", line).strip()
        if not bare:
            continue
        if bare.startswith("-"):
            yield from _options(start, end, bare)
        else:
            yield _requirement(start, end, bare)


def _logical(text: str) -> Iterator[tuple[int, int, str]]:
    """Join lines that end in a backslash; a comment ends what goes on before it."""
    lines = text.splitlines()
    start, pieces = 0, list[str]()
    for number, line in enumerate(lines, 1):
        start = start or number
        is_comment = re.match(r"^\s*#", line) is not None
        if line.endswith("\\") and not is_comment:
            pieces.append(line[:-1])
            continue
        pieces.append(f" {line}" if is_comment else line)
        yield start, number, "".join(pieces)
        start, pieces = 0, []
    if pieces:
        yield start, len(lines), "".join(pieces)


def _options(start: int, end: int, text: str) -> Iterator[Statement]:
    """Give the options of a line, one statement each."""
    editable = re.fullmatch(_EDITABLE, text)
    if editable:
        # A marker behind it has quotes of its own.
        yield Statement(start, end, "--editable", editable[1])
        return
    words = _words(text)
    if words is None:
        yield Statement(start, end, "?", text)
        return
    at = 0
    while at < len(words):
        option, value = _spelled(words[at])
        at += 1
        more = []
        # A path with blanks in it, as older files have it; a marker behind an address.
        while option not in _FLAGS and at < len(words) and not words[at].startswith("-"):
            more.append(words[at])
            at += 1
        yield Statement(start, end, option, " ".join([value, *more] if value else more))


def _words(text: str) -> list[str] | None:
    """Split a line as a shell does; None where a quote is open, or it is longer than any."""
    try:
        return shlex.split(text) if len(text) <= _LONGEST else None
    except ValueError:
        return None


def _spelled(word: str) -> tuple[str, str]:
    """Give an option in full, and the value that is written with it."""
    if word.startswith("--"):
        option, _, value = word.partition("=")
        begun = [one for one in _KNOWN if one.startswith(option)]
        option = begun[0] if len(begun) == 1 else option
        return _ALIASES.get(option, option), value
    short, value = word[:2], word[2:].removeprefix("=")
    return _SHORT.get(
        short, word if short not in _SHORT else short
    ), value if short in _SHORT else ""


def _requirement(start: int, end: int, text: str) -> Statement:
    match = _OF_ONE.search(text)
    if match is None:
        return Statement(start, end, "", text)
    head, tail = text[: match.start()].strip(), text[match.start() :].strip()
    options = []
    words = _words(tail) if set(tail) & set("'\"\\") else tail.split()
    if words is None:
        return Statement(start, end, "?", text)
    at = 0
    while at < len(words):
        option, _, value = words[at].partition("=")
        at += 1
        if not value and at < len(words):
            value, at = words[at], at + 1
        options.append((option, value))
    return Statement(start, end, "", head, tuple(options))
