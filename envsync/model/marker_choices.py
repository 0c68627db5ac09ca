"""Decide in a diagram what is chosen at installation: extras and groups.

Results are remembered for the life of the process, as those of `marker_diagram` are.
"""

from envsync.model.marker_diagram import TRUE, Diagram, diagram
from envsync.model.marker_terms import CHOICES_RANK, END, PACKAGE_EXTRA_BIT, flag_holds

_extra_assignments: dict[tuple[Diagram, frozenset[str]], Diagram] = {}
_choice_eliminations: dict[Diagram, Diagram] = {}


def with_extras(node: Diagram, active: frozenset[str]) -> Diagram:
    """Decide each comparison with `extra`: yes if it is true of one of `active`."""
    if not node.mask & PACKAGE_EXTRA_BIT:
        return node
    key = (node, active)
    result = _extra_assignments.get(key)
    if result is None:
        if node.variable.bit == PACKAGE_EXTRA_BIT:
            # PEP 508 has one string `extra`, which is empty where no extra is asked for.
            is_on = any(flag_holds(node.variable, name) for name in active or ("",))
            result = with_extras(node.children[is_on], active)
        else:
            children = [with_extras(child, active) for child in node.children]
            result = diagram(node.variable, node.labels, children)
        _extra_assignments[key] = result
    return result


def without_choices(node: Diagram) -> Diagram:
    """Give the diagram that is true where some choice of extras and groups makes `node` true."""
    if node.variable is END:
        return node
    if node.variable.order[0] >= CHOICES_RANK:
        return TRUE  # it is reduced and not FALSE
    result = _choice_eliminations.get(node)
    if result is None:
        children = [without_choices(child) for child in node.children]
        result = _choice_eliminations[node] = diagram(node.variable, node.labels, children)
    return result
