"""Say what the user should know about a resolution that worked, a line each."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import chain, takewhile

from packaging.utils import NormalizedName

from envsync.model.candidate import Candidate
from envsync.model.local_version import local_notice
from envsync.model.resolution import ResolvedPackage
from envsync.resolve.compatibility import python_not_promised
from envsync.resolve.region import RegionSolution
from envsync.resolve.region_view import PackageKey, Pin, Preferences
from envsync.resolve.rejections import RequiresMissing
from envsync.resolve.resolver_index import Release, ResolverIndex
from envsync.resolve.versions import bits_of

_LONG_AGO = timedelta(days=2 * 365)
"""A release that is so much older than what would meet the same requirements is worth a word."""


def notices_of(
    packages: Sequence[ResolvedPackage], regions: Sequence[RegionSolution], index: ResolverIndex
) -> tuple[str, ...]:
    """Python bounds that are not met, extras that are missing, yanked pins, what was held back,
    local versions that metadata doesn't have.

    Sorted by package within each kind, so that equal resolutions have equal notices.
    """
    lines: list[str] = []
    for package in packages:
        lines.extend(_about_python(package, index))
        if package.candidate.yanked is not None:
            reason = package.candidate.yanked or "no reason given"
            lines.append(f"{package.name} {package.version} is yanked: {reason}")
    if index.policy.prereleases == "if-necessary-or-explicit":
        lines.extend(_about_prereleases(packages, regions))
    lines.extend(sorted(_about_extras(regions, index)))
    lines.extend(sorted(_about_local_versions(regions, index)))
    lines.extend(_about_builds(regions))
    return tuple(dict.fromkeys(lines))


def notices_of_search(
    regions: Sequence[RegionSolution], index: ResolverIndex, locked: Preferences
) -> tuple[str, ...]:
    """Old releases, but not those that are `locked`, and what was looked at and passed over.

    That depends on how the answer was found; a search that starts from it has less to say.
    """
    # Otherwise old releases are what was asked for.
    if index.policy.resolution != "highest":
        return ()
    lines = (*sorted(_about_age(regions, locked)), *sorted(set(_about_unusable(regions, index))))
    return tuple(dict.fromkeys(lines))


def _about_python(package: ResolvedPackage, index: ResolverIndex) -> Iterator[str]:
    requires_python = package.requires_python
    if package.name in index.policy.ignore_requires_python:
        return
    if not package.marker.is_disjoint(python_not_promised(requires_python)):
        bounds = ",".join(
            sorted(str(one) for one in requires_python or () if one.operator not in {">=", ">"})
        )
        yield f"{package.name} {package.version} says Python {bounds}"


def _about_prereleases(
    packages: Iterable[ResolvedPackage], regions: Sequence[RegionSolution]
) -> Iterator[str]:
    """The pre-releases that were taken, in a line for each reason; not what env.toml names."""
    needed, resorted = [], []
    for package in packages:
        if not package.version.is_prerelease or package.candidate.source is not None:
            continue
        reasons = list(_why_prerelease(package, regions))
        if any(reasons):
            resorted.append(f"{package.name} {package.version}")
        elif reasons:
            needed.append(f"{package.name} {package.version}")
    if needed:
        yield f"pre-releases, as no stable release meets what is required: {', '.join(needed)}"
    if resorted:
        yield f"pre-releases, as stable ones lead to no solution: {', '.join(resorted)}"


def _why_prerelease(package: ResolvedPackage, regions: Iterable[RegionSolution]) -> Iterator[bool]:
    """For each region that has a pre-release unasked: whether a stable release would do alone."""
    for solution in regions:
        pin = solution.pins.get(PackageKey(package.name))
        if pin is None or pin.version != package.version:
            continue
        table = pin.versions.table
        roots = (one.stated.specifier for one in solution.roots if one.key.name == package.name)
        if not any(specifier.prereleases for specifier in roots):
            accepted = solution.accepted()[package.name]
            accepted &= pin.versions.for_region(solution.region)
            usable = ~table.prereleases & ~pin.versions.refused & ~pin.versions.yanked
            yield bool(accepted & usable)


def _about_extras(regions: Iterable[RegionSolution], index: ResolverIndex) -> Iterator[str]:
    for solution in regions:
        for (name, extra), pin in solution.pins.items():
            if extra and extra not in index.metadata(pin.release).provides_extra:
                yield f"{name} {pin.version} has no extra {extra}"


def _about_local_versions(regions: Iterable[RegionSolution], index: ResolverIndex) -> Iterator[str]:
    for solution in regions:
        for (name, extra), pin in solution.pins.items():
            own = index.metadata(pin.release).version
            if extra is None and own != pin.version:
                yield local_notice(name, pin.version, own)


def _about_builds(regions: Iterable[RegionSolution]) -> Iterator[str]:
    """The newest version of each package that only wanted leave to be built."""
    chosen: dict[NormalizedName, Pin] = {}
    for solution in regions:
        for (name, extra), pin in solution.pins.items():
            known = chosen.get(name)
            if extra is None and (known is None or known.at < pin.at):
                chosen[name] = pin
    for name in sorted(chosen):
        pin = chosen[name]
        version = pin.version
        newer = [
            other
            for other in takewhile(pin.version.__lt__, pin.versions.held_back)
            if (version.is_prerelease or not other.is_prerelease)
            and _would_be_accepted(name, str(other), regions)
        ]
        if newer:
            yield (
                f"held back: {name} {max(newer)} would have to be built, {version} is used; "
                f"`envsync lock --allow-build {name}` allows it"
            )


def _about_unusable(regions: Iterable[RegionSolution], index: ResolverIndex) -> Iterator[str]:
    """The most wanted release that was passed over for what it is, or for what is nowhere."""
    for solution in regions:
        accepted = solution.accepted()
        for (name, extra), pin in solution.pins.items():
            if extra is not None:
                continue
            versions = pin.versions
            allowed = accepted[name] & versions.for_region(solution.region)
            for at in _more_wanted(pin, allowed & ~versions.yanked, index):
                release = Release(versions, at)
                if (reason := versions.refusals.get(at) or _lacking(index, release)) is not None:
                    yield f"{name} {release.version} was passed over: {reason}"
                    break


def _more_wanted(pin: Pin, allowed: int, index: ResolverIndex) -> Iterator[int]:
    """Of some versions those that come before a pin, the stable ones first."""
    newer = allowed & -(2 << pin.at)
    if index.policy.prereleases == "allow":
        return bits_of(newer, lowest=False)
    prereleases = pin.versions.table.prereleases
    if not pin.version.is_prerelease:
        return bits_of(newer & ~prereleases, lowest=False)
    tiers = (allowed & ~prereleases, newer & prereleases)
    return chain.from_iterable(bits_of(tier, lowest=False) for tier in tiers)


def _lacking(index: ResolverIndex, release: Release) -> RequiresMissing | None:
    missing = index.known_missing(release)
    return None if missing is None else RequiresMissing(missing)


def _about_age(regions: Iterable[RegionSolution], locked: Preferences) -> Iterator[str]:
    """Releases far older than one that meets what is asked of the package itself."""
    for solution in regions:
        accepted = solution.accepted()
        for (name, extra), pin in solution.pins.items():
            if extra is not None or pin.version in locked.get(name, ()):
                continue
            versions = pin.versions
            allowed = accepted[name] & versions.for_region(solution.region)
            allowed &= ~versions.yanked
            if not pin.version.is_prerelease:
                allowed &= ~versions.table.prereleases
            best = allowed.bit_length() - 1
            if best > pin.at and (ages := _far_apart(pin, best)):
                yield (
                    f"{name} {pin.version} is of {ages[0]}, though {versions.table.versions[best]} "
                    f"of {ages[1]} meets what is required of it: nothing newer was found to fit "
                    "the rest"
                )


def _far_apart(pin: Pin, best: int) -> tuple[int, int] | None:
    """The years of two releases, if there is a long time between them."""
    here, there = (_uploaded(pin.versions.candidates[at]) for at in (pin.at, best))
    if here is None or there is None or there - here < _LONG_AGO:
        return None
    return here.year, there.year


def _uploaded(candidate: Candidate) -> date | None:
    """The day on which the first file of a release was uploaded, where the index says."""
    files = [*candidate.wheels, *([candidate.sdist] if candidate.sdist else [])]
    days = [file.upload_time[:10] for file in files if file.upload_time]
    try:
        return date.fromisoformat(min(days)) if days else None
    except ValueError:
        return None


def _would_be_accepted(
    name: NormalizedName, version: str, regions: Iterable[RegionSolution]
) -> bool:
    """Whether some region's requirements would have accepted a version."""
    for solution in regions:
        every = (one.stated for one in solution.all_requirements() if one.key.name == name)
        own = [stated.specifier for stated in every if stated.exactly is None]
        if own and all(specifier.contains(version, prereleases=True) for specifier in own):
            return True
    return False
