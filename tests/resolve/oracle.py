"""A second opinion on resolutions that shares no code with the resolver.

`solvable` searches one environment by brute force; `check` looks at what an installer would select
from a resolution in one environment and compares it with what the requirements say. Both use
nothing but `packaging` and the universe.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import chain, combinations, product
from typing import NamedTuple

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.model.resolution import Resolution
from tests.support.catalog import Release, Scenario, Universe

PLATFORMS = {
    "linux": ("linux", "Linux", "posix", "x86_64"),
    "mac": ("darwin", "Darwin", "posix", "arm64"),
    "windows": ("win32", "Windows", "nt", "AMD64"),
}


class Environment(NamedTuple):
    """One place to install to: marker variables, and the root's extras and groups."""

    variables: Mapping[str, str]
    extras: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


def environment(python: str, platform: str, implementation: str = "cpython") -> dict[str, str]:
    """The marker variables of an interpreter, "3.11.4" on "linux", "mac" or "windows"."""
    sys_platform, system, os_name, machine = PLATFORMS[platform]
    return {
        "python_version": ".".join(python.split(".")[:2]),
        "python_full_version": python,
        "implementation_name": implementation,
        "implementation_version": python,
        "platform_python_implementation": {"cpython": "CPython", "pypy": "PyPy"}[implementation],
        "sys_platform": sys_platform,
        "platform_system": system,
        "os_name": os_name,
        "platform_machine": machine,
        "platform_release": "6.1",
        "platform_version": "#1",
    }


def grid(
    pythons: Iterable[str], extras: Iterable[str] = (), groups: Iterable[str] = ()
) -> Iterator[Environment]:
    """Every Python on every platform with every choice of extras and groups."""
    names = [("extra", one) for one in extras] + [("group", one) for one in groups]
    choices = list(chain.from_iterable(combinations(names, n) for n in range(len(names) + 1)))
    for python, platform, chosen in product(pythons, PLATFORMS, choices):
        yield Environment(
            environment(python, platform),
            frozenset(name for kind, name in chosen if kind == "extra"),
            frozenset(name for kind, name in chosen if kind == "group"),
        )


# -- what applies -----------------------------------------------------------------------------


def _holds(marker: Marker | None, variables: Mapping[str, str], extra: str = "") -> bool:
    return marker is None or marker.evaluate({**variables, "extra": extra})


def _is_on(wanted_origin: str, place: Environment) -> bool:
    kind, _, name = wanted_origin.partition(" ")
    chosen = {"extra": place.extras, "group": place.groups}.get(kind)
    return chosen is None or name in chosen


def root_requirements(scenario: Scenario, place: Environment) -> list[Requirement]:
    """What env.toml asks in an environment."""
    return [
        wanted.requirement
        for wanted in scenario.roots
        if _is_on(wanted.origin, place) and _holds(wanted.requirement.marker, place.variables)
    ]


def _dependencies(release: Release, extras: Iterable[str], place: Environment) -> list[Requirement]:
    return [
        requirement
        for requirement in release.requires
        if any(_holds(requirement.marker, place.variables, extra) for extra in ("", *extras))
    ]


# -- brute force ------------------------------------------------------------------------------


def solvable(scenario: Scenario, place: Environment) -> bool:
    """Whether some choice of versions satisfies everything in one environment."""
    return _search({}, root_requirements(scenario, place), scenario.universe, place)


def _search(
    chosen: Mapping[str, tuple[str, frozenset[str]]],
    open_requirements: list[Requirement],
    universe: Universe,
    place: Environment,
) -> bool:
    """`chosen`: the version and the extras of each package so far."""
    if not open_requirements:
        return True
    first, *rest = open_requirements
    name = canonicalize_name(first.name)
    known = chosen.get(name)
    texts = universe.get(name, {}) if known is None else [known[0]]
    for text in texts:
        release = universe[name][text]
        if not _usable(release, place) or not first.specifier.contains(text, prereleases=True):
            continue
        extras = frozenset(first.extras) | (known[1] if known else frozenset())
        if known is not None and extras == known[1]:
            return _search(chosen, rest, universe, place)
        new = _dependencies(release, extras, place)
        if _search({**chosen, name: (text, extras)}, [*rest, *new], universe, place):
            return True
    return False


def _usable(release: Release, place: Environment) -> bool:
    """Lower bounds on Python bind, upper ones don't (design.md section 4)."""
    lower = [one for one in (release.requires_python or "").split(",") if "<" not in one]
    return SpecifierSet(",".join(lower)).contains(place.variables["python_full_version"])


# -- pre-releases -----------------------------------------------------------------------------


def contained(scenario: Scenario, place: Environment) -> bool:
    """Whether some choice takes pre-releases only of packages without a stable one that fits.

    That is: no stable version of the package meets all that is asked of it without its own doing.
    """
    roots = root_requirements(scenario, place)
    names = sorted(scenario.universe)
    for versions in product(*([None, *scenario.universe[name]] for name in names)):
        chosen: dict[str, Version] = {
            n: Version(v) for n, v in zip(names, versions, strict=True) if v is not None
        }
        asked = _asked(scenario, chosen, roots, place)
        is_answer = asked is not None and set(asked) == set(chosen)
        if is_answer and _is_grounded(scenario, chosen, roots, place):
            return True
    return False


def stabilized(scenario: Scenario, name: str) -> Scenario:
    """The same without the pre-releases of one package."""
    stable = {
        text: release
        for text, release in scenario.universe[name].items()
        if not Version(text).is_prerelease
    }
    return scenario._replace(universe={**scenario.universe, name: stable})


def _is_grounded(
    scenario: Scenario, chosen: Mapping[str, Version], roots: list[Requirement], place: Environment
) -> bool:
    """Whether everything in a choice follows, step by step, from what was taken before it."""
    taken: set[str] = set()
    while True:
        asked = _asked(scenario, chosen, roots, place, taken) or {}
        new = {
            name
            for name, requirements in asked.items()
            if name not in taken
            and not (
                chosen[name].is_prerelease and stable_fits(scenario, name, requirements, place)
            )
        }
        if not new:
            return taken == set(chosen)
        taken |= new


def stable_fits(
    scenario: Scenario, name: str, asked: Iterable[Requirement], place: Environment
) -> bool:
    """Whether a stable version meets requirements in a place."""
    return any(
        not Version(text).is_prerelease
        and _usable(release, place)
        and all(one.specifier.contains(text, prereleases=True) for one in asked)
        for text, release in scenario.universe[name].items()
    )


def asked_in(
    scenario: Scenario, resolution: Resolution, place: Environment
) -> tuple[dict[str, Version], dict[str, list[Requirement]]]:
    """What is selected in a place, and what the selection asks of each package."""
    selected: dict[str, Version] = {
        package.name: package.version
        for package in resolution.packages
        if (marker := package.marker.simplify(resolution.environments).to_marker()) is None
        or _selects(marker, place)
    }
    asked = _asked(scenario, selected, root_requirements(scenario, place), place)
    assert asked is not None
    return selected, asked


def _asked(
    scenario: Scenario,
    chosen: Mapping[str, Version],
    roots: Iterable[Requirement],
    place: Environment,
    by: Container[str] | None = None,
) -> dict[str, list[Requirement]] | None:
    """What is asked of each package that the roots lead to; None where the choice is no answer.

    `by` limits whose requirements count, apart from the roots.
    """
    found: dict[str, list[Requirement]] = {}
    extras: dict[str, frozenset[str]] = {}
    waiting = list(roots)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        version = chosen.get(name)
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            return None
        release = scenario.universe[name][str(version)]
        if not _usable(release, place):
            return None
        found.setdefault(name, []).append(requirement)
        after = extras.get(name, frozenset()) | frozenset(requirement.extras)
        if extras.get(name) != after and (by is None or name in by):
            extras[name] = after
            waiting.extend(_dependencies(release, after, place))
    return found


# -- what an installer would do ---------------------------------------------------------------


def check(scenario: Scenario, resolution: Resolution, place: Environment) -> None:
    """Assert that the selection for an environment is closed, consistent and has nothing extra."""
    selected: dict[str, Version] = {}
    for package in resolution.packages:
        marker = package.marker.simplify(resolution.environments).to_marker()
        if marker is None or _selects(marker, place):
            assert package.name not in selected, f"two versions of {package.name} in {place}"
            selected[package.name] = package.version
    needed = _closure(scenario, selected, place)
    assert set(selected) == needed, f"{sorted(selected)} are selected, {sorted(needed)} needed"


def _selects(marker: Marker, place: Environment) -> bool:
    return marker.evaluate(
        {
            **place.variables,
            "extras": place.extras,
            "dependency_groups": place.groups,
        },
        context="lock_file",
    )


def _closure(scenario: Scenario, selected: Mapping[str, Version], place: Environment) -> set[str]:
    """Walk from the roots through the selection, checking every requirement on the way."""
    extras: dict[str, frozenset[str]] = {}
    waiting = root_requirements(scenario, place)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        assert name in selected, f"{requirement} is needed in {place}, and not selected"
        version = selected[name]
        assert requirement.specifier.contains(version, prereleases=True), (requirement, version)
        release = scenario.universe[name][str(version)]
        assert _usable(release, place), (name, version, place)
        before = extras.get(name)
        after = (before or frozenset()) | frozenset(requirement.extras)
        if after != before:
            extras[name] = after
            waiting.extend(_dependencies(release, after, place))
    return set(extras)
