"""Small locks and targets for the tests of this folder."""

import hashlib
from collections.abc import Mapping

from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock
from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.model.target import Target
from envsync.model.wheel_tags import TagFacts, wheel_tags

LINUX = {
    "implementation_name": "cpython",
    "implementation_version": "3.12.4",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "6.1",
    "platform_system": "Linux",
    "platform_version": "#1",
    "python_full_version": "3.12.4",
    "python_version": "3.12",
    "sys_platform": "linux",
}
WINDOWS = {
    **LINUX,
    "os_name": "nt",
    "platform_machine": "AMD64",
    "platform_system": "Windows",
    "sys_platform": "win32",
}
MACOS = {
    **LINUX,
    "platform_machine": "arm64",
    "platform_system": "Darwin",
    "sys_platform": "darwin",
}


def target_of(environment: Mapping[str, str] = LINUX, python: str = "3.12.4") -> Target:
    """A CPython of a version on one of the platforms above."""
    major, minor = (int(part) for part in python.split(".")[:2])
    system = environment["platform_system"]
    facts = TagFacts(
        implementation="cpython",
        version=(major, minor),
        version_nodot=f"{major}{minor}",
        ext_suffix=f".cpython-{major}{minor}-x86_64-linux-gnu.so",
        debug=False,
        free_threaded=False,
        pointer_bits=64,
        system=system,
        platform={
            "Linux": "linux-x86_64",
            "Windows": "win-amd64",
            "Darwin": "macosx-11.0-arm64",
        }[system],
        mac=("14.5", "arm64") if system == "Darwin" else ("", ""),
        libc=("glibc", "2.36") if system == "Linux" else ("", ""),
    )
    version = {
        "python_full_version": python,
        "python_version": f"{major}.{minor}",
        "implementation_version": python,
    }
    return Target(
        executable="/usr/bin/python3",
        version=python,
        implementation="cpython",
        cache_tag=f"cpython-{major}{minor}",
        environment={**environment, **version},
        tags=wheel_tags(facts),
        base_prefix="/usr",
        signature="1:1",
        purelib=f"lib/python{major}.{minor}/site-packages",
        platlib=f"lib/python{major}.{minor}/site-packages",
        scripts="bin",
        headers=f"include/site/python{major}.{minor}",
        data="",
    )


def digest(text: str) -> str:
    """A sha256 that belongs to a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def wheel(filename: str) -> PackageWheel:
    """A wheel at an address of its own."""
    return PackageWheel(
        url=f"https://files.example/{filename}", size=1000, hashes={"sha256": digest(filename)}
    )


def sdist(filename: str) -> PackageSdist:
    """A source distribution at an address of its own."""
    return PackageSdist(
        url=f"https://files.example/{filename}", size=2000, hashes={"sha256": digest(filename)}
    )


def package(name: str, version: str, *tags: str, **fields: object) -> Package:
    """A package with a wheel for each tag set."""
    stem = name.replace("-", "_")
    fields.setdefault("wheels", [wheel(f"{stem}-{version}-{tag}.whl") for tag in tags] or None)
    return Package(
        name=NormalizedName(name),
        version=Version(version),
        **fields,  # type: ignore[arg-type]
    )


def lock_of(*packages: Package, **fields: object) -> Pylock:
    """A lock of packages, as another tool might write it."""
    return Pylock(
        lock_version=Version("1.0"),
        created_by="test",
        packages=list(packages),
        **fields,  # type: ignore[arg-type]
    )
