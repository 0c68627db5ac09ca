"""Turn a failed search into plain sentences, with fixes that were tried before they are offered.

First the requirements of env.toml are thinned out as long as the rest has no solution either: what
remains is a core. Then its collisions are told: who requires what, why those are wanted, and which
versions would have done had they not been passed over.
"""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from envsync.errors import EnvsyncError, Leave, NoSolution, PackageNotFound
from envsync.model.marker import MarkerSet
from envsync.resolve.conflicts import Collision, ConflictingRequirement, Unusable, gather, way_up
from envsync.resolve.region import Trial, Unsolvable
from envsync.resolve.region_view import PackageKey
from envsync.resolve.rejections import (
    BadFile,
    BadMetadata,
    NeedsPython,
    NoUploadTime,
    NoUsableFile,
    OthersMetadata,
    PrereleaseNotAllowed,
    Reason,
    StrangeName,
    TooNew,
    UndeclaredReference,
)
from envsync.resolve.requirements import PackageRequirement, StatedRoots
from envsync.resolve.resolver_index import ResolverIndex
from envsync.spec.references import direct_source

_MOST_REQUIREMENTS = 100
"""With more of them the core is not looked for: each step is a resolution."""
_MOST_NAMED = 3
_MOST_COLLISIONS = 6


def explain(
    error: Unsolvable, index: ResolverIndex, roots: StatedRoots, trial: Trial
) -> EnvsyncError:
    """Make the error to raise for a region without solution: NoSolution, or PackageNotFound."""
    if error.gave_up:
        return _out_of_budget(error)
    core, failure = _core(error, roots, trial)
    collisions, unusable = gather(failure, index)
    hint = _hint_at(collisions)
    if hint is None and (missing := _missing(failure)) is not None:
        return missing
    lines = [*_where(failure, index), *_told(collisions, unusable)]
    hint = hint or _to_declare(unusable) or _undeclared(core)
    hint = hint or _tried_fix(error, core, roots, trial)
    hint = hint or _hint_at_unusable(unusable)
    return NoSolution(tuple(dict.fromkeys(lines)), hint=hint, unmet=_unmet(collisions))


def _unmet(collisions: Iterable[Collision]) -> dict[str, str]:
    """What is asked of packages of which the index that has them has no such version."""
    return {
        collision.versions.name: str(collision.requirements[0].stated.specifier)
        for collision in collisions
        if len(collision.requirements) == 1 and not collision.passed_over
    }


def _core(error: Unsolvable, roots: StatedRoots, trial: Trial) -> tuple[StatedRoots, Unsolvable]:
    """Drop requirements, many at a time and then one by one, while the rest still fails."""
    core = [group for group in roots if _counts(group, error.region)]
    if len(core) > _MOST_REQUIREMENTS:
        return core, error
    # Halves first: of many requirements most have no part in it, and each step is a resolution.
    failure, size = error, len(core) // 2
    while size:
        start = 0
        while start < len(core) > 1:
            fewer = core[:start] + core[start + size :]
            outcome = trial(error.region, fewer) if fewer else ()
            if isinstance(outcome, Unsolvable) and not outcome.gave_up:
                core, failure = fewer, outcome
            else:
                start += size
        size //= 2
    return core, failure


def _counts(group: Sequence[PackageRequirement], region: MarkerSet) -> bool:
    return any(not stated.marker.is_disjoint(region) for stated in group)


# -- sentences --------------------------------------------------------------------------------


def _where(failure: Unsolvable, index: ResolverIndex) -> Iterator[str]:
    part = failure.region.simplify(index.policy.environments)
    if not part.is_always():
        yield f"where {part}:"


def _told(collisions: Sequence[Collision], unusable: Sequence[Unusable]) -> Iterator[str]:
    for collision in collisions[:_MOST_COLLISIONS]:
        yield from _told_one(collision)
    for one in unusable[:_MOST_COLLISIONS]:
        yield f"{one.package} {_in_short(one.versions)} cannot be used: {one.reason}"
    left = sum(max(len(those) - _MOST_COLLISIONS, 0) for those in (collisions, unusable))
    if left:
        yield f"and {left} more collisions of this kind"
    shown = [
        conflicting for one in collisions[:_MOST_COLLISIONS] for conflicting in one.requirements
    ]
    yield from (_step(who, stated) for conflicting in shown for who, stated in conflicting.because)


def _told_one(collision: Collision) -> Iterator[str]:
    name, requirements = collision.versions.name, collision.requirements
    if len(requirements) == 1 and _is_impossible(requirements[0].stated):
        yield f"{_conflicting(requirements[0])}, and these bounds exclude each other"
        return
    if len(requirements) == 1:
        yield f"{_conflicting(requirements[0])}, but {_what_there_is(collision)}"
    elif len(requirements) == 2:
        yield f"{_conflicting(requirements[0])}, but {_conflicting(requirements[1])}"
    else:
        yield f"no version of {name} satisfies all of these:"
        yield from (f"- {_conflicting(conflicting)}" for conflicting in requirements)
    for one in collision.passed_over:
        were = "was" if len(one.versions) == 1 else "were"
        yield f"{name} {_in_short(one.versions)} {were} passed over: {one.reason}"


def _is_impossible(stated: PackageRequirement) -> bool:
    """Tell whether no version at all could be within the bounds."""
    return stated.specifier.is_unsatisfiable()


def _conflicting(conflicting: ConflictingRequirement) -> str:
    if conflicting.package is None:
        return f"{conflicting.stated.origin} asks for {conflicting.stated}"
    requires = "requires" if len(conflicting.versions) == 1 else "require"
    return (
        f"{conflicting.package} {_in_short(conflicting.versions)} {requires} {conflicting.stated}"
    )


def _step(who: str, stated: PackageRequirement) -> str:
    return f"{who} {'asks for' if stated.origin else 'requires'} {stated}"


def _what_there_is(collision: Collision) -> str:
    versions = [str(candidate.version) for candidate in collision.versions.candidates]
    if not versions and not collision.versions.rejected and collision.versions.index_url:
        return f"its page on {collision.versions.index_url} is empty"
    odd = [
        one.filename for one in collision.versions.rejected if isinstance(one.reason, StrangeName)
    ]
    if not versions and odd and len(odd) == len(collision.versions.rejected):
        return f"no file of it there has the name of a wheel or source distribution: {odd[0]}"
    if not versions:
        return f"there is no version of {collision.versions.name} that can be used"
    if collision.passed_over:
        return "no such version can be used"
    only = "the only version is" if len(versions) == 1 else "the versions are"
    return f"{only} {_in_short(versions)}"


def _in_short(versions: Sequence[str]) -> str:
    """Name a few versions one by one, many by the first and the last."""
    if len(versions) > _MOST_NAMED:
        return f"{versions[0]} to {versions[-1]} ({len(versions)} versions)"
    return " and ".join([", ".join(versions[:-1]), versions[-1]] if versions[1:] else versions)


def _missing(failure: Unsolvable) -> PackageNotFound | None:
    for causes in (failure.causes, *failure.history.rejections):
        for requirement, parent in causes:
            if requirement.reason or requirement.versions.missing is None:
                continue
            steps = [f"{requirement.stated.origin} asks for {requirement.stated}"]
            if parent is not None:
                steps = [_step(*step) for step in way_up(parent, failure.history)][::-1]
                steps.append(f"{parent} requires {requirement.stated}")
            return requirement.versions.missing.because("; ".join(steps))
    return None


def _out_of_budget(error: Unsolvable) -> NoSolution:
    if error.gave_up == "regions":
        return NoSolution(
            ["the requirements cut the environments into too many parts to solve one by one"],
            hint="name the environments that matter under `[lock] environments`",
        )
    counted = sorted(error.history.collisions.items(), key=lambda item: (-item[1], item[0]))
    names = [name for name, _ in counted[:_MOST_NAMED]]
    return NoSolution(
        [
            f"gave up after {error.history.rounds} rounds, without proof that there is no solution",
            f"what collided most: {', '.join(names) or 'nothing'}",
        ],
        hint=f"give {names[0]} and what requires it a lower bound" if names else None,
    )


# -- what would help --------------------------------------------------------------------------


def _hint_at(collisions: Iterable[Collision]) -> str | None:
    """A way out that the reasons for passing versions over suggest."""
    for collision in collisions:
        # The oldest that would do asks least: of Python, or of exclude-newer.
        for one in reversed(collision.passed_over):
            if hint := _hint_for(collision.versions.name, one.versions[0], one.reason):
                return hint
    return None


def _hint_at_unusable(unusable: Iterable[Unusable]) -> str | None:
    for one in unusable:
        if isinstance(one.reason, BadFile | BadMetadata | OthersMetadata):
            return f"have the file of {one.package} put right where it comes from, or leave it out"
    return None


def _hint_for(name: NormalizedName, version: str, reason: Reason) -> str | None:
    match reason:
        case NoUsableFile():
            return _hint_at_files(name, version, reason)
        case NeedsPython(requires_python=requires_python):
            return f"{name} {version} would do with requires-python {requires_python}"
        case PrereleaseNotAllowed():
            return f"a pre-release would do: {name} {version}"
        case NoUploadTime():
            return (
                f"take exclude-newer out of [lock], or have {name} from an index that says when "
                "its files were uploaded; exclude-newer = false under [[index]] lifts it for one"
            )
        case TooNew():
            return f"a later exclude-newer would allow {name} {version}"
    return None


def _to_declare(unusable: Iterable[Unusable]) -> str | None:
    """Say how env.toml could name the address that a package's metadata requires something from."""
    for one in unusable:
        if isinstance(one.reason, UndeclaredReference):
            with suppress(ValueError):
                direct_source(one.reason.url)  # env.toml can name it
                asked = shlex.quote(f"{one.reason.required} @ {one.reason.url}")
                return f"if you trust that address, `envsync add {asked}` names it in env.toml"
    return None


def _hint_at_files(name: NormalizedName, version: str, reason: NoUsableFile) -> str | None:
    other = ""
    if reason.pythons:
        python = reason.pythons[-1]
        other = (
            f'{name} {version} has a wheel for Python {python}: requires-python = "=={python}.*" '
            "under [env] locks for that"
        )
    if reason.has_source:
        return Leave(name, f" allows building {name}", before=f"{other}; or " if other else "")
    return other or None


def _undeclared(core: StatedRoots) -> str | None:
    """Extras and groups that collide could be declared as conflicting."""
    conditional = (
        group[0] for group in core if group[0].marker.without_extras() != group[0].marker
    )
    origins = list(dict.fromkeys(str(stated.origin) for stated in conditional))
    if len(origins) < 2:
        return None
    return f"if {' and '.join(origins)} are never installed together, say so: `[lock] conflicts`"


def _tried_fix(
    error: Unsolvable, core: StatedRoots, roots: StatedRoots, trial: Trial
) -> str | None:
    """A requirement of the core that may lose its bounds so that everything has a solution."""
    for group in core:
        stated = group[0]
        if not stated.specifier:
            continue
        if _is_impossible(stated):
            return f"correct `{stated}` ({stated.origin}): leave out the bound that isn't meant"
        free = [one._replace(specifier=SpecifierSet()) for one in group]
        # With all requirements, not with the core alone: what helps there may collide with the
        # rest.
        outcome = trial(error.region, [free if one is group else one for one in roots])
        if not isinstance(outcome, Unsolvable):
            pins = (pin for solution in outcome for pin in solution.pins.values())
            versions = sorted({pin.version for pin in pins if pin.key == PackageKey(stated.name)})
            return (
                f"without the bounds of `{stated}` ({stated.origin}) there is a solution, "
                f"with {stated.name} {_in_short([str(version) for version in versions])}"
            )
    return None
