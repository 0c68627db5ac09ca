"""What an index or a direct source offers of a project: files, versions and their core metadata."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

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
    wheels: tuple[File, ...] = ()
    sdist: File | None = None
    index_url: str | None = None
    """URL of the index that has it, without credentials."""
    requires_python: SpecifierSet | None = None
    yanked: str | None = None
    source: DirectSource | None = None


class Rejected(NamedTuple):
    """A file or version that was passed over, and why in plain words."""

    filename: str
    version: str
    reason: str


class CoreMetadata(NamedTuple):
    """What resolving needs of a distribution's core metadata (PEP 566, 643, 685)."""

    name: NormalizedName
    version: Version
    requires_dist: tuple[Requirement, ...] = ()
    requires_python: SpecifierSet | None = None
    provides_extra: frozenset[NormalizedName] = frozenset()
