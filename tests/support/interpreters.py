"""Real interpreters of this machine, and scripts that answer envsync's question as one would."""

import glob
import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import pytest
from packaging.specifiers import SpecifierSet

from envsync.events import Reporter
from envsync.model.target import Target
from envsync.python.facts import MARK, facts
from envsync.python.find import find_target


class Installed(NamedTuple):
    """An interpreter that is really there."""

    executable: str
    minor: str


def installed_interpreters() -> list[Installed]:
    """Give pyenv's CPython 3.8 and newer, one for each minor version."""
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    found: dict[str, Installed] = {}
    for path in sorted(glob.glob(f"{glob.escape(root)}/versions/3.*/bin/python3.*[0-9]")):
        minor = os.path.basename(path).removeprefix("python")
        if tuple(map(int, minor.split("."))) >= (3, 8):
            found[minor] = Installed(path, minor)
    return list(found.values())


class Fake(NamedTuple):
    """A script that answers as an interpreter does, and counts how often it is asked."""

    path: str

    @property
    def times_asked(self) -> int:
        """How often it ran."""
        try:
            with open(f"{self.path}.asked", encoding="ascii") as file:
                return len(file.read())
        except FileNotFoundError:
            return 0


def fake_python(path: str, version: str, **changes: object) -> Fake:
    """Write a fake interpreter to `path`: this one's facts, with another version and `changes`."""
    major, minor, rest = version.split(".", 2)
    numbers = "".join(character if character.isdigit() else "." for character in rest).split(".")
    answer = facts() | {
        "version": version,
        "version_info": [int(major), int(minor), int(numbers[0]), "final", 0],
        "executable": path,
        "base_executable": path,
        **changes,
    }
    return script(path, f"echo {shlex.quote(MARK + json.dumps(answer))}")


def script(path: str, body: str) -> Fake:
    """Write an executable shell script that counts its runs and then does `body`."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\nprintf x >> {shlex.quote(path + '.asked')}\n{body}\n")
    os.chmod(path, 0o755)
    return Fake(path)


class World:
    """A machine's folders for interpreters, all empty at first."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cache = str(root / "cache")
        self.bin = root / "bin"
        self.pyenv = root / "pyenv"
        self.uv = root / "uv"
        for folder in (self.bin, self.pyenv / "versions", self.uv):
            folder.mkdir(parents=True)

    @classmethod
    def made(cls, root: Path, monkeypatch: pytest.MonkeyPatch) -> Self:
        """Make the folders, and have the variables name them."""
        world = cls(root)
        monkeypatch.setenv("PATH", str(world.bin))
        monkeypatch.setenv("PYENV_ROOT", str(world.pyenv))
        monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(world.uv))
        monkeypatch.setenv("HOME", str(root / "home"))
        return world

    def find(
        self,
        request: str | None,
        requires: str | None = ">=3.40",
        *,
        never_inside: str | None = None,
        by_user: bool | None = None,
        allowed: Sequence[str] = (),
        reporter: Reporter | None = None,
    ) -> Target:
        """Find an interpreter, newer than any that really is here unless said otherwise."""
        return find_target(
            request,
            None if requires is None else SpecifierSet(requires),
            cache_dir=self.cache,
            never_inside=never_inside,
            by_user=by_user,
            allowed=lambda: allowed,
            reporter=reporter or Reporter(),
        )
