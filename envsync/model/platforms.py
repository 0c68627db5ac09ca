"""Interpreters of other machines, as targets: a platform by its name, and a version of CPython.

Names are those of uv's `--python-platform`, and tags of platforms as wheels have them
("manylinux_2_28_x86_64", "macosx_11_0_arm64", "win_amd64"), as pip's `--platform` takes.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from envsync.model.target import Target
from envsync.model.wheel_tags import TagFacts, cpython_on, platforms_of

_ALIASES = {
    "linux": "x86_64-manylinux_2_28",
    "macos": "aarch64-apple-darwin",
    "windows": "x86_64-pc-windows-msvc",
    "x86_64-unknown-linux-gnu": "x86_64-manylinux_2_28",
    "aarch64-unknown-linux-gnu": "aarch64-manylinux_2_28",
    "x86_64-unknown-linux-musl": "x86_64-musllinux_1_2",
    "aarch64-unknown-linux-musl": "aarch64-musllinux_1_2",
    "x86_64-apple-darwin": "macosx_13_0_x86_64",
    "aarch64-apple-darwin": "macosx_13_0_arm64",
    "x86_64-pc-windows-msvc": "win_amd64",
    "aarch64-pc-windows-msvc": "win_arm64",
    "i686-pc-windows-msvc": "win32",
}
_OLD_GLIBC = {"manylinux2014": (2, 17), "manylinux2010": (2, 12), "manylinux1": (2, 5)}
_LINUX = re.compile(
    r"(?:(?P<first>\w+)-)?(?P<kind>manylinux|musllinux)_(?P<major>\d+)_(?P<minor>\d+)(?:_(?P<last>\w+))?"
)
_MAC = re.compile(r"macosx_(?P<major>\d+)_(?P<minor>\d+)_(?P<machine>x86_64|arm64)")
_WINDOWS = {"win_amd64": "AMD64", "win_arm64": "ARM64", "win32": "x86"}
_VERSION = re.compile(r"3\.(?P<minor>\d{1,2})(?:\.(?P<patch>\d{1,2}))?(?P<threads>t?)")


_NUMBERS = re.compile(r"\d+\.(\d+)\.(\d+)").match
_MOST_PATCHES = 50


class Platform(NamedTuple):
    """What of a machine decides which wheels and rows of a lock it gets."""

    name: str
    tags: tuple[str, ...]
    """Platform tags, most wanted first."""
    environment: Mapping[str, str]
    """The marker variables that don't depend on Python."""


class Python(NamedTuple):
    """A version of CPython."""

    minor: int
    patch: int | None = None
    free_threaded: bool = False

    def version(self, patch: int) -> str:
        """Its version in full, where none is said with this patch."""
        return f"3.{self.minor}.{patch if self.patch is None else self.patch}"


def read_platform(text: str) -> Platform:
    """Read a platform's name. `ValueError` says which there are."""
    name = _ALIASES.get(_ALIASES.get(text, text), _ALIASES.get(text, text))
    for old, (major, minor) in _OLD_GLIBC.items():
        name = name.replace(old, f"manylinux_{major}_{minor}")
    if (match := _LINUX.fullmatch(name)) and (machine := match["last"] or match["first"]):
        libc = (
            ("glibc" if match["kind"] == "manylinux" else "musl"),
            (f"{match['major']}.{match['minor']}"),
        )
        facts = _facts("Linux", f"linux-{machine}")._replace(libc=libc)
        return _platform(text, facts, "posix", "linux", machine)
    if match := _MAC.fullmatch(name):
        version, machine = f"{match['major']}.{match['minor']}", match["machine"]
        facts = _facts("Darwin", "")._replace(mac=(version, machine))
        return _platform(text, facts, "posix", "darwin", machine)
    if machine := _WINDOWS.get(name, ""):
        facts = _facts("Windows", name.replace("_", "-"))
        return _platform(text, facts, "nt", "win32", machine)
    raise ValueError(
        f"it is no platform: {', '.join(list(_ALIASES)[:3])}, x86_64-manylinux_2_28, "
        "aarch64-musllinux_1_2, macosx_11_0_arm64, win_amd64 and the like are"
    )


def _facts(system: str, platform: str) -> TagFacts:
    return TagFacts(
        implementation="cpython",
        version=(3, 0),
        version_nodot="",
        ext_suffix="",
        debug=False,
        free_threaded=False,
        pointer_bits=64,
        system=system,
        platform=platform,
    )


def _platform(
    name: str, facts: TagFacts, os_name: str, sys_platform: str, machine: str
) -> Platform:
    environment = {
        "os_name": os_name,
        "sys_platform": sys_platform,
        "platform_system": facts.system,
        "platform_machine": machine,
        "platform_release": "",
        "platform_version": "",
    }
    return Platform(name, tuple(platforms_of(facts)), environment)


def platform_of(target: Target) -> Platform:
    """Give the platform of an interpreter that is there."""
    tags = dict.fromkeys(tag.rpartition("-")[2] for tag in target.tags)
    tags.pop("any", None)
    python = ("python_", "implementation_", "platform_python_")
    environment = {
        name: value for name, value in target.environment.items() if not name.startswith(python)
    }
    return Platform("this machine", tuple(tags), environment)


def read_python(text: str) -> Python:
    """Read "3.12", "3.12.4" or "3.13t". `ValueError` for anything else."""
    match = _VERSION.fullmatch(text.removeprefix("cpython").removeprefix("python").lstrip("-@"))
    if match is None:
        raise ValueError('it is no version of CPython such as "3.12", "3.12.4" or "3.13t"')
    patch = None if match["patch"] is None else int(match["patch"])
    return Python(int(match["minor"]), patch, bool(match["threads"]))


def python_of(target: Target) -> Python:
    """Give the version of an interpreter that is there."""
    minor, patch = map(int, _NUMBERS(target.version).groups())  # type: ignore[union-attr]
    return Python(minor, patch, target.free_threaded)


def first_patch(python: Python, admits: Callable[[str], bool]) -> int | None:
    """Give the first patch version that is admitted, the one that is said if any; None: none is."""
    patches = range(_MOST_PATCHES) if python.patch is None else (python.patch,)
    return next((patch for patch in patches if admits(python.version(patch))), None)


def target_on(platform: Platform, python: Python, patch: int) -> Target:
    """Give an interpreter of a platform, as far as a choice from a lock needs it."""
    version = python.version(patch)
    environment = {
        **platform.environment,
        "python_version": f"3.{python.minor}",
        "python_full_version": version,
        "implementation_name": "cpython",
        "implementation_version": version,
        "platform_python_implementation": "CPython",
    }
    return Target(
        executable="",
        version=version,
        implementation="cpython",
        cache_tag="",
        environment=environment,
        tags=cpython_on(python.minor, platform.tags, free_threaded=python.free_threaded),
        base_prefix="",
        signature="",
        purelib="",
        platlib="",
        scripts="",
        headers="",
        data="",
        free_threaded=python.free_threaded,
    )
