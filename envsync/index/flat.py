"""Pick the files of one project out of a page, or folder, that has those of any project."""

from collections.abc import Iterable, Sequence

import orjson
from packaging.utils import NormalizedName, canonicalize_name

from envsync.model.candidate import File
from envsync.model.filenames import source_version
from envsync.model.version_text import parse_version

_MAGIC = b"flat 1\n"
"""To be counted up with each change of the form."""


class FlatPage:
    """Files of any projects, in the page's order."""

    def __init__(self, files: Iterable[File]) -> None:
        self.every = tuple(files)
        self._wheels: dict[str, list[File]] = {}
        self._sources: list[File] = []
        for file in self.every:
            if file.filename.endswith(".whl"):
                name = canonicalize_name(file.filename.partition("-")[0])
                self._wheels.setdefault(name, []).append(file)
            else:
                self._sources.append(file)

    def of(self, name: NormalizedName) -> Sequence[File]:
        """Give the files that are named as a project's are."""
        return [
            *self._wheels.get(name, ()),
            *(file for file in self._sources if _is_source_of(name, file.filename)),
        ]


def _is_source_of(name: NormalizedName, filename: str) -> bool:
    # `foo-bar-1.0.tar.gz` is no bar-1.0 of foo.
    text = source_version(filename, name)
    return text is not None and parse_version(text) is not None


def pack_flat(files: Iterable[File]) -> bytes:
    """Write the files of a page in the form that `unpack_flat` reads."""
    return _MAGIC + orjson.dumps([list(file) for file in files])


def is_packed_flat(data: bytes) -> bool:
    """Tell whether `unpack_flat` reads this, given that it was written whole."""
    return data.startswith(_MAGIC)


def unpack_flat(data: bytes) -> FlatPage:
    """Read what `pack_flat` wrote."""
    return FlatPage(File(*row) for row in orjson.loads(data[len(_MAGIC) :]))
