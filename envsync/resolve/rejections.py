"""Why a file or a version was passed over: a kind with its data; `str` gives the words for it."""

from typing import NamedTuple

from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.model.marker import MarkerSet


class _Kind:
    """Equal to another of the same kind with the same data; not to be changed.

    Named tuples of two kinds without data would be equal, and as dataclasses the kinds of this
    module take longer to make than all that a small search does with them.
    """

    __slots__: tuple[str, ...] = ()

    def _data(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._data() == self._data()

    def __hash__(self) -> int:
        return hash((type(self), self._data()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self._data()}"


class StrangeName(_Kind):
    """A file whose name tells no version."""

    __slots__ = ()

    def __str__(self) -> str:
        return "not the name of a wheel or source distribution of this project"


class NotAVersion(_Kind):
    """A file whose name has something else where the version stands."""

    __slots__ = ()

    def __str__(self) -> str:
        return "not a version (PEP 440)"


class NeedsPython(_Kind):
    """What a version requires of Python fits nothing that is covered."""

    __slots__ = ("requires_python",)

    def __init__(self, requires_python: str) -> None:
        self.requires_python = requires_python

    def __str__(self) -> str:
        return f"needs Python {self.requires_python}"


class NoUsableFile(_Kind):
    """There is neither a wheel that may be used nor a source that may be built."""

    __slots__ = ("has_source", "has_wheels", "pythons")

    def __init__(
        self, *, has_wheels: bool, has_source: bool, pythons: tuple[str, ...] = ()
    ) -> None:
        self.has_wheels = has_wheels
        self.has_source = has_source
        """It has a source distribution, which only wants leave to be built."""
        self.pythons = pythons
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


class TooNew(_Kind):
    """A file that was uploaded at the time of exclude-newer, or later."""

    __slots__ = ("limit",)

    def __init__(self, limit: str) -> None:
        self.limit = limit
        """ISO 8601 without a zone, UTC."""

    def __str__(self) -> str:
        return f"not uploaded before exclude-newer, {self.limit}Z"


class NoUploadTime(_Kind):
    """Nobody knows whether exclude-newer shuts a file out."""

    __slots__ = ()

    def __str__(self) -> str:
        return "the index gives no upload time, which exclude-newer needs"


class Yanked(_Kind):
    """A version that its project took back (PEP 592)."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why

    def __str__(self) -> str:
        return f"yanked ({self.why})" if self.why else "yanked"


class PrereleaseNotAllowed(_Kind):
    """A pre-release, where `[lock] prereleases` allows none."""

    __slots__ = ()

    def __str__(self) -> str:
        return "pre-releases are not allowed"


class NoRequiredWheel(_Kind):
    """`[lock] required-environments` names an environment for which it has no wheel."""

    __slots__ = ()

    def __str__(self) -> str:
        return "no wheel for one of the required environments"


class BadMetadata(_Kind):
    """Metadata that cannot be read."""

    __slots__ = ("file", "why")

    def __init__(self, file: str, why: str) -> None:
        self.file = file
        self.why = why

    def __str__(self) -> str:
        return f"{self.file}: {self.why}"


class BadFile(_Kind):
    """A file that is no wheel, or no source distribution, of its name."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why

    def __str__(self) -> str:
        return self.why


class BrokenBuild(_Kind):
    """It has to be built, and its build fails."""

    __slots__ = ("details", "why")

    def __init__(self, why: str, details: str) -> None:
        self.why = why
        self.details = details
        """Where all that it printed is, or the last line of that."""

    def __str__(self) -> str:
        return f"{self.why}; {self.details}" if self.details else self.why


class OthersMetadata(_Kind):
    """Metadata of another project or version than it was asked for."""

    __slots__ = ("name", "version")

    def __init__(self, name: NormalizedName, version: Version) -> None:
        self.name = name
        self.version = version

    def __str__(self) -> str:
        return f"its metadata is that of {self.name} {self.version}"


class BadMarker(_Kind):
    """It requires something by a marker that cannot be read."""

    __slots__ = ("required", "why")

    def __init__(self, required: str, why: str) -> None:
        self.required = required
        self.why = why

    def __str__(self) -> str:
        return f"it requires {self.required} by a bad marker: {self.why}"


class UndeclaredReference(_Kind):
    """It requires something from an address that env.toml does not name (hazards H18)."""

    __slots__ = ("required", "url")

    def __init__(self, required: str, url: str) -> None:
        self.required = required
        self.url = url

    def __str__(self) -> str:
        return (
            f"it requires {self.required} from {self.url}, "
            "a direct reference that env.toml does not declare"
        )


class OutsideRegion(_Kind):
    """It can be used in other environments than those in question."""

    __slots__ = ("usable",)

    def __init__(self, usable: MarkerSet) -> None:
        self.usable = usable

    def __str__(self) -> str:
        return f"it needs {self.usable}"


class NoCoveredPython(_Kind):
    """By its own word it runs on no Python that is covered."""

    __slots__ = ()

    def __str__(self) -> str:
        return "it is for none of the Pythons that are covered"


class LacksExtra(_Kind):
    """It has no such extra, and a version that is wanted more has it."""

    __slots__ = ("extra",)

    def __init__(self, extra: NormalizedName) -> None:
        self.extra = extra

    def __str__(self) -> str:
        return f"it has no extra {self.extra}, which other versions have"


class RequiresMissing(_Kind):
    """It requires a package that nothing has."""

    __slots__ = ("required",)

    def __init__(self, required: NormalizedName) -> None:
        self.required = required

    def __str__(self) -> str:
        return f"it requires {self.required}, which no index has"


class Abandoned(_Kind):
    """It was not looked at: many versions of its package had failed for the same reason."""

    __slots__ = ("count", "required")

    def __init__(self, count: int, required: NormalizedName) -> None:
        self.count = count
        self.required = required
        """What they all require in vain."""

    def __str__(self) -> str:
        return (
            f"{self.count} others were looked at, and what they require of {self.required} "
            "cannot be met"
        )


ListingReason = StrangeName | NotAVersion | NeedsPython | NoUsableFile | TooNew | NoUploadTime
"""What the page of an index tells already."""
MetadataReason = (
    BadMetadata | BadFile | BrokenBuild | OthersMetadata | BadMarker | UndeclaredReference
)
"""What metadata tells, whoever asks for the version."""
RegionReason = MetadataReason | OutsideRegion | NoCoveredPython | LacksExtra | Abandoned
"""What turns out when a version is tried in a region."""
Reason = ListingReason | RegionReason | Yanked | PrereleaseNotAllowed | NoRequiredWheel


class Rejected(NamedTuple):
    """A file or version of an index's page that was passed over."""

    filename: str
    version: str
    reason: ListingReason
