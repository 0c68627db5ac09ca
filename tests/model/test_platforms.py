"""Interpreters of other machines: their names, tags and marker variables."""

import pytest

from envsync.model.platforms import (
    Python,
    platform_of,
    read_platform,
    read_python,
    target_on,
)
from envsync.python.ask import ask
from tests.support.interpreters import installed_interpreters

ARM, INTEL = "posix linux aarch64", "posix linux x86_64"


@pytest.mark.parametrize(
    ("name", "has", "lacks", "variables"),
    [
        ("linux", "manylinux_2_28_x86_64", "manylinux_2_29_x86_64", "posix linux x86_64"),
        ("x86_64-manylinux2014", "manylinux1_x86_64", "manylinux_2_18_x86_64", INTEL),
        ("manylinux_2_34_aarch64", "manylinux_2_17_aarch64", "manylinux_2_5_aarch64", ARM),
        ("aarch64-unknown-linux-musl", "musllinux_1_1_aarch64", "manylinux_2_17_aarch64", ARM),
        ("macos", "macosx_11_0_arm64", "macosx_14_0_arm64", "posix darwin arm64"),
        ("x86_64-apple-darwin", "macosx_10_9_x86_64", "macosx_11_0_arm64", "posix darwin x86_64"),
        ("macosx_12_0_x86_64", "macosx_12_0_x86_64", "macosx_13_0_x86_64", "posix darwin x86_64"),
        ("windows", "win_amd64", "win32", "nt win32 AMD64"),
        ("win_arm64", "win_arm64", "win_amd64", "nt win32 ARM64"),
    ],
)  # fmt: skip
def test_platforms(name: str, has: str, lacks: str, variables: str) -> None:
    platform = read_platform(name)
    assert (has in platform.tags, lacks in platform.tags) == (True, False)
    environment = platform.environment
    keys = ("os_name", "sys_platform", "platform_machine")
    assert " ".join(environment[key] for key in keys) == variables


@pytest.mark.parametrize(
    "name", ["", "beos", "linux_x86_64", "manylinux_2_28", "macosx_11_0", "win_ia64", "any"]
)
def test_no_platforms(name: str) -> None:
    with pytest.raises(ValueError, match="it is no platform"):
        read_platform(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3.12", Python(12)),
        ("3.12.4", Python(12, 4)),
        ("3.13t", Python(13, None, free_threaded=True)),
        ("python3.11", Python(11)),
        ("cpython@3.10", Python(10)),
    ],
)
def test_pythons(text: str, expected: Python) -> None:
    assert read_python(text) == expected


@pytest.mark.parametrize("text", ["", "3", "2.7", "pypy3.10", "3.12.x", ">=3.12", "/usr/bin/py"])
def test_no_pythons(text: str) -> None:
    with pytest.raises(ValueError, match="no version of CPython"):
        read_python(text)


def test_an_interpreter_of_this_machine_is_as_it_says_itself(tmp_path: object) -> None:
    known = installed_interpreters()
    if not known:
        pytest.skip("no pyenv with interpreters here")
    here = ask(known[-1].executable, str(tmp_path))
    minor, patch = map(int, here.version.split(".")[1:3])

    made = target_on(platform_of(here), Python(minor, patch), 0)

    assert made.tags == here.tags
    assert made.environment == here.environment
    other = target_on(platform_of(here), Python(minor - 1), 0)
    assert f"cp3{minor - 1}-cp3{minor - 1}-{platform_of(here).tags[0]}" == other.tags[0]
    assert other.version == f"3.{minor - 1}.0"
