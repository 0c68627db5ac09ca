"""entry_points.txt -> the scripts that a wheel asks for.

Only `console_scripts` and `gui_scripts` are read; other groups are the business of those who use
them. What is read ends up in a program, so it is judged strictly.
"""

import keyword
import re

from envsync.errors import WheelInvalid
from envsync.model.entry_point import EntryPoint
from envsync.wheel.paths import is_reserved_script

MAX_SIZE = 16 << 20
"""Bytes that entry_points.txt may have."""

SCRIPT_GROUPS = ("console_scripts", "gui_scripts")

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
_VALUE = re.compile(r"([^:\[\]]+):([^:\[\]]+?)\s*(?:\[([^\[\]]*)\])?")
_EXTRA = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?")


def parse_entry_points(data: bytes, *, file: str) -> tuple[EntryPoint, ...]:
    """Read the script groups of entry_points.txt ("Entry points specification"), in their order.

    Raises `WheelInvalid`, naming `file`, for text that can't be read, and for a script whose name
    isn't a plain file name or would replace the interpreter, or that is given two meanings, or
    whose value isn't `package.module:attribute`.
    """
    found: dict[str, EntryPoint] = {}
    for group, name, value in _script_lines(data, file):
        entry_point = _entry_point(group, name, value, file)
        other = found.setdefault(name, entry_point)
        if other[2:] != entry_point[2:]:
            raise WheelInvalid(file, f"entry_points.txt gives {name!a} two meanings")
    return tuple(found.values())


def _script_lines(data: bytes, file: str) -> list[tuple[str, str, str]]:
    """Give group, name and value of each script, as configparser would read them."""
    if len(data) > MAX_SIZE:
        raise WheelInvalid(file, f"entry_points.txt is larger than {MAX_SIZE} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise WheelInvalid(file, "entry_points.txt is not UTF-8") from None
    found: list[tuple[str, str, str]] = []
    group = ""
    for line in text.replace("\r\n", "\n").split("\n"):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        if stripped[0] == "[" and stripped[-1] == "]":
            group = stripped[1:-1].strip()
        elif group in SCRIPT_GROUPS:
            name, equals, value = stripped.partition("=")
            # An indented line goes on with the value before: no script's value is that long.
            if not equals or line[0].isspace():
                raise WheelInvalid(file, f"entry_points.txt has the line {stripped[:100]!a}")
            found.append((group, name.strip(), value.strip()))
    return found


def _entry_point(group: str, name: str, value: str, file: str) -> EntryPoint:
    if not _NAME.fullmatch(name):
        raise WheelInvalid(file, f"{name[:100]!a} can't be the name of a script")
    if is_reserved_script(name):
        raise WheelInvalid(
            file, f"the script {name!a} would replace the interpreter or its activation"
        )
    matched = _VALUE.fullmatch(value)
    if matched is None:
        raise WheelInvalid(file, f"the script {name!a} calls {value[:100]!a}, not module:attribute")
    module, attr = matched[1].strip(), matched[2].strip()
    extras = tuple(extra.strip() for extra in (matched[3] or "").split(",") if extra.strip())
    if not (_is_dotted(module) and _is_dotted(attr)) or not all(map(_EXTRA.fullmatch, extras)):
        raise WheelInvalid(file, f"the script {name!a} calls {value[:100]!a}, not module:attribute")
    return EntryPoint(group, name, module, attr, extras)


def _is_dotted(text: str) -> bool:
    """Say whether text is identifiers with dots between, none of them a keyword."""
    return all(part.isidentifier() and not keyword.iskeyword(part) for part in text.split("."))
