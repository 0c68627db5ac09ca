"""The files of a project by version: what is known of each at a glance, and its files when asked.

A page may list thousands of versions, and of most nobody ever wants to know the files.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from envsync.model.candidate import Files

SOURCE = 0
"""The kind of a file that is a source distribution."""


Shape: TypeAlias = tuple[bool, int, int]
"""What decides whether a file may be used: whether it is yanked, the place of its requires-python
in `Outline.pythons`, and its kind: `SOURCE`, or one more than the place of its tags in
`Outline.tags`. The files of a version have one shape or a few."""


class Outline(NamedTuple):
    """A page without the files; the versions of one project from old to new, each once."""

    texts: Sequence[str]
    """The versions as the first file name of each writes it."""
    prereleases: Sequence[int]
    """The places of those that are pre-releases."""
    shape: Sequence[int]
    """Of each version the place of its shapes in `shapes`."""
    shapes: Sequence[Sequence[Shape]]
    """The different shapes of a version's files, in the page's order."""
    pythons: Sequence[str | None]
    """What files say under requires-python."""
    tags: Sequence[str]
    """What the names of wheels have after the version: build number, python, ABI and platform."""
    strangers: Sequence[str]
    """The file names that are none of a file of this project."""
    oddities: Sequence[tuple[str, str]]
    """The file names of what has no version (PEP 440), with what stands for it."""


class Release(NamedTuple):
    """The files of one version, in the page's order."""

    files: Files
    kind: Sequence[int]
    """As in `Shape`."""
    texts: Sequence[str]
    """How each file's name writes the version."""
