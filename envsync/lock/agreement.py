"""Say whether a wheel's metadata fits what was locked, where another file spoke for its version.

Wheels of one version may differ, as those for several platforms or accelerators do, and a build may
word things otherwise. What counts then is what the wheel requires in this environment: the pins
must meet it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envsync.lock.pins import Pinned
from envsync.lock.select import admits
from envsync.model.candidate import CoreMetadata
from envsync.model.target import Target
from envsync.wheel.facts import requirement_text


class Terms(NamedTuple):
    """What env.toml says in place of metadata."""

    overrides: Sequence[Requirement] = ()
    any_python: Sequence[str] = ()
    """Packages whose own Requires-Python is not believed."""


class Unmet(NamedTuple):
    """One thing that a wheel asks for and the lock has not."""

    wanted: str
    """As a line of METADATA."""
    locked: str
    name: str = ""
    """The package that is asked for."""


def unmet(
    metadata: CoreMetadata, pin: Pinned, pins: Iterable[Pinned], target: Target, terms: Terms
) -> tuple[Unmet, ...]:
    """What a wheel that is installed for `pin` asks for in an environment of `target`, and the
    other pins of that environment don't give.
    """
    problems = list(_python(metadata, pin, target, terms))
    by_name = {one.name: one for one in pins}
    for requirement in _applying(metadata.requires_dist, pin.extras, target):
        for asked in _overridden(requirement, target, terms):
            problem = _unmet(asked, by_name.get(canonicalize_name(asked.name)))
            if problem is not None:
                line = f"Requires-Dist: {requirement_text(requirement)}"
                problems.append(Unmet(line, problem, canonicalize_name(asked.name)))
    return tuple(dict.fromkeys(problems))


def _python(metadata: CoreMetadata, pin: Pinned, target: Target, terms: Terms) -> Iterator[Unmet]:
    if pin.name not in terms.any_python and not admits(metadata.requires_python, target):
        yield Unmet(f"Requires-Python: {metadata.requires_python}", f"Python {target.version}")


def python_differs(metadata: CoreMetadata, pin: Pinned, terms: Terms) -> tuple[Unmet, ...]:
    """For a lock without evidence: whether the Requires-Python that it has is another one."""
    said = metadata.requires_python
    if not pin.requires_python or said is None or pin.name in terms.any_python:
        return ()
    if said == SpecifierSet(pin.requires_python):
        return ()
    return (Unmet(f"Requires-Python: {said}", f"Requires-Python: {pin.requires_python}"),)


def _applying(
    requirements: Iterable[Requirement], extras: Sequence[str], target: Target
) -> Iterator[Requirement]:
    """Those that hold without any extra, or with one of these."""
    for requirement in requirements:
        marker = requirement.marker
        if marker is None or any(_holds(marker, extra, target) for extra in ("", *extras)):
            yield requirement


def _holds(marker: Marker, extra: str, target: Target) -> bool:
    """Say whether a marker holds; one that has no meaning does, so that nothing slips through."""
    try:
        return marker.evaluate({**target.environment, "extra": extra})
    except (UndefinedComparison, UndefinedEnvironmentName):
        return True


def _overridden(requirement: Requirement, target: Target, terms: Terms) -> Sequence[Requirement]:
    """What env.toml puts in place of a requirement: itself, others, or nothing at all."""
    name = canonicalize_name(requirement.name)
    instead = [one for one in terms.overrides if canonicalize_name(one.name) == name]
    if not instead:
        return (requirement,)
    return [one for one in instead if one.marker is None or _holds(one.marker, "", target)]


def _unmet(requirement: Requirement, pin: Pinned | None) -> str | None:
    """What the lock has in place of what is asked for; None where it fits."""
    name = canonicalize_name(requirement.name)
    if pin is None:
        return f"no {name} here"
    if pin.version and not requirement.specifier.contains(pin.version, prereleases=True):
        return f"{name} {pin.version}"
    missing = sorted(set(map(canonicalize_name, requirement.extras)) - set(pin.extras))
    return f"{name} without the extra {missing[0]}" if missing else None
