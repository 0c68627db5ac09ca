"""Sets of environments, as canonical values made from PEP 508 and PEP 751 markers.

Two markers that mean the same are one `MarkerSet`, so "never", "always", "disjoint" and "implied"
are comparisons. Impossible worlds never take part:

    >>> from_text("sys_platform == 'win32' and os_name == 'posix'").is_never()
    True
    >>> from_text("os_name != 'nt'") == ~from_text("platform_system == 'Windows'")
    True

The answers are those of `packaging.markers`, for environments that can exist (what that means is
in `envsync.model.marker_terms`). A comparison that can only be asked of a finished environment
(`"arm" in platform_machine`) is never wrong, but what two of them have in common is not seen.
"""

import re
from bisect import bisect_right
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, Final, cast

from packaging.markers import InvalidMarker, Marker
from packaging.ranges import VersionRange
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envsync.model.marker_choices import with_extras, without_choices
from envsync.model.marker_diagram import (
    FALSE,
    TRUE,
    Diagram,
    bounded,
    claimed,
    conjunction,
    disjunction,
    inverse,
    joined,
    negation,
    position,
    simplified,
)
from envsync.model.marker_terms import (
    END,
    PACKAGE_EXTRA_BIT,
    PYTHON,
    STRING,
    VERSION,
    Claim,
    Comparison,
    flag,
    flag_holds,
    read_comparison,
    read_requires_python,
)
from envsync.model.marker_text import Written, write
from envsync.model.marker_versions import VersionKey, key_of_text, specifier_text

_TEXT_LIMIT: Final = 4096
_DEPTH_LIMIT: Final = 100


class MarkerSet:
    """The environments, extras and groups for which a marker is true: immutable and hashable.

    Made by `from_text` and its siblings, not by calling the class; `==` is equality of meaning.
    An operation whose result would be astronomically large raises ValueError.
    """

    __slots__ = ("diagram",)

    diagram: Diagram

    def __and__(self, other: "MarkerSet") -> "MarkerSet":
        return _set_of(joined(self.diagram, other.diagram))

    def __or__(self, other: "MarkerSet") -> "MarkerSet":
        neither = joined(inverse(self.diagram), inverse(other.diagram))
        return _set_of(inverse(neither))

    def __invert__(self) -> "MarkerSet":
        return _set_of(inverse(self.diagram))

    def __sub__(self, other: "MarkerSet") -> "MarkerSet":
        return _set_of(joined(self.diagram, inverse(other.diagram)))

    def __reduce__(self) -> tuple[object, ...]:
        # So that a copy is the very same object.
        return _set_of, (self.diagram,)

    def __repr__(self) -> str:
        return f"<MarkerSet {str(self)!r}>"

    def __str__(self) -> str:
        """Give the marker's text; "always" and "never" for the two that have none.

        What PEP 508 cannot write is put as `not (...)`, for people.
        """
        if self.diagram.variable is END:
            return "always" if self is ALWAYS else "never"
        return _written(self.diagram).text

    def is_always(self) -> bool:
        """Say whether it is true in every possible environment."""
        return self is ALWAYS

    def is_never(self) -> bool:
        """Say whether no possible environment makes it true."""
        return self is NEVER

    def is_disjoint(self, other: "MarkerSet") -> bool:
        """Say whether no possible environment makes both true."""
        return joined(self.diagram, other.diagram) is FALSE

    def implies(self, other: "MarkerSet") -> bool:
        """Say whether `other` is true wherever this is."""
        return joined(self.diagram, inverse(other.diagram)) is FALSE

    def simplify(self, assumption: "MarkerSet") -> "MarkerSet":
        """Give something simple that equals this wherever `assumption` holds.

        Elsewhere the result is anything: `m.simplify(a) & a == m & a`.
        """
        return _set_of(bounded(simplified, self.diagram, assumption.diagram))

    def assign_extras(self, active: Collection[str]) -> "MarkerSet":
        """Put in which extras of the package are asked for: each `extra == "x"` becomes yes or no.

        Root extras (`"x" in extras`) and groups stay open.
        """
        if not self.diagram.mask & PACKAGE_EXTRA_BIT:
            return self
        names = frozenset(canonicalize_name(name) for name in active)
        return _set_of(bounded(with_extras, self.diagram, names))

    def without_extras(self) -> "MarkerSet":
        """Give the environments for which some choice of extras and groups makes it true."""
        return _set_of(bounded(without_choices, self.diagram))

    def python_range(self) -> VersionRange:
        """Give the hull of the python_full_version for which it can be true.

        Whether a Requires-Python covers it is another question, which
        `implies(from_requires_python(...))` answers.
        """
        if self.diagram.variable is not PYTHON:
            return VersionRange.empty() if self is NEVER else VersionRange.full()
        children = self.diagram.children
        possible = [index for index, child in enumerate(children) if child is not FALSE]
        ends = (None, *cast("tuple[VersionKey, ...]", self.diagram.labels), None)
        text = specifier_text(ends[possible[0]], ends[possible[-1] + 1])
        return SpecifierSet(text).to_range()

    def to_marker(self) -> Marker | None:
        """Give a short PEP 508 marker of the same meaning; None for `ALWAYS`.

        ValueError for `NEVER`, and for the rare meaning that PEP 508 cannot write, such as "the
        platform_release is not a version". `from_marker` gives back this very object.
        """
        if self is ALWAYS:
            return None
        if self is NEVER:
            raise ValueError("a marker that is never true has no PEP 508 form")
        written = _written(self.diagram)
        if not written.is_exact:
            raise ValueError(f"PEP 508 cannot say: {written.text}")
        return Marker(written.text)

    def evaluate(
        self,
        environment: Mapping[str, str],
        *,
        extras: Collection[str] = (),
        groups: Collection[str] = (),
    ) -> bool:
        """Say whether it is true in an environment, which names every PEP 508 variable.

        `extras` and `groups` are the root's; `environment["extra"]` may be the package's extra.
        KeyError for a variable that is asked for and missing.
        """
        choices = {"extras": extras, "dependency_groups": groups}
        node = self.diagram
        while node.variable is not END:
            node = node.children[_branch(node, environment, choices)]
        return node is TRUE


_sets: dict[Diagram, MarkerSet] = {}
_texts: dict[Diagram, Written] = {}


def _set_of(diagram: Diagram) -> MarkerSet:
    """Give the one set of a diagram."""
    known = _sets.get(diagram)
    if known is None:
        made = MarkerSet()
        made.diagram = diagram
        known = _sets.setdefault(diagram, made)
    return known


def _written(diagram: Diagram) -> Written:
    text = _texts.get(diagram)
    if text is None:
        text = _texts[diagram] = bounded(write, diagram)
    return text


ALWAYS: Final = _set_of(TRUE)
NEVER: Final = _set_of(FALSE)


def _branch(
    node: Diagram, environment: Mapping[str, str], choices: Mapping[str, Collection[str]]
) -> int:
    """Give the index of the child to which an environment leads."""
    variable = node.variable
    name = variable.name
    if variable.kind == VERSION:
        text = environment[name]
        # A Python built between releases calls itself "3.13.0+"; it counts as 3.13.0.
        key = key_of_text(text.removesuffix("+") if variable is PYTHON else text)
        if key is None and variable is PYTHON:
            raise ValueError(f"{name}: {text!r} is not a version")
        # () is before all versions: the place of a string that is none.
        return bisect_right(cast("tuple[Any, ...]", node.labels), key or ())
    if variable.kind == STRING:
        return position(node.labels, environment[name])
    if name in choices:
        return variable.literal in {canonicalize_name(choice) for choice in choices[name]}
    if name == "extra":
        return flag_holds(variable, canonicalize_name(environment.get(name, "")))
    return flag_holds(variable, environment[name])


# -- making sets ----------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def from_text(text: str) -> MarkerSet:
    """Read a PEP 508 marker, PEP 751's `"x" in extras` and `"g" in dependency_groups` included.

    ValueError with the reason if it is no marker, compares what cannot be compared, is longer
    than 4 KiB, nested deeper than 100, or too tangled.
    """
    _check_length(text)
    if _depth(text) > _DEPTH_LIMIT:
        raise ValueError(f"a marker nested deeper than {_DEPTH_LIMIT}")
    try:
        marker = Marker(text)
    except InvalidMarker as error:
        raise ValueError(f"not a marker: {str(error).strip().splitlines()[0]}") from error
    return from_marker(marker)


def from_marker(marker: Marker | None) -> MarkerSet:
    """Read a PEP 508 marker; None is `ALWAYS`. `extra == "x"` is the package's extra x.

    ValueError as for `from_text`.
    """
    if marker is None:
        return ALWAYS
    text = str(marker)
    known = _read.get(text)
    if known is None:
        _check_length(text)
        known = _read[text] = _set_of(bounded(_parsed, text))
    return known


def from_requires_python(specifiers: SpecifierSet) -> MarkerSet:
    """Read a Requires-Python as a condition on python_full_version.

    In `>=`, `>`, `<`, `<=` and `~=` a pre-release of Python counts as its release, 3.13.0rc1 as
    3.13.0, unless the specifier names a pre-release itself: so the cuts fall where those of
    python_version fall, and no slivers of pre-releases come between.
    """
    result = TRUE
    for specifier in specifiers:
        comparison = read_requires_python(specifier.operator, specifier.version)
        result = bounded(conjunction, result, _compared(comparison))
    return _set_of(result)


def extra(name: str) -> MarkerSet:
    """Give PEP 751's `"name" in extras`: the root's extra is asked for."""
    return _membership("extras", name)


def group(name: str) -> MarkerSet:
    """Give PEP 751's `"name" in dependency_groups`: the root's group is asked for."""
    return _membership("dependency_groups", name)


def _membership(variable: str, name: str) -> MarkerSet:
    chosen = flag(variable, "in", canonicalize_name(name), mirrored=True)
    return _set_of(claimed(Claim(chosen, (), (False, True))))


_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<bracket>[()]) | "(?P<double>[^"]*)" | '(?P<single>[^']*)'
        | (?P<operator>not\s+in\b|in\b|[=<>!~]+) | (?P<logic>and\b|or\b) | (?P<name>\w+)
    )""",
    re.VERBOSE | re.ASCII,
)
_read: dict[str, MarkerSet] = {}
_comparisons: dict[tuple[str, str, str, bool], Diagram] = {}


def _check_length(text: str) -> None:
    if len(text) > _TEXT_LIMIT or len(text.encode("utf-8", "replace")) > _TEXT_LIMIT:
        raise ValueError(f"a marker of more than {_TEXT_LIMIT} bytes")


def _depth(text: str) -> int:
    deepest = depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest


def _parsed(text: str) -> Diagram:
    """Read what `str(Marker)` writes: valid, names normalised, strings without escapes."""
    outer: list[tuple[Diagram, Diagram]] = []
    total, product = FALSE, TRUE
    operands: list[tuple[str, str]] = []
    for match in _TOKEN.finditer(text):
        kind = cast("str", match.lastgroup)
        piece = match[kind]
        if piece == "(" and kind == "bracket":
            outer.append((total, product))
            total, product = FALSE, TRUE
        elif kind == "bracket":
            inner = disjunction(total, product)
            total, product = outer.pop()
            product = conjunction(product, inner)
        elif kind == "logic":
            if piece == "or":
                total, product = disjunction(total, product), TRUE
        else:
            operands.append((kind, piece))
            if len(operands) == 3:
                product = conjunction(product, _read_comparison(*operands))
                operands = []
    return disjunction(total, product)


def _read_comparison(
    left: tuple[str, str], operator: tuple[str, str], right: tuple[str, str]
) -> Diagram:
    is_mirrored = left[0] != "name"
    name, literal = (right, left) if is_mirrored else (left, right)
    if name[0] != "name" or literal[0] == "name":
        raise ValueError(
            f"{left[1]} {operator[1]} {right[1]} does not compare a variable with a string"
        )
    key = (name[1], operator[1], literal[1], is_mirrored)
    known = _comparisons.get(key)
    if known is None:
        comparison = read_comparison(name[1], operator[1], literal[1], mirrored=is_mirrored)
        known = _comparisons[key] = _compared(comparison)
    return known


def _compared(comparison: Comparison) -> Diagram:
    if isinstance(comparison.claim, bool):
        return TRUE if comparison.claim else FALSE
    node = claimed(comparison.claim)
    return negation(node) if comparison.negated else node
