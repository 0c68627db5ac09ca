"""Say how env.toml wants a package built, and give that a name, so that a change is noticed.

What comes from the user's shell (`pass`, a local folder's environment) is no part of the name: an
environment would be another one in every shell. It is part of the key of what was built.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envsync.lock.builds import LockedBuild, build_for
from envsync.lock.pins import Pinned
from envsync.spec.model import ALL, BuildPolicy, SourceSpec


class Recipe(NamedTuple):
    """What `[build]` says of one package."""

    settings: Mapping[str, str | Sequence[str]] = {}
    requires: Sequence[Requirement] = ()
    variables: Mapping[str, str] = {}
    isolated: bool = True
    """Built in an environment of its own requirements, not beside what the project installs."""
    unconfined: bool = False
    """With the network, and allowed to write wherever the user may."""
    constraints: Sequence[Requirement] = ()
    """Bounds for what it requires, which are the same for all packages."""


def recipe_of(build: BuildPolicy, package: str) -> Recipe:
    """Give what `[build]` says of a package."""
    name = canonicalize_name(package)
    return Recipe(
        build.config_settings.get(name, {}),
        build.extra_build_requires.get(name, ()),
        build.environment.get(name, {}),
        name not in build.no_isolation,
        ALL in build.unconfined or name in build.unconfined,
        build.constraints,
    )


def beside(recipe: Recipe, pins: Iterable[Pinned]) -> tuple[str, ...]:
    """Name what a build without isolation depends on by its own word: `extra-build-requires`.

    What else it sees it may not have looked at, and building is dear.
    """
    if recipe.isolated:
        return ()
    wanted = {canonicalize_name(requirement.name) for requirement in recipe.requires}
    return tuple(
        sorted(f"{pin.name} {pin.version} {pin.sha256}" for pin in pins if pin.name in wanted)
    )


def recipe_marks(
    build: BuildPolicy,
    pins: Sequence[Pinned],
    builds: Sequence[LockedBuild] = (),
    source_of: Callable[[Pinned], SourceSpec | None] = lambda _: None,
) -> Mapping[str, str]:
    """Name the recipe of each pin that is built and of which `[build]`, what was locked for its
    build, or the source that env.toml has it from, says anything.
    """
    marks = {}
    for pin in pins:
        if pin.is_wheel:
            continue
        recipe, locked = recipe_of(build, pin.name), build_for(builds, canonicalize_name(pin.name))
        source = source_of(pin) if pin.kind == "vcs" else None
        more = [key for key in ("submodules", "lfs") if source and getattr(source, key)]
        if recipe != Recipe() or locked is not None or more:
            seen = beside(recipe, pins)
            marks[pin.name] = _mark(recipe, (*seen, locked.digest()) if locked else seen, more)
    return marks


def _mark(recipe: Recipe, seen: Sequence[str], more: Sequence[str]) -> str:
    facts = (
        *(dict(recipe.settings), sorted(map(str, recipe.requires)), dict(recipe.variables)),
        *(recipe.isolated, seen, *more),
        # What is not set is left out: nothing is built anew for want of a key.
        *([sorted(map(str, recipe.constraints))] if recipe.constraints else ()),
    )
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
