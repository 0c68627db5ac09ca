"""What an index or a direct source offers of a project: files, versions and their core metadata."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, overload

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version


class File(NamedTuple):
    """One file of a project as an index lists it (PEP 503, 592, 658, 691, 700, 714)."""

    filename: str
    url: str
    hashes: Mapping[str, str]
    size: int | None = None
    """Bytes, where the index says (PEP 700)."""
    requires_python: str | None = None
    upload_time: str | None = None
    """ISO 8601, UTC (PEP 700)."""
    yanked: str | None = None
    """None: not yanked; else the reason, which may be empty (PEP 592)."""
    has_metadata: bool = False
    """The index serves the wheel's METADATA at `url` + ".metadata" (PEP 658)."""
    metadata_sha256: str | None = None

    @property
    def sha256(self) -> str | None:
        """The file's sha256 in hexadecimal, where the index gives it."""
        return self.hashes.get("sha256")


Digests = str | Mapping[str, str] | None
"""A sha256 where there is nothing else; else algorithm -> digest."""

_WHOLE = " "
"""A URL that is no place below the prefix stands in whole, after this."""


class _Listed(Sequence[File]):
    """Files that become values when they are looked at; equal to any others of the same values."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # a file's hashes are a mapping


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Files(_Listed):
    """Files of one project by columns: there may be thousands, and few are ever looked at.

    Each becomes a value when it is asked for. The columns are as those of `File`, equally long.
    """

    prefix: str
    """How URLs begin."""
    filename: Sequence[str]
    place: Sequence[str]
    """What stands in a URL between the prefix and `/FILENAME`."""
    hashes: Sequence[Digests]
    size: Sequence[int | None]
    requires_python: Sequence[str | None]
    upload_time: Sequence[str | None]
    yanked: Sequence[str | None]
    has_metadata: Sequence[bool]
    metadata_sha256: Sequence[str | None]

    @classmethod
    def of(cls, files: Iterable[File]) -> "Files":
        """Put values into columns."""
        rows = tuple(files)
        columns = tuple(zip(*rows, strict=True)) or ((),) * len(File._fields)
        filenames, urls, hashes, *others = columns
        digests = [
            table["sha256"] if len(table) == 1 and "sha256" in table else table or None
            for table in hashes
        ]
        return cls.of_columns(filenames, urls, digests, others)

    @classmethod
    def of_columns(
        cls,
        filenames: Sequence[str],
        urls: Sequence[str],
        digests: Sequence[Digests],
        others: Sequence[Sequence[Any]],
    ) -> "Files":
        """Put columns together; `others` are those that `File` has from `size` on."""
        prefix = _common_folder(urls)
        start = len(prefix)
        places = [
            url[start : -len(name) - 1] if url.endswith(f"/{name}", start) else _WHOLE + url
            for name, url in zip(filenames, urls, strict=True)
        ]
        named = dict(zip(File._fields[3:], others, strict=True))
        return cls(prefix=prefix, filename=filenames, place=places, hashes=digests, **named)

    def __len__(self) -> int:
        return len(self.filename)

    @overload
    def __getitem__(self, at: int) -> File: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[File]: ...
    def __getitem__(self, at: int | slice) -> File | Sequence[File]:
        if isinstance(at, slice):
            return Chosen(self, range(len(self))[at])
        filename, place, hashes = self.filename[at], self.place[at], self.hashes[at]
        return File(
            filename,
            place[1:] if place.startswith(_WHOLE) else f"{self.prefix}{place}/{filename}",
            {"sha256": hashes} if isinstance(hashes, str) else hashes or {},
            self.size[at],
            self.requires_python[at],
            self.upload_time[at],
            self.yanked[at],
            self.has_metadata[at],
            self.metadata_sha256[at],
        )


class Chosen(_Listed):
    """Some of a project's files, which become values when the first of them is looked at."""

    __slots__ = ("_at", "_files", "_made")

    def __init__(self, files: Sequence[File], at: Sequence[int]) -> None:
        """`at` has the places of the chosen ones in `files`."""
        self._files, self._at = files, at
        self._made: tuple[File, ...] | None = None

    def __len__(self) -> int:
        return len(self._at)

    def __iter__(self) -> Iterator[File]:
        return iter(self._values())

    @overload
    def __getitem__(self, at: int) -> File: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[File]: ...
    def __getitem__(self, at: int | slice) -> File | Sequence[File]:
        return self._values()[at]

    def _values(self) -> tuple[File, ...]:
        if self._made is None:
            self._made = tuple(self._files[at] for at in self._at)
        return self._made


def _common_folder(urls: Sequence[str]) -> str:
    """The longest beginning that all have in common and that a slash follows."""
    low, high = min(urls, default=""), max(urls, default="")
    length = next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), 0)
    return low[: max(0, low.rfind("/", 0, length))]


class DirectSource(NamedTuple):
    """Where a project comes from when it doesn't come from an index."""

    kind: Literal["wheel", "archive", "directory", "vcs"]
    url: str | None = None
    path: str | None = None
    """Relative to the project's folder, with forward slashes."""
    subdirectory: str | None = None
    editable: bool = False
    vcs: str | None = None
    commit: str | None = None
    requested_revision: str | None = None
    hashes: Mapping[str, str] = {}
    size: int | None = None


class Candidate(NamedTuple):
    """One version of a project, with the files that the policy lets through."""

    name: NormalizedName
    version: Version
    wheels: Sequence[File] = ()
    sdist: File | None = None
    index_url: str | None = None
    """URL of the index that has it, without credentials."""
    requires_python: SpecifierSet | None = None
    yanked: str | None = None
    source: DirectSource | None = None


class CoreMetadata(NamedTuple):
    """What resolving needs of a distribution's core metadata (PEP 566, 643, 685)."""

    name: NormalizedName
    version: Version
    requires_dist: tuple[Requirement, ...] = ()
    requires_python: SpecifierSet | None = None
    provides_extra: frozenset[NormalizedName] = frozenset()
