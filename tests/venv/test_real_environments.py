"""Environments written to disk, run by each interpreter of this machine, beside venv's own."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from envsync.model.target import Target
from envsync.python.ask import ask
from tests.support.environments import make_environment
from tests.support.interpreters import Installed, installed_interpreters

INTERPRETERS = installed_interpreters()
QUESTION = """
import json, site, sys, sysconfig
print(json.dumps({
    "prefix": sys.prefix,
    "exec_prefix": sys.exec_prefix,
    "base_prefix": sys.base_prefix,
    "base_exec_prefix": sys.base_exec_prefix,
    "path": sys.path,
    "user_site": site.ENABLE_USER_SITE,
    "sites": site.getsitepackages(),
    "paths": sysconfig.get_paths(),
    "version": list(sys.version_info),
    "executable": sys.executable,
}))
"""


@pytest.fixture(params=INTERPRETERS, ids=lambda one: one.minor, scope="module")
def interpreter(request: pytest.FixtureRequest) -> Installed:
    value: Installed = request.param
    return value


@pytest.fixture(scope="module")
def target(interpreter: Installed, tmp_path_factory: pytest.TempPathFactory) -> Target:
    return ask(interpreter.executable, str(tmp_path_factory.mktemp("cache")))


def run(root: str, *arguments: str, python: str = "python", **environ: str) -> str:
    return subprocess.run(
        [os.path.join(root, "bin", python), *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": os.path.dirname(root), **environ},
    ).stdout


def describe(root: str, python: str = "python", **environ: str) -> dict[str, Any]:
    description: dict[str, Any] = json.loads(run(root, "-c", QUESTION, python=python, **environ))
    return description


def as_of(description: dict[str, Any], root: str) -> Any:
    """The description with the environment's own path taken out."""
    return json.loads(json.dumps(description).replace(root, "ROOT"))


def test_it_is_what_venv_makes(interpreter: Installed, target: Target, tmp_path: Path) -> None:
    ours = make_environment(target, str(tmp_path / "ours"))
    theirs = str(tmp_path / "theirs")
    subprocess.run([interpreter.executable, "-m", "venv", "--without-pip", theirs], check=True)

    assert as_of(describe(ours), ours) == as_of(describe(theirs), theirs)


def test_every_name_of_its_interpreter_works(target: Target, tmp_path: Path) -> None:
    root = make_environment(target, str(tmp_path / "env"))
    minor = target.environment["python_version"]

    for name in ("python", "python3", f"python{minor}"):
        description = describe(root, name)
        assert description["prefix"] == root
        assert description["executable"] == os.path.join(root, "bin", name)
        assert description["base_prefix"] == target.base_prefix


def test_it_sees_its_own_packages_and_those_of_nobody_else(target: Target, tmp_path: Path) -> None:
    root = make_environment(target, str(tmp_path / "env"))
    minor = target.environment["python_version"]
    user_site = tmp_path / ".local" / "lib" / f"python{minor}" / "site-packages"
    user_site.mkdir(parents=True)

    description = describe(root)

    site_packages = os.path.join(root, *target.purelib.split("/"))
    assert description["sites"] == [site_packages]
    assert [path for path in description["path"] if "site-packages" in path] == [site_packages]
    assert description["user_site"] is False
    assert description["paths"]["purelib"] == site_packages
    assert description["paths"]["platlib"] == os.path.join(root, *target.platlib.split("/"))
    assert description["paths"]["scripts"] == os.path.join(root, "bin")


def test_with_system_site_packages_it_sees_the_bases_too(target: Target, tmp_path: Path) -> None:
    root = make_environment(target, str(tmp_path / "env"), system_site_packages=True)

    description = describe(root)

    inside, base = (
        os.path.join(top, *target.purelib.split("/")) for top in (root, target.base_prefix)
    )
    assert [path for path in description["path"] if "site-packages" in path] == [inside, base]
    assert description["user_site"] is True


def test_the_site_module_describes_it(target: Target, tmp_path: Path) -> None:
    root = make_environment(target, str(tmp_path / "env"))

    answer = run(root, "-m", "site")

    assert repr(os.path.join(root, *target.purelib.split("/"))) in answer
    assert "ENABLE_USER_SITE: False" in answer


def test_a_path_with_spaces_and_other_signs_works(target: Target, tmp_path: Path) -> None:
    root = make_environment(target, str(tmp_path / "a b$'\"é;%#=" / "env"))

    assert describe(root)["prefix"] == root


def test_it_works_after_it_was_moved(target: Target, tmp_path: Path) -> None:
    before = make_environment(target, str(tmp_path / "before"))
    after = str(tmp_path / "after")
    os.rename(before, after)

    assert describe(after)["prefix"] == after


def test_activate_this_brings_its_packages_into_a_running_python(
    interpreter: Installed, target: Target, tmp_path: Path
) -> None:
    root = make_environment(target, str(tmp_path / "it's"), prompt="it's")
    package = os.path.join(root, *target.purelib.split("/"), "only_here.py")
    Path(package).write_text("")
    program = (
        "import os, runpy, sys\n"
        "runpy.run_path(sys.argv[1])\n"
        "import only_here\n"
        "values = map(os.environ.get, sys.argv[2:])\n"
        "print(only_here.__file__, sys.prefix, *values, sep='\\n')"
    )

    answer = subprocess.run(
        [
            interpreter.executable,
            "-c",
            program,
            f"{root}/bin/activate_this.py",
            "PATH",
            "VIRTUAL_ENV",
            "VIRTUAL_ENV_PROMPT",
            "PYTHONHOME",
        ],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin::/bin"},
    ).stdout

    assert answer.splitlines() == [
        package,
        root,
        f"{root}/bin:/usr/bin:/bin",
        root,
        "it's",
        "None",
    ]
