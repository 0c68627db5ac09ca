"""Read requirements into needs: extras decided, overrides and constraints applied.

A need is about one package, or about one extra of it. `flask[async]>=3` is two needs: flask>=3 and
the extra async of flask>=3. Constraints ride along as further needs of whoever needs the package,
so that they are split by their markers and explained like any other requirement.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envsync.model.candidate import CoreMetadata
from envsync.model.marker import ALWAYS, MarkerSet, from_marker
from envsync.model.resolution import Wanted
from envsync.resolve.candidates import ResolvePolicy

# `packaging` writes markers in one way only: extra == "name", with double quotes.
_EXTRA = re.compile(r'extra == "([^"]*)"')


class Need(NamedTuple):
    """What somebody requires of one package, or of one extra of it."""

    name: NormalizedName
    extra: NormalizedName | None
    specifier: SpecifierSet
    marker: MarkerSet
    """Where it is required, given that whoever requires it is installed."""
    origin: str | None = None
    """The place in env.toml that asks, or None for what a package's metadata asks."""
    exactly: Version | None = None
    """Set where an extra ties its package to the extra's own version."""

    def __str__(self) -> str:
        extra = f"[{self.extra}]" if self.extra else ""
        return f"{self.name}{extra}{self.specifier}"


class Refused(Exception):
    """Raised inside the resolver: a version cannot be used at all, for this reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Dependencies:
    """One version's requirements, sorted once by the extras that they depend on.

    A big package has a thousand of them for a hundred extras: reading them all for each extra would
    be most of the work.
    """

    def __init__(self, metadata: CoreMetadata) -> None:
        """Raises Refused for a marker that cannot be read."""
        self.name = metadata.name
        self.plain: list[tuple[Requirement, MarkerSet]] = []
        """What is required without any extra, and where."""
        self._by_extra: dict[str, list[tuple[Requirement, MarkerSet]]] = {}
        for requirement in metadata.requires_dist:
            try:
                self._add(requirement, from_marker(requirement.marker))
            except ValueError as error:
                raise Refused(f"it requires {requirement.name} by a bad marker: {error}") from error

    def of_extra(self, extra: str) -> Iterator[tuple[Requirement, MarkerSet]]:
        """What an extra adds, and where."""
        for requirement, marker in self._by_extra.get(extra, ()):
            added = marker.assign_extras({extra}) - marker.assign_extras(())
            if not added.is_never():
                yield requirement, added

    def _add(self, requirement: Requirement, marker: MarkerSet) -> None:
        without = marker.assign_extras(())
        if not without.is_never():
            self.plain.append((requirement, without))
        if without is not marker:
            names = {canonicalize_name(name) for name in _EXTRA.findall(str(requirement.marker))}
            for name in sorted(names):
                self._by_extra.setdefault(name, []).append((requirement, marker))


class NeedReader:
    """Reads requirements under one policy; holds what constraints and overrides change."""

    def __init__(self, policy: ResolvePolicy, roots: Sequence[Wanted]) -> None:
        self._overrides = _by_name(policy.overrides)
        self._constraints = _by_name(policy.constraints)
        self._declared = dict(_declared_sources(policy, roots))

    def sources(self, name: NormalizedName) -> tuple[tuple[MarkerSet, str], ...]:
        """Where env.toml says that a package comes from, by marker; the first that fits counts."""
        return self._declared.get(name, ())

    def of_root(self, wanted: Wanted) -> tuple[Need, ...]:
        """The needs that one requirement of env.toml stands for."""
        return tuple(self._read(wanted.requirement, wanted.marker, wanted.origin))

    def of_package(self, dependencies: "Dependencies") -> tuple[Need, ...]:
        """The needs of a package without any of its extras.

        Raises Refused for a direct reference that env.toml does not declare (hazards H18).
        """
        return tuple(self._of_lines(dependencies.plain))

    def of_extra(
        self, dependencies: "Dependencies", extra: NormalizedName, version: Version
    ) -> tuple[Need, ...]:
        """The needs that one extra adds: its own package in the same version, and its share."""
        name = dependencies.name
        package = Need(name, None, _exactly(version), ALWAYS, origin=None, exactly=version)
        return (package, *self._of_lines(dependencies.of_extra(extra)))

    def _of_lines(self, lines: Iterable[tuple[Requirement, MarkerSet]]) -> Iterator[Need]:
        for requirement, marker in lines:
            self._check_reference(requirement)
            yield from self._read(requirement, marker, None)

    def _check_reference(self, requirement: Requirement) -> None:
        if requirement.url and canonicalize_name(requirement.name) not in self._declared:
            raise Refused(
                f"it requires {requirement.name} from {requirement.url}, "
                "a direct reference that env.toml does not declare"
            )

    def _read(
        self, requirement: Requirement, marker: MarkerSet, origin: str | None
    ) -> Iterator[Need]:
        name = canonicalize_name(requirement.name)
        overrides = self._overrides.get(name)
        if overrides is None:
            yield from _needs(requirement, requirement.extras, marker, origin)
        for override in overrides or ():
            where = marker & from_marker(override.marker)
            if not where.is_never():
                extras = requirement.extras | override.extras
                yield from _needs(override, extras, where, "env.toml: lock.overrides")
        for constraint in self._constraints.get(name, ()):
            where = marker & from_marker(constraint.marker)
            if not where.is_never():
                yield from _needs(constraint, (), where, "env.toml: lock.constraints")


def _needs(
    requirement: Requirement, extras: Iterable[str], marker: MarkerSet, origin: str | None
) -> Iterator[Need]:
    name, specifier = canonicalize_name(requirement.name), requirement.specifier
    yield Need(name, None, specifier, marker, origin)
    for extra in sorted({canonicalize_name(extra) for extra in extras}):
        yield Need(name, extra, specifier, marker, origin)


def _by_name(requirements: Iterable[Requirement]) -> dict[NormalizedName, list[Requirement]]:
    found: dict[NormalizedName, list[Requirement]] = {}
    for requirement in requirements:
        found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def _declared_sources(
    policy: ResolvePolicy, roots: Sequence[Wanted]
) -> Mapping[NormalizedName, tuple[tuple[MarkerSet, str], ...]]:
    """`[sources]` and the direct references of the roots.

    A direct reference counts in every extra and group: which of them are installed must not
    change where a package comes from.
    """
    found = {canonicalize_name(name): entry for name, entry in policy.sources.items()}
    asked = [(wanted.requirement, wanted.marker.without_extras()) for wanted in roots]
    asked += [(override, from_marker(override.marker)) for override in policy.overrides]
    for requirement, where in asked:
        if requirement.url:
            name = canonicalize_name(requirement.name)
            found[name] = (*found.get(name, ()), (where, requirement.url))
    return found


@lru_cache(maxsize=4096)
def _exactly(version: Version) -> SpecifierSet:
    return SpecifierSet(f"=={version}")
