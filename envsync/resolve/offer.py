"""Hold what one source offers of one project, oldest first, so that sets of versions are bits."""

from collections.abc import Callable, Iterable

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envsync.errors import PackageNotFound
from envsync.model.candidate import Candidate
from envsync.model.marker import MarkerSet
from envsync.resolve.candidates import Listing
from envsync.resolve.pythons import python_lower_bound
from envsync.resolve.rejections import MetadataReason
from envsync.resolve.tags import WheelJudge
from envsync.resolve.versions import VersionTable


class Offer:
    """The candidates of one project from one source. Compared by identity: there is one of each."""

    def __init__(self, listing: Listing, missing: PackageNotFound | None = None) -> None:
        self.name = listing.name
        self.rejected = listing.rejected
        self.index_url = listing.index_url
        self.missing = missing
        """Set where nothing has the project at all."""
        self.candidates = tuple(reversed(listing.candidates))
        self.table = VersionTable([candidate.version for candidate in self.candidates])
        self.yanked = self._where(lambda candidate: candidate.yanked is not None)
        self.said = self._by_python()
        """Sets of versions, with the requires-python that the index gives for them."""
        self.pythons = tuple((python_lower_bound(one), mask) for one, mask in self.said)
        """The same, with the environments that the lower bound leaves."""
        self.refusals: dict[int, MetadataReason] = {}
        """Versions that turned out to be unusable everywhere, with the reason."""
        self.refused = 0

    def version(self, at: int) -> Version:
        """The version at a position."""
        return self.candidates[at].version

    def refuse(self, at: int, reason: MetadataReason) -> None:
        """Remember that a version cannot be used anywhere."""
        self.refusals[at] = reason
        self.refused |= 1 << at

    def without_wheel(self, environment: MarkerSet, can_build: bool) -> int:
        """The versions that have neither a wheel for an environment nor a source to build."""
        judge = WheelJudge.of(environment)

        def lacks(candidate: Candidate) -> bool:
            if candidate.source is not None or (candidate.sdist is not None and can_build):
                return False
            return not any(judge.wheel_fits(wheel.filename) for wheel in candidate.wheels)

        return self._where(lacks)

    def _by_python(self) -> tuple[tuple[SpecifierSet | None, int], ...]:
        # Texts are parsed once, so equal ones mostly share a value; hashing specifiers is slow.
        found: dict[int, tuple[SpecifierSet | None, int]] = {}
        for at, candidate in enumerate(self.candidates):
            requires_python = candidate.requires_python
            _, mask = found.get(id(requires_python), (None, 0))
            found[id(requires_python)] = requires_python, mask | 1 << at
        return tuple(found.values())

    def _where(self, holds: Callable[[Candidate], bool]) -> int:
        return _bits(at for at, candidate in enumerate(self.candidates) if holds(candidate))


def _bits(positions: Iterable[int]) -> int:
    return sum(1 << at for at in positions)
