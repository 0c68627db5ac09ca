"""Parse TOML that a stranger may have written, in bounded time and depth."""

import tomllib
from collections.abc import Callable

from envsync.spec.lines import MAX_KEY_PARTS, excess_line


class TooDeep(ValueError):
    """Brackets or a dotted key go deeper than those of any real file; `line` says where."""

    def __init__(self, line: int | None) -> None:
        super().__init__("nested too deeply" if line is None else f"line {line}: nested too deeply")
        self.line = line


def loads(text: str, *, parse_float: Callable[[str], object] = float) -> dict[str, object]:
    """Give the values of a TOML document, floats as `parse_float` makes them.

    Raises `TooDeep`, else `ValueError` as `tomllib` does.
    """
    # tomllib is quadratic in dotted keys: look before it runs, but only where there may be one
    if any(line.count(".") >= MAX_KEY_PARTS for line in text.split("\n")):
        _refuse_excess(text)
    try:
        return tomllib.loads(text, parse_float=parse_float)
    except RecursionError as error:
        _refuse_excess(text)
        raise TooDeep(None) from error


def _refuse_excess(text: str) -> None:
    line = excess_line(text)
    if line is not None:
        raise TooDeep(line)
