"""A script that a wheel asks for."""

from typing import NamedTuple


class EntryPoint(NamedTuple):
    """A script that calls `attr` of `module`."""

    group: str
    """console_scripts or gui_scripts."""
    name: str
    module: str
    attr: str
    extras: tuple[str, ...] = ()
