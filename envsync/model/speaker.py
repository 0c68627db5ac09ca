"""Say which file's metadata speaks for a version.

Wheels of one version should agree, so one is enough; which one must not depend on the machine.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import unquote

from envsync.model.candidate import Candidate, File

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


def speaker(candidate: Candidate) -> str | None:
    """The name of the file that speaks for a candidate; None for a folder or a repository."""
    source = candidate.source
    if source is not None:
        place = source.url or source.path or ""
        is_file = source.kind in ("wheel", "archive")
        return unquote(place.partition("?")[0].rpartition("/")[2]) if is_file else None
    file = listed_speaker(candidate)
    return file.filename if file is not None else None


def listed_speaker(candidate: Candidate) -> File | None:
    """The file of an index's page that speaks for a candidate; None where the page has none."""
    return metadata_wheel(candidate.wheels) if candidate.wheels else candidate.sdist


@lru_cache(maxsize=1 << 14)
def _rank(filename: str) -> tuple[int, int, int, str]:
    pythons, _, platforms = filename.removesuffix(".whl").lower().rsplit("-", 3)[-3:]
    platform = platforms.split(".")[0]
    place = next((at for at, form in enumerate(_PLATFORMS) if form.fullmatch(platform)), 9)
    match = _VERSION.fullmatch(pythons.split(".")[-1])
    kind, minor = (match[1], int(match[3] or 0)) if match else ("", 0)
    return place, {"py": 0, "cp": 1}.get(kind, 2), -minor, filename
