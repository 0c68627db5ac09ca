"""Tell which pins need not be preferred: to free one of them changes no step of a search.

A version is preferred wherever it may be taken. One that comes first of all versions of its package
is taken there without that, too. So a search in which it isn't preferred goes the very same way.
"""

from collections.abc import Iterable

from packaging.utils import NormalizedName

from envsync.resolve.region import RegionSolution
from envsync.resolve.resolver_index import Release, ResolverIndex


def unmoved_by_preferences(
    regions: Iterable[RegionSolution], index: ResolverIndex
) -> frozenset[NormalizedName]:
    """The packages with one version in all regions that is the first choice wherever it is one.

    None of them where versions were refused for their metadata: a search that prefers what was
    found instead might not look at those, and has other things to say.
    """
    if index.policy.resolution != "highest":
        return frozenset()
    releases: dict[NormalizedName, set[Release]] = {}
    for solution in regions:
        for pin in solution.pins.values():
            releases.setdefault(pin.key.name, set()).add(pin.release)
    if any(one.versions.refused for those in releases.values() for one in those):
        return frozenset()
    alone = (next(iter(those)) for those in releases.values() if len(those) == 1)
    return frozenset(one.name for one in alone if _is_first_choice(one, index))


def _is_first_choice(release: Release, index: ResolverIndex) -> bool:
    """Whether a version comes before all others in any set of versions that has it.

    It does if it is the newest of those that the policy never puts last, and for all that is
    covered: what has no wheel for some of it comes last there.
    """
    versions, policy = release.versions, index.policy
    last = 0 if policy.prereleases == "allow" else versions.table.prereleases
    last |= versions.yanked
    if (last | index.unclaimed(versions)) >> release.at & 1:
        return False
    if versions.table.all & ~last & -(2 << release.at):
        return False
    return policy.environments.implies(index.pythons(release))
