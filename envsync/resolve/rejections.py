"""Why a file or a version was passed over: a kind with its data; `str` gives the words for it."""

from dataclasses import dataclass
from typing import NamedTuple

from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.model.marker import MarkerSet

# Not named tuples: those of two kinds without data would be equal.


@dataclass(frozen=True, slots=True)
class StrangeName:
    """A file whose name tells no version."""

    def __str__(self) -> str:
        return "not the name of a wheel or source distribution of this project"


@dataclass(frozen=True, slots=True)
class NotAVersion:
    """A file whose name has something else where the version stands."""

    def __str__(self) -> str:
        return "not a version (PEP 440)"


@dataclass(frozen=True, slots=True)
class NeedsPython:
    """What a version requires of Python fits nothing that is covered."""

    requires_python: str

    def __str__(self) -> str:
        return f"needs Python {self.requires_python}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoUsableFile:
    """There is neither a wheel that may be used nor a source that may be built."""

    has_wheels: bool
    has_source: bool
    """It has a source distribution, which only wants leave to be built."""
    pythons: tuple[str, ...] = ()
    """Of which Pythons wheels would fit, "3.9", oldest first, if only those were covered."""

    def __str__(self) -> str:
        return f"{self._about_wheels()}, and {self._about_source()}"

    def _about_wheels(self) -> str:
        if self.pythons:
            span = dict.fromkeys((self.pythons[0], self.pythons[-1]))
            return f"its wheels are for Python {' to '.join(span)}"
        if not self.has_source:
            return "no wheel fits the environments"
        return "no wheel may be used" if self.has_wheels else "there is no wheel"

    def _about_source(self) -> str:
        if self.has_source:
            return "building the source distribution is not allowed"
        return "there is no source distribution"


@dataclass(frozen=True, slots=True)
class TooNew:
    """A file that was uploaded at the time of exclude-newer, or later."""

    limit: str
    """ISO 8601 without a zone, UTC."""

    def __str__(self) -> str:
        return f"not uploaded before exclude-newer, {self.limit}Z"


@dataclass(frozen=True, slots=True)
class NoUploadTime:
    """Nobody knows whether exclude-newer shuts a file out."""

    def __str__(self) -> str:
        return "the index gives no upload time, which exclude-newer needs"


@dataclass(frozen=True, slots=True)
class Yanked:
    """A version that its project took back (PEP 592)."""

    why: str

    def __str__(self) -> str:
        return f"yanked ({self.why})" if self.why else "yanked"


@dataclass(frozen=True, slots=True)
class PrereleaseNotAllowed:
    """A pre-release, where `[lock] prereleases` allows none."""

    def __str__(self) -> str:
        return "pre-releases are not allowed"


@dataclass(frozen=True, slots=True)
class NoRequiredWheel:
    """`[lock] required-environments` names an environment for which it has no wheel."""

    def __str__(self) -> str:
        return "no wheel for one of the required environments"


@dataclass(frozen=True, slots=True)
class BadMetadata:
    """Metadata that cannot be read."""

    file: str
    why: str

    def __str__(self) -> str:
        return f"{self.file}: {self.why}"


@dataclass(frozen=True, slots=True)
class OthersMetadata:
    """Metadata of another project or version than it was asked for."""

    name: NormalizedName
    version: Version

    def __str__(self) -> str:
        return f"its metadata is that of {self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class BadMarker:
    """It requires something by a marker that cannot be read."""

    required: str
    why: str

    def __str__(self) -> str:
        return f"it requires {self.required} by a bad marker: {self.why}"


@dataclass(frozen=True, slots=True)
class UndeclaredReference:
    """It requires something from an address that env.toml does not name (hazards H18)."""

    required: str
    url: str

    def __str__(self) -> str:
        return (
            f"it requires {self.required} from {self.url}, "
            "a direct reference that env.toml does not declare"
        )


@dataclass(frozen=True, slots=True)
class OutsideRegion:
    """It can be used in other environments than those in question."""

    usable: MarkerSet

    def __str__(self) -> str:
        return f"it needs {self.usable}"


@dataclass(frozen=True, slots=True)
class NoCoveredPython:
    """By its own word it runs on no Python that is covered."""

    def __str__(self) -> str:
        return "it is for none of the Pythons that are covered"


@dataclass(frozen=True, slots=True)
class LacksExtra:
    """It has no such extra, and a version that is wanted more has it."""

    extra: NormalizedName

    def __str__(self) -> str:
        return f"it has no extra {self.extra}, which other versions have"


@dataclass(frozen=True, slots=True)
class RequiresMissing:
    """It requires a package that nothing has."""

    required: NormalizedName

    def __str__(self) -> str:
        return f"it requires {self.required}, which no index has"


@dataclass(frozen=True, slots=True)
class Abandoned:
    """It was not looked at: many versions of its package had failed for the same reason."""

    count: int
    required: NormalizedName
    """What they all require in vain."""

    def __str__(self) -> str:
        return (
            f"{self.count} others were looked at, and what they require of {self.required} "
            "cannot be met"
        )


ListingReason = StrangeName | NotAVersion | NeedsPython | NoUsableFile | TooNew | NoUploadTime
"""What the page of an index tells already."""
MetadataReason = BadMetadata | OthersMetadata | BadMarker | UndeclaredReference
"""What metadata tells, whoever asks for the version."""
RegionReason = MetadataReason | OutsideRegion | NoCoveredPython | LacksExtra | Abandoned
"""What turns out when a version is tried in a region."""
Reason = ListingReason | RegionReason | Yanked | PrereleaseNotAllowed | NoRequiredWheel


class Rejected(NamedTuple):
    """A file or version of an index's page that was passed over."""

    filename: str
    version: str
    reason: ListingReason
