"""Judge whether wheels and requires-python texts fit the environments that are covered."""

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from packaging.specifiers import SpecifierSet

from envsync.model.candidate import File
from envsync.model.marker import MarkerSet
from envsync.model.wheel_markers import least_minor, serves
from envsync.resolve.pythons import python_lower_bound
from envsync.resolve.versions import parse_specifiers

_CPYTHON = re.compile(r"cp3([0-9]{1,2})(?![0-9])")
_LONGEST = 1_000
"""Characters of a requires-python; real ones have less than a hundred."""


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
        tail = filename.split("-", 2)[2]
        fits = self._wheels.get(tail)
        if fits is None:
            fits = self._wheels[tail] = not serves(filename).is_disjoint(self._environments)
        return fits

    def other_pythons(self, filenames: Iterable[str]) -> list[str]:
        """The Pythons, "3.9", whose wheels would fit if only that Python were covered."""
        found = set()
        for filename in filenames:
            python, _, platform = filename.removesuffix(".whl").rsplit("-", 3)[1:]
            minors = {int(minor) for minor in _CPYTHON.findall(python)}
            if minors and self.wheel_fits(f"x-0-py3-none-{platform}.whl"):
                found |= minors
        return [f"3.{minor}" for minor in sorted(found)]

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
