"""Recognise an `__init__.py` that does nothing, or nothing but to extend `__path__`.

Several packages of one namespace bring such a file each, in texts of their own ("Packaging
namespace packages", pkgutil-style and pkg_resources-style): any of them does for all.
"""

import ast
from collections.abc import Mapping
from importlib.util import decode_source
from typing import Literal

Kind = Literal["pkgutil", "pkg_resources", "nothing"]

RANKS: tuple[Kind, ...] = ("pkgutil", "pkg_resources", "nothing")
"""Which one serves the others best comes first: pkgutil is always there."""

_MAX_SIZE = 64 * 1024
_EXTENDERS: Mapping[str, Kind] = {"extend_path": "pkgutil", "declare_namespace": "pkg_resources"}


def namespace_kind(source: bytes) -> Kind | None:
    """Say how a module extends `__path__`; None where it does anything else, or can't be read."""
    if len(source) > _MAX_SIZE:
        return None
    try:
        statements = ast.parse(decode_source(source)).body
        kinds = {kind for statement in statements for kind in _kinds(statement)}
    # A stranger's file, and deep nesting ends the parser in any of these (H17).
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if None in kinds:
        return None
    return next(kind for kind in RANKS if kind in kinds or kind == "nothing")


def _kinds(statement: ast.stmt) -> list[Kind | None]:
    """Give what a statement extends the path with, and None where it does something else."""
    match statement:
        case ast.Pass() | ast.Expr(ast.Constant()) | ast.ImportFrom(module="__future__"):
            return []
        case ast.Import(names) if all(each.name in RANKS for each in names):
            return []
        case ast.ImportFrom(module, names, 0) if all(_from(module, each.name) for each in names):
            return []
        case ast.Delete(targets) if all(isinstance(target, ast.Name) for target in targets):
            return []
        case ast.Assign([ast.Name("__path__")], ast.Call(function, [path, name], [])):
            return [_extender(function, "extend_path", [path, name])]
        case ast.Expr(ast.Call(function, [name], [])):
            return [_extender(function, "declare_namespace", [name])]
        case ast.Try(body, handlers, otherwise, at_last):
            inner = [*body, *otherwise, *at_last, *(s for each in handlers for s in each.body)]
            return [kind for each in inner for kind in _kinds(each)]
    return [None]


def _from(module: str | None, name: str) -> bool:
    return module is not None and _EXTENDERS.get(name) == module


def _extender(function: ast.expr, name: str, arguments: list[ast.expr]) -> Kind | None:
    """Say which module's function is called, as it must be: on `__path__` and `__name__`."""
    wanted = ["__path__", "__name__"][-len(arguments) :]
    if [getattr(each, "id", None) for each in arguments] != wanted:
        return None
    module = _EXTENDERS[name]
    match function:
        case ast.Name(called) if called == name:
            pass
        case ast.Attribute(ast.Name(of), called) if (of, called) == (module, name):
            pass
        case ast.Attribute(ast.Call(ast.Name("__import__"), [ast.Constant(of)], []), called) if (
            of,
            called,
        ) == (module, name):
            pass
        case _:
            return None
    return module
