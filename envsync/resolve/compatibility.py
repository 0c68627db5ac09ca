"""Tell which environments a release is for: by its requires-python, and by the tags of its wheels.

Of a requires-python the lower bound binds while resolving. An upper bound never makes the resolver
fall back to an older release, because the older one only lacks the bound and not the reason for it.
The exception is Python 2: a release for Python 2 alone is no release for any Python 3.
"""

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from packaging.specifiers import SpecifierSet

from envsync.model.candidate import File
from envsync.model.marker import ALWAYS, NEVER, MarkerSet, from_requires_python
from envsync.model.version_text import parse_version
from envsync.model.wheel_markers import least_minor, serves
from envsync.resolve.versions import parse_specifiers

_LOWER = frozenset({">=", ">", "~=", "==", "==="})
_ANY_PYTHON_3 = SpecifierSet(">=3.0.dev0", prereleases=True)
_NO_SUCH_PYTHON = from_requires_python(SpecifierSet(">=4"))
_CPYTHON = re.compile(r"cp3([0-9]{1,2})(?![0-9])")
_LONGEST = 1_000
"""Characters of a requires-python; real ones have less than a hundred."""


@cache
def python_lower_bound(requires_python: SpecifierSet | None) -> MarkerSet:
    """Where a release may be used as far as its lower bound (or being for Python 2) says."""
    if requires_python is None:
        return ALWAYS
    if _is_for_python_2(requires_python):
        return NEVER
    bounds = _lower_bounds(requires_python)
    return from_requires_python(SpecifierSet(",".join(sorted(bounds)))) if bounds else ALWAYS


def _lower_bounds(requires_python: SpecifierSet) -> list[str]:
    """Its lower bounds with `>=` or `>`, which take no local version, as `==` does.

    Text that is no version, which `===` may have (PEP 440), bounds nothing.
    """
    bounds = []
    for one in requires_python:
        version = parse_version(one.version.removesuffix(".*"))
        if one.operator in _LOWER and version is not None:
            bounds.append(f"{'>' if one.operator == '>' else '>='}{version.public}")
    return bounds


@cache
def python_not_promised(requires_python: SpecifierSet | None) -> MarkerSet:
    """The Pythons above the lower bound that a release does not claim to run on.

    Python 4 and later are left out: `<4` is no news to anybody.
    """
    if requires_python is None:
        return NEVER
    claimed = from_requires_python(requires_python)
    return python_lower_bound(requires_python) & ~claimed & ~_NO_SUCH_PYTHON


@cache
def has_upper_bound(requires_python: SpecifierSet | None) -> bool:
    """Whether a release excludes any Python above its lower bound, as its own text has it."""
    return any(one.operator not in {">=", ">"} for one in requires_python or ())


@cache
def python_claimed(requires_python: SpecifierSet) -> MarkerSet:
    """The Pythons that a release claims to run on."""
    return from_requires_python(requires_python)


def _is_for_python_2(requires_python: SpecifierSet) -> bool:
    # Of what `===` names `packaging` can't tell: it is compared as text.
    known = ",".join(str(one) for one in requires_python if one.operator != "===")
    return SpecifierSet(known, prereleases=True).is_disjoint(_ANY_PYTHON_3)


def wheels_lower_bound(wheels: Iterable[File]) -> MarkerSet:
    """From which Python on some wheel can be used, whatever the platform.

    There is no upper end, for the same reason as in requires-python.
    """
    floor = min((least_minor(wheel.filename) for wheel in wheels), default=0)
    return python_lower_bound(_from_minor(floor))


@cache
def _from_minor(minor: int) -> SpecifierSet:
    return SpecifierSet(f">=3.{minor}")


class WheelJudge:
    """Tells whether files fit some environments at all; remembers each tag set it has seen."""

    def __init__(self, environments: MarkerSet) -> None:
        self._environments = environments
        self._wheels: dict[str, bool] = {}
        self._pythons: dict[str | None, bool] = {None: True}

    @staticmethod
    @lru_cache(maxsize=8)
    def of(environments: MarkerSet) -> "WheelJudge":
        """The judge for these environments, the same one each time."""
        return WheelJudge(environments)

    def wheel_fits(self, filename: str) -> bool:
        """Whether some covered environment could install a wheel, as far as markers can tell."""
        return self.tags_fit(filename.split("-", 2)[2])

    def tags_fit(self, tags: str) -> bool:
        """The same for a wheel of which only the end of its name counts, after the version."""
        fits = self._wheels.get(tags)
        if fits is None:
            fits = self._wheels[tags] = not serves(f"x-0-{tags}").is_disjoint(self._environments)
        return fits

    def other_pythons(self, filenames: Iterable[str]) -> list[str]:
        """The Pythons, "3.9", whose wheels would fit if only that Python were covered."""
        pythons = set()
        for filename in filenames:
            python, _, platform = filename.removesuffix(".whl").rsplit("-", 3)[1:]
            minors = {int(minor) for minor in _CPYTHON.findall(python)}
            if minors and self.wheel_fits(f"x-0-py3-none-{platform}.whl"):
                pythons |= minors
        return [f"3.{minor}" for minor in sorted(pythons)]

    def python_fits(self, requires_python: str | None) -> bool:
        """Whether some covered Python is above the lower bound of a requires-python text.

        None is above one of absurd length (hazards H17).
        """
        fits = self._pythons.get(requires_python)
        if fits is None:
            specifiers = parse_specifiers(requires_python)
            bound = python_lower_bound(specifiers)
            is_long = specifiers is not None and len(requires_python or "") > _LONGEST
            fits = not (is_long or bound.is_disjoint(self._environments))
            self._pythons[requires_python] = fits
        return fits
