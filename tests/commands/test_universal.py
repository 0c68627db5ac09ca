"""Conflicts, own extras, required environments and the report of gaps, as whole commands."""

import json

import pytest

from tests.commands.conftest import publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_wheel

CONFLICTS = """\
[env]
name = "shop"
requires-python = ">=3.11"
dependencies = ["webby"]
[env.optional-dependencies]
old = ["base==1.0"]
new = ["base==2.0"]
all = ["shop[new]", "speedups"]
[lock]
conflicts = [["old", "new"]]
"""


def test_each_side_of_a_conflict_has_its_own_version(place: Workplace) -> None:
    place.write(CONFLICTS)
    place.given("lock")
    for extra, version in (("old", "1"), ("new", "2"), ("all", "2")):
        place.ok("sync", "--extra", extra)
        assert place.python("import base; print(base.VERSION)") == version
    place.ok("sync")
    assert "Nothing to do" in place.ok("sync").err


@pytest.mark.parametrize(
    "flags", [("--extra", "old", "--extra", "all"), ("--all-extras",)], ids=["by name", "all"]
)
def test_both_sides_at_once_are_refused(place: Workplace, flags: tuple[str, ...]) -> None:
    place.write(CONFLICTS)
    place.ok("sync", "--extra", "old")
    before = place.files()
    ran = place.run("sync", *flags)
    assert ran.code == 2
    assert "lock.conflicts keeps extra all and extra old apart" in ran.err
    assert "--no-extra old" in ran.err
    assert place.files() == before


def test_all_extras_but_one_side_are_fine(place: Workplace) -> None:
    place.write(CONFLICTS)
    place.ok("sync", "--all-extras", "--no-extra", "old")
    assert place.python("import base, speedups; print(base.VERSION)") == "2"


def test_a_required_environment_without_a_wheel_is_an_error(
    place: Workplace, server: IndexServer
) -> None:
    publish(
        server,
        make_wheel("native", "1.0", {"native.py": ""}, tag="py3-none-any"),
        make_wheel("native", "2.0", {"native.py": ""}, tag="py3-none-manylinux_2_17_x86_64"),
    )
    spec = '[env]\nrequires-python = ">=3.11"\ndependencies = ["native"]\n[lock]\n'
    place.write(spec)
    place.ok("lock")
    assert 'version = "2.0"' in place.lock()
    place.write(spec + "required-environments = [\"sys_platform == 'darwin'\"]\n")
    place.ok("lock")
    assert 'version = "1.0"' in place.lock()
    before = place.lock()
    place.write(spec.replace('"native"', '"native>=2"'))
    place.write(
        spec.replace('"native"', '"native>=2"')
        + "required-environments = [\"sys_platform == 'darwin'\"]\n"
    )
    ran = place.run("lock")
    assert ran.code == 1
    assert "no wheel for one of the required environments" in ran.err
    assert place.lock() == before


def test_a_required_environment_that_is_not_covered(place: Workplace) -> None:
    place.write(
        "[env]\nrequires-python = '>=3.11'\n[lock]\n"
        "environments = [\"sys_platform == 'linux'\"]\n"
        "required-environments = [\"sys_platform == 'win32'\"]\n"
    )
    ran = place.run("lock")
    assert ran.code == 2
    assert "lock.required-environments: the lock does not cover sys_platform" in ran.err


def test_the_report_shows_packages_by_platform(place: Workplace, server: IndexServer) -> None:
    publish(
        server, make_wheel("native", "2.0", {"native.py": ""}, tag="py3-none-manylinux_2_17_x86_64")
    )
    place.write('[env]\nrequires-python = ">=3.11"\ndependencies = ["native", "base"]\n')
    lines = place.ok("lock").err.splitlines()
    head = next(line for line in lines if "linux x86_64" in line)
    row = next(line for line in lines if "native 2.0" in line and "wheel" in line)
    assert "warning: 1 package has no wheel for some of what the lock covers:" in lines
    assert row.index("wheel") == head.index("linux x86_64")
    assert row.count("none") == 4
    place.write('[env]\nrequires-python = ">=3.12"\ndependencies = ["native", "base"]\n')
    found = json.loads(place.ok("--json", "lock").out)["gaps"]
    assert [(gap["name"], gap["platforms"]["macos arm64"]) for gap in found] == [("native", "none")]


def test_upgrade_of_what_is_not_there(place: Workplace) -> None:
    place.write('[env]\nrequires-python = ">=3.11"\ndependencies = ["base"]\n')
    assert "warning: --upgrade-package bsae: the lock" in place.ok("lock", "-P", "bsae").err
    ran = place.run("lock", "-P", "../x")
    assert ran.code == 2
    assert "'../x' is not a valid name" in ran.err


def _cases(first: int, end: int) -> str:
    """A marker whose cases double with each number."""
    return " or ".join(
        f"(platform_version == 'a{n}' and platform_release == 'b{n}')" for n in range(first, end)
    )


def test_markers_that_are_too_large_together_are_named(
    place: Workplace, server: IndexServer
) -> None:
    filename, content = make_wheel("joined", "1.0", requires=[f"base; {_cases(20, 34)}"])
    server.add("joined", filename, content)
    first, second = f"base; {_cases(0, 14)}", f"base; {_cases(14, 28)}"
    place.write(f'[env]\ndependencies = ["joined", "{first}", "{second}"]\n')
    ran = place.run("lock")
    assert ran.code == 1
    assert "too many cases together" in ran.err
    assert "env.toml: env.dependencies: base; " in ran.err
    assert "hint: use simpler markers" in ran.err


def bounded(server: IndexServer) -> None:
    """Releases of which the newest says that it ends below Python 3.13."""
    publish(
        server,
        make_wheel("bounded", "1.0", {"bounded.py": ""}, requires_python=">=3.8"),
        make_wheel("bounded", "2.0", {"bounded.py": ""}, requires_python=">=3.8,<3.13"),
    )


@pytest.mark.parametrize(
    ("pythons", "taken"), [("==3.13.*", "1.0"), (">=3.13", "1.0"), (">=3.12", "2.0")]
)
def test_what_no_covered_python_could_install_gives_way(
    place: Workplace, server: IndexServer, pythons: str, taken: str
) -> None:
    """Where only some are beyond the bound, the newest stays, and it is said once."""
    bounded(server)
    place.write(f'[env]\nrequires-python = "{pythons}"\ndependencies = ["bounded"]\n')
    ran = place.here("lock")
    assert ran.code == 0, ran.err
    assert f'name = "bounded"\nversion = "{taken}"' in place.lock()
    assert ("bounded 2.0 says Python <3.13" in ran.err) == (taken == "2.0")


def test_what_is_needed_stays_though_no_covered_python_could_install_it(
    place: Workplace, server: IndexServer
) -> None:
    bounded(server)
    place.write('[env]\nrequires-python = "==3.13.*"\ndependencies = ["bounded>=2"]\n')
    ran = place.here("lock")
    assert ran.code == 0, ran.err
    assert "bounded 2.0 says Python <3.13" in ran.err
