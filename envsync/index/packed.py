"""Keep the files of a project page in a compact form that is read faster than any page."""

from collections.abc import Mapping

import orjson

from envsync.index.releases import Releases
from envsync.model.candidate import Files

_MAGIC = b"page 3\n"
"""To be counted up with each change of the form."""
# Columns that are left out where they say nothing, and what they have then.
_SPARSE: Mapping[str, object] = {
    "size": None,
    "requires_python": None,
    "upload_time": None,
    "yanked": None,
    "has_metadata": False,
    "metadata_sha256": None,
}
_FULL = ("filename", "place", "hashes")


def pack_page(page: Releases) -> bytes:
    """Write a page in the compact form that `unpack_page` reads."""
    columns = {name: getattr(page.files, name) for name in ("prefix", *_FULL)}
    for name, absent in _SPARSE.items():
        column = getattr(page.files, name)
        if column.count(absent) < len(column):
            columns[name] = column
    return _MAGIC + orjson.dumps((columns, *page[1:]))


def is_packed(data: bytes) -> bool:
    """Tell whether `unpack_page` reads this, given that it was written whole."""
    return data.startswith(_MAGIC)


def unpack_page(data: bytes) -> Releases:
    """Read what `pack_page` wrote; `ValueError` for anything else."""
    try:
        if not is_packed(data):
            raise ValueError("another beginning")
        columns, texts, ends, kind, tags = orjson.loads(data[len(_MAGIC) :])
        length = len(columns["filename"])
        absent = {name: (value,) * length for name, value in _SPARSE.items()}
        files = Files(**absent | columns)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("not a packed page") from error
    return Releases(files, texts, ends, kind, tags)
