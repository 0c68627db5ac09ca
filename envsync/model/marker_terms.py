"""Read one PEP 508 comparison as a claim: which values of one variable it lets through.

A claim cuts the domain of its variable into pieces and says of each piece whether it is in:

- a VERSION variable's domain is a line of versions, cut before each of `labels`;
- a STRING variable's domain is each of `labels` and, last, every other string;
- a FLAG is no (first) or yes (second): an extra, a group, or a comparison that can only be asked
  of a finished environment, such as `"arm" in platform_machine`.

The answers are those of `packaging.markers.Marker.evaluate`, for environments that can exist:

- Every comparison with python_version or python_full_version is a set of spans of one line, the
  python_version being the first two numbers. Pre-releases keep their place: 3.13.0rc1 has the
  python_version 3.13, but is not `python_full_version >= "3.13"`.
- platform_release is any version, or a string that is none, for which every order is false.
- `EQUIVALENT` and `FACTS` hold for the operating system and implementation variables.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from packaging.specifiers import InvalidSpecifier, Specifier

from envsync.model.marker_versions import (
    FINAL,
    Spans,
    VersionKey,
    base_version,
    cuts_near,
    minor_cuts_near,
    minor_text,
    minors_in,
    point_text,
    points_in,
    release_text,
    sampled,
    spans_of,
)

Label: TypeAlias = VersionKey | str

VERSION: Final = 0
STRING: Final = 1
FLAG: Final = 2

_NAMES: Final = (
    "python_full_version",
    "sys_platform",
    "os_name",
    "platform_system",
    "platform_python_implementation",
    "implementation_name",
    "platform_machine",
    "platform_release",
    "platform_version",
    "implementation_version",
    "extras",
    "dependency_groups",
    "extra",
)
_RANKS: Final = {name: rank for rank, name in enumerate(_NAMES)} | {"python_version": 0}
_LINES: Final = ("python_full_version", "platform_release", "implementation_version")
_COMPARED_AS_VERSIONS: Final = {*_LINES, "python_version"}
_VERSION_LENGTH: Final = 128

EQUIVALENT: Final = {
    ("os_name", "nt"): ("sys_platform", "win32"),
    ("platform_system", "Windows"): ("sys_platform", "win32"),
    ("platform_system", "Linux"): ("sys_platform", "linux"),
    ("platform_system", "Darwin"): ("sys_platform", "darwin"),
    ("implementation_name", "cpython"): ("platform_python_implementation", "CPython"),
    ("implementation_name", "pypy"): ("platform_python_implementation", "PyPy"),
}
"""Each says the same as the other: the right one stands for both."""

FACTS: Final = {
    ("sys_platform", "win32"): {"os_name": "nt", "platform_system": "Windows"},
    ("sys_platform", "linux"): {"os_name": "posix", "platform_system": "Linux"},
    ("sys_platform", "darwin"): {"os_name": "posix", "platform_system": "Darwin"},
    ("sys_platform", "cygwin"): {"os_name": "posix"},
    ("sys_platform", "android"): {"os_name": "posix"},
    ("sys_platform", "ios"): {"os_name": "posix"},
    ("sys_platform", "emscripten"): {"os_name": "posix"},
    ("sys_platform", "wasi"): {"os_name": "posix"},
    ("platform_python_implementation", "CPython"): {"implementation_name": "cpython"},
    ("platform_python_implementation", "PyPy"): {"implementation_name": "pypy"},
}
"""What else holds wherever the variable on the left has that value."""


class Variable:
    """A variable of the diagrams; there is one object per meaning, so compare with `is`."""

    __slots__ = ("bit", "kind", "literal", "mirrored", "name", "operator", "opposite", "order")

    def __init__(
        self, name: str, *, operator: str = "", literal: str = "", mirrored: bool = False
    ) -> None:
        rank = _RANKS.get(name, len(_NAMES))
        self.name = name
        self.kind = FLAG if operator else VERSION if name in _LINES else STRING
        self.operator = operator
        self.literal = literal
        self.mirrored = mirrored
        self.opposite: str | None = _opposite(self)
        """For a flag: the operator that is true where `operator` is false, if PEP 508 has one."""
        self.order = (rank, bool(operator), literal, operator, mirrored, name)
        """Diagrams ask in this order; what a variable decides always comes after it."""
        self.bit = 1 << rank

    def __reduce__(self) -> tuple[object, ...]:
        # So that a copy is the very same object.
        return _variable, (self.name, self.operator, self.literal, self.mirrored)


class Claim(NamedTuple):
    """What a comparison lets through: `truths` has an entry for each piece cut by `labels`."""

    variable: Variable
    labels: tuple[Label, ...]
    truths: tuple[bool, ...]


class Comparison(NamedTuple):
    """What a comparison says: the claim, or its opposite; or the same answer everywhere."""

    claim: Claim | bool
    negated: bool = False


def flag(name: str, operator: str, literal: str, *, mirrored: bool) -> Variable:
    """Give the flag for `name operator literal`, operands exchanged if `mirrored`."""
    return _variable(name, operator, literal, mirrored)


def read_comparison(name: str, operator: str, literal: str, *, mirrored: bool) -> Comparison:
    """Read `name operator literal`, or `literal operator name` where `mirrored` (PEP 508, 751).

    ValueError where the comparison has no meaning, with the reason.
    """
    if "\\" in literal or not literal.isprintable():
        raise ValueError(f"{literal!r} has a character that a marker cannot carry")
    if name in ("extras", "dependency_groups"):
        return _read_membership(name, operator, literal, mirrored=mirrored)
    if name not in _COMPARED_AS_VERSIONS:
        return _read_string(name, operator, literal, mirrored=mirrored)
    if len(literal) > _VERSION_LENGTH and operator not in ("in", "not in"):
        raise ValueError(f"a version of more than {_VERSION_LENGTH} characters")
    if name == "platform_release":
        return _read_release(name, operator, literal, mirrored=mirrored)
    return _read_line(name, operator, literal, mirrored=mirrored)


@lru_cache(maxsize=1024)
def read_requires_python(operator: str, literal: str) -> Comparison:
    """Read one specifier of a Requires-Python as a claim about python_full_version.

    In an order, unless `literal` is itself a pre-release, a pre-release of Python counts as its
    release.
    """
    base = base_version(literal)
    is_point = operator in ("==", "!=", "===") and not literal.endswith(".*")
    if base is None or base.is_prerelease or is_point:
        return _read_line("python_full_version", operator, literal, mirrored=False)

    def holds(cut: VersionKey) -> bool:
        return _compare("python_full_version", operator, release_text(cut), literal)

    return _spanned(PYTHON, sampled((cut for cut in cuts_near(base) if cut[2] != FINAL), holds))


def flag_holds(variable: Variable, value: str) -> bool:
    """Say whether the flag's comparison is true where its variable has this value."""
    left, right = value, variable.literal
    if variable.mirrored:
        left, right = right, left
    try:
        return _compare(variable.name, variable.operator, left, right)
    except ValueError:
        return False


# -- variables ------------------------------------------------------------------------------------

_variables: dict[tuple[str, str, str, bool], Variable] = {}


def _variable(name: str, operator: str, literal: str, mirrored: bool) -> Variable:
    key = (name, operator, literal, mirrored)
    known = _variables.get(key)
    if known is None:
        made = Variable(name, operator=operator, literal=literal, mirrored=mirrored)
        known = _variables.setdefault(key, made)
    return known


def _opposite(variable: Variable) -> str | None:
    if variable.operator == "in":
        return "not in"
    if variable.operator == "==" and _can_negate(
        variable.name, variable.literal, mirrored=variable.mirrored
    ):
        return "!="
    return None


def _can_negate(name: str, literal: str, *, mirrored: bool) -> bool:
    """Say whether `==` and `!=` with this literal are opposites for every string.

    As versions they are both false of what is not a version.
    """
    if name != "platform_release":
        return True
    if not mirrored:
        return not _is_specifier("==", literal)
    base = base_version(literal)
    return base is not None and not literal.strip().endswith(".*")


VARIABLES: Final = {name: _variable(name, "", "", False) for name in _NAMES[:10]}
PYTHON: Final = VARIABLES["python_full_version"]
END: Final = Variable("")
"""Stands after all others."""
CHOICES_RANK: Final = _RANKS["extras"]
"""From this place in the order on, variables are extras and groups."""
PACKAGE_EXTRA_BIT: Final = 1 << _RANKS["extra"]


# -- comparisons of one kind of variable ----------------------------------------------------------

_NEGATIVE: Final = {"!=": "==", "not in": "in"}


def _read_membership(name: str, operator: str, literal: str, *, mirrored: bool) -> Comparison:
    # PEP 751: sets are only asked for members; packaging's answer to anything else is fixed.
    if not mirrored or operator in ("~=", "==="):
        raise ValueError(f'{name} can only be used as `"NAME" in {name}`')
    if operator in ("in", "not in"):
        return _flagged(name, operator, literal, mirrored=True)
    return Comparison(operator == "!=")


def _read_string(name: str, operator: str, literal: str, *, mirrored: bool) -> Comparison:
    if operator in ("~=", "==="):
        raise ValueError(f"{operator} cannot compare {name}, which is not a version")
    if operator in ("<", ">"):
        return Comparison(claim=False)
    if operator in ("in", "not in"):
        return _flagged(name, operator, literal, mirrored=mirrored)
    if name == "extra":
        return _flagged(name, "!=" if operator == "!=" else "==", literal, mirrored=False)
    name, literal = EQUIVALENT.get((name, literal), (name, literal))
    claim = Claim(VARIABLES[name], (literal,), (True, False))
    return Comparison(claim, negated=operator == "!=")


def _read_line(name: str, operator: str, literal: str, *, mirrored: bool) -> Comparison:
    """Read a comparison with python_version, python_full_version or implementation_version."""
    if operator in ("in", "not in"):
        return _read_listed(name, operator, literal, mirrored=mirrored)
    is_minor = name == "python_version"
    text: Callable[[VersionKey], str] = minor_text if is_minor else point_text

    def holds(cut: VersionKey) -> bool:
        left, right = text(cut), literal
        if mirrored:
            left, right = right, left
        return _compare(name, operator, left, right)

    cuts = (minor_cuts_near if is_minor else cuts_near)(base_version(literal))
    return _spanned(PYTHON if is_minor else VARIABLES[name], sampled(cuts, holds))


def _read_listed(name: str, operator: str, literal: str, *, mirrored: bool) -> Comparison:
    """Read `in`, which is a search in text: "3.1" is in "3.8, 3.11"."""
    spans = None
    if not mirrored and name == "python_version":
        spans = minors_in(literal)
    elif not mirrored and name == "python_full_version":
        spans = points_in(literal)
    if spans is None:
        return _flagged(name, operator, literal, mirrored=mirrored)
    return _spanned(PYTHON, spans)._replace(negated=operator == "not in")


def _read_release(name: str, operator: str, literal: str, *, mirrored: bool) -> Comparison:
    if mirrored or operator in ("in", "not in"):
        return _flagged(name, operator, literal, mirrored=mirrored)
    if not _is_specifier(operator, literal):
        if operator in ("~=", "==="):
            raise ValueError(f"{operator}{literal} is not a version specifier")
        if operator in ("<", ">"):
            return Comparison(claim=False)
        return _flagged(name, operator, literal, mirrored=False)
    base = base_version(literal)
    if operator == "===" or base is None or base.local is not None:
        return _flagged(name, operator, literal, mirrored=False)
    is_prefix = literal.strip().endswith(".*")
    return _spanned(VARIABLES[name], spans_of(operator, base, is_prefix=is_prefix))


def _flagged(name: str, operator: str, literal: str, *, mirrored: bool) -> Comparison:
    if operator == "!=" and not _can_negate(name, literal, mirrored=mirrored):
        positive = operator
    else:
        positive = _NEGATIVE.get(operator, operator)
    variable = flag(name, positive, literal, mirrored=mirrored)
    return Comparison(Claim(variable, (), (False, True)), negated=positive != operator)


def _spanned(variable: Variable, spans: Spans) -> Comparison:
    cuts, truths = spans
    return Comparison(Claim(variable, tuple(cuts), tuple(truths)))


# -- comparing as PEP 508 does --------------------------------------------------------------------


def _is_specifier(operator: str, literal: str) -> bool:
    return _specifier(operator + literal) is not None


@lru_cache(maxsize=1024)
def _specifier(text: str) -> Specifier | None:
    """A specifier, the same one each time: of one comparison many versions are asked."""
    try:
        return Specifier(text)
    except InvalidSpecifier:
        return None


def _compare(name: str, operator: str, left: str, right: str) -> bool:
    """Compare as versions where that is possible, else as strings; ValueError: undefined."""
    if operator == "in":
        return left in right
    if name in _COMPARED_AS_VERSIONS:
        specifier = _specifier(operator + right)
        if specifier is not None:
            return specifier.contains(left, prereleases=True)
    if operator in ("==", "<=", ">="):
        return left == right
    if operator in ("~=", "==="):
        raise ValueError(f"{operator} cannot compare {left!r} with {right!r}")
    return operator == "!=" and left != right
