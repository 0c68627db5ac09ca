"""Say what the user should know about a resolution that worked, a line each."""

from collections.abc import Iterable, Iterator, Sequence

from packaging.utils import NormalizedName

from envsync.model.resolution import ResolvedPackage
from envsync.resolve.asks import Pin
from envsync.resolve.candidates import held_back
from envsync.resolve.pythons import python_not_promised
from envsync.resolve.region import Solved
from envsync.resolve.versions import parse_version
from envsync.resolve.world import World


def notices_of(
    packages: Sequence[ResolvedPackage], regions: Sequence[Solved], world: World
) -> tuple[str, ...]:
    """Python bounds that are not met, extras that are missing, what was held back, yanked pins.

    Sorted by package within each kind, so that equal resolutions have equal notices.
    """
    found: list[str] = []
    for package in packages:
        found.extend(_about_python(package, world))
        if package.candidate.yanked is not None:
            reason = package.candidate.yanked or "no reason given"
            found.append(f"{package.name} {package.version} is yanked: {reason}")
    found.extend(sorted(_about_extras(regions, world)))
    found.extend(_about_builds(regions))
    return tuple(dict.fromkeys(found))


def _about_python(package: ResolvedPackage, world: World) -> Iterator[str]:
    requires_python = package.candidate.requires_python
    if package.name in world.policy.ignore_requires_python:
        return
    if not package.marker.is_disjoint(python_not_promised(requires_python)):
        bounds = ",".join(
            sorted(str(one) for one in requires_python or () if one.operator not in {">=", ">"})
        )
        yield f"{package.name} {package.version} says Python {bounds}"


def _about_extras(regions: Iterable[Solved], world: World) -> Iterator[str]:
    for solved in regions:
        for (name, extra), pin in solved.pins.items():
            if extra and extra not in world.metadata(pin.offer, pin.at).provides_extra:
                yield f"{name} {pin.version} has no extra {extra}"


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


def _is_wanted(name: NormalizedName, version: str, regions: Iterable[Solved]) -> bool:
    """Whether some region's requirements would have accepted a version."""
    for solved in regions:
        asks = [ask for one in (solved.roots, *solved.asks.values()) for ask in one]
        mine = [ask.need for ask in asks if ask.key[0] == name and ask.need.exactly is None]
        if mine and all(need.specifier.contains(version, prereleases=True) for need in mine):
            return True
    return False
