"""Tell whether a search that starts from a result would find that result again."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.model.marker import MarkerSet
from envsync.resolve.asks import Pin
from envsync.resolve.offer import Offer
from envsync.resolve.region import Solved

Names = frozenset[NormalizedName]


class Cut(NamedTuple):
    """Why a region was cut."""

    package: NormalizedName | None
    """The package of which the parts need different versions; None: a collision."""
    pin: Pin | None
    """The version without which it would not have been cut."""


def repeats(
    regions: Sequence[Solved],
    apart: Sequence[Names],
    cuts: Iterable[Cut],
    *,
    prereleases_last: bool = True,
) -> bool:
    """Whether each cut and each choice would be made again; for the newest versions first.

    `apart` are the packages for which a region did not follow others. A cut is made again if its
    package ended with several versions, and what it was made for is among the pins. A choice is, if
    the pin is the first that is allowed: of what earlier regions have, then of what any has.
    """
    versions: dict[NormalizedName | None, dict[Version, None]] = {}
    pins = {(pin.offer, pin.at): pin for one in regions for pin in one.pins.values()}
    for pin in pins.values():
        versions.setdefault(pin.offer.name, {})[pin.version] = None
    several = {name: found for name, found in versions.items() if name and len(found) > 1}
    shown = all(
        cut.package in several and (cut.pin is None or (cut.pin.offer, cut.pin.at) in pins)
        for cut in cuts
    )
    return shown and all(
        _chooses_again(solved, earlier, without, several, prereleases_last=prereleases_last)
        for solved, earlier, without in zip(regions, _prefixes(regions), apart, strict=True)
    )


def _prefixes(regions: Sequence[Solved]) -> list[Sequence[Solved]]:
    return [regions[:end] for end in range(len(regions))]


def _chooses_again(
    solved: Solved,
    earlier: Sequence[Solved],
    apart: Names,
    several: dict[NormalizedName, dict[Version, None]],
    *,
    prereleases_last: bool,
) -> bool:
    asked = asked_of(solved)
    for name, versions in several.items():
        pin = solved.pins.get((name, None))
        if pin is None:
            continue
        followed = [] if name in apart else _pinned(name, earlier)
        order = (*followed, *sorted(versions, reverse=True))
        allowed = asked.get(name, -1) & fitting(pin.offer, solved.region)
        if prereleases_last:
            allowed = allowed & ~pin.offer.table.prereleases or allowed
        places = (pin.offer.table.position(version) for version in order)
        first = next((at for at in places if at is not None and allowed >> at & 1), None)
        if first != pin.at:
            return False
    return True


def asked_of(solved: Solved) -> dict[NormalizedName, int]:
    """The versions of each package that meet everything that others ask in a region."""
    found: dict[NormalizedName, int] = {}
    for owner, asks in ((None, solved.roots), *solved.asks.items()):
        for ask in asks:
            name = ask.key[0]
            if owner is None or owner[0] != name:
                found[name] = found.get(name, -1) & ask.mask
    return found


def _pinned(name: NormalizedName, regions: Sequence[Solved]) -> list[Version]:
    pins: list[Pin | None] = [solved.pins.get((name, None)) for solved in regions]
    return [pin.version for pin in pins if pin is not None]


def fitting(offer: Offer, region: MarkerSet) -> int:
    """The versions for all Pythons of a region."""
    return sum(mask for bound, mask in offer.pythons if region.implies(bound))
