"""Canonical, hash-consed decision diagrams: and, or, not, simplify under an assumption.

A diagram asks one variable after the other, in a fixed order: for the place of a version (a child
for each span), for a string (a child for each listed value, the last one for all other strings)
or for a flag (children for no and yes). Equal diagrams are one object.

A string's value may decide later variables: `sys_platform == "win32"` decides `os_name` and
`"win" in sys_platform`. So a listed value is left out where it says no more than what the last
child says once that value is put in, and diagrams are equal just if they agree in every world
that `envsync.model.marker_terms` holds possible. Its flags count as independent of each other.

All results are remembered for the life of the process. Work is bounded: ValueError where a
result would be too large, since diagrams can grow exponentially with their variables.
"""

from collections.abc import Callable, Sequence
from typing import Final, ParamSpec, TypeAlias, TypeVar, cast

from envsync.model.marker_terms import (
    END,
    FACTS,
    FLAG,
    STRING,
    VARIABLES,
    VERSION,
    Claim,
    Label,
    Variable,
    flag_holds,
)

_STEPS: Final = 50_000
_REMEMBERED: Final = 1_000_000


class Diagram:
    """One node with all below it; made by this module's functions only, compared by identity."""

    __slots__ = ("children", "labels", "mask", "opposite", "variable")

    variable: Variable
    """What is asked first; `END` for `TRUE` and `FALSE`."""
    labels: tuple[Label, ...]
    children: "tuple[Diagram, ...]"
    mask: int
    """The bits of all variables that are asked from here on."""
    opposite: "Diagram | None"

    def __reduce__(self) -> str | tuple[object, ...]:
        # So that a copy is the very same object.
        if self.variable is END:
            return "TRUE" if self is TRUE else "FALSE"
        return _interned, (self.variable, self.labels, self.children)


_Key: TypeAlias = tuple[Variable, tuple[Label, ...], tuple[Diagram, ...]]
_Pair: TypeAlias = tuple[Diagram, Diagram]

_diagrams: dict[_Key, Diagram] = {}


def _interned(
    variable: Variable, labels: tuple[Label, ...], children: tuple[Diagram, ...]
) -> Diagram:
    """Give the one diagram of that content, which must be reduced already."""
    key = (variable, labels, children)
    known = _diagrams.get(key)
    if known is None:
        made = Diagram()
        made.variable, made.labels, made.children, made.opposite = variable, labels, children, None
        made.mask = variable.bit
        for child in children:
            made.mask |= child.mask
        known = _diagrams.setdefault(key, made)
    return known


TRUE: Final = _interned(END, (), ())
FALSE: Final = _interned(END, ("",), ())
TRUE.opposite, FALSE.opposite = FALSE, TRUE


def diagram(variable: Variable, labels: Sequence[Label], children: Sequence[Diagram]) -> Diagram:
    """Give the diagram that asks `variable` first, reduced; `children` ask later ones only."""
    if variable.kind == FLAG:
        if children[0] is children[1]:
            return children[0]
        return _interned(variable, (), tuple(children))
    kept: list[Label] = []
    rest: list[Diagram] = []
    if variable.kind == VERSION:
        rest.append(children[0])
        for label, child in zip(labels, children[1:], strict=True):
            if child is not rest[-1]:
                kept.append(label)
                rest.append(child)
    else:
        otherwise = children[-1]
        for label, child in zip(labels, children[:-1], strict=True):
            if child is not assigned(otherwise, variable, label):
                kept.append(label)
                rest.append(child)
        rest.append(otherwise)
    return _interned(variable, tuple(kept), tuple(rest)) if kept else rest[0]


def claimed(claim: Claim) -> Diagram:
    """Give the diagram of one claim."""
    return diagram(
        claim.variable, claim.labels, [TRUE if truth else FALSE for truth in claim.truths]
    )


# -- putting in a string's value ------------------------------------------------------------------


def _bits_decided() -> dict[str, int]:
    bits = {name: variable.bit for name, variable in VARIABLES.items()}
    for (name, _), facts in FACTS.items():
        for decided in facts:
            bits[name] |= VARIABLES[decided].bit
    return bits


_decided: Final = _bits_decided()
"""By a string variable's name, the bits of what its value can decide: its flags, and by `FACTS`."""
_assignments: dict[tuple[Diagram, Variable, Label], Diagram] = {}


def assigned(node: Diagram, variable: Variable, value: Label) -> Diagram:
    """Give `node`, which doesn't ask the string `variable` itself, for that value of it."""
    if not node.mask & _decided[variable.name]:
        return node
    key = (node, variable, value)
    result = _assignments.get(key)
    if result is None:
        result = _assignments[key] = _substituted(node, variable, cast("str", value))
    return result


def _substituted(node: Diagram, variable: Variable, value: str) -> Diagram:
    asked = node.variable
    known: str | None = value
    if asked.name != variable.name:
        known = FACTS.get((variable.name, value), {}).get(asked.name)
    if known is None:
        children = [assigned(child, variable, value) for child in node.children]
        return diagram(asked, node.labels, children)
    index = flag_holds(asked, known) if asked.kind == FLAG else position(node.labels, known)
    return assigned(node.children[index], variable, value)


def position(labels: tuple[Label, ...], value: str) -> int:
    """Give the index of the child for a string's value."""
    return labels.index(value) if value in labels else -1


# -- and, or, not ---------------------------------------------------------------------------------

_Operands = ParamSpec("_Operands")
_Result = TypeVar("_Result")
_conjunctions: dict[_Pair, Diagram] = {}
_steps_left = _STEPS


class TooLarge(ValueError):
    """Markers whose joined diagram is too large to be made."""


def bounded(
    operation: Callable[_Operands, _Result],
    *operands: _Operands.args,
    **options: _Operands.kwargs,
) -> _Result:
    """Run one operation with a fresh bound on its work."""
    global _steps_left
    _steps_left = _STEPS
    try:
        return operation(*operands, **options)
    except RecursionError:
        raise TooLarge("a marker with too many variables") from None


def joined(one: Diagram, other: Diagram) -> Diagram:
    """Run `conjunction` with a fresh bound on its work; what is remembered needs none."""
    if one is other or other is TRUE:
        return one
    if one is TRUE:
        return other
    if one is FALSE or other is FALSE or one.opposite is other:
        return FALSE
    known = _conjunctions.get((one, other) if id(one) < id(other) else (other, one))
    return bounded(conjunction, one, other) if known is None else known


def inverse(node: Diagram) -> Diagram:
    """Run `negation` with a fresh bound on its work; what is remembered needs none."""
    return node.opposite or bounded(negation, node)


def conjunction(one: Diagram, other: Diagram) -> Diagram:
    """Give the diagram that is true where both are."""
    if one is other or other is TRUE:
        return one
    if one is TRUE:
        return other
    if one is FALSE or other is FALSE or one.opposite is other:
        return FALSE
    key = (one, other) if id(one) < id(other) else (other, one)
    result = _conjunctions.get(key)
    if result is None:
        result = _conjoined(one, other)
        if len(_conjunctions) >= _REMEMBERED:
            _conjunctions.clear()
        _conjunctions[key] = result
    return result


def _conjoined(one: Diagram, other: Diagram) -> Diagram:
    global _steps_left
    _steps_left -= 1
    if _steps_left < 0:
        raise TooLarge("a marker whose diagram is too large")
    if other.variable.order < one.variable.order:
        one, other = other, one
    labels, left, right = _aligned(one, other)
    return diagram(one.variable, labels, list(map(conjunction, left, right)))


def disjunction(one: Diagram, other: Diagram) -> Diagram:
    """Give the diagram that is true where either is."""
    return negation(conjunction(negation(one), negation(other)))


def negation(node: Diagram) -> Diagram:
    """Give the diagram that is true where `node` is not."""
    opposite = node.opposite
    if opposite is None:
        opposite = _interned(node.variable, node.labels, tuple(map(negation, node.children)))
        node.opposite, opposite.opposite = opposite, node
    return opposite


def union(nodes: Sequence[Diagram]) -> Diagram:
    """Give the diagram that is true where any of them is."""
    result = FALSE
    for node in nodes:
        result = disjunction(result, node)
    return result


_Aligned: TypeAlias = tuple[Sequence[Label], Sequence[Diagram], Sequence[Diagram]]


def _aligned(one: Diagram, other: Diagram) -> _Aligned:
    """Split two diagrams by the first one's variable: common labels, and the children of each."""
    variable = one.variable
    if variable.kind == STRING:
        return _aligned_values(one, other)
    if variable is not other.variable:
        return one.labels, one.children, (other,) * len(one.children)
    if one.labels == other.labels:
        return one.labels, one.children, other.children
    return _aligned_spans(one, other)


def _aligned_spans(one: Diagram, other: Diagram) -> _Aligned:
    ours, theirs = one.labels, other.labels
    labels: list[Label] = []
    left, right = [one.children[0]], [other.children[0]]
    i = j = 0
    while i < len(ours) or j < len(theirs):
        cut = min((*ours[i : i + 1], *theirs[j : j + 1]))
        i += i < len(ours) and ours[i] == cut
        j += j < len(theirs) and theirs[j] == cut
        labels.append(cut)
        left.append(one.children[i])
        right.append(other.children[j])
    return labels, left, right


def _aligned_values(one: Diagram, other: Diagram) -> _Aligned:
    variable, labels = one.variable, one.labels
    if variable is other.variable and labels != other.labels:
        labels = tuple(sorted({*labels, *other.labels}))
    left = [_for_value(one, variable, label) for label in labels]
    right = [_for_value(other, variable, label) for label in labels]
    left.append(one.children[-1])
    right.append(other.children[-1] if other.variable is variable else other)
    return labels, left, right


def _for_value(node: Diagram, variable: Variable, value: Label) -> Diagram:
    if node.variable is not variable:
        return assigned(node, variable, value)
    if value in node.labels:
        return node.children[node.labels.index(value)]
    return assigned(node.children[-1], variable, value)


# -- simplify under an assumption -----------------------------------------------------------------

_simplifications: dict[_Pair, Diagram] = {}
_Goal: TypeAlias = tuple[Sequence[Diagram], Sequence[Diagram]]
"""Of each child: where it matters, and what its conjunction with that must be."""


def simplified(node: Diagram, care: Diagram) -> Diagram:
    """Give a smaller diagram with the same conjunction with `care` (Coudert and Madre, 1990)."""
    wanted = conjunction(node, care)
    if wanted is FALSE:
        return FALSE
    if wanted is care:
        return TRUE
    if care is TRUE:
        return node
    key = (node, care)
    simpler = _simplifications.get(key)
    if simpler is None:
        simpler = _restricted(node, care)
        simpler = _simplifications[key] = simpler if size(simpler) <= size(node) else node
    return simpler


def _restricted(node: Diagram, care: Diagram) -> Diagram:
    variable = care.variable
    if variable.order >= node.variable.order:
        variable = node.variable
        labels, children, cares = _aligned(node, care)
    elif variable.kind == STRING and node.mask & _decided[variable.name]:
        labels, cares, children = _aligned(care, node)
    else:
        return simplified(node, union(care.children))
    pairs = list(zip(children, cares, strict=True))
    results = [None if where is FALSE else simplified(child, where) for child, where in pairs]
    goal = (cares, [conjunction(child, where) for child, where in pairs])
    if variable.kind == STRING:
        return _fewest_values(variable, labels, results, goal)
    upward = diagram(variable, labels, _kept_on(results, goal))
    downward = _kept_on(results[::-1], (goal[0][::-1], goal[1][::-1]))[::-1]
    return min(upward, diagram(variable, labels, downward), key=size)


def _kept_on(results: Sequence[Diagram | None], goal: _Goal) -> list[Diagram]:
    """Fill the children in order, keeping each child's result for the next where it will do."""
    current = next(result for result in results if result is not None)
    filled = []
    for result, care, wanted in zip(results, *goal, strict=True):
        if result is not None and conjunction(current, care) is not wanted:
            current = result
        filled.append(current)
    return filled


def _fewest_values(
    variable: Variable, labels: Sequence[Label], results: Sequence[Diagram | None], goal: _Goal
) -> Diagram:
    """Choose the result for all other strings such that the fewest values need their own."""
    cares, wanted = goal
    choices: list[tuple[int, bool, int, int, Diagram]] = []
    for index, otherwise in enumerate(dict.fromkeys(reversed(results))):
        if otherwise is None or conjunction(otherwise, cares[-1]) is not wanted[-1]:
            continue
        kept: dict[Label, Diagram] = {}
        for label, result, care, goal_here in zip(labels, results, cares, wanted, strict=False):
            value = assigned(otherwise, variable, label)
            if result is not None and conjunction(value, care) is not goal_here:
                kept[label] = result
        node = diagram(variable, tuple(kept), [*kept.values(), otherwise])
        choices.append((len(kept), otherwise is not FALSE, size(otherwise), index, node))
    return min(choices, key=lambda choice: choice[:4])[4]


def size(node: Diagram) -> int:
    """Count a diagram's branches."""
    seen = {node}
    waiting = [node]
    branches = 0
    while waiting:
        children = waiting.pop().children
        branches += len(children)
        for child in children:
            if child not in seen:
                seen.add(child)
                waiting.append(child)
    return branches
