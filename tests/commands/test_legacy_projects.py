"""Local projects without pyproject.toml, and what of a project makes a lock outdated."""

import shutil

import pytest

from tests.commands.conftest import publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import BACKEND, make_wheel

# Stands in for setuptools: what setup.py says is in its names, what it reads is its own affair.
LEGACY = f"""{BACKEND}
def _identity():
    said = {{}}
    with open("setup.py", encoding="utf-8") as file:
        exec(file.read(), said)
    lines = ["Metadata-Version: 2.2", "Name: shop", "Version: " + said["VERSION"]]
    lines += ["Requires-Dist: " + text for text in said["REQUIRES"]]
    return "shop", said["VERSION"], "\\n".join(lines) + "\\n\\n"


class __legacy__:
    pass


for _name, _hook in list(globals().items()):
    if not _name.startswith("_") and callable(_hook):
        setattr(__legacy__, _name, staticmethod(_hook))
"""
SETUP = "VERSION = '0.1'\nREQUIRES = open('requirements.txt').read().split()\n"
SPEC = """\
[env]
requires-python = ">=3.11"
dependencies = ["shop"]
[sources]
shop = {{ path = ".", editable = {} }}
"""


@pytest.fixture(params=["true", "false"], ids=["editable", "not editable"])
def legacy(request: pytest.FixtureRequest, place: Workplace, server: IndexServer) -> Workplace:
    files = {"setuptools/__init__.py": "", "setuptools/build_meta.py": LEGACY}
    publish(server, make_wheel("setuptools", "80.0", files))
    place.write(SETUP, "setup.py")
    place.write("base<2\n", "requirements.txt")
    (place.project / "src").mkdir()
    place.write("X = 1\n", "src/shop.py")
    place.write(SPEC.format(request.param))
    return place


def test_a_project_with_setup_py_alone(legacy: Workplace) -> None:
    legacy.ok("sync")
    assert legacy.python("import shop, base; print(shop.X, base.VERSION)") == "1 1"
    assert "Nothing to do" in legacy.ok("sync").err
    legacy.ok("sync", "--check")
    legacy.ok("lock", "--check")
    legacy.ok("add", "speedups")
    assert legacy.ok("run", "python", "-c", "import speedups, shop; print(shop.X)").out == "1\n"
    legacy.ok("remove", "speedups")


def test_what_setup_py_reads_makes_a_lock_outdated(legacy: Workplace) -> None:
    legacy.given("lock")
    legacy.write(f"# a comment\n{SETUP}", "setup.py")
    assert legacy.run("lock", "--check").code == 3
    legacy.write(SETUP, "setup.py")
    legacy.ok("lock", "--check")
    legacy.write("base<2\nspeedups\n", "requirements.txt")
    ran = legacy.run("lock", "--check")
    assert ran.code == 3
    assert "the project files of shop changed" in ran.err
    legacy.ok("sync")
    legacy.python("import speedups")


def test_what_only_a_build_can_tell_makes_a_lock_outdated(legacy: Workplace) -> None:
    """setup.py computes the name of the file that it reads."""
    legacy.write(SETUP.replace("requirements.txt", "requirements' + '.txt"), "setup.py")
    legacy.given("sync")
    legacy.write("base<2\nspeedups\n", "requirements.txt")
    legacy.write("X = 2\n", "src/shop.py")
    shutil.rmtree(legacy.venv)
    ran = legacy.run("sync", "--locked")
    assert ran.code == 1
    assert "hint: `envsync lock` locks what the folder says now" in ran.err
    ran = legacy.run("lock", "--check")
    assert ran.code == 3
    assert "the last build of shop gave other metadata than is locked" in ran.err
    legacy.ok("sync")
    legacy.python("import shop, speedups")
