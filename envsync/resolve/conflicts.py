"""Gather what collided in a failed search: facts, not yet words."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from envsync.model.marker import MarkerSet
from envsync.model.version_text import parse_version
from envsync.resolve.compatibility import python_lower_bound
from envsync.resolve.criteria import Cause
from envsync.resolve.region import Unsolvable
from envsync.resolve.region_view import Pin
from envsync.resolve.rejections import (
    NeedsPython,
    NoRequiredWheel,
    PrereleaseNotAllowed,
    Reason,
    Yanked,
)
from envsync.resolve.requirements import PackageRequirement
from envsync.resolve.resolver_index import PackageVersions, ResolverIndex
from envsync.resolve.search import History
from envsync.resolve.versions import bits_of


class Step(NamedTuple):
    """One requirement on the way from env.toml down to a package."""

    who: str
    """Where it stands in env.toml, or whose it is: "flask 3.0"."""
    stated: PackageRequirement


class ConflictingRequirement(NamedTuple):
    """A requirement that took part in a collision."""

    stated: PackageRequirement
    package: str | None
    """Whose requirement it is, "flask" or "flask[async]"; None: env.toml's."""
    versions: tuple[str, ...]
    """The versions of that package that have the requirement and collided."""
    because: tuple[Step, ...]
    """How the package comes in: who asks for what, from env.toml down to it."""


class PassedOver(NamedTuple):
    """Versions that would satisfy all requirements and yet could not be used, for one reason."""

    versions: tuple[str, ...]
    reason: Reason


class Collision(NamedTuple):
    """Requirements on a package that none of its versions satisfies together."""

    versions: PackageVersions
    requirements: tuple[ConflictingRequirement, ...]
    passed_over: tuple[PassedOver, ...]


class Unusable(NamedTuple):
    """Versions of a package that cannot be used, whoever asks."""

    package: str
    versions: tuple[str, ...]
    reason: Reason


def gather(
    failure: Unsolvable, index: ResolverIndex
) -> tuple[tuple[Collision, ...], tuple[Unusable, ...]]:
    """Join the rejections of a failed search into collisions, in the order of their appearance."""
    judge = _Judge(failure.region, index)
    parties: dict[tuple[object, ...], list[dict[Pin | None, Cause]]] = {}
    for causes in (*failure.history.rejections, failure.causes):
        few = _fewest(causes, judge)
        key = tuple((_requirer(one), str(one.requirement.stated)) for one in few)
        if few:
            same = parties.setdefault((few[0].requirement.versions, *key), [{} for _ in few])
            for known, one in zip(same, few, strict=True):
                known.setdefault(one.parent, one)
    collisions = [_collision(same, failure.history, judge) for same in parties.values()]
    return tuple(collisions), tuple(_unusable(failure.history.rejections))


class _Judge:
    """Tells why versions cannot be used in a region, whatever is required of them."""

    def __init__(self, region: MarkerSet, index: ResolverIndex) -> None:
        self._region, self._index = region, index
        self._reasons: dict[PackageVersions, dict[int, Reason]] = {}

    def reasons(self, versions: PackageVersions) -> dict[int, Reason]:
        """The versions that cannot be used, newest first, each with the reason."""
        reasons = self._reasons.get(versions)
        if reasons is None:
            places = bits_of(versions.table.all, lowest=False)
            judged = ((at, self._reason(versions, at)) for at in places)
            reasons = self._reasons[versions] = {at: why for at, why in judged if why is not None}
        return reasons

    def left(self, causes: Iterable[Cause]) -> int:
        """The versions that meet all these requirements and can be used."""
        mask = -1
        for requirement, _ in causes:
            unusable = sum(1 << at for at in self.reasons(requirement.versions))
            mask &= requirement.mask & (~unusable | requirement.pinned)
        return mask

    def _reason(self, versions: PackageVersions, at: int) -> Reason | None:
        candidate = versions.candidates[at]
        if at in versions.refusals:
            return versions.refusals[at]
        if python_lower_bound(candidate.requires_python).is_disjoint(self._region):
            return NeedsPython(str(candidate.requires_python))
        if candidate.yanked is not None:
            return Yanked(candidate.yanked)
        policy = self._index.policy
        if candidate.version.is_prerelease and policy.prereleases == "disallow":
            return PrereleaseNotAllowed()
        lacking = (self._index.lacking(versions, one) for one in policy.required_environments)
        if any(mask >> at & 1 for mask in lacking):
            return NoRequiredWheel()
        return None


def _fewest(causes: Sequence[Cause], judge: _Judge) -> list[Cause]:
    """Two causes that exclude each other if there are such, else all; none if it tells nothing.

    An extra that wants its package in its own version tells nothing, nor does a collision that only
    came about because versions were excluded in other collisions.
    """
    if not causes or causes[-1].requirement.reason or causes[-1].requirement.stated.exactly:
        return []
    last = causes[-1]
    causes = [one for one in causes if _versions(one) is last.requirement.versions]
    if not judge.left([last]):
        return [last]
    for other in sorted(causes[:-1], key=lambda one: one.requirement.stated.origin is None):
        if (
            not other.requirement.mask & last.requirement.mask
            and not other.requirement.stated.exactly
        ):
            return [last, other]
    return [] if judge.left(causes) else [last, *causes[:-1]]


def _requirer(cause: Cause) -> str:
    return "" if cause.parent is None else str(cause.parent.key)


def _versions(cause: Cause) -> PackageVersions | None:
    return None if cause.requirement.reason else cause.requirement.versions


def _collision(
    parties: Sequence[dict[Pin | None, Cause]], history: History, judge: _Judge
) -> Collision:
    requirements = tuple(_conflicting(party, history) for party in parties)
    versions = next(iter(parties[0].values())).requirement.versions
    passed_over = tuple(_passed_over(versions, requirements, judge))
    return Collision(versions, requirements, passed_over)


def _conflicting(party: dict[Pin | None, Cause], history: History) -> ConflictingRequirement:
    pins = sorted((pin for pin in party if pin is not None), key=lambda pin: pin.at)
    stated = next(iter(party.values())).requirement.stated
    if not pins:
        return ConflictingRequirement(stated, None, (), ())
    because = tuple(reversed(list(way_up(pins[-1], history))))
    if stated.origin:
        return ConflictingRequirement(stated, None, (), because)
    versions = tuple(dict.fromkeys(str(pin.version) for pin in pins))
    return ConflictingRequirement(stated, str(pins[0].key), versions, because)


def way_up(pin: Pin, history: History) -> Iterator[Step]:
    """The shortest way from a package up to env.toml: who asks for it, who asks for that."""
    ways: list[tuple[Pin, tuple[Step, ...]]] = [(pin, ())]
    seen = {pin.key}
    for one, below in ways:
        for parent, requirement in history.parents.get(one.key, {}).items():
            if parent is None:
                stated = requirement.stated
                yield from (*below, Step(stated.origin or "env.toml", stated))
                return
            if parent.key not in seen:
                seen.add(parent.key)
                step = Step(f"{parent.key} {parent.version}", requirement.stated)
                ways.append((parent, (*below, step)))


def _unusable(rejections: Iterable[Sequence[Cause]]) -> Iterator[Unusable]:
    alike: dict[tuple[str, Reason], dict[str, None]] = {}
    for requirement, parent in (causes[-1] for causes in rejections):
        if requirement.reason and parent is not None:
            same = alike.setdefault((str(parent.key), requirement.reason), {})
            same[str(parent.version)] = None
    for (package, reason), versions in alike.items():
        yield Unusable(package, tuple(reversed(versions)), reason)


def _passed_over(
    versions: PackageVersions, requirements: Sequence[ConflictingRequirement], judge: _Judge
) -> Iterator[PassedOver]:
    """Versions that satisfy the specifiers and were not available, by reason, newest first."""
    by_reason: dict[Reason, list[str]] = {}
    specifiers = [conflicting.stated.specifier for conflicting in requirements]
    for rejected in versions.rejected:
        version = parse_version(rejected.version)
        if version is not None and all(one.contains(version, True) for one in specifiers):
            by_reason.setdefault(rejected.reason, []).append(str(version))
    mask = versions.table.all
    for specifier in specifiers:
        mask &= versions.table.accepted(specifier)
    for at, reason in judge.reasons(versions).items():
        if mask >> at & 1:
            by_reason.setdefault(reason, []).append(str(versions.candidates[at].version))
    for reason, texts in by_reason.items():
        yield PassedOver(tuple(texts), reason)
