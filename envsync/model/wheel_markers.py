"""Tell in which environments a wheel could be installed, from the tags in its file name.

Markers say less than tags (nothing about libc or ABI), so the answer is generous: it leaves out
only environments in which no installer would ever take the wheel.
"""

import re
from collections.abc import Mapping
from functools import cache

from envsync.model.marker import ALWAYS, NEVER, MarkerSet, from_text

_IMPLEMENTATIONS: Mapping[str, str] = {
    "cp": "cpython",
    "pp": "pypy",
    "graalpy": "graalpy",
    "ip": "ironpython",
    "jy": "jython",
}

# What `platform_machine` can say where a wheel of that architecture runs. A 32-bit interpreter
# reports the 64-bit kernel's name, and Windows on ARM runs x86-64 programs.
_LINUX_MACHINES: Mapping[str, tuple[str, ...]] = {
    "x86_64": ("x86_64", "amd64"),
    "i686": ("i686", "i586", "i486", "i386", "x86", "x86_64"),
    "aarch64": ("aarch64", "arm64"),
    "armv7l": ("armv7l", "armv8l", "aarch64"),
    "armv6l": ("armv6l", "armv7l", "armv8l", "aarch64"),
    "ppc64le": ("ppc64le",),
    "ppc64": ("ppc64",),
    "s390x": ("s390x",),
    "riscv64": ("riscv64",),
    "loongarch64": ("loongarch64",),
}
_MACOS_MACHINES: Mapping[str, tuple[str, ...]] = {
    "arm64": ("arm64",),
    "x86_64": ("x86_64",),
    "universal2": ("arm64", "x86_64"),
}
_WINDOWS_MACHINES: Mapping[str, tuple[str, ...]] = {
    "win_amd64": ("AMD64", "x86_64", "ARM64"),
    "win_arm64": ("ARM64",),
}

_PYTHON = re.compile(r"([a-z]+)([0-9])([0-9]*)")
_LINUX = re.compile(
    r"(?:manylinux(?:1|2010|2014|_[0-9]+_[0-9]+)|musllinux_[0-9]+_[0-9]+|linux)_(.+)"
)
_MACOS = re.compile(r"macosx_[0-9]+_[0-9]+_(.+)")
_OTHER = re.compile(r"(android|ios|emscripten|pyodide|wasi)(?:_.*)?")


def serves(filename: str) -> MarkerSet:
    """Where the wheel of this name could be installed; everywhere when its tags are unknown."""
    return _where(*filename.removesuffix(".whl").lower().rsplit("-", 3)[1:])


def least_minor(filename: str) -> int:
    """The least minor of Python 3 that a wheel's python tag names; 0 where it names none."""
    return _least_minor(filename.rsplit("-", 3)[1])


@cache
def _where(python: str, abi: str, platform: str) -> MarkerSet:
    return _interpreters(python, abi) & _platforms(platform)


@cache
def _least_minor(python_tags: str) -> int:
    minors = (one[3:] for one in python_tags.split(".") if one[2:3] == "3")
    return min((int(minor) if minor.isdecimal() else 0 for minor in minors), default=0)


@cache
def _interpreters(pythons: str, abis: str) -> MarkerSet:
    result = NEVER
    for python in pythons.split("."):
        for abi in abis.split("."):
            result = result | _interpreter(python, abi)
    return result


@cache
def _platforms(platforms: str) -> MarkerSet:
    result = NEVER
    for platform in platforms.split("."):
        result = result | _platform(platform)
    return result


def _interpreter(python: str, abi: str) -> MarkerSet:
    """PEP 425's python tag: "py" means this version or newer, others mean just this version."""
    match = _PYTHON.fullmatch(python)
    if match is None:
        return ALWAYS
    kind, major, minor = match.groups()
    if kind == "py":
        return _at_least(major, minor)
    if kind not in _IMPLEMENTATIONS:
        return ALWAYS
    implementation = from_text(f"implementation_name == '{_IMPLEMENTATIONS[kind]}'")
    if abi.startswith("abi") or not minor:
        return implementation & _at_least(major, minor)
    return implementation & from_text(f"python_version == '{major}.{minor}'")


def _at_least(major: str, minor: str) -> MarkerSet:
    lower = f"{major}.{minor or '0'}"
    upper = f"{int(major) + 1}.0"
    return from_text(f"python_version >= '{lower}' and python_version < '{upper}'")


def _platform(platform: str) -> MarkerSet:
    if platform == "any":
        return ALWAYS
    if match := _LINUX.fullmatch(platform):
        return _system("linux", _LINUX_MACHINES.get(match[1]))
    if match := _MACOS.fullmatch(platform):
        return _system("darwin", _MACOS_MACHINES.get(match[1]))
    if platform.startswith("win"):
        return _system("win32", _WINDOWS_MACHINES.get(platform))
    if match := _OTHER.fullmatch(platform):
        return _system("emscripten" if match[1] == "pyodide" else match[1], None)
    return ALWAYS


def _system(system: str, machines: tuple[str, ...] | None) -> MarkerSet:
    where = from_text(f"sys_platform == '{system}'")
    if machines is None:
        return where
    return where & from_text(" or ".join(f"platform_machine == '{name}'" for name in machines))
