"""What a resolution is asked, and its answer: pins and edges with the environments they are for."""

from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.model.candidate import Candidate, CoreMetadata
from envsync.model.marker import MarkerSet


class RootRequirement(NamedTuple):
    """One requirement of the user's."""

    requirement: Requirement
    """As written; its own marker is already part of `marker`."""
    marker: MarkerSet
    """Where it applies, conditions on root extras and dependency groups included."""
    origin: str
    """Where it stands, for explanations: "env.toml: env.dependencies"."""


class Edge(NamedTuple):
    """One dependency of a resolved package on another."""

    name: NormalizedName
    version: Version
    marker: MarkerSet
    """Where the dependency applies, given that its owner is installed."""


class ResolvedPackage(NamedTuple):
    """One version of one package, and where it is installed."""

    name: NormalizedName
    version: Version
    marker: MarkerSet
    """Exactly where something needs it, within the resolution's environments."""
    candidate: Candidate
    dependencies: tuple[Edge, ...]
    extras: tuple[tuple[NormalizedName, MarkerSet], ...] = ()
    """Its extras that something needs, and where, given that it is installed."""
    metadata: CoreMetadata | None = None
    """What decided it; None where that is not known any more."""
    facts: str = ""
    """The digest of that (`wheel.facts`)."""

    @property
    def requires_python(self) -> SpecifierSet | None:
        """What its metadata says, or else what its page on the index does."""
        told = self.metadata.requires_python if self.metadata is not None else None
        return told if told is not None else self.candidate.requires_python


class Resolution(NamedTuple):
    """The answer for every environment that was covered."""

    packages: tuple[ResolvedPackage, ...]
    """Sorted by name and version; in no environment do two versions of one name apply."""
    environments: MarkerSet
    """What was covered: requires-python and `[lock] environments`."""
    notices: tuple[str, ...]
    """What the user should know, one line each."""
    rounds: int
    """Decisions and vain tries over all regions, a measure of difficulty."""
    unmoved: frozenset[NormalizedName] = frozenset()
    """Packages of which this is the answer, with the same notices, whether their versions are
    preferred or not, where those of all others are (`resolve.unmoved`)."""
    firm: frozenset[NormalizedName] = frozenset()
    """Packages whose versions are taken wherever they may be once they are preferred."""
