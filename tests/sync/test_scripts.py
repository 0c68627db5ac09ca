"""The text of scripts, run as a kernel and a shell run it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envsync.model.entry_point import EntryPoint
from envsync.sync.scripts import launcher, rewritten

LATIN = "#!python\n# -*- coding: latin-1 -*-\nprint(ascii('é'))\n".encode("latin-1")
FUTURE = b'''#!python
# A comment.

r"""What it does."""
from __future__ import annotations
print(__doc__.endswith("What it does."))
'''
FLAGS = b"import sys\nprint(sys.flags.ignore_environment, sys.flags.no_user_site, sys.argv[1:])\n"


@pytest.fixture(params=["bin", "b in", "b" * 200])
def scripts(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder of scripts with an interpreter, in a plain, an odd or a long place."""
    folder: Path = tmp_path / request.param
    folder.mkdir()
    (folder / "python").symlink_to(sys.executable)
    return folder


def run(scripts: Path, content: bytes | None, *arguments: str) -> str:
    assert content is not None
    path = scripts / "it"
    path.write_bytes(content)
    path.chmod(0o755)
    environ = os.environ | {"PYTHONPATH": str(scripts)}
    return subprocess.check_output([path, *arguments], env=environ, text=True).strip()


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (b"#!python\n", "0 0 ['a b']"),
        (b"#!python3\n", "0 0 ['a b']"),
        (b"#!pythonw  \n", "0 0 ['a b']"),
        (b"#!python3.12 -E\r\n", "1 0 ['a b']"),
        (b"#!python -E\n", "1 0 ['a b']"),
        (b"#!python   -E   -s \t\n", "1 1 ['a b']"),
        (b"#!python -sE\n", "1 1 ['a b']"),
        (b"#!python -c $(id)\n", "0 0 ['a b']"),  # nothing that a shell would read differently
    ],
)
def test_any_first_line_that_begins_so(scripts: Path, first: bytes, said: str) -> None:
    assert run(scripts, rewritten(first + FLAGS, str(scripts)), "a b") == said


def test_an_encoding_in_the_second_line_stays(scripts: Path) -> None:
    assert run(scripts, rewritten(LATIN, str(scripts))) == r"'\xe9'"


def test_a_docstring_stays_and_imports_from_the_future_may_follow(scripts: Path) -> None:
    assert run(scripts, rewritten(FUTURE, str(scripts))) == "True"


def test_a_line_and_nothing_else(scripts: Path) -> None:
    assert run(scripts, rewritten(b"#!python", str(scripts))) == ""


@pytest.mark.parametrize(
    "content", [b"", b"#!/usr/bin/python\n", b" #!python\n", b"\x7fELF", b"#! python\n"]
)
def test_every_other_file_stays(content: bytes) -> None:
    assert rewritten(content, "/x/bin") is None


def test_a_launcher_of_a_module_with_the_name_of_a_keyword(scripts: Path) -> None:
    (scripts / "tools").mkdir()
    (scripts / "tools/as.py").write_text(
        "class App:\n    run = staticmethod(lambda: print(__name__))\n"
    )
    entry_point = EntryPoint("console_scripts", "tools-as", "tools.as", "App.run")
    assert run(scripts, launcher(entry_point, str(scripts))) == "tools.as"
