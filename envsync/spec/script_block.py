"""Find the metadata that a script carries in a comment (PEP 723)."""

import re
from typing import NamedTuple

from envsync.errors import SpecInvalid

_BLOCK = re.compile(
    r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$"
)  # as the specification has it
_OPENING = re.compile(r"(?m)^# /// script$")


class Block(NamedTuple):
    """The metadata of a script, as TOML."""

    content: str
    line: int
    """The line of the script, from 1, on which the content begins."""


def find_block(text: str, *, path: str) -> Block | None:
    """Find the block of the type `script` in a script whose lines end with line feeds.

    An opening without its end is no block. Raises `SpecInvalid` when there are two.
    """
    blocks = [match for match in _BLOCK.finditer(text) if match["type"] == "script"]
    if len(blocks) > 1:
        first, second, *_ = (text.count("\n", 0, match.start()) + 1 for match in blocks)
        raise SpecInvalid(
            path,
            [f"line {second}: a second block of the type script; the first is on line {first}"],
            hint="make one block of them",
        )
    if not blocks:
        return None
    (match,) = blocks
    content = "\n".join(
        line[2:] if line.startswith("# ") else line[1:] for line in match["content"].split("\n")
    )
    return Block(content, text.count("\n", 0, match.start("content")) + 1)


def unclosed_line(text: str) -> int | None:
    """Give the line of an opening `# /// script`, in a script in which there is no block."""
    match = _OPENING.search(text)
    return text.count("\n", 0, match.start()) + 1 if match else None
