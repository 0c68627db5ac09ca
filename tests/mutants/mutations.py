"""The mutants of a module: its text with one small change each."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}


class Mutant(NamedTuple):
    """One changed text."""

    line: int
    what: str
    """What stood there, and what stands there now."""
    text: str
    runs_on_import: bool = False
    """It stands in no function."""


class _Change(NamedTuple):
    """What takes the place of a node."""

    node: ast.expr | ast.stmt
    text: str


def mutants(source: str) -> Iterator[Mutant]:
    """Give every mutant of a module's text, in the order of its lines."""
    data = source.encode()
    starts = [0]
    for line in data.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    tree = ast.parse(source)
    inside = {line for one in ast.walk(tree) if isinstance(one, _FUNCTIONS) for line in _body(one)}
    changes = sorted(_changes(tree), key=lambda one: _span(one.node, starts))
    for node, text in changes:
        begin, end = _span(node, starts)
        before = data[begin:end].decode()
        mutated = data[:begin] + text.encode() + data[end:]
        if before != text and _parses(mutated):
            what = f"{_short(before)}  ->  {_short(text)}"
            yield Mutant(node.lineno, what, mutated.decode(), node.lineno not in inside)


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def _body(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> range:
    """The lines of what a function does; its defaults are made on import."""
    first = function.body[0] if isinstance(function.body, list) else function.body
    return range(first.lineno, (function.end_lineno or first.lineno) + 1)


def _span(node: ast.expr | ast.stmt, starts: list[int]) -> tuple[int, int]:
    """Where a node stands in the text's bytes."""
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    begin = starts[node.lineno - 1] + node.col_offset
    return begin, starts[node.end_lineno - 1] + node.end_col_offset


def _parses(data: bytes) -> bool:
    try:
        ast.parse(data)
    except SyntaxError:
        return False
    return True


def _short(text: str) -> str:
    return " ".join(text.split())[:60]


_FOR_TYPES = ("annotation", "returns", "decorator_list", "type_params")


def _changes(tree: ast.AST) -> Iterator[_Change]:
    """Give the changes of all that runs; what only types and documents say is left alone."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if _is_for_types(node):
            continue
        yield from _changes_of(node)
        for name, value in ast.iter_fields(node):
            if name in _FOR_TYPES or (name == "keywords" and isinstance(node, ast.ClassDef)):
                continue
            children = value if isinstance(value, list) else [value]
            waiting += [child for child in children if isinstance(child, ast.AST)]


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _changes_of(node: ast.AST) -> Iterator[_Change]:
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in SWAPPED:
            yield _Change(node, _unparsed(node, ops=[SWAPPED[type(operator)]()]))
        case ast.BoolOp() | ast.BinOp() if type(node.op) in SWAPPED:
            yield _Change(node, f"({_unparsed(node, op=SWAPPED[type(node.op)]())})")
        case ast.UnaryOp(op=ast.Not()):
            yield _Change(node, f"({ast.unparse(node.operand)})")
        case ast.If() | ast.While() | ast.IfExp() if not _has_changes_of_its_own(node.test):
            yield _Change(node.test, f"not ({ast.unparse(node.test)})")
        case ast.Constant(value=bool()):
            yield _Change(node, repr(not node.value))
        case ast.Constant(value=int() as number):
            yield _Change(node, repr(number + 1))
        case ast.Return(value=ast.expr()) if not isinstance(node.value, ast.Constant):
            yield _Change(node, "return None")
        case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom()) | ast.Raise():
            yield _Change(node, "pass")
        case ast.AugAssign() | ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield _Change(node, "pass")
        case ast.Continue():
            yield _Change(node, "break")
        case ast.Break():
            yield _Change(node, "continue")


def _has_changes_of_its_own(test: ast.expr) -> bool:
    """Say whether negating a condition would be what another change makes of it."""
    return any(True for _ in _changes_of(test))


def _unparsed(node: ast.expr, **fields: object) -> str:
    changed = type(node)(**{**dict(ast.iter_fields(node)), **fields})
    return ast.unparse(ast.copy_location(changed, node))
