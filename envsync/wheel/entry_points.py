"""entry_points.txt -> the scripts that a wheel asks for.

Only `console_scripts` and `gui_scripts` are read; other groups are the business of those who use
them. What is read ends up in a program, so it is judged strictly.
"""

import keyword
import re

from envsync.errors import WheelInvalid
from envsync.model.entry_point import EntryPoint
from envsync.wheel.paths import is_reserved_script, path_problem

MAX_SIZE = 16 << 20
"""Bytes that entry_points.txt may have."""

SCRIPT_GROUPS = ("console_scripts", "gui_scripts")

_LINE_END = re.compile(r"\r\n|\r|\n")
_SECTION = re.compile(r"\[(.+)\]")
_VALUE = re.compile(r"([^:\[\]]+):([^:\[\]]+?)\s*(?:\[([^\[\]]*)\])?")
_EXTRA = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?")


def parse_entry_points(data: bytes, *, file: str) -> tuple[EntryPoint, ...]:
    """Read the script groups of entry_points.txt ("Entry points specification"), in their order.

    The text is INI as `configparser` reads it with "=" for its only delimiter: sections and options
    may be indented, and a line that is indented further than its option goes on with the value.
    Such a line that has a "=" is an option of its own all the same, as pip and others read it: no
    value of a script has one.

    Raises `WheelInvalid`, naming `file`, for text that can't be read, and for a script whose name
    can't be a file name or would replace the interpreter, or that is given two meanings, or whose
    value isn't `package.module:attribute`.
    """
    entry_points: dict[str, EntryPoint] = {}
    for group, name, value in _script_options(data, file):
        entry_point = _entry_point(group, name, value, file)
        other = entry_points.setdefault(name, entry_point)
        if other[2:] != entry_point[2:]:
            raise WheelInvalid(file, f"entry_points.txt gives {name[:100]!a} two meanings")
    return tuple(entry_points.values())


class _Option:
    """A script's line, and those that go on with it."""

    def __init__(self, group: str, name: str, value: str, indent: int) -> None:
        self.group = group
        self.name = name
        self.values = [value]
        self.indent = indent


def _script_options(data: bytes, file: str) -> list[tuple[str, str, str]]:
    """Give group, name and value of each script."""
    options: list[_Option] = []
    group = ""
    for line in _lines(data, file):
        stripped = line.strip()
        indent = len(line) - len(line.lstrip())
        if section := _SECTION.match(stripped):
            group = section[1].strip()
        elif group in SCRIPT_GROUPS:
            name, equals, value = stripped.partition("=")
            option = options[-1] if options and options[-1].group == group else None
            if equals:
                options.append(_Option(group, name.strip(), value.strip(), indent))
            elif option and indent > option.indent:
                option.values.append(stripped)
            else:
                raise WheelInvalid(file, f"entry_points.txt has the line {stripped[:100]!a}")
    return [(option.group, option.name, " ".join(option.values).strip()) for option in options]


def _lines(data: bytes, file: str) -> list[str]:
    """Give the lines that are neither empty nor comments."""
    if len(data) > MAX_SIZE:
        raise WheelInvalid(file, f"entry_points.txt is larger than {MAX_SIZE} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise WheelInvalid(file, "entry_points.txt is not UTF-8") from None
    return [line for line in _LINE_END.split(text) if line.strip() and line.lstrip()[0] not in "#;"]


def _entry_point(group: str, name: str, value: str, file: str) -> EntryPoint:
    if "/" in name or path_problem(name):
        raise WheelInvalid(file, f"{name[:100]!a} can't be the name of a script")
    if is_reserved_script(name):
        raise WheelInvalid(
            file, f"the script {name!a} would replace the interpreter or its activation"
        )
    matched = _VALUE.fullmatch(value)
    why = f"the script {name[:100]!a} calls {value[:100]!a}, not module:attribute"
    if matched is None:
        raise WheelInvalid(file, why)
    module, attr = matched[1].strip(), matched[2].strip()
    extras = tuple(extra.strip() for extra in (matched[3] or "").split(",") if extra.strip())
    if not (_is_dotted(module) and _is_dotted(attr)) or not all(map(_EXTRA.fullmatch, extras)):
        raise WheelInvalid(file, why)
    if any(map(keyword.iskeyword, attr.split("."))):
        raise WheelInvalid(file, why)  # a module may well have the name of a keyword: wllvm.as
    return EntryPoint(group, name, module, attr, extras)


def _is_dotted(text: str) -> bool:
    """Say whether text is identifiers with dots between."""
    return all(map(str.isidentifier, text.split(".")))
