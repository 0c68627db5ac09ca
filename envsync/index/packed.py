"""Keep a project page in a compact form, of which only what is looked at is read.

    page 4 LENGTH
    OUTLINE FILES FILES FILES …

The outline, JSON of that length, says what is known of every version at a glance. After it come the
files of one version after the other by columns, each as JSON of its own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import Any, NamedTuple

import orjson
from packaging.utils import NormalizedName

from envsync.index.by_version import LONGEST_FILENAME, Sorted, sort_by_version
from envsync.index.releases import Outline, Release, Shape
from envsync.model.candidate import File, Files

_MAGIC = b"page 4 "
"""To be counted up with each change of the form."""
# Columns that are left out where they say nothing, and what they have then.
_SPARSE: Mapping[str, Any] = {
    "size": None,
    "requires_python": None,
    "upload_time": None,
    "yanked": None,
    "has_metadata": False,
    "metadata_sha256": None,
}
_FEWEST = 2
"""Places of which `itemgetter` gives a tuple."""
_FULL = ("filename", "place", "hashes")


class Releases(NamedTuple):
    """A packed page."""

    outline: Outline
    prefix: str
    """How the URLs of files begin."""
    columns: Sequence[str]
    """What is said of each file."""
    ends: Sequence[int]
    """Where in `data` the files of the first version begin, and where those of each end."""
    data: memoryview

    def read(self, at: int) -> Release:
        """The files of the version at a place."""
        values = orjson.loads(self.data[self.ends[at] : self.ends[at + 1]])
        found = dict(zip(self.columns, values, strict=True))
        kind = found.pop("kind")
        length = len(kind)
        texts = found.pop("text", [self.outline.texts[at]] * length)
        absent = {name: (value,) * length for name, value in _SPARSE.items() if name not in found}
        return Release(Files(prefix=self.prefix, **found, **absent), kind, texts)

    def every_file(self) -> Iterator[File]:
        """The files of all versions; reads them all."""
        for at in range(len(self.outline.texts)):
            yield from self.read(at).files


def pack_page(name: NormalizedName, files: Files) -> bytes:
    """Write the files of the project `name` in the compact form that `unpack_page` reads."""
    page = sort_by_version(name, files.filename)
    columns = dict(_columns(files, page))
    ends = list(accumulate(map(len, page.versions.values())))
    rows = list(columns.values())
    dumps = orjson.dumps
    pieces = [
        dumps([row[start:end] for row in rows])
        for start, end in zip((0, *ends), ends, strict=False)
    ]
    lengths = list(map(len, pieces))
    outline = dumps((files.prefix, list(columns), lengths, *_outline(files, page)))
    return b"".join((_MAGIC, b"%d\n" % len(outline), outline, *pieces))


def _columns(files: Files, page: Sorted) -> Iterator[tuple[str, Sequence[object]]]:
    """What must be known of each file, by name, in the order of versions."""
    in_order = _picker([at for places in page.versions.values() for at in places])
    for name in _FULL:
        yield name, in_order(getattr(files, name))
    yield "kind", in_order(page.kind)
    if page.has_synonyms:
        yield "text", in_order(page.texts)
    for name, absent in _SPARSE.items():
        column = getattr(files, name)
        if column.count(absent) < len(column):
            yield name, in_order(column)


def _picker(places: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """A function that gives what stands in these places: in one call, as there are thousands."""
    if len(places) < _FEWEST:
        return lambda column: [column[at] for at in places]
    return itemgetter(*places)


def _outline(files: Files, page: Sorted) -> Outline:
    pythons: dict[str | None, int] = {}
    python = [pythons.setdefault(text, len(pythons)) for text in files.requires_python]
    rows = zip([text is not None for text in files.yanked], python, page.kind, strict=True)
    known: dict[Shape, int] = {}
    number = [known.setdefault(row, len(known)) for row in rows]
    numbered = list(known)
    shapes: dict[tuple[int, ...], int] = {}
    shape = [
        shapes.setdefault(tuple(dict.fromkeys([number[at] for at in places])), len(shapes))
        for places in page.versions.values()
    ]
    names = files.filename
    return Outline(
        texts=[page.texts[places[0]] or "" for places in page.versions.values()],
        prereleases=[at for at, one in enumerate(page.versions) if one.is_prerelease],
        shape=shape,
        shapes=[[numbered[one] for one in shape] for shape in shapes],
        pythons=list(pythons),
        tags=page.tags,
        strangers=[
            names[at][:LONGEST_FILENAME] for at, text in enumerate(page.texts) if text is None
        ],
        oddities=[(names[at], page.texts[at] or "") for at in page.oddities],
    )


def is_packed(data: bytes) -> bool:
    """Tell whether `unpack_page` reads this, given that it was written whole."""
    return data.startswith(_MAGIC)


def unpack_page(data: bytes) -> Releases:
    """Read what `pack_page` wrote; `ValueError` for anything else."""
    try:
        if not is_packed(data):
            raise ValueError("another beginning")
        start = data.index(b"\n") + 1
        end = start + int(data[len(_MAGIC) : start])
        prefix, columns, lengths, *outline = orjson.loads(data[start:end])
        page = Outline(*outline)
        if not len(lengths) == len(page.texts) == len(page.shape):
            raise ValueError("other versions than files")
    except (TypeError, ValueError) as error:
        raise ValueError("not a packed page") from error
    ends = list(accumulate(lengths, initial=end))
    return Releases(page, prefix, columns, ends, memoryview(data))
