"""Compare the version in a wheel's METADATA with that of its file name, local parts aside.

Builds for accelerators are often only renamed (`flashy-2.5.8+cu122` says that it is 2.5.8). One of
two texts without a local part (PEP 440, "Local version identifiers") contradicts nothing; two
different local parts are two builds. Which bytes are meant is said by the lock's hash.
"""

from packaging.version import Version


def is_same_release(one: Version, other: Version) -> bool:
    """Tell whether two versions are equal but for a local part that only one of them has."""
    if one == other:
        return True
    return None in (one.local, other.local) and _public(one) == _public(other)


def _public(version: Version) -> Version:
    return Version(version.public)


def local_notice(name: str, version: Version | str, said: Version | str) -> str:
    """Say that a package is installed though its METADATA gives the version without local part."""
    return (
        f"{name} {version}: its METADATA says {said}; taken all the same, since the lock has the "
        "file's hash"
    )
