"""Choose the file whose metadata speaks for a version, and check that it is what its name says.

Wheels of one version should agree, so one is enough; which one must not depend on the machine.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from envsync.errors import MetadataInvalid
from envsync.model.candidate import CoreMetadata, File

_VERSION = re.compile(r"([a-z]+)([0-9])([0-9]*)")
_PLATFORMS = (
    re.compile(r"any"),
    re.compile(r"manylinux.*_x86_64"),
    re.compile(r"macosx_.*"),
    re.compile(r"win.*"),
)


def metadata_wheel(wheels: Sequence[File]) -> File:
    """The wheel to ask: a pure one, else the newest CPython's for the most common platform."""
    return min(wheels, key=lambda file: _rank(file.filename))


@lru_cache(maxsize=1 << 14)
def _rank(filename: str) -> tuple[int, int, int, str]:
    pythons, _, platforms = filename.removesuffix(".whl").lower().rsplit("-", 3)[-3:]
    platform = platforms.split(".")[0]
    place = next((at for at, form in enumerate(_PLATFORMS) if form.fullmatch(platform)), 9)
    match = _VERSION.fullmatch(pythons.split(".")[-1])
    kind, minor = (match[1], int(match[3] or 0)) if match else ("", 0)
    return place, {"py": 0, "cp": 1}.get(kind, 2), -minor, filename


def check_identity(metadata: CoreMetadata, filename: str) -> CoreMetadata:
    """Give the metadata back if its name and version are those of the file name (H10, H25).

    Raises `MetadataInvalid`, also for a file name that has none.
    """
    try:
        if filename.endswith(".whl"):
            name, version, _, _ = parse_wheel_filename(filename)
        else:
            name, version = parse_sdist_filename(filename)
    except ValueError as error:
        raise MetadataInvalid(filename, "the file name has no name and version") from error
    if (metadata.name, metadata.version) != (name, version):
        found = f"{metadata.name} {metadata.version}"
        raise MetadataInvalid(filename, f"its metadata is that of {found}")
    return metadata
