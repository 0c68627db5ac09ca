"""What expressions of a Python file mean that are written out in literals; nothing is run."""

import ast
from collections.abc import Mapping

_COMPUTED = (
    "it is computed when setup.py runs, which nothing here does: write it into pyproject.toml or "
    "env.toml"
)
_READ_FROM = "it is read from a file when setup.py runs: `envsync import FILE` names that file"
_MOST_STEPS = 20_000
_DEEPEST = 50


class Unknown(ValueError):
    """An expression that only running the file could tell; the message says what to do."""

    def __init__(self, advice: str = _COMPUTED) -> None:
        super().__init__(advice)


class Literals:
    """The meaning of expressions, in bounded steps: names may stand for each other many times."""

    def __init__(self, names: Mapping[str, ast.expr]) -> None:
        self._names = names
        self._steps = 0

    def value(self, node: ast.expr, depth: int = 0) -> object:
        """Give strings, and lists and tables of them. Raises `Unknown`."""
        self._steps += 1
        if depth > _DEEPEST or self._steps > _MOST_STEPS:
            raise Unknown
        if isinstance(node, ast.Constant) and isinstance(node.value, str | type(None)):
            return node.value
        if isinstance(node, ast.Name) and node.id in self._names:
            return self.value(self._names[node.id], depth + 1)
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return self._items(node.elts, depth)
        if isinstance(node, ast.Dict):
            return self._pairs(node, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._sum(node, depth)
        if isinstance(node, ast.Subscript):
            return self._item(node, depth)
        if isinstance(node, ast.Call):
            return self._called(node, depth)
        raise Unknown

    def _items(self, nodes: list[ast.expr], depth: int) -> list[object]:
        found: list[object] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                inner = self.value(node.value, depth + 1)
                if not isinstance(inner, list) or len(inner) + len(found) > _MOST_STEPS:
                    raise Unknown
                found += inner
            else:
                found.append(self.value(node, depth + 1))
        return found

    def _pairs(self, node: ast.Dict, depth: int) -> dict[object, object]:
        found: dict[object, object] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            inner = self.value(value, depth + 1)
            if key is not None:
                found[str(self.value(key, depth + 1))] = inner
            elif isinstance(inner, dict):
                found |= inner
            else:
                raise Unknown
        return found

    def _sum(self, node: ast.BinOp, depth: int) -> object:
        left, right = self.value(node.left, depth + 1), self.value(node.right, depth + 1)
        if isinstance(left, list) and isinstance(right, list):
            whole: object = left + right
        elif isinstance(left, str) and isinstance(right, str):
            whole = left + right
        else:
            raise Unknown
        if len(left) + len(right) > _MOST_STEPS:
            raise Unknown
        return whole

    def _item(self, node: ast.Subscript, depth: int) -> object:
        """`extras["dev"]` of a table that is written out."""
        whole = self.value(node.value, depth + 1)
        key = self.value(node.slice, depth + 1)
        if isinstance(whole, dict) and isinstance(key, str) and key in whole:
            return whole[key]
        raise Unknown

    def _called(self, node: ast.Call, depth: int) -> object:
        """`dict(a=[...])`, `list(...)` and `"a b".split()`; all else only running could tell."""
        function = node.func
        if isinstance(function, ast.Name) and function.id == "dict" and not node.args:
            given = ((one.arg, one.value) for one in node.keywords)
            return {key: self.value(value, depth + 1) for key, value in given if key}
        if isinstance(function, ast.Name) and function.id in ("list", "tuple", "sorted"):
            inner = self.value(node.args[0], depth + 1) if len(node.args) == 1 else None
            if isinstance(inner, list):
                return inner
        if isinstance(function, ast.Attribute) and function.attr in ("split", "splitlines"):
            whole = None if node.args else self._text(function.value, depth)
            if whole is not None:
                return whole.split() if function.attr == "split" else whole.splitlines()
        raise Unknown(_READ_FROM if _reads(node) else _COMPUTED)

    def _text(self, node: ast.expr, depth: int) -> str | None:
        try:
            value = self.value(node, depth + 1)
        except Unknown:
            return None
        return value if isinstance(value, str) else None


def _reads(node: ast.expr) -> bool:
    """Say whether a call looks as if it read a file."""
    names = (
        one.id if isinstance(one, ast.Name) else one.attr
        for one in ast.walk(node)
        if isinstance(one, ast.Name | ast.Attribute)
    )
    return any("open" in name or "read" in name or "parse" in name for name in names)
