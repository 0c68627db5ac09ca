"""Cut a task's command line into words as a shell would, and refuse what only a shell could do.

"FOO=1 pytest -k 'a or b'"   ->   variables FOO=1, words pytest, -k, a or b
"""

import re
from typing import NamedTuple

_TOKENS = r"""
    (?P<space>\s+)
  | '(?P<single>[^']*)'
  | "(?P<double>(?:[^"\\]|\\.)*)"
  | \\(?P<escaped>.)
  | (?P<plain>[^\s'"\\]+)
  | (?P<open>['"\\])
"""
_TOKEN = re.compile(_TOKENS, re.VERBOSE | re.DOTALL)
_IN_DOUBLE = re.compile(r'\\(["\\$`])')
_EXPANSION = re.compile(r"\$[A-Za-z_{(]|`")
_OPERATOR = re.compile(r"&&|\|\||>>|[|&;<>()]")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=", re.ASCII)


class CommandLine(NamedTuple):
    """A command: what to run, and the variables that are set for it alone."""

    words: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()


def read_command_line(text: str) -> CommandLine:
    """Read a command line: quotes and backslashes as in a POSIX shell, `NAME=VALUE` in front.

    Nothing is expanded: `*`, `~` and `#` stand for themselves. Raises `ValueError` for an empty
    command, an open quote, a line break, and what asks for a shell (`$NAME`, a pipe, `&&`).
    """
    words = _words(text)
    count = 0
    while count < len(words) and _ASSIGNMENT.match(words[count]):
        count += 1
    if count == len(words):
        raise ValueError(
            "there is no command behind the variables" if count else "the command is empty"
        )
    pairs = (word.partition("=") for word in words[:count])
    return CommandLine(tuple(words[count:]), tuple((name, value) for name, _, value in pairs))


def _words(text: str) -> list[str]:
    if "\0" in text:
        raise ValueError("the command has a NUL")
    words: list[str] = []
    word: str | None = None
    # A blank at the end may be an escaped one, and stays.
    for token in _TOKEN.finditer(text.lstrip().rstrip("\r\n")):
        if token[0] == "\\\n":
            continue  # the line goes on
        if token.lastgroup == "space":
            if "\n" in token[0]:
                raise ValueError("a command is one line; several commands make a list")
            words += [] if word is None else [word]
            word = None
        else:
            word = (word or "") + _piece(token.lastgroup or "", token)
    return words if word is None else [*words, word]


def _piece(kind: str, token: re.Match[str]) -> str:
    """Give what a token adds to its word."""
    text = token[kind]
    if kind == "open":
        raise ValueError(
            "a backslash ends the command" if text == "\\" else f"the quote {text} is not closed"
        )
    if kind == "escaped":
        return text
    if kind == "double":
        _refuse(_EXPANSION.search(_IN_DOUBLE.sub("", text)))
        return _IN_DOUBLE.sub(r"\1", text)
    if kind == "plain":
        _refuse(_EXPANSION.search(text) or _OPERATOR.search(text))
    return text


def _refuse(match: re.Match[str] | None) -> None:
    if match is not None:
        raise ValueError(
            f"no shell runs this, so {match[0]} means nothing: quote it with ' ', write a list of "
            "commands, or call a shell: sh -c '...'"
        )
