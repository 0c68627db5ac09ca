"""Read requirements of one package or extra each: extras decided, overrides, constraints applied.

`flask[async]>=3` is two of them: flask>=3 and the extra async of flask>=3. Constraints ride along
as further requirements of whoever requires the package, so that they are split by their markers and
explained like any other.
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
from envsync.model.marker import ALWAYS, NEVER, MarkerSet, from_marker
from envsync.model.resolution import RootRequirement
from envsync.resolve.candidates import ResolvePolicy
from envsync.resolve.rejections import BadMarker, MetadataReason, UndeclaredReference

# The ways in which `packaging` writes markers.
_EXTRA = re.compile(r'extra == "([^"]*)"|"([^"]*)" == extra')


class PackageRequirement(NamedTuple):
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


StatedRoots = Sequence[Sequence[PackageRequirement]]
"""The requirements of env.toml, each as those of one package or extra that it stands for."""


class Refused(Exception):
    """Raised inside the resolver: a version cannot be used at all, for this reason."""

    def __init__(self, reason: MetadataReason) -> None:
        super().__init__(str(reason))
        self.reason = reason


class _Line(NamedTuple):
    """A requirement of some package's metadata, read."""

    requirement: Requirement
    marker: MarkerSet
    plain: MarkerSet
    """Where it holds without any extra."""
    extras: tuple[str, ...]
    """The extras that its marker names."""


class Dependencies(NamedTuple):
    """One version's requirements, sorted once by the extras that they depend on.

    A big package has a thousand of them for a hundred extras: reading them all for each extra would
    be most of the work.
    """

    name: NormalizedName
    plain: tuple[_Line, ...]
    by_extra: Mapping[str, Sequence[_Line]]


class RequirementReader:
    """Reads requirements under one policy; holds what constraints and overrides change."""

    def __init__(self, policy: ResolvePolicy, roots: Sequence[RootRequirement]) -> None:
        self._overrides = _by_name(policy.overrides)
        self._constraints = _by_name(policy.constraints)
        self._constraints_key = policy.constraints_key
        self._place = policy.place
        self._declared = dict(_declared_sources(policy, roots))
        self._lines: dict[int, _Line] = {}

    def sources(self, name: NormalizedName) -> tuple[tuple[MarkerSet, str], ...]:
        """Where env.toml says that a package comes from, by marker; the first that fits counts."""
        return self._declared.get(name, ())

    def of_root(self, root: RootRequirement) -> tuple[PackageRequirement, ...]:
        """What one requirement of env.toml stands for."""
        return tuple(self._read(root.requirement, root.marker, root.origin))

    def dependencies(self, metadata: CoreMetadata) -> Dependencies:
        """Sort a version's requirements. Raises Refused for a marker that cannot be read."""
        lines = [self._line(requirement) for requirement in metadata.requires_dist]
        by_extra: dict[str, list[_Line]] = {}
        for line in lines:
            for extra in line.extras:
                by_extra.setdefault(extra, []).append(line)
        plain = tuple(line for line in lines if not line.plain.is_never())
        return Dependencies(metadata.name, plain, by_extra)

    def of_package(self, dependencies: Dependencies) -> tuple[PackageRequirement, ...]:
        """The requirements of a package without any of its extras.

        Raises Refused for a direct reference that env.toml does not declare (hazards H18).
        """
        return tuple(self._of_lines((line.requirement, line.plain) for line in dependencies.plain))

    def of_extra(
        self, dependencies: Dependencies, extra: NormalizedName, version: Version
    ) -> tuple[PackageRequirement, ...]:
        """What one extra requires besides: its own package in the same version, and its share."""
        name = dependencies.name
        package = PackageRequirement(
            name, None, _exactly(version), ALWAYS, origin=None, exactly=version
        )
        lines = dependencies.by_extra.get(extra, ())
        added = ((one.requirement, one.marker.assign_extras({extra}) - one.plain) for one in lines)
        return (
            package,
            *self._of_lines((one, where) for one, where in added if where is not NEVER),
        )

    def _line(self, requirement: Requirement) -> _Line:
        # Equal texts are mostly one object (`wheel.requirement` keeps them), so that its identity
        # saves writing out the marker, which is slow. The line keeps the object alive.
        line = self._lines.get(id(requirement))
        if line is None:
            try:
                marker = from_marker(requirement.marker)
            except ValueError as error:
                raise Refused(BadMarker(requirement.name, str(error))) from error
            plain = marker.assign_extras(())
            extras = () if plain is marker else _extras_named(str(requirement.marker))
            line = self._lines[id(requirement)] = _Line(requirement, marker, plain, extras)
        return line

    def _of_lines(
        self, lines: Iterable[tuple[Requirement, MarkerSet]]
    ) -> Iterator[PackageRequirement]:
        for requirement, marker in lines:
            self._check_reference(requirement)
            yield from self._read(requirement, marker, None)

    def _check_reference(self, requirement: Requirement) -> None:
        if requirement.url and canonicalize_name(requirement.name) not in self._declared:
            raise Refused(UndeclaredReference(requirement.name, requirement.url))

    def _read(
        self, requirement: Requirement, marker: MarkerSet, origin: str | None
    ) -> Iterator[PackageRequirement]:
        name = canonicalize_name(requirement.name)
        overrides = self._overrides.get(name)
        if overrides is None:
            yield from _split(requirement, requirement.extras, marker, origin)
        for override in overrides or ():
            where = marker & from_marker(override.marker)
            if not where.is_never():
                extras = requirement.extras | override.extras
                yield from _split(override, extras, where, self._place("lock.overrides"))
        for constraint in self._constraints.get(name, ()):
            where = marker & from_marker(constraint.marker)
            if not where.is_never():
                yield from _split(constraint, (), where, self._place(self._constraints_key))


def _extras_named(marker_text: str) -> tuple[str, ...]:
    names = (one or other for one, other in _EXTRA.findall(marker_text))
    return tuple(sorted({canonicalize_name(name) for name in names}))


def _split(
    requirement: Requirement, extras: Iterable[str], marker: MarkerSet, origin: str | None
) -> Iterator[PackageRequirement]:
    name, specifier = canonicalize_name(requirement.name), requirement.specifier
    yield PackageRequirement(name, None, specifier, marker, origin)
    for extra in sorted({canonicalize_name(extra) for extra in extras}):
        yield PackageRequirement(name, extra, specifier, marker, origin)


def _by_name(requirements: Iterable[Requirement]) -> dict[NormalizedName, list[Requirement]]:
    by_name: dict[NormalizedName, list[Requirement]] = {}
    for requirement in requirements:
        by_name.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return by_name


def _declared_sources(
    policy: ResolvePolicy, roots: Sequence[RootRequirement]
) -> Mapping[NormalizedName, tuple[tuple[MarkerSet, str], ...]]:
    """`[sources]` and the direct references of the roots.

    A direct reference counts in every extra and group: which of them are installed must not
    change where a package comes from.
    """
    declared = {canonicalize_name(name): entry for name, entry in policy.sources.items()}
    asked = [(root.requirement, root.marker.without_extras()) for root in roots]
    asked += [(override, from_marker(override.marker)) for override in policy.overrides]
    for requirement, where in asked:
        if requirement.url:
            name = canonicalize_name(requirement.name)
            declared[name] = (*declared.get(name, ()), (where, requirement.url))
    return declared


@lru_cache(maxsize=4096)
def _exactly(version: Version) -> SpecifierSet:
    return SpecifierSet(f"=={version}")
