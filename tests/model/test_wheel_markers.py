"""Where a wheel could be installed."""

import pytest
from packaging.tags import Tag

from envsync.model.marker import from_text
from envsync.model.wheel_markers import least_minor, serves
from tests.lock.samples import LINUX, MACOS, WINDOWS, target_of


@pytest.mark.parametrize(
    ("tags", "fits", "misfits"),
    [
        ("py3-none-any", "python_version >= '3'", "python_version < '3'"),
        ("py2.py3-none-any", "python_version >= '3.10'", "python_version >= '4'"),
        ("py2-none-any", "python_version == '2.7'", "python_version >= '3'"),
        ("py310-none-any", "python_version >= '3.10'", "python_version < '3.10'"),
        ("cp312-cp312-win_amd64", "python_version == '3.12'", "python_version != '3.12'"),
        ("cp312-cp312-win_amd64", "platform_machine == 'AMD64'", "sys_platform == 'linux'"),
        ("cp312-cp312-win32", "sys_platform == 'win32'", "os_name == 'posix'"),
        ("cp312-cp312-win_arm64", "platform_machine == 'ARM64'", "platform_machine == 'AMD64'"),
        ("cp311-abi3-linux_x86_64", "python_version == '3.14'", "python_version < '3.11'"),
        ("cp311-abi3-linux_x86_64", "sys_platform == 'linux'", "implementation_name == 'pypy'"),
        ("cp313-cp313t-musllinux_1_2_aarch64", "platform_machine == 'aarch64'",
         "platform_machine == 'x86_64'"),
        ("cp312-cp312-manylinux_2_17_i686", "platform_machine == 'x86_64'",
         "platform_machine == 'aarch64'"),
        ("cp312-cp312-manylinux1_x86_64.manylinux_2_5_x86_64", "sys_platform == 'linux'",
         "sys_platform == 'darwin'"),
        ("cp312-cp312-macosx_10_9_universal2", "platform_machine == 'arm64'",
         "platform_machine == 'aarch64'"),
        ("cp312-cp312-macosx_10_9_universal2", "platform_machine == 'x86_64'",
         "sys_platform == 'linux'"),
        ("cp312-cp312-macosx_10_6_intel", "platform_machine == 'x86_64'", "os_name == 'nt'"),
        ("pp310-pypy310_pp73-win_amd64", "implementation_name == 'pypy'",
         "implementation_name == 'cpython'"),
        ("cp313-cp313-ios_13_0_arm64_iphoneos", "sys_platform == 'ios'",
         "sys_platform == 'darwin'"),
        ("cp313-cp313-android_21_arm64_v8a", "sys_platform == 'android'",
         "sys_platform == 'linux'"),
        ("cp313-cp313-pyodide_2025_0_wasm32", "sys_platform == 'emscripten'",
         "sys_platform == 'linux'"),
        ("cp310.cp311-cp310.cp311-win32", "python_version == '3.11'", "python_version == '3.12'"),
    ],
)  # fmt: skip
def test_tags_as_environments(tags: str, fits: str, misfits: str) -> None:
    where = serves(f"a-1-{tags}.whl")
    assert not where.is_disjoint(from_text(fits))
    assert where.is_disjoint(from_text(misfits))


@pytest.mark.parametrize("tags", ["py3-none-any", "xy99-none-any", "cp312-cp312-freebsd_14_amd64"])
def test_unknown_tags_leave_nothing_out(tags: str) -> None:
    here = from_text("python_version == '3.12' and implementation_name == 'cpython'")
    assert here.implies(serves(f"a-1-{tags}.whl"))


@pytest.mark.parametrize("environment", [LINUX, WINDOWS, MACOS])
@pytest.mark.parametrize("python", ["3.9.0", "3.12.4", "3.14.0"])
def test_no_wheel_is_left_out_that_an_interpreter_takes(
    environment: dict[str, str], python: str
) -> None:
    """The one thing that must hold: tags that an interpreter has are never denied to it."""
    target = target_of(environment, python)
    denied = [
        tag
        for tag in target.tags
        if not serves(f"a-1-{Tag(*tag.split('-'))}.whl").evaluate(target.environment)
    ]
    assert denied == []


def test_digits_that_are_no_numbers_tell_no_python() -> None:
    assert least_minor("a-1-cp3²-none-any.whl") == 0
