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
from envsync.resolve.asks import Ask, Cause, Criteria, Key, Pin, Split
from envsync.resolve.sight import Sight


def check_siblings(sight: Sight, asks: Sequence[Ask], parent: Pin | None) -> None:
    """Raise Split if what one parent asks of a package differs by environment, and matters."""
    by_name: dict[NormalizedName, list[Ask]] = {}
    for ask in asks:
        by_name.setdefault(ask.key[0], []).append(ask)
    for name, group in by_name.items():
        if len(group) > 1 and (marker := _dividing(sight, name, group)) is not None:
            reason = f"{name} is required differently"
            raise Split(marker, reason, name, pin=parent, is_about_choice=True)


def _dividing(sight: Sight, name: NormalizedName, asks: Sequence[Ask]) -> MarkerSet | None:
    """The marker of one of the requirements without which another version would be picked."""
    if len({ask.mask for ask in asks}) < 2:
        return None
    view = sight.view(name)
    picked = sight.choice(view, asks)
    for ask in asks:
        marker = ask.marker.without_extras()
        if not sight.cuts(marker):
            continue
        for part in (sight.region & marker, sight.region - marker):
            inside = [one for one in asks if not one.marker.is_disjoint(part)]
            if inside and sight.choice(view, inside) != picked:
                return marker
    return None


def check_pythons(pin: Pin, asks: Sequence[Ask], pythons: MarkerSet) -> None:
    """Raise Split if a version is not for all Pythons for which it is asked."""
    if any(not ask.marker.implies(pythons) for ask in asks):
        raise Split(pythons, f"{pin} needs a newer Python", pin.offer.name, pin=pin)


def check_conditions(sight: Sight, pin: Pin, asks: Sequence[Ask]) -> None:
    """Raise Split if a requirement for some Pythons only holds back a version on the others."""
    conditional = [ask for ask in asks if ask.marker != sight.region]
    if len(conditional) == len(asks):
        return
    view = sight.view(pin.key[0])
    for ask in conditional:
        rest = sight.region - ask.marker.without_extras()
        if rest.is_never() or rest.python_range() == sight.region.python_range():
            continue
        outside = [one for one in asks if not one.marker.is_disjoint(rest)]
        if sight.choice(view, outside) not in {None, pin.at}:
            reason = f"{ask.need} is for some Pythons only"
            marker = ask.marker.without_extras()
            raise Split(marker, reason, pin.offer.name, is_about_choice=True)


def between(sight: Sight, causes: Sequence[Cause], criteria: Criteria) -> MarkerSet | None:
    """What keeps colliding requirements apart, if no environment brings them together.

    Extras and groups do not count: versions shall not depend on which of them are installed.
    """
    region = sight.region
    parts = _effective_parts(causes, criteria, region)
    together = region
    for part in parts:
        together = together & part
    if not together.is_never():
        return None
    markers = [*(cause.requirement.marker for cause in causes), *parts]
    found = (marker.without_extras() for marker in markers)
    return next((marker for marker in found if sight.cuts(marker)), None)


def _effective_parts(
    causes: Iterable[Cause], criteria: Criteria, region: MarkerSet
) -> list[MarkerSet]:
    """For each cause, where in the region it counts: its marker, where its parent is needed."""
    parts = []
    for requirement, parent in causes:
        part = region if requirement.reason else requirement.marker
        if parent is not None and not _is_plain(parent.key, criteria, region):
            part = part & _reach(parent.key, criteria, region)
        parts.append(part)
    return parts


def _is_plain(key: Key, criteria: Criteria, region: MarkerSet) -> bool:
    """Whether a chain of requirements without conditions leads from env.toml to a package."""
    seen, waiting = {key}, [key]
    while waiting:
        criterion = criteria.get(waiting.pop())
        for requirement, parent in criterion.information if criterion else ():
            if requirement.marker != region:
                continue
            if parent is None:
                return True
            if parent.key not in seen:
                seen.add(parent.key)
                waiting.append(parent.key)
    return False


def _reach(key: Key, criteria: Criteria, region: MarkerSet) -> MarkerSet:
    """The part of the region in which something needs a package, as the requirements stand."""
    ancestors: dict[Key, MarkerSet] = {key: NEVER}
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
            found = _asked_in(one, criteria, ancestors)
            if found is not ancestors[one]:
                ancestors[one], changed = found, True
    return ancestors[key] & region


def _parents(key: Key, criteria: Criteria) -> list[Key]:
    criterion = criteria.get(key)
    information = criterion.information if criterion else ()
    return [parent.key for _, parent in information if parent is not None]


def _asked_in(key: Key, criteria: Criteria, reaches: Mapping[Key, MarkerSet]) -> MarkerSet:
    criterion = criteria.get(key)
    found = NEVER
    for requirement, parent in criterion.information if criterion else ():
        where = requirement.marker
        found = found | (where if parent is None else where & reaches[parent.key])
    return found
