"""Turn env.toml into the resolver's input: what is covered and required, under which policy."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from envsync.catalog.places import source_rules
from envsync.errors import EnvsyncError, UsageError
from envsync.model.marker import (
    ALWAYS,
    NEVER,
    MarkerSet,
    extra,
    from_marker,
    from_requires_python,
    group,
)
from envsync.model.marker_diagram import TooLarge
from envsync.model.resolution import RootRequirement
from envsync.project.request import LockOptions
from envsync.resolve.candidates import ResolvePolicy
from envsync.spec.members import places
from envsync.spec.model import Part, Spec

OLDEST_PYTHON = SpecifierSet(">=3.8")
_WIDTH = 300
"""Characters of a requirement in a message."""


def covered_environments(spec: Spec, requires_python: SpecifierSet) -> MarkerSet:
    """What the lock covers: requires-python and `[lock] environments`. Raises `UsageError`."""
    covered = from_requires_python(requires_python) & from_requires_python(OLDEST_PYTHON)
    if covered.is_never():
        raise UsageError(
            f"env.requires-python: {requires_python} admits no Python that can be used",
            hint="envsync makes environments for Python 3.8 and newer",
        )
    if not spec.lock.environments:
        return covered
    limits = NEVER
    for marker in spec.lock.environments:
        where = from_marker(marker)
        if where.is_disjoint(covered):
            raise UsageError(
                f"{spec.place('lock.environments')}: there is no environment where {marker}, "
                f"with requires-python {requires_python}",
                hint="change [lock] environments or [env] requires-python in env.toml",
            )
        limits |= where
    return covered & limits


def resolve_policy(
    spec: Spec,
    environments: MarkerSet,
    newest: datetime | None,
    options: LockOptions,
    by_index: Mapping[str, datetime | None],
) -> ResolvePolicy:
    """What steers the resolution; `newest` is the absolute time of exclude-newer, `by_index` those
    of indexes with one of their own.
    """
    lock = spec.lock
    return ResolvePolicy(
        environments=environments,
        required_environments=tuple(_required(spec, environments)),
        resolution=lock.resolution,
        prereleases=lock.prereleases,
        exclude_newer=newest,
        index_exclude_newer=by_index,
        constraints=lock.constraints,
        overrides=lock.overrides,
        ignore_requires_python=frozenset(lock.ignore_requires_python),
        no_binary=lock.no_binary,
        build_allow=spec.build.allow,
        upgrade=options.upgrade,
        sources=source_rules(spec),
        conflicts=tuple(tuple(_any_of(member) for member in members) for members in spec.exclusive),
        place=spec.place,
    )


def _required(spec: Spec, environments: MarkerSet) -> Iterator[MarkerSet]:
    for marker in spec.lock.required_environments:
        where = from_marker(marker)
        if where.is_disjoint(environments):
            raise UsageError(
                f"lock.required-environments: the lock does not cover {marker}",
                hint="change it, [lock] environments or [env] requires-python in env.toml",
            )
        yield where


def _any_of(parts: Iterable[Part]) -> MarkerSet:
    """Where one of some extras and groups is installed."""
    where = NEVER
    for part in parts:
        where = where | (extra(part.name) if part.kind == "extra" else group(part.name))
    return where


def root_requirements(spec: Spec) -> Iterator[RootRequirement]:
    """Give every requirement of env.toml with the extras and groups that bring it in."""
    for requirement in spec.dependencies:
        yield _one(requirement, ALWAYS, spec.place("env.dependencies"))
    for name in spec.seed:
        yield _one(Requirement(name), ALWAYS, spec.place("env.seed"))
    for name, requirements in spec.optional_dependencies.items():
        for requirement in requirements:
            yield _one(requirement, extra(name), spec.place(f"extra {name}"))
    of_members = places(spec.members)
    for name, requirements in spec.dependency_groups.items():
        where = of_members.get(name) or spec.place(f"group {name}")
        for requirement in requirements:
            yield _one(requirement, group(name), where)


def _one(requirement: Requirement, condition: MarkerSet, origin: str) -> RootRequirement:
    marker = from_marker(requirement.marker)
    if marker.is_never():
        raise UsageError(
            f"{origin}: {requirement}: its marker contradicts itself: no environment meets it",
            hint="change the marker in env.toml, or leave the requirement out",
        )
    return RootRequirement(requirement, condition & marker, origin)


@contextmanager
def markers_within_reason(spec: Spec) -> Iterator[None]:
    """Say which markers are large when those of a problem are too large together.

    Each may be fine alone. Raises `EnvsyncError` for a `TooLarge` that is raised inside.
    """
    try:
        yield
    except TooLarge as error:
        large = sorted(
            root_requirements(spec), key=lambda one: len(str(one.requirement.marker or ""))
        )
        raise EnvsyncError(
            "the markers of all requirements have too many cases together; the longest are:",
            lines=tuple(f"{one.origin}: {one.requirement}"[:_WIDTH] for one in large[:-4:-1]),
            hint="use simpler markers, or say under [lock] environments what the lock is for",
        ) from error
