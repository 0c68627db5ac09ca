"""Build environments for tests: a bare `venv`, with no network and nothing installed."""

import atexit
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.tags import sys_tags

from envsync.build.request import BuildEnvironment
from envsync.errors import PackageNotFound
from envsync.model.target import Target

THIS = Target(
    executable=os.path.realpath(sys.executable),
    version=sys.version.partition(" ")[0],
    implementation=sys.implementation.name,
    cache_tag=str(sys.implementation.cache_tag),
    environment={key: str(value) for key, value in default_environment().items()},
    tags=tuple(map(str, sys_tags())),
    base_prefix=sys.base_prefix,
    signature="1:1",
    purelib=f"lib/python{sysconfig.get_python_version()}/site-packages",
    platlib=f"lib/python{sysconfig.get_python_version()}/site-packages",
    scripts="bin",
    headers=f"include/site/python{sysconfig.get_python_version()}",
    data="",
)
"""The interpreter that runs the tests."""


@cache
def _bare_environment(python: str) -> str:
    """Make an environment to copy: it finds itself by its pyvenv.cfg, wherever it lies."""
    folder = tempfile.mkdtemp(prefix="envsync-test-")
    atexit.register(shutil.rmtree, folder)
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
    return folder


class Provider:
    """Provides bare environments; a requirement is met by a module of its name in `modules`.

    `asked` holds the requirements of each call, `is_open` tells whether an environment is in use.
    `python`, where given, stands in for the environment's interpreter.
    """

    def __init__(self, root: Path, modules: dict[str, str] | None = None) -> None:
        self.asked: list[list[str]] = []
        self.is_open = False
        self.python = ""
        self._root = root
        self._modules = modules or {}

    @contextmanager
    def __call__(
        self, requirements: Sequence[Requirement], target: Target
    ) -> Iterator[BuildEnvironment]:
        self.asked.append([str(requirement) for requirement in requirements])
        folder = self._root / f"environment{len(self.asked)}"
        shutil.copytree(_bare_environment(target.executable), folder, symlinks=True)
        for requirement in requirements:
            if requirement.name not in self._modules:
                raise PackageNotFound(requirement.name, [])
            path = folder / target.purelib / f"{requirement.name}.py"
            path.write_text(self._modules[requirement.name])
        assert not self.is_open
        self.is_open = True
        python = self.python or str(folder / "bin" / "python")
        yield BuildEnvironment(python, (str(folder / "bin"),))
        self.is_open = False
