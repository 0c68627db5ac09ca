"""What a resolution asks: the policy that steers it, and the catalog that answers it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.model.candidate import Candidate, CoreMetadata
from envsync.model.marker import ALWAYS, MarkerSet
from envsync.resolve.rejections import Rejected

ALL = ":all:"


def _in_env_toml(key: str) -> str:
    return f"env.toml: {key}"


class ResolvePolicy(NamedTuple):
    """Everything that steers a resolution besides the requirements and the old pins."""

    environments: MarkerSet = ALWAYS
    """What is covered; wheels that fit nowhere in it don't count."""
    required_environments: tuple[MarkerSet, ...] = ()
    """A package without a source that may be built needs a wheel for each of these."""
    resolution: Literal["highest", "lowest", "lowest-direct"] = "highest"
    prereleases: Literal["if-necessary-or-explicit", "allow", "disallow"] = (
        "if-necessary-or-explicit"
    )
    exclude_newer: datetime | None = None
    """Files uploaded at this time (with time zone) or later are refused."""
    index_exclude_newer: Mapping[str, datetime | None] = {}
    """The same of indexes that have a time of their own, or none, by URL."""
    constraints: tuple[Requirement, ...] = ()
    constraints_key: str = "lock.constraints"
    """What of env.toml they are, for messages."""
    overrides: tuple[Requirement, ...] = ()
    ignore_requires_python: frozenset[str] = frozenset()
    no_binary: frozenset[str] = frozenset()
    build_allow: frozenset[str] = frozenset()
    upgrade: bool | frozenset[str] = False
    """True, or the names whose pins of the old lock are not kept."""
    sources: Mapping[str, tuple[tuple[MarkerSet, str], ...]] = {}
    """`[sources]`: where a name comes from instead of the index order, by marker. The texts are
    keys that only the catalog understands."""
    conflicts: tuple[tuple[MarkerSet, ...], ...] = ()
    """Extras or groups (as `extra(..)`, `group(..)`) of which at most one is ever installed."""
    place: Callable[[str], str] = _in_env_toml
    """Says for explanations where a key of env.toml stands."""
    max_rounds: int = 50_000
    max_regions: int = 100

    def at_index(self, url: str) -> "ResolvePolicy":
        """Give the policy for what one index lists."""
        if url not in self.index_exclude_newer:
            return self
        return self._replace(exclude_newer=self.index_exclude_newer[url])


class Listing(NamedTuple):
    """What one source offers of one project."""

    name: NormalizedName
    candidates: Sequence[Candidate]
    """Newest first; of thousands `Offers`."""
    rejected: Sequence[Rejected] = ()
    index_url: str | None = None
    """Of the index that answered, without credentials."""
    held_back: Sequence[Version] = ()
    """The versions that only want leave to be built, newest first."""


class Catalog(Protocol):
    """Everything that a resolution has to ask for."""

    def listing(self, name: NormalizedName, source: str | None = None) -> Listing:
        """What there is of a project; `source` is a key of `ResolvePolicy.sources`, the URL of a
        direct requirement, or None for the indexes in their order.

        Raises PackageNotFound where nothing has the project, IndexFailed and the like where that
        cannot be told.
        """

    def metadata(self, candidate: Candidate) -> CoreMetadata:
        """The candidate's core metadata; MetadataInvalid makes the resolver pass it over."""

    def prefetch(self, name: NormalizedName, specifier: SpecifierSet) -> None:
        """A hint, for threads: the listing will be asked for, and then the metadata of its best
        version in `specifier`. Hints never change results.
        """


@runtime_checkable
class Foresight(Protocol):
    """What a catalog may offer besides: to read the metadata of several versions side by side."""

    def expect(self, candidates: Iterable[Candidate]) -> None:
        """A hint, for threads: `metadata` will probably be asked for these, in this order."""


def may_build(name: str, policy: ResolvePolicy) -> bool:
    """Whether `[build] allow` gives leave to build this package's source distributions."""
    return name in policy.build_allow or ALL in policy.build_allow
