"""Read what stands for a version, whatever an index says."""

from functools import cache

from packaging.version import Version

LONGEST_VERSION = 128
"""Longer texts are refused: parsing must stay cheap whatever an index says (hazards H17)."""


@cache
def parse_version(text: str) -> Version | None:
    """The version that a text says (PEP 440), or None; each text is parsed once a process."""
    if len(text) > LONGEST_VERSION:
        return None
    try:
        return Version(text)
    except ValueError:
        # InvalidVersion, or the interpreter's own limit on the digits of an integer.
        return None
