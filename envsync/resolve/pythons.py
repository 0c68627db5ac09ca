"""Read a requires-python as what binds while resolving: its lower bound.

An upper bound never makes the resolver fall back to an older release, because the older one only
lacks the bound and not the reason for it. The exception is Python 2: a release for Python 2 alone
is no release for any Python 3.
"""

from functools import cache

from packaging.specifiers import SpecifierSet

from envsync.model.marker import ALWAYS, NEVER, MarkerSet, from_requires_python

_LOWER = frozenset({">=", ">", "~=", "==", "==="})
_ANY_PYTHON_3 = SpecifierSet(">=3.0.dev0", prereleases=True)
_NO_SUCH_PYTHON = from_requires_python(SpecifierSet(">=4"))


@cache
def python_lower_bound(requires_python: SpecifierSet | None) -> MarkerSet:
    """Where a release may be used as far as its lower bound (or being for Python 2) says."""
    if requires_python is None:
        return ALWAYS
    if _is_for_python_2(requires_python):
        return NEVER
    bounds = [
        f"{'>' if one.operator == '>' else '>='}{one.version.removesuffix('.*')}"
        for one in requires_python
        if one.operator in _LOWER
    ]
    return from_requires_python(SpecifierSet(",".join(sorted(bounds)))) if bounds else ALWAYS


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
    return SpecifierSet(str(requires_python), prereleases=True).is_disjoint(_ANY_PYTHON_3)
