"""Write plain values as the text of a TOML file that people like to read."""

import re
from collections.abc import Mapping, Sequence

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_WIDTH = 88

Value = object
"""A string, a number, true or false, a list of values, or a table of them."""


def dumps(document: Mapping[str, Value]) -> str:
    """Give the text of a document: its tables in the order given, lists of tables as [[NAME]].

    A table that holds tables only gets no header of its own.
    """
    return "\n".join(block for key, value in document.items() for block in _blocks((key,), value))


def toml_key(key: str) -> str:
    """Write a key, in quotes where it needs them."""
    return key if _BARE.fullmatch(key) else toml_string(key)


def toml_string(text: str) -> str:
    """Write a string, without escapes where that can be."""
    if text.isprintable() and "'" not in text and set(text) & set('"\\'):
        return f"'{text}'"
    return '"' + "".join(_escaped(character) for character in text) + '"'


def toml_value(value: Value) -> str:
    """Write a value on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return toml_string(value)
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{toml_key(str(key))} = {toml_value(one)}" for key, one in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return str(value)


def _blocks(path: Sequence[str], value: Value) -> list[str]:
    header = ".".join(map(toml_key, path))
    if not isinstance(value, Mapping):
        rows = value if isinstance(value, list) else []
        return [_lines(f"[[{header}]]", row) for row in rows]
    inner = {key: one for key, one in value.items() if _is_table(path, one)}
    plain = {key: one for key, one in value.items() if key not in inner}
    blocks = [_lines(f"[{header}]", plain)] if plain or not inner else []
    for key, one in inner.items():
        blocks += _blocks((*path, str(key)), one)
    return blocks


def _is_table(path: Sequence[str], value: Value) -> bool:
    """Tell a table that gets a header: one of [env], [build] or the like, not a source."""
    return isinstance(value, Mapping) and len(path) == 1 and path[0] in ("env", "build")


def _lines(header: str, table: Mapping[str, Value]) -> str:
    return "".join([f"{header}\n", *(_pair(str(key), value) for key, value in table.items())])


def _pair(key: str, value: Value) -> str:
    line = f"{toml_key(key)} = {toml_value(value)}"
    if not isinstance(value, list) or (len(line) <= _WIDTH and len(value) <= 3) or not value:
        return f"{line}\n"
    items = "".join(f"    {toml_value(item)},\n" for item in value)
    return f"{toml_key(key)} = [\n{items}]\n"


def _escaped(character: str) -> str:
    if character in _ESCAPED:
        return _ESCAPED[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
