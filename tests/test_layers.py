"""The shape of the package: who may import whom, what is pure, what may print."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "envsync"

RANKS = (
    {"errors", "events", "redaction"},
    {"platform"},
    {"model", "settings"},
    {"inside", "spec", "trust", "wheel"},
    {"cache", "lock", "venv"},
    {"index", "python", "store"},
    {"build", "project", "resolve"},
    {"environment"},
    {"catalog"},
    {"sync"},
    {"acquire"},
    {"operations"},
    {"ui"},
    {"cli"},
)
RANK = {name: rank for rank, names in enumerate(RANKS) for name in names}
# Values of one folder that a folder of the same rank may use.
SAME_RANK_ALLOWED: set[tuple[str, str]] = set()

PURE = ("model", "spec", "lock", "resolve", "errors", "events", "redaction")
PURE_MODULES = {"wheel.metadata", "index.pages", "environment.plan", "environment.manifest"}
IMPURE_IMPORTS = {
    *("os", "subprocess", "socket", "tempfile", "shutil", "pathlib", "time"),
    *("threading", "pycurl", "fcntl", "mmap", "platform", "signal"),
}
# `python.facts` runs inside the interpreter that is asked, and asks it what it has.
LAZY_IMPORTS_ALLOWED = (
    "__main__",
    "acquire.",
    "cli.",
    "environment.stamp",
    "operations.",
    "platform.durable",
    "platform.files",
    "platform.user",
    "project.",
    "python.facts",
    "sync.",
    "ui",
)


MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in sorted(ROOT.rglob("*.py"))
}
"""Every module by its dotted name below the package."""


@cache
def tree(name: str) -> ast.Module:
    """A module's code, read when the first test looks at it and not when tests are collected."""
    return ast.parse(MODULES[name].read_text(), str(MODULES[name]))


def folder_of(module: str) -> str:
    """The ranked unit: a folder, or a module of the top level."""
    return module.partition(".")[0]


def imports(code: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Every imported module, with its statement."""
    for node in ast.walk(code):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node
            if node.module == "envsync" or node.module.startswith("envsync."):
                for alias in node.names:
                    if f"{node.module}.{alias.name}".removeprefix("envsync.") in MODULES:
                        yield f"{node.module}.{alias.name}", node


def own_imports(name: str) -> set[str]:
    """The package's own modules that a module imports, anywhere in it."""
    return {
        imported.removeprefix("envsync.")
        for imported, _ in imports(tree(name))
        if imported.startswith("envsync.") and imported.removeprefix("envsync.") in MODULES
    }


def ranked() -> list[str]:
    return [name for name in MODULES if name != "__main__" and not name.endswith("__init__")]


@pytest.mark.parametrize("name", ranked())
def test_module_imports_only_from_lower_ranks_or_its_own_folder(name: str) -> None:
    own = folder_of(name)
    wrong = {
        other
        for other in own_imports(name)
        if folder_of(other) != own
        and RANK[folder_of(other)] >= RANK[own]
        and (own, other) not in SAME_RANK_ALLOWED
    }
    assert wrong == set()


def test_every_module_has_a_rank() -> None:
    assert {folder_of(name) for name in ranked()} <= set(RANK)


def test_imports_have_no_cycle() -> None:
    graph = {name: own_imports(name) - {name} for name in MODULES}
    order = tuple(TopologicalSorter(graph).static_order())
    assert set(order) >= set(graph)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_module_opens_with_a_sentence(name: str) -> None:
    docstring = ast.get_docstring(tree(name))
    assert docstring
    assert docstring.split("\n\n")[0].rstrip().endswith((".", ":"))


@pytest.mark.parametrize("name", [n for n in MODULES if n.endswith("__init__")])
def test_folders_hold_nothing_but_their_sentence(name: str) -> None:
    statements = [
        node for node in tree(name).body[1:] if not isinstance(node, ast.Assign | ast.AnnAssign)
    ]
    assert statements == []


@pytest.mark.parametrize("name", [n for n in ranked() if folder_of(n) in PURE or n in PURE_MODULES])
def test_pure_module_touches_nothing_outside(name: str) -> None:
    used = {imported.partition(".")[0] for imported, _ in imports(tree(name))}
    assert used & IMPURE_IMPORTS == set()
    opened = [
        node
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("open", "print", "input", "exec", "eval")
    ]
    assert opened == []


@pytest.mark.parametrize("name", [n for n in MODULES if not n.startswith(LAZY_IMPORTS_ALLOWED)])
def test_module_imports_at_its_top_only(name: str) -> None:
    inner = [
        ast.unparse(statement)
        for function in ast.walk(tree(name))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for _, statement in imports(function)
    ]
    assert inner == []


@pytest.mark.parametrize(
    "name", [n for n in MODULES if n not in ("ui", "__main__", "cli.main") and "facts" not in n]
)
def test_only_the_ui_writes_to_the_terminal_or_exits(name: str) -> None:
    calls = {ast.unparse(node.func) for node in ast.walk(tree(name)) if isinstance(node, ast.Call)}
    assert calls & {"print", "sys.exit", "exit", "sys.stdout.write", "sys.stderr.write"} == set()
