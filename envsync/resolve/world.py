"""Remember what is known while resolving: each project's offer and each version's needs, once.

The world outlives the regions of marker space: all of them share what was read. It asks the catalog
in an order that depends on nothing but earlier answers, so prefetching cannot change a result.
"""

from collections.abc import Iterable, Sequence

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from envsync.errors import MetadataInvalid, PackageNotFound
from envsync.model.candidate import CoreMetadata
from envsync.model.local_version import is_same_release
from envsync.model.marker import ALWAYS, MarkerSet
from envsync.model.resolution import Wanted
from envsync.resolve.candidates import Catalog, Foresight, Listing, ResolvePolicy, may_build
from envsync.resolve.needs import Dependencies, Need, NeedReader, Refused
from envsync.resolve.offer import Offer
from envsync.resolve.pythons import has_upper_bound, python_claimed, python_lower_bound
from envsync.resolve.rejections import BadMetadata, OthersMetadata
from envsync.resolve.tags import wheels_lower_bound
from envsync.wheel.facts import facts_digest


class World:
    """Answers about projects and versions, each asked of the catalog at most once."""

    def __init__(self, catalog: Catalog, policy: ResolvePolicy, roots: Sequence[Wanted]) -> None:
        self.policy = policy
        self.reader = NeedReader(policy, roots)
        self._catalog = catalog
        self._foresight = catalog if isinstance(catalog, Foresight) else None
        self._offers: dict[tuple[NormalizedName, str | None], Offer] = {}
        self._metadata: dict[tuple[Offer, int], CoreMetadata] = {}
        self._facts: dict[tuple[Offer, int], str] = {}
        self._dependencies: dict[tuple[Offer, int], Dependencies] = {}
        self._needs: dict[tuple[Offer, int, NormalizedName | None], tuple[Need, ...]] = {}
        self._bounds: dict[tuple[Offer, int, bool], MarkerSet] = {}
        self._unclaimed: dict[Offer, int] = {}
        self._lacking: dict[tuple[Offer, MarkerSet], int] = {}
        self._hinted: set[tuple[NormalizedName, str]] = set()

    def offer(self, name: NormalizedName, source: str | None) -> Offer:
        """What a source has of a project: nothing where no index knows the name."""
        offer = self._offers.get((name, source))
        if offer is None:
            try:
                offer = Offer(self._catalog.listing(name, source))
            except PackageNotFound as error:
                offer = Offer(Listing(name, ()), missing=error)
            self._offers[name, source] = offer
        return offer

    def needs(self, offer: Offer, at: int, extra: NormalizedName | None) -> tuple[Need, ...]:
        """What a version, or one of its extras, requires. Raises Refused if it cannot be used."""
        key = (offer, at, extra)
        needs = self._needs.get(key)
        if needs is None:
            dependencies = self._dependencies_of(offer, at)
            if extra is None:
                needs = self.reader.of_package(dependencies)
            else:
                needs = self.reader.of_extra(dependencies, extra, offer.version(at))
            self._needs[key] = needs
        return needs

    def _dependencies_of(self, offer: Offer, at: int) -> Dependencies:
        dependencies = self._dependencies.get((offer, at))
        if dependencies is None:
            dependencies = self.reader.dependencies(self.metadata(offer, at))
            self._dependencies[offer, at] = dependencies
        return dependencies

    def metadata(self, offer: Offer, at: int) -> CoreMetadata:
        """A version's core metadata. Raises Refused if it cannot be read or is another's."""
        metadata = self._metadata.get((offer, at))
        if metadata is None:
            candidate = offer.candidates[at]
            try:
                metadata = self._catalog.metadata(candidate)
            except MetadataInvalid as error:
                raise Refused(BadMetadata(error.file, error.reason)) from error
            is_right = is_same_release(metadata.version, candidate.version)
            if metadata.name != candidate.name or not is_right:
                raise Refused(OthersMetadata(metadata.name, metadata.version))
            self._metadata[offer, at] = metadata
        return metadata

    def told(self, offer: Offer, at: int) -> tuple[CoreMetadata, str]:
        """A version's core metadata and its digest, which a lock keeps. Raises as `metadata`."""
        metadata = self.metadata(offer, at)
        facts = self._facts.get((offer, at))
        if facts is None:
            facts = self._facts[offer, at] = facts_digest(metadata)
        return metadata, facts

    def pythons(self, offer: Offer, at: int, *, with_wheel: bool = True) -> MarkerSet:
        """Where a version may be used, by the lower bounds that index, metadata and wheels say.

        Without `with_wheel` also where it has none. Raises Refused as `metadata` does.
        """
        bound = self._bounds.get((offer, at, with_wheel))
        if bound is None:
            bound = python_lower_bound(offer.candidates[at].requires_python)
            bound = bound & python_lower_bound(self.metadata(offer, at).requires_python)
            if with_wheel:
                bound = bound & self.wheel_pythons(offer, at)
            self._bounds[offer, at, with_wheel] = bound
        return bound

    def wheel_pythons(self, offer: Offer, at: int) -> MarkerSet:
        """From which Python on a version has wheels; anywhere if it may be built."""
        candidate = offer.candidates[at]
        if candidate.wheels and not (candidate.sdist and may_build(offer.name, self.policy)):
            return wheels_lower_bound(candidate.wheels)
        return ALWAYS

    def unclaimed(self, offer: Offer) -> int:
        """The versions that by their own word run on no Python that is covered, as far as known."""
        mask = self._unclaimed.get(offer)
        if mask is None:
            mask = 0
            for said, versions in offer.said:
                if self._claims_nothing(offer, said):
                    mask |= versions
            self._unclaimed[offer] = mask
        return mask

    def turns_out_unclaimed(self, offer: Offer, at: int) -> bool:
        """Whether metadata says what the index did not: that a version is one of `unclaimed`.

        From then on it is. Raises Refused as `metadata` does.
        """
        known = self.unclaimed(offer)
        said = self.metadata(offer, at).requires_python
        if known >> at & 1 or not self._claims_nothing(offer, said):
            return False
        self._unclaimed[offer] = known | 1 << at
        return True

    def _claims_nothing(self, offer: Offer, said: SpecifierSet | None) -> bool:
        if said is None or offer.name in self.policy.ignore_requires_python:
            return False
        return has_upper_bound(said) and python_claimed(said).is_disjoint(self.policy.environments)

    def lacking(self, offer: Offer, environment: MarkerSet) -> int:
        """The versions that a required environment rules out."""
        key = (offer, environment)
        mask = self._lacking.get(key)
        if mask is None:
            can_build = may_build(offer.name, self.policy)
            mask = self._lacking[key] = offer.without_wheel(environment, can_build)
        return mask

    def known_missing(self, offer: Offer, at: int) -> NormalizedName | None:
        """A package that a version requires and nothing has, as far as was asked already."""
        for need in self._needs.get((offer, at, None), ()):
            for source in (None, *(key for _, key in self.reader.sources(need.name))):
                known = self._offers.get((need.name, source))
                if known is not None and known.missing is not None:
                    return need.name
        return None

    def expect_metadata(self, offer: Offer, places: Iterable[int]) -> None:
        """Hint to the catalog that some versions are going to be tried one after the other."""
        if self._foresight is not None:
            known = self._metadata
            new = [offer.candidates[at] for at in places if (offer, at) not in known]
            if new:
                self._foresight.expect(new)

    def expect(self, name: NormalizedName, specifier: SpecifierSet) -> None:
        """Hint to the catalog, once each, that a project is going to be asked for."""
        key = (name, str(specifier))
        if key not in self._hinted:
            self._hinted.add(key)
            self._catalog.prefetch(name, specifier)
