"""Tell which pins don't depend on what else is searched for, so that less need be searched again.

A version is preferred wherever it may be taken. One that comes first of all versions of its package
is taken there without that, too: a search in which it isn't preferred goes the very same way.

A pin is firm if it is taken wherever it may be once it is preferred. What leads to nothing but firm
pins has no say in anything else: it can be added to a problem, and all other pins stay.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.model.marker import MarkerSet
from envsync.model.resolution import Resolution, ResolvedPackage
from envsync.resolve.region import RegionSolution
from envsync.resolve.resolver_index import Release, ResolverIndex


class Lasting(NamedTuple):
    """Names of packages whose pins last, one way or the other; each has one version everywhere."""

    unmoved: frozenset[NormalizedName] = frozenset()
    """It is taken wherever it may be."""
    firm: frozenset[NormalizedName] = frozenset()
    """It is taken wherever it may be and is preferred."""


def lasting_pins(regions: Iterable[RegionSolution], index: ResolverIndex) -> Lasting:
    """Tell which pins of an answer last.

    None where versions were refused for their metadata: a search that prefers what was found
    instead might not look at those, and has other things to say.
    """
    if index.policy.resolution != "highest":
        return Lasting()
    releases: dict[NormalizedName, set[Release]] = {}
    for solution in regions:
        for pin in solution.pins.values():
            releases.setdefault(pin.key.name, set()).add(pin.release)
    if any(one.versions.refused for those in releases.values() for one in those):
        return Lasting()
    alone = (next(iter(those)) for those in releases.values() if len(those) == 1)
    firm = [one for one in alone if _is_never_last(one, index)]
    return Lasting(
        unmoved=frozenset(one.name for one in firm if _is_newest(one, index)),
        firm=frozenset(one.name for one in firm),
    )


def _is_never_last(release: Release, index: ResolverIndex) -> bool:
    """Whether a version is never put after others: by the policy, or where it has no wheel."""
    versions = release.versions
    if (_last(release, index) | index.unclaimed(versions)) >> release.at & 1:
        return False
    return index.policy.environments.implies(index.pythons(release))


def _is_newest(release: Release, index: ResolverIndex) -> bool:
    """Whether all newer versions are always put last."""
    newer = release.versions.table.all & -(2 << release.at)
    return not newer & ~_last(release, index)


def _last(release: Release, index: ResolverIndex) -> int:
    versions = release.versions
    is_alike = index.policy.prereleases == "allow"
    return versions.yanked | (0 if is_alike else versions.table.prereleases)


class LockedPin(NamedTuple):
    """A version that stands in a lock, and where it is installed."""

    version: Version
    marker: MarkerSet


def is_apart(
    addition: Resolution, locked: Mapping[NormalizedName, LockedPin], names: Iterable[str]
) -> bool:
    """Whether what is to be added leaves all that is locked as it is.

    `addition` is the answer to what is new alone, found with the lock's pins as preferences.
    `locked` has the lock's firm pins, `names` all names in it.
    """
    known = frozenset(names)
    if addition.notices:
        return False
    for package in addition.packages:
        pin = locked.get(package.name)
        if pin is None:
            if package.name in known or package.name not in addition.unmoved:
                return False
        elif not _is_as_locked(package, pin):
            return False
    return True


def _is_as_locked(package: ResolvedPackage, pin: LockedPin) -> bool:
    """Whether a package that the lock has is asked for in that version, where it is, and whole."""
    is_same = package.version == pin.version and not package.extras
    return is_same and package.marker.implies(pin.marker)
