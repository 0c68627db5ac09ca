"""Sort the files of a project by version, as far as their names tell it.

That depends on nothing but the page, so it is done once for each page and kept with it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import accumulate, chain
from typing import NamedTuple

from packaging.utils import NormalizedName, canonicalize_name

from envsync.model.candidate import Files
from envsync.model.filenames import is_wheel_name, source_version

LONGEST_FILENAME = 255
SOURCE = 0
"""The kind of a file that is a source distribution."""


class Releases(NamedTuple):
    """The files of a project, those of a version beside each other, in the page's order."""

    files: Files
    texts: Sequence[str]
    """The versions as the file names write them, each once."""
    ends: Sequence[int]
    """Where the files of each version end. After the last are those whose name is none."""
    kind: Sequence[int]
    """Of each file before that: `SOURCE`, or one more than the place of its tags in `tags`."""
    tags: Sequence[str]
    """What the names of wheels have after the version: build number, python, ABI and platform."""

    def places(self) -> Iterator[tuple[str, range]]:
        """Each version's text and where its files are."""
        start = 0
        for text, end in zip(self.texts, self.ends, strict=True):
            yield text, range(start, end)
            start = end

    def strangers(self) -> range:
        """Where the files are whose name is not that of a file of this project."""
        return range(self.ends[-1] if self.ends else 0, len(self.files))


def by_release(name: NormalizedName, files: Files) -> Releases:
    """Sort the files of the project `name` by the versions in their names."""
    names = _Names(name)
    read = names.read
    places: dict[str, list[int]] = {}
    strangers: list[int] = []
    kind: list[int] = []
    for at, filename in enumerate(files.filename):
        text, its_kind = read(filename)
        kind.append(its_kind)
        if text is None:
            strangers.append(at)
        else:
            places.setdefault(text, []).append(at)
    order = [*chain.from_iterable(places.values()), *strangers]
    if order != list(range(len(files))):
        files, kind = _reordered(files, order), [kind[at] for at in order]
    ends = list(accumulate(map(len, places.values())))
    return Releases(files, list(places), ends, kind, list(names.tags))


def _reordered(files: Files, order: Sequence[int]) -> Files:
    columns = {
        field.name: [getattr(files, field.name)[at] for at in order]
        for field in fields(files)
        if field.name != "prefix"
    }
    return Files(prefix=files.prefix, **columns)


class _Names:
    """Reads the file names of one project."""

    def __init__(self, name: NormalizedName) -> None:
        self.tags: dict[str, int] = {}
        """The tags of wheels that were read, numbered from 1 on."""
        self._name = name
        self._kinds: dict[tuple[str, str], int] = {}

    def read(self, filename: str) -> tuple[str | None, int]:
        """The text of the file's version, None for what is no file of the project; its kind."""
        if len(filename) > LONGEST_FILENAME:
            return None, SOURCE
        project, _, rest = filename.partition("-")
        text, _, tags = rest.partition("-")
        # The wheels of a project differ in the version, and have few names and tags besides.
        kind = self._kinds.get((project, tags))
        if kind is None:
            if not self._is_wheel(project, tags):
                return source_version(filename, self._name), SOURCE
            kind = self._kinds[project, tags] = self.tags.setdefault(tags, len(self.tags) + 1)
        return text, kind

    def _is_wheel(self, project: str, tags: str) -> bool:
        is_mine = tags.endswith(".whl") and canonicalize_name(project) == self._name
        return is_mine and is_wheel_name(f"{project}-0-{tags}")
