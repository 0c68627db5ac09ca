"""The text of scripts: those of entry points, and a wheel's own with their first line rewritten.

"Entry points specification", and "Binary distribution format", Recommended installer features.
"""

import keyword
import os
import re
from collections.abc import Sequence

from envsync.model.entry_point import EntryPoint

# Linux takes 256 bytes since 5.1 and took 128 before; macOS 512.
_LONGEST_SHEBANG = 127
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@~=,:")

_PLACEHOLDER = re.compile(rb"#!python[^\s]*[ \t]*([^\r\n]*?)[ \t\r]*(?:\n|\Z)")
_OPTIONS = re.compile(rb"[A-Za-z0-9 \t_.,:=+-]*")
_FOR_BOTH = re.compile(rb"(?:[ \t]*(?:#[^\r\n]*)?\n)*")
_STRING = re.compile(rb"[rRuU]?[\"']")


def launcher(entry_point: EntryPoint, scripts_path: str) -> bytes:
    """Write the script of a console or gui entry point.

    `scripts_path` is the absolute path of the folder of scripts. The script imports nothing but
    `sys` and the entry point, for its start time.
    """
    first = entry_point.attr.partition(".")[0]
    lines = [
        *_first_lines(scripts_path, ()),
        "import sys",
        *_import(entry_point.module, first),
        'if __name__ == "__main__":',
        f"    sys.exit({entry_point.attr}())",
        "",
    ]
    return "\n".join(lines).encode()


def _import(module: str, name: str) -> list[str]:
    if any(map(keyword.iskeyword, module.split("."))):  # `import` could not be told it
        return ["from importlib import import_module", f'{name} = import_module("{module}").{name}']
    return [f"from {module} import {name}"]


def rewritten(content: bytes, scripts_path: str) -> bytes | None:
    """Point a wheel's script whose first line begins with `#!python` at the environment's python.

    What follows that word to the next space (`3`, `w`) goes, options after it stay. None for every
    other file, which stays as it is (a compiled program, say).

    Where the interpreter is found by a shell, the lines for it stand behind leading comments, so
    that an encoding declaration stays in the second line (PEP 263), and in one string with a
    docstring, so that `from __future__` may still follow.
    """
    placeholder = _PLACEHOLDER.match(content)
    if placeholder is None:
        return None
    options = placeholder[1] if _OPTIONS.fullmatch(placeholder[1]) else b""
    shebang, *header = _first_lines(scripts_path, options.decode().split())
    rest = content[placeholder.end() :]
    if not header:
        return f"{shebang}\n".encode() + rest
    comments = _FOR_BOTH.match(rest)
    assert comments is not None  # it matches nothing, too
    rest = rest[comments.end() :]
    end = b"" if _STRING.match(rest) else b"\n"
    return f"{shebang}\n".encode() + comments[0] + "\n".join(header).encode() + end + rest


def _first_lines(scripts_path: str, options: Sequence[str]) -> list[str]:
    """Give the line or lines that start a script with the environment's python.

    A path that a kernel or shell might misread is not written at all: the script then finds the
    interpreter beside itself, through a header that is both shell and Python. So it does for
    several options: a kernel hands them over as one.
    """
    line = " ".join([f"#!{scripts_path}/python", *options])
    is_short = len(os.fsencode(line)) <= _LONGEST_SHEBANG
    if is_short and len(options) < 2 and _PLAIN.issuperset(scripts_path):
        return [line]
    words = " ".join(["", *options])
    return [
        "#!/bin/sh",
        f"""'''exec' "$(dirname -- "$(realpath -- "$0")")/python"{words} "$0" "$@\"""",
        "' '''",
    ]
