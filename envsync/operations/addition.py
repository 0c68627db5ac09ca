"""What is added to a lock whose answer is known: it alone is resolved, where the rest stays.

The lock's own resolution told which of its pins are firm (`resolve.unmoved`). Where what is new
leads to those alone, and to packages that the lock has not, all else is as it was: its rows stay,
and nothing of it is looked at but whether the index still says the same.
"""

from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from packaging.pylock import Pylock
from packaging.utils import NormalizedName

from envsync.catalog.decisions import Decision
from envsync.catalog.memory import keep_locked
from envsync.catalog.resolver_input import root_requirements
from envsync.errors import NoSolution, PackageNotFound
from envsync.events import Reporter
from envsync.lock.coverage import Gap, gaps, newest_python, wheels_of
from envsync.lock.filenames import artifact_filename
from envsync.model.marker import ALWAYS, from_marker
from envsync.model.resolution import Resolution, RootRequirement
from envsync.operations.unchanged import decisions_about
from envsync.resolve.candidates import ResolvePolicy, may_build
from envsync.resolve.region_view import Preferences
from envsync.resolve.universal import resolve
from envsync.resolve.unmoved import LockedPin, is_apart
from envsync.settings import Settings
from envsync.spec.model import Spec

if TYPE_CHECKING:
    from envsync.acquire.package_sources import PackageSources


class Standing(NamedTuple):
    """A lock that answers what was asked before something was added."""

    lock: tuple[Pylock, str]
    """With its text."""
    decision: Decision
    added: tuple[RootRequirement, ...]
    """What is asked besides."""


class Extended(NamedTuple):
    """What an addition came to that leaves all that was locked as it is."""

    resolution: Resolution
    """Of the addition alone."""
    decision: Decision
    """About the whole."""


def find_standing(
    earlier: tuple[Spec, str],
    now: Spec,
    lock: tuple[Pylock, bytes],
    policy_of: Callable[[Spec], ResolvePolicy],
    settings: Settings,
) -> Standing | None:
    """Give the lock on disk as one that is only to be extended; None where it is not.

    `earlier` is env.toml as it was, with its text, `now` what it is to be.
    """
    spec, text = earlier
    before, roots = list(root_requirements(spec)), list(root_requirements(now))
    added = tuple(one for one in roots if one not in before)
    is_more = len(before) + len(added) == len(roots) and all(one in roots for one in before)
    # Where a key stands is for messages.
    policy = policy_of(now)._replace(place=spec.place)
    if not is_more or policy_of(spec)._replace(place=spec.place) != policy or policy.conflicts:
        return None
    pylock, data = lock
    decision = decisions_about(text, settings, spec.inputs).find_firm(data)
    return None if decision is None else Standing((pylock, data.decode()), decision, added)


def extend(
    standing: Standing,
    policy: ResolvePolicy,
    preferences: Preferences,
    sources: "PackageSources",
    settings: Settings,
    reporter: Reporter,
) -> Extended | None:
    """Resolve what is new alone; None where that doesn't show that all else stays as it is.

    Raises what the catalog raises, as `resolve` does.
    """
    known = standing.decision
    if not sources.say_the_same(known.pages):
        return None
    catalog = sources.catalog(policy, preferences)
    try:
        found = resolve(
            standing.added,
            environments=policy.environments,
            policy=policy,
            preferences=preferences,
            catalog=catalog,
            reporter=reporter,
        )
    except (NoSolution, PackageNotFound):
        return None  # all that is asked together has more to say of it
    rows = {row.name: row for row in standing.lock[0].packages}
    new = tuple(one for one in found.packages if one.name not in rows)
    missing = _gaps(standing, found._replace(packages=new), policy)
    pages = catalog.decided_by()
    if not is_apart(found, _firm_pins(standing, found), rows) or missing is None or pages is None:
        return None
    if sources.hashed(found, standing.lock[0]) is not found:
        return None
    if sources.lock_builds(found._replace(packages=new), policy, standing.lock[0]):
        return None
    reporter.detail(f"{found.rounds} rounds for {len(new)} packages besides what is locked")
    keep_locked(settings.cache_dir, new)
    names = frozenset(one.name for one in new)
    return Extended(
        found,
        Decision(
            pages={**known.pages, **pages},
            packages=known.packages + len(new),
            notices=known.notices,
            gaps=missing,
            is_free=False,
            unmoved=known.unmoved | names,
            firm=known.firm | names,
        ),
    )


def _firm_pins(standing: Standing, found: Resolution) -> dict[NormalizedName, LockedPin]:
    """The lock's firm pins, as far as the addition leads to them."""
    names = {one.name for one in found.packages} & standing.decision.firm
    return {
        row.name: LockedPin(row.version, from_marker(row.marker) if row.marker else ALWAYS)
        for row in standing.lock[0].packages
        if row.name in names and row.version is not None
    }


def _gaps(standing: Standing, new: Resolution, policy: ResolvePolicy) -> tuple[Gap, ...] | None:
    """What the whole lacks; None where what is new makes a difference for what was locked."""
    locked = [
        artifact_filename(wheel) for row in standing.lock[0].packages for wheel in row.wheels or ()
    ]
    newest = newest_python(locked)
    if newest_python((*locked, *wheels_of(new.packages))) != newest:
        return None
    missing = gaps(new, partial(_may_build, policy), newest)
    return tuple(sorted((*standing.decision.gaps, *missing), key=lambda gap: gap.name))


def _may_build(policy: ResolvePolicy, name: NormalizedName) -> bool:
    return may_build(name, policy)


def bounded(decision: Decision | None, pylock: Pylock, names: Collection[str]) -> Decision | None:
    """Give what is known of a lock once packages are asked for with a bound that their pins meet.

    None where that might be decided otherwise: where what they lead to isn't firm. And it was not
    found without old pins, which may be needed for it now.
    """
    if decision is None:
        return None
    led_to = {row.name: [one["name"] for one in row.dependencies or ()] for row in pylock.packages}
    seen, waiting = set(names), list(names)
    while waiting:
        for name in led_to.get(NormalizedName(waiting.pop()), ()):
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return decision._replace(is_free=False) if seen <= decision.firm else None
