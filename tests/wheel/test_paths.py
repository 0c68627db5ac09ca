"""Which paths, targets and script names are let through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.wheel.paths import (
    clash,
    fold,
    folders_of,
    is_reserved_script,
    is_safe,
    path_problem,
    reserved,
)

SAFE = [
    "a",
    "demo/__init__.py",
    "a/b/c/d.so",
    ".hidden",
    "..a",
    "a..",
    "a/...b",
    "...",
    "with space/and (brackets) [x] {y}$.txt",
    "sr@latin/LC_MESSAGES/x.mo",
    "ro,1.s1p",
    "composite_basis.py~",
    "naïve/日本.py",
    "🐍.txt",
    "a" * 255,
    "/".join("a" * 64),
    "é" * 127,
]

UNSAFE = {
    "": "empty component",
    "/": "absolute",
    "/etc/passwd": "absolute",
    "//host/share": "absolute",
    ".": '"."',
    "..": '".."',
    "../x": '".."',
    "a/../b": '".."',
    "a/..": '".."',
    "./a": '"."',
    "a/./b": '"."',
    "a/.": '"."',
    "../../../../etc/cron.d/x": '".."',
    "a//b": "empty component",
    "a/": "empty component",
    "C:/x": "U+003A",
    "C:x": "U+003A",
    "a/C:": "U+003A",
    "file.txt:stream": "U+003A",
    "..\\x": "U+005C",
    "a\\b": "U+005C",
    "\\\\host\\share": "U+005C",
    "a/..\\..\\x": "U+005C",
    "a.py\0evil.so": "U+0000",
    "a\nb": "U+000A",
    "a\rb": "U+000D",
    "a\tb": "U+0009",
    "\x1b[31mred": "U+001B",
    "a\x7fb": "U+007F",
    "a\x85b": "U+0085",
    "a\u202egpj.exe": "U+202E",
    "a\u2066b": "U+2066",
    "a\u200bb": "U+200B",
    "a\u2028b": "U+2028",
    "\ufeffa": "U+FEFF",
    "\ud800": "U+D800",
    "a" * 256: "255 bytes",
    "é" * 128: "255 bytes",
    "/".join("a" * 65): "64 folders",
    "/".join(["a" * 200] * 6): "1024 bytes",
}


@pytest.mark.parametrize("path", SAFE)
def test_lets_safe_paths_through(path: str) -> None:
    assert is_safe(path)
    assert path_problem(path) is None


@pytest.mark.parametrize("path", UNSAFE)
def test_refuses_unsafe_paths_with_a_reason(path: str) -> None:
    assert not is_safe(path)
    assert UNSAFE[path] in str(path_problem(path))


@given(st.text(alphabet=st.sampled_from("ab./\\:\0 é\u202e"), max_size=12))
def test_fast_and_slow_judgement_agree(path: str) -> None:
    assert is_safe(path) == (path_problem(path) is None)


RESERVED = [
    "pyvenv.cfg",
    "PyVenv.CFG",
    "pyvenv.cfg.",
    "pyvenv.cfg/x",
    ".envsync",
    ".envsync/manifest",
    ".ENVSYNC/stamp",
    ".gitignore",
    "CACHEDIR.TAG",
    "bin",
    "lib",
    "lib64",
    "Lib",
    "include",
    "Scripts",
    "bin/python",
    "bin/Python",
    "bin/python3",
    "bin/python3.11",
    "bin/python3.13t",
    "bin/python.exe",
    "bin/pythonw.exe",
    "bin/PYTHON3.EXE",
    "bin/python/x",
    "bin/pypy3",
    "bin/python3-config",
    "bin/python ",
    "Scripts/python.exe",
    "bin/activate",
    "bin/Activate.ps1",
    "bin/activate.fish",
    "bin/activate_this.py",
    "bin/deactivate.bat",
]

FREE = [
    "bin/z3",
    "bin/pythontex",
    "bin/python-argcomplete-check-easy-install-script",
    "bin/activate-global-python-argcomplete",
    "bin/ipython3",
    "share/man/man1/python.1",
    "etc/jupyter/jupyter_notebook_config.d/x.json",
    "include/gmsh.h",
    "lib/libgmsh.so.4.15",
    "share/pyvenv.cfg",
    "binary",
]


@pytest.mark.parametrize("target", RESERVED)
def test_keeps_off_what_belongs_to_the_environment(target: str) -> None:
    assert reserved(target) is not None


@pytest.mark.parametrize("target", FREE)
def test_leaves_other_targets_alone(target: str) -> None:
    assert reserved(target) is None


def test_reserved_scripts_are_those_of_the_interpreter_and_activation() -> None:
    names = ["python", "Python3", "pythonw", "pypy", "activate", "deactivate", "activate.nu"]
    assert [name for name in names if not is_reserved_script(name)] == []
    assert [
        name for name in ["pip", "pythonic", "py", "reactivate"] if is_reserved_script(name)
    ] == []


def test_fold_joins_what_file_systems_join() -> None:
    joined = [("A/B.py", "a/b.PY"), ("ß", "SS"), ("e\u0301", "é"), ("a. ", "A"), ("x./y", "X/y")]
    assert [pair for pair in joined if fold(pair[0]) != fold(pair[1])] == []


def test_folders_come_before_what_lies_in_them() -> None:
    assert folders_of(["b/c/d/x", "a", "b/y", "b/c-c/z"]) == ["b", "b/c", "b/c-c", "b/c/d"]


def test_clash_names_twins_and_files_that_are_folders() -> None:
    assert clash(["a", "b/c"], ["b"]) is None
    assert clash(["a", "b", "a"], []) == "'a' is there twice"
    assert clash(["a", "a/b"], ["a"]) == "'a' is a file and a folder"
