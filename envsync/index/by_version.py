"""Sort the files of a project by version, as far as their names tell it.

That depends on nothing but the page, so it is done once for each page and kept with it.
"""

from collections.abc import Iterable
from typing import NamedTuple

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envsync.index.releases import SOURCE
from envsync.model.filenames import is_wheel_name, source_version
from envsync.model.version_text import parse_version

LONGEST_FILENAME = 255


class Sorted(NamedTuple):
    """The file names of a page, sorted; files are their places in the page."""

    versions: dict[Version, list[int]]
    """From old to new; the files that write it like the first one, then the others."""
    texts: list[str | None]
    """Of each file what stands for the version in its name, None for a stranger."""
    kind: list[int]
    """Of each file, as in `releases.Shape`."""
    tags: list[str]
    oddities: list[int]
    """The first file of each text that is no version."""
    has_synonyms: bool
    """Whether some version is written in several ways."""


def sort_by_version(name: NormalizedName, filenames: Iterable[str]) -> Sorted:
    """Sort the file names of the project `name` by the versions in them."""
    names = _Names(name)
    read = names.read
    found: dict[str, list[int]] = {}
    texts: list[str | None] = []
    kind: list[int] = []
    for at, filename in enumerate(filenames):
        text, its_kind = read(filename)
        texts.append(text)
        kind.append(its_kind)
        if text is not None:
            found.setdefault(text, []).append(at)
    versions: dict[Version, list[int]] = {}
    oddities = []
    for text, places in found.items():
        version = parse_version(text)
        if version is None:
            oddities.append(places[0])
        else:
            versions.setdefault(version, []).extend(places)
    in_order = {version: versions[version] for version in sorted(versions)}
    has_synonyms = len(versions) + len(oddities) < len(found)
    return Sorted(in_order, texts, kind, list(names.tags), oddities, has_synonyms)


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
