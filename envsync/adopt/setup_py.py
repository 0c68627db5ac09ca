"""Read a setup.py without running it: what its call of `setup` says in literals."""

import ast
from collections.abc import Callable, Mapping
from typing import NamedTuple

from packaging.utils import canonicalize_name

from envsync.adopt.draft import Draft, Origin
from envsync.adopt.literals import Literals, Unknown
from envsync.errors import SpecInvalid
from envsync.spec.model import BASE, Part

_LARGEST = 1 << 20


class _Call(NamedTuple):
    """The call of `setup`, and what the file's names stand for."""

    arguments: Mapping[str, ast.expr]
    names: Mapping[str, ast.expr]
    spread_line: int = 0
    """Of a `**` whose keys can't be told; 0: there is none."""


def read_setup_py(draft: Draft, path: str) -> None:
    """Read the literal arguments of `setup`; what is computed is listed. Raises `SpecInvalid`."""
    call = _find_call(path, draft.read_bytes(path))
    draft.has_read(path)
    if call is None:
        advice = "name what it installs in env.toml by hand"
        draft.leave(Origin(path, 1), "setup.py", f"it has no plain call of setup(): {advice}")
        return
    take = _Taker(draft, path, call)
    if call.spread_line:
        origin = Origin(path, call.spread_line)
        draft.leave(origin, "install_requires", "it may stand in `**`, which only running tells")
    take.argument("name", lambda value, origin: draft.call(value, origin))
    take.argument("python_requires", lambda value, origin: draft.need_python(value, origin))
    take.argument("install_requires", lambda value, origin: take.requirements(BASE, value, origin))
    take.argument("extras_require", take.extras)
    take.argument("tests_require", take.tests)
    take.argument("dependency_links", take.links)
    tell_of_package(draft, path)


def tell_of_package(draft: Draft, path: str) -> None:
    """Say that the project itself is not installed: its metadata is known by a build alone."""
    if draft.is_package is None and draft.name is not None:
        name = canonicalize_name(str(draft.name.value))
        advice = f'`{name} = {{ path = ".", editable = true }}` in [sources] and "{name}" in '
        draft.leave(
            Origin(path, 1), "the project itself", f"{advice}dependencies install it", blocks=False
        )


def name_in_setup_py(path: str, data: bytes) -> str | None:
    """Give the name that a setup.py says in a literal. Raises `SpecInvalid`."""
    call = _find_call(path, data)
    try:
        value = Literals(call.names).value(call.arguments["name"]) if call else None
    except (KeyError, Unknown):
        return None
    return value if isinstance(value, str) else None


class _Taker:
    """Takes the arguments of one call into a draft."""

    def __init__(self, draft: Draft, path: str, call: _Call) -> None:
        self._draft, self._path, self._call = draft, path, call
        self._literals = Literals(call.names)

    def argument(self, name: str, take: Callable[[object, Origin], object]) -> None:
        """Take one argument if it is there and says something."""
        node = self._call.arguments.get(name)
        if node is None:
            return
        origin = Origin(self._path, node.lineno)
        try:
            take(self._literals.value(node), origin)
        except Unknown as error:
            self._draft.leave(origin, name, str(error))

    def requirements(self, part: Part, value: object, origin: Origin) -> None:
        texts = value.splitlines() if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
            raise Unknown
        for text in texts:
            if text.strip() and not text.strip().startswith("#"):
                self._draft.require(part, text, origin)

    def extras(self, value: object, origin: Origin) -> None:
        if not isinstance(value, dict):
            raise Unknown
        for name, texts in value.items():
            extra, _, marker = str(name).partition(":")
            part = self._draft.extra_part(extra, origin) if extra else BASE
            if part is None:
                continue
            if marker and isinstance(texts, list):
                texts = [f"{text}; {marker}" for text in texts]
            self.requirements(part, texts, origin)

    def tests(self, value: object, origin: Origin) -> None:
        part = self._draft.group_part("test", origin)
        if part is not None:
            self.requirements(part, value, origin)

    def links(self, value: object, origin: Origin) -> None:
        if value:
            advice = "nothing reads these any more: name an [[index]], or a package under [sources]"
            self._draft.leave(origin, "dependency_links", advice)


def _find_call(path: str, data: bytes) -> _Call | None:
    if len(data) > _LARGEST:
        raise SpecInvalid(path, ["the file is larger than 1 MiB"])
    try:
        tree = ast.parse(data, path)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        reason = getattr(error, "msg", None) or "it cannot be read"
        raise SpecInvalid(
            path,
            [f"line {line}: not Python that can be read: {reason}"],
            hint="`envsync import FILE` names the files that are to be read",
        ) from error
    names = _assigned(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_setup(node.func):
            given = {one.arg: one.value for one in node.keywords if one.arg is not None}
            spread = [one.value for one in node.keywords if one.arg is None]
            line = 0
            for each in spread:
                more = _spread(each, names)
                line = line or (each.lineno if more is None else 0)
                given = (more or {}) | given
            return _Call(given, names, line)
    return None


def _is_setup(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return function.attr == "setup"
    return isinstance(function, ast.Name) and function.id == "setup"


def _spread(node: ast.expr, names: Mapping[str, ast.expr]) -> dict[str, ast.expr] | None:
    """Give the arguments in `**{...}` or `**dict(...)`; None where they aren't written out."""
    found = names.get(node.id) if isinstance(node, ast.Name) else node
    if isinstance(found, ast.Call) and isinstance(found.func, ast.Name) and not found.args:
        is_plain = found.func.id == "dict" and all(one.arg for one in found.keywords)
        return {str(one.arg): one.value for one in found.keywords} if is_plain else None
    if not isinstance(found, ast.Dict):
        return None
    pairs = zip(found.keys, found.values, strict=True)
    return {str(key.value): value for key, value in pairs if isinstance(key, ast.Constant)}


def _assigned(tree: ast.Module) -> dict[str, ast.expr]:
    """Give the names of the module that are bound once, and never changed after."""
    bound: dict[str, list[ast.expr | None]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            bound.setdefault(node.id, []).append(None)
        elif (changed := _changed(node)) is not None:
            bound.setdefault(changed, []).append(None)
    once = {name for name, places in bound.items() if len(places) == 1}
    pairs = (pair for statement in tree.body for pair in _binding(statement))
    return {name: value for name, value in pairs if name in once}


def _changed(node: ast.AST) -> str | None:
    """Give the name whose value is another one after `x.append(...)`, `x["a"] = ...`."""
    target: ast.expr | None = None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        target = node.func.value if node.func.attr in _CHANGING else None
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        target = node.value
    return target.id if isinstance(target, ast.Name) else None


_CHANGING = frozenset(
    {"append", "extend", "insert", "remove", "pop", "clear", "update", "setdefault", "sort"}
)


def _binding(statement: ast.stmt) -> list[tuple[str, ast.expr]]:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        return [(target.id, statement.value)] if isinstance(target, ast.Name) else []
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target = statement.target
        return [(target.id, statement.value)] if isinstance(target, ast.Name) else []
    return []
