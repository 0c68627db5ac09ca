"""Find out where a region is too coarse, and along which marker it must be cut.

Inside a region each package has one version, so a requirement counts as soon as its marker holds
anywhere in the region. That is too coarse where

- what one parent (or env.toml) asks of a package differs by marker, and so would the choice;
- a version needs a newer Python than the region begins with, or is too old for some of its Pythons
  only because others need it so;
- requirements collide that no environment brings together.
"""

from collections.abc import Iterable, Mapping, Sequence

from packaging.utils import NormalizedName

from envsync.model.marker import NEVER, MarkerSet
from envsync.resolve.criteria import Cause, Criteria
from envsync.resolve.region_view import (
    ForkNeeded,
    PackageKey,
    Pin,
    RegionRequirement,
    RegionView,
)


def check_siblings(
    view: RegionView, requirements: Sequence[RegionRequirement], parent: Pin | None
) -> None:
    """Raise ForkNeeded if what one parent asks of a package differs by environment, and matters."""
    if len({one.key.name for one in requirements}) == len(requirements):
        return
    by_name: dict[NormalizedName, list[RegionRequirement]] = {}
    for requirement in requirements:
        by_name.setdefault(requirement.key.name, []).append(requirement)
    for name, group in by_name.items():
        if len(group) > 1 and (marker := _dividing(view, name, group)) is not None:
            reason = f"{name} is required differently"
            raise ForkNeeded(marker, reason, name, pin=parent, is_about_choice=True)


def _dividing(
    view: RegionView, name: NormalizedName, requirements: Sequence[RegionRequirement]
) -> MarkerSet | None:
    """The marker of one of the requirements without which another version would be picked."""
    if len({one.mask for one in requirements}) < 2:
        return None
    package = view.package(name)
    picked = view.choice(package, requirements)
    for requirement in requirements:
        marker = requirement.marker.without_extras()
        if not view.cuts(marker):
            continue
        for part in (view.region & marker, view.region - marker):
            inside = [one for one in requirements if not one.marker.is_disjoint(part)]
            if inside and view.choice(package, inside) != picked:
                return marker
    return None


def check_pythons(pin: Pin, requirements: Sequence[RegionRequirement], pythons: MarkerSet) -> None:
    """Raise ForkNeeded if a version is not for all Pythons for which it is asked."""
    if any(not one.marker.implies(pythons) for one in requirements):
        raise ForkNeeded(pythons, f"{pin} needs a newer Python", pin.key.name, pin=pin)


def check_conditions(view: RegionView, pin: Pin, requirements: Sequence[RegionRequirement]) -> None:
    """Raise ForkNeeded if a requirement for some Pythons holds back a version on the others."""
    conditional = [one for one in requirements if one.marker != view.region]
    if len(conditional) == len(requirements):
        return
    package = view.package(pin.key.name)
    for requirement in conditional:
        rest = view.region - requirement.marker.without_extras()
        if rest.is_never() or rest.python_range() == view.region.python_range():
            continue
        outside = [one for one in requirements if not one.marker.is_disjoint(rest)]
        if view.choice(package, outside) not in {None, pin.at}:
            reason = f"{requirement.stated} is for some Pythons only"
            marker = requirement.marker.without_extras()
            raise ForkNeeded(marker, reason, pin.key.name, is_about_choice=True)


def keeping_apart(
    view: RegionView, causes: Sequence[Cause], criteria: Criteria
) -> MarkerSet | None:
    """What keeps colliding requirements apart, if no environment brings them together.

    Extras and groups do not count: versions shall not depend on which of them are installed.
    """
    region = view.region
    parts = _effective_parts(causes, criteria, region)
    together = region
    for part in parts:
        together = together & part
    if not together.is_never():
        return None
    markers = [*(cause.requirement.marker for cause in causes), *parts]
    without = (marker.without_extras() for marker in markers)
    return next((marker for marker in without if view.cuts(marker)), None)


def _effective_parts(
    causes: Iterable[Cause], criteria: Criteria, region: MarkerSet
) -> list[MarkerSet]:
    """For each cause, where in the region it counts: its marker, where its parent is needed."""
    parts = []
    for requirement, parent in causes:
        part = region if requirement.reason else requirement.marker
        if parent is not None and not _is_plain(parent.key, criteria, region):
            part = part & _where_required(parent.key, criteria, region)
        parts.append(part)
    return parts


def _is_plain(key: PackageKey, criteria: Criteria, region: MarkerSet) -> bool:
    """Whether a chain of requirements without conditions leads from env.toml to a package."""
    seen, waiting = {key}, [key]
    while waiting:
        criterion = criteria.get(waiting.pop())
        for requirement, parent in criterion.causes if criterion else ():
            if requirement.marker != region:
                continue
            if parent is None:
                return True
            if parent.key not in seen:
                seen.add(parent.key)
                waiting.append(parent.key)
    return False


def _where_required(key: PackageKey, criteria: Criteria, region: MarkerSet) -> MarkerSet:
    """The part of the region in which something needs a package, as the requirements stand."""
    ancestors: dict[PackageKey, MarkerSet] = {key: NEVER}
    waiting = [key]
    while waiting:
        for parent in _parents(waiting.pop(), criteria):
            if parent not in ancestors:
                ancestors[parent] = NEVER
                waiting.append(parent)
    changed = True
    while changed:
        changed = False
        for one in reversed(ancestors):
            place = _required_in(one, criteria, ancestors)
            # Equal sets are one object.
            if place is not ancestors[one]:
                ancestors[one], changed = place, True
    return ancestors[key] & region


def _parents(key: PackageKey, criteria: Criteria) -> list[PackageKey]:
    criterion = criteria.get(key)
    causes = criterion.causes if criterion else ()
    return [parent.key for _, parent in causes if parent is not None]


def _required_in(
    key: PackageKey, criteria: Criteria, places: Mapping[PackageKey, MarkerSet]
) -> MarkerSet:
    criterion = criteria.get(key)
    places_together = NEVER
    for requirement, parent in criterion.causes if criterion else ():
        where = requirement.marker if parent is None else requirement.marker & places[parent.key]
        places_together = places_together | where
    return places_together
