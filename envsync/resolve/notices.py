"""Say what the user should know about a resolution that worked, a line each."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import chain

from packaging.utils import NormalizedName

from envsync.model.candidate import Candidate
from envsync.model.local_version import local_notice
from envsync.model.resolution import ResolvedPackage
from envsync.resolve.asks import Pin
from envsync.resolve.offer import Offer
from envsync.resolve.pythons import python_not_promised
from envsync.resolve.region import Solved
from envsync.resolve.rejections import RequiresMissing, held_back
from envsync.resolve.settle import asked_of, fitting
from envsync.resolve.sight import Preferences
from envsync.resolve.versions import bits_of, parse_version
from envsync.resolve.world import World

_LONG_AGO = timedelta(days=2 * 365)
"""A release that is so much older than what would meet the same requirements is worth a word."""


def notices_of(
    packages: Sequence[ResolvedPackage],
    regions: Sequence[Solved],
    world: World,
    locked: Preferences,
) -> tuple[str, ...]:
    """Python bounds that are not met, extras that are missing, yanked pins, what was held back,
    local versions that metadata doesn't have.

    Old releases as well, but not those that are `locked`. Sorted by package within each kind, so
    that equal resolutions have equal notices.
    """
    found: list[str] = []
    for package in packages:
        found.extend(_about_python(package, world))
        if package.candidate.yanked is not None:
            reason = package.candidate.yanked or "no reason given"
            found.append(f"{package.name} {package.version} is yanked: {reason}")
    if world.policy.prereleases == "if-necessary-or-explicit":
        found.extend(_about_prereleases(packages, regions))
    found.extend(sorted(_about_extras(regions, world)))
    found.extend(sorted(_about_local_versions(regions, world)))
    found.extend(_about_builds(regions))
    if world.policy.resolution == "highest":
        found.extend(sorted(_about_age(regions, locked)))
        found.extend(sorted(set(_about_unusable(regions, world))))
    return tuple(dict.fromkeys(found))


def _about_python(package: ResolvedPackage, world: World) -> Iterator[str]:
    requires_python = package.requires_python
    if package.name in world.policy.ignore_requires_python:
        return
    if not package.marker.is_disjoint(python_not_promised(requires_python)):
        bounds = ",".join(
            sorted(str(one) for one in requires_python or () if one.operator not in {">=", ">"})
        )
        yield f"{package.name} {package.version} says Python {bounds}"


def _about_prereleases(
    packages: Iterable[ResolvedPackage], regions: Sequence[Solved]
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


def _why_prerelease(package: ResolvedPackage, regions: Iterable[Solved]) -> Iterator[bool]:
    """For each region that has a pre-release unasked: whether a stable release would do alone."""
    for solved in regions:
        pin = solved.pins.get((package.name, None))
        if pin is None or pin.version != package.version:
            continue
        table = pin.offer.table
        roots = (ask.need.specifier for ask in solved.roots if ask.key[0] == package.name)
        if not any(specifier.prereleases for specifier in roots):
            asked = asked_of(solved).get(package.name, -1) & fitting(pin.offer, solved.region)
            usable = ~table.prereleases & ~pin.offer.refused & ~pin.offer.yanked
            yield bool(asked & usable)


def _about_extras(regions: Iterable[Solved], world: World) -> Iterator[str]:
    for solved in regions:
        for (name, extra), pin in solved.pins.items():
            if extra and extra not in world.metadata(pin.offer, pin.at).provides_extra:
                yield f"{name} {pin.version} has no extra {extra}"


def _about_local_versions(regions: Iterable[Solved], world: World) -> Iterator[str]:
    for solved in regions:
        for (name, extra), pin in solved.pins.items():
            found = world.metadata(pin.offer, pin.at).version
            if extra is None and found != pin.version:
                yield local_notice(name, pin.version, found)


def _about_builds(regions: Iterable[Solved]) -> Iterator[str]:
    """The newest version of each package that only wanted leave to be built."""
    chosen: dict[NormalizedName, Pin] = {}
    for solved in regions:
        for (name, extra), pin in solved.pins.items():
            known = chosen.get(name)
            if extra is None and (known is None or known.at < pin.at):
                chosen[name] = pin
    for name in sorted(chosen):
        pin = chosen[name]
        version = pin.version
        newer = [
            found
            for rejected in held_back(pin.offer.rejected)
            if (found := parse_version(rejected.version)) is not None
            and found > version
            and (version.is_prerelease or not found.is_prerelease)
            and _is_wanted(name, str(found), regions)
        ]
        if newer:
            yield (
                f"held back: {name} {max(newer)} would have to be built, {version} is used; "
                f"`envsync lock --allow-build {name}` allows it"
            )


def _about_unusable(regions: Iterable[Solved], world: World) -> Iterator[str]:
    """The most wanted release that was passed over for what it is, or for what is nowhere."""
    for solved in regions:
        asked = asked_of(solved)
        for (name, extra), pin in solved.pins.items():
            if extra is not None:
                continue
            offer = pin.offer
            wanted = asked.get(name, -1) & fitting(offer, solved.region) & ~offer.yanked
            for at in _more_wanted(pin, wanted, world):
                if (reason := offer.refusals.get(at) or _lacking(world, offer, at)) is not None:
                    yield f"{name} {offer.version(at)} was passed over: {reason}"
                    break


def _more_wanted(pin: Pin, wanted: int, world: World) -> Iterator[int]:
    """Of some versions those that come before a pin, the stable ones first."""
    newer = wanted & -(2 << pin.at)
    if world.policy.prereleases == "allow":
        return bits_of(newer, lowest=False)
    prereleases = pin.offer.table.prereleases
    if not pin.version.is_prerelease:
        return bits_of(newer & ~prereleases, lowest=False)
    tiers = (wanted & ~prereleases, newer & prereleases)
    return chain.from_iterable(bits_of(tier, lowest=False) for tier in tiers)


def _lacking(world: World, offer: Offer, at: int) -> RequiresMissing | None:
    missing = world.known_missing(offer, at)
    return None if missing is None else RequiresMissing(missing)


def _about_age(regions: Iterable[Solved], locked: Preferences) -> Iterator[str]:
    """Releases far older than one that meets what is asked of the package itself."""
    for solved in regions:
        asked = asked_of(solved)
        for (name, extra), pin in solved.pins.items():
            if extra is not None or pin.version in locked.get(name, ()):
                continue
            allowed = asked.get(name, -1) & fitting(pin.offer, solved.region) & ~pin.offer.yanked
            if not pin.version.is_prerelease:
                allowed &= ~pin.offer.table.prereleases
            best = allowed.bit_length() - 1
            if best > pin.at and (ages := _far_apart(pin, best)):
                yield (
                    f"{name} {pin.version} is of {ages[0]}, though {pin.offer.version(best)} of "
                    f"{ages[1]} meets what is required of it: nothing newer was found to fit the "
                    "rest"
                )


def _far_apart(pin: Pin, best: int) -> tuple[int, int] | None:
    """The years of two releases, if there is a long time between them."""
    here, there = (_uploaded(pin.offer.candidates[at]) for at in (pin.at, best))
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


def _is_wanted(name: NormalizedName, version: str, regions: Iterable[Solved]) -> bool:
    """Whether some region's requirements would have accepted a version."""
    for solved in regions:
        asks = [ask for one in (solved.roots, *solved.asks.values()) for ask in one]
        mine = [ask.need for ask in asks if ask.key[0] == name and ask.need.exactly is None]
        if mine and all(need.specifier.contains(version, prereleases=True) for need in mine):
            return True
    return False
