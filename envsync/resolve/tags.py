"""Judge whether wheels and requires-python texts fit the environments that are covered."""

from collections.abc import Iterable
from functools import cache, lru_cache

from packaging.specifiers import SpecifierSet

from envsync.lock.wheels import serves
from envsync.model.candidate import File
from envsync.model.marker import MarkerSet
from envsync.resolve.pythons import python_lower_bound
from envsync.resolve.versions import parse_specifiers


_LONGEST = 1_000
"""Characters of a requires-python; real ones have less than a hundred."""


def wheels_lower_bound(wheels: Iterable[File]) -> MarkerSet:
    """From which Python on some wheel can be used, whatever the platform.

    There is no upper end, for the same reason as in requires-python.
    """
    floor = min((_python_floor(wheel.filename.rsplit("-", 3)[1]) for wheel in wheels), default=0)
    return python_lower_bound(_from_minor(floor))


@cache
def _python_floor(python_tags: str) -> int:
    """The least minor of Python 3 that a compressed python tag names; 0 where it names none."""
    minors = (one[3:] for one in python_tags.split(".") if one[2:3] == "3")
    return min((int(minor) if minor.isdigit() else 0 for minor in minors), default=0)


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

    def python_fits(self, requires_python: str | None) -> bool:
        """Whether some covered Python is above the lower bound of a requires-python text.

        None is above one of absurd length (hazards H17).
        """
        fits = self._pythons.get(requires_python)
        if fits is None:
            bound = python_lower_bound(parse_specifiers(requires_python))
            is_long = requires_python is not None and len(requires_python) > _LONGEST
            fits = not (is_long or bound.is_disjoint(self._environments))
            self._pythons[requires_python] = fits
        return fits
