"""The optional compiled module, built once for each state of its source and kept in `.tools`."""

import functools
import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "speedups"
FILES = ("envsync_speedups.c", "pyproject.toml", "README.md")


def needs_a_compiler() -> None:
    """Skip the test where nothing can be compiled for this Python."""
    compiler = shlex.split(sysconfig.get_config_var("CC") or "")[:1]
    if not compiler or shutil.which(compiler[0]) is None:
        pytest.skip("no C compiler")
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        pytest.skip("no headers of this Python")
    if importlib.util.find_spec("setuptools") is None or importlib.util.find_spec("pip") is None:
        pytest.skip("no setuptools or pip")


@functools.cache
def folder_with_speedups() -> Path:
    """Give a folder in which the module is, built as `make speedups` builds it."""
    needs_a_compiler()
    source = b"".join((SOURCE / name).read_bytes() for name in FILES)
    key = hashlib.sha256(source + sys.version.encode()).hexdigest()[:16]
    built = ROOT / ".tools" / "speedups" / key
    if not built.exists():
        built.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=built.parent) as scratch:
            _build(Path(scratch))
            if not built.exists():  # two processes of the test run may build it
                os.rename(f"{scratch}/built", built)
    return built


def _build(scratch: Path) -> None:
    """Build in a copy: the usual tools leave their folders beside the source."""
    (scratch / "source").mkdir()
    for name in FILES:
        shutil.copy(SOURCE / name, scratch / "source")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-build-isolation", "--no-deps", "--no-index"]
    done = subprocess.run(
        [*command, "--target", str(scratch / "built"), str(scratch / "source")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@functools.cache
def load_speedups() -> ModuleType:
    """Give the module itself, whether it is installed or not."""
    (path,) = folder_with_speedups().glob("envsync_speedups*.so")
    spec = importlib.util.spec_from_file_location("envsync_speedups", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
