"""Gather what collided in a failed search: facts, not yet words."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from envsync.model.marker import MarkerSet
from envsync.resolve.asks import Cause, Pin
from envsync.resolve.engine import History
from envsync.resolve.needs import Need
from envsync.resolve.offer import Offer
from envsync.resolve.pythons import python_lower_bound
from envsync.resolve.region import Unsolvable
from envsync.resolve.rejections import (
    NeedsPython,
    NoRequiredWheel,
    PrereleaseNotAllowed,
    Reason,
    Yanked,
)
from envsync.resolve.versions import bits_of, parse_version
from envsync.resolve.world import World


class Demand(NamedTuple):
    """A requirement that took part in a collision."""

    need: Need
    package: str | None
    """Whose requirement it is, "flask" or "flask[async]"; None: env.toml's."""
    versions: tuple[str, ...]
    """The versions of that package that have the requirement and collided."""
    because: tuple[tuple[str, Need], ...]
    """How the package comes in: who asks for what, from env.toml down to it."""


class PassedOver(NamedTuple):
    """Versions that would satisfy all demands and yet could not be used, for one reason."""

    versions: tuple[str, ...]
    reason: Reason


class Collision(NamedTuple):
    """Demands on a package that none of its versions satisfies together."""

    offer: Offer
    demands: tuple[Demand, ...]
    passed_over: tuple[PassedOver, ...]


class Unusable(NamedTuple):
    """Versions of a package that cannot be used, whoever asks."""

    package: str
    versions: tuple[str, ...]
    reason: Reason


def gather(failure: Unsolvable, world: World) -> tuple[tuple[Collision, ...], tuple[Unusable, ...]]:
    """Join the rejections of a failed search into collisions, in the order of their appearance."""
    judge = _Judge(failure.region, world)
    parties: dict[tuple[object, ...], list[dict[Pin | None, Cause]]] = {}
    for causes in (*failure.history.rejections, failure.causes):
        few = _fewest(causes, judge)
        key = tuple((_title(one.parent), str(one.requirement.need)) for one in few)
        if few:
            same = parties.setdefault((few[0].requirement.offer, *key), [{} for _ in few])
            for known, one in zip(same, few, strict=True):
                known.setdefault(one.parent, one)
    collisions = [_collision(same, failure.history, judge) for same in parties.values()]
    return tuple(collisions), tuple(_unusable(failure.history.rejections))


class _Judge:
    """Tells why versions cannot be used in a region, whatever is required of them."""

    def __init__(self, region: MarkerSet, world: World) -> None:
        self._region, self._world = region, world
        self._reasons: dict[Offer, dict[int, Reason]] = {}

    def reasons(self, offer: Offer) -> dict[int, Reason]:
        """The versions that cannot be used, newest first, each with the reason."""
        found = self._reasons.get(offer)
        if found is None:
            places = bits_of(offer.table.all, lowest=False)
            judged = ((at, self._reason(offer, at)) for at in places)
            found = self._reasons[offer] = {at: why for at, why in judged if why is not None}
        return found

    def left(self, causes: Iterable[Cause]) -> int:
        """The versions that meet all these requirements and can be used."""
        mask = -1
        for requirement, _ in causes:
            unusable = sum(1 << at for at in self.reasons(requirement.offer))
            mask &= requirement.mask & (~unusable | requirement.pinned)
        return mask

    def _reason(self, offer: Offer, at: int) -> Reason | None:
        candidate = offer.candidates[at]
        if at in offer.refusals:
            return offer.refusals[at]
        if python_lower_bound(candidate.requires_python).is_disjoint(self._region):
            return NeedsPython(str(candidate.requires_python))
        if candidate.yanked is not None:
            return Yanked(candidate.yanked)
        policy = self._world.policy
        if candidate.version.is_prerelease and policy.prereleases == "disallow":
            return PrereleaseNotAllowed()
        lacking = (self._world.lacking(offer, one) for one in policy.required_environments)
        if any(mask >> at & 1 for mask in lacking):
            return NoRequiredWheel()
        return None


def _fewest(causes: Sequence[Cause], judge: _Judge) -> list[Cause]:
    """Two causes that exclude each other if there are such, else all; none if it tells nothing.

    An extra that wants its package in its own version tells nothing, nor does a collision that only
    came about because versions were excluded in other collisions.
    """
    if not causes or causes[-1].requirement.reason or causes[-1].requirement.need.exactly:
        return []
    last = causes[-1]
    causes = [one for one in causes if _offer(one) is last.requirement.offer]
    if not judge.left([last]):
        return [last]
    for other in sorted(causes[:-1], key=lambda one: one.requirement.need.origin is None):
        if (
            not other.requirement.mask & last.requirement.mask
            and not other.requirement.need.exactly
        ):
            return [last, other]
    return [] if judge.left(causes) else [last, *causes[:-1]]


def _offer(cause: Cause) -> Offer | None:
    return None if cause.requirement.reason else cause.requirement.offer


def _collision(
    parties: Sequence[dict[Pin | None, Cause]], history: History, judge: _Judge
) -> Collision:
    demands = tuple(_demand(party, history) for party in parties)
    offer = next(iter(parties[0].values())).requirement.offer
    passed_over = tuple(_passed_over(offer, demands, judge))
    return Collision(offer, demands, passed_over)


def _demand(party: dict[Pin | None, Cause], history: History) -> Demand:
    pins = sorted((pin for pin in party if pin is not None), key=lambda pin: pin.at)
    need = next(iter(party.values())).requirement.need
    if not pins:
        return Demand(need, None, (), ())
    because = tuple(reversed(list(way_up(pins[-1], history))))
    if need.origin:
        return Demand(need, None, (), because)
    versions = tuple(dict.fromkeys(str(pin.version) for pin in pins))
    return Demand(need, _title(pins[0]), versions, because)


def way_up(pin: Pin, history: History) -> Iterator[tuple[str, Need]]:
    """The shortest way from a package up to env.toml: who asks for it, who asks for that."""
    ways: list[tuple[Pin, tuple[tuple[str, Need], ...]]] = [(pin, ())]
    seen = {pin.key}
    for one, below in ways:
        for parent, ask in history.parents.get(one.key, {}).items():
            if parent is None:
                yield from (*below, (ask.need.origin or "env.toml", ask.need))
                return
            if parent.key not in seen:
                seen.add(parent.key)
                step = (f"{_title(parent)} {parent.version}", ask.need)
                ways.append((parent, (*below, step)))


def _title(pin: Pin | None) -> str:
    if pin is None:
        return ""
    name, extra = pin.key
    return f"{name}[{extra}]" if extra else name


def _unusable(rejections: Iterable[Sequence[Cause]]) -> Iterator[Unusable]:
    found: dict[tuple[str, Reason], dict[str, None]] = {}
    for requirement, parent in (causes[-1] for causes in rejections):
        if requirement.reason and parent is not None:
            same = found.setdefault((_title(parent), requirement.reason), {})
            same[str(parent.version)] = None
    for (package, reason), versions in found.items():
        yield Unusable(package, tuple(reversed(versions)), reason)


def _passed_over(offer: Offer, demands: Sequence[Demand], judge: _Judge) -> Iterator[PassedOver]:
    """Versions that satisfy the specifiers and were not available, by reason, newest first."""
    found: dict[Reason, list[str]] = {}
    specifiers = [demand.need.specifier for demand in demands]
    for rejected in offer.rejected:
        version = parse_version(rejected.version)
        if version is not None and all(one.contains(version, True) for one in specifiers):
            found.setdefault(rejected.reason, []).append(str(version))
    mask = offer.table.all
    for specifier in specifiers:
        mask &= offer.table.accepted(specifier)
    for at, reason in judge.reasons(offer).items():
        if mask >> at & 1:
            found.setdefault(reason, []).append(str(offer.version(at)))
    for reason, versions in found.items():
        yield PassedOver(tuple(versions), reason)
