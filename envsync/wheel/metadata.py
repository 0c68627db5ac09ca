"""METADATA, PKG-INFO, WHEEL and direct_url.json <-> values."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, NormalizedName, canonicalize_name
from packaging.version import Version

from envsync.errors import MetadataInvalid, WheelInvalid
from envsync.model.candidate import CoreMetadata
from envsync.wheel.requirement import parse_requirement, parse_specifiers

if TYPE_CHECKING:
    from packaging.direct_url import VcsInfo

MAX_SIZE = 16 << 20
"""Bytes that METADATA, PKG-INFO or WHEEL may have."""

_MAX_REQUIREMENTS = 20_000
_MAX_VERSION = 128
_MAX_NAME = 255

_WANTED = frozenset(
    {
        "metadata-version",
        "name",
        "version",
        "requires-dist",
        "requires-python",
        "provides-extra",
        "dynamic",
    }
)
_RESOLVED_BY = frozenset({"requires-dist", "requires-python", "provides-extra"})

Headers = Mapping[str, list[str]]


class WheelFile(NamedTuple):
    """What WHEEL says ("Binary distribution format")."""

    root_is_purelib: bool
    tags: tuple[str, ...]
    version: tuple[int, int]
    """Wheel-Version."""


def parse_metadata(data: bytes, *, file: str) -> CoreMetadata:
    """Read METADATA ("Core metadata specifications"): the headers that resolving needs.

    Other headers and the description are not looked at, not even for their encoding. `file`
    names the source in errors. Raises `MetadataInvalid` for a name, version, requirement or
    Requires-Python that is missing or can't be read.
    """
    return _core_metadata(_read_headers(data, file), file)


def static_sdist_metadata(data: bytes, *, file: str) -> CoreMetadata | None:
    """Read the PKG-INFO of a source distribution, where every wheel built from it will agree.

    None when that isn't promised: before metadata version 2.2, or with a dependency header
    marked as dynamic (PEP 643). Raises `MetadataInvalid` as `parse_metadata`.
    """
    headers = _read_headers(data, file)
    try:
        version = _numbers(_one(headers, "metadata-version", file))
    except ValueError:
        raise MetadataInvalid(file, "its Metadata-Version is not a version") from None
    dynamic = {name.strip().lower() for name in headers.get("dynamic", ())}
    if version < (2, 2) or not dynamic.isdisjoint(_RESOLVED_BY):
        return None
    return _core_metadata(headers, file)


def _core_metadata(headers: Headers, file: str) -> CoreMetadata:
    requires = headers.get("requires-dist", ())
    if len(requires) > _MAX_REQUIREMENTS:
        raise MetadataInvalid(file, f"it has {len(requires)} requirements")
    return CoreMetadata(
        name=_name(_one(headers, "name", file), file),
        version=_version(_one(headers, "version", file), file),
        requires_dist=tuple(_requirement(text, file) for text in requires),
        requires_python=_requires_python(headers, file),
        provides_extra=frozenset(_extras(headers)),
    )


def _read_headers(data: bytes, file: str) -> Headers:
    """Give the wanted headers, by lower-case name, up to the first empty line.

    Like the e-mail parsers of other installers, reading stops at a line that is no header.
    """
    if len(data) > MAX_SIZE:
        raise MetadataInvalid(file, f"larger than {MAX_SIZE} bytes")
    headers: dict[str, list[str]] = {}
    values: list[str] = []  # those of the header that a continuation line would belong to
    for line in _head_lines(data):
        if line[0] in " \t":
            if values:
                values[-1] = f"{values[-1]}\n{line.strip()}"
            continue
        key, colon, value = line.partition(":")
        if not colon or not key.isascii() or not key.isprintable() or " " in key:
            break
        key = key.lower()
        values = headers.setdefault(key, []) if key in _WANTED else []
        if key in _WANTED:
            values.append(value.strip())
    return headers


def _head_lines(data: bytes) -> Iterator[str]:
    """Give the lines before the first empty one; bytes that aren't UTF-8 become surrogates."""
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    ends = [
        end for end in (data.find(b"\n\n"), data.find(b"\n\r\n"), data.find(b"\r\r")) if end >= 0
    ]
    head = data[: min(ends)] if ends else data
    text = head.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")
    for line in text.split("\n"):
        if not line:
            return
        yield line


def _one(headers: Headers, key: str, file: str) -> str:
    """Give a header that must be there once; the same value again does no harm."""
    values = set(headers.get(key, ()))
    if len(values) != 1:
        fault = "has no" if not values else "contradicts itself about its"
        raise MetadataInvalid(file, f"it {fault} {key.title()}")
    return values.pop()


def _name(text: str, file: str) -> NormalizedName:
    try:
        if len(text) <= _MAX_NAME:
            return canonicalize_name(text, validate=True)
    except InvalidName:
        pass
    raise MetadataInvalid(file, f"{text[:100]!a} is not a valid name")


def _version(text: str, file: str) -> Version:
    try:
        if len(text) <= _MAX_VERSION:
            return Version(text)
    except ValueError:  # InvalidVersion, or a number of too many digits
        pass
    raise MetadataInvalid(file, f"{text[:100]!a} is not a valid version")


def _requirement(text: str, file: str) -> Requirement:
    try:
        return parse_requirement(text.replace("\n", " "))
    except InvalidRequirement as error:
        reason = str(error).partition("\n")[0]
        raise MetadataInvalid(file, f"it requires {text[:200]!a}: {reason}") from None


def _requires_python(headers: Headers, file: str) -> SpecifierSet | None:
    text = _one(headers, "requires-python", file) if "requires-python" in headers else ""
    try:
        return parse_specifiers(text) if text else None
    except InvalidSpecifier:
        raise MetadataInvalid(
            file, f"it requires Python {text[:200]!a}, which is no range"
        ) from None


def _extras(headers: Headers) -> Iterator[NormalizedName]:
    """Give the extras; one with an invalid name can't be asked for, and is left out."""
    for text in headers.get("provides-extra", ()):
        try:
            yield canonicalize_name(text, validate=True)
        except InvalidName:
            continue


def _numbers(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    if len(text) > 20 or not (text.isascii() and major.isdecimal() and minor.isdecimal()):
        raise ValueError(text)
    return int(major), int(minor)


def parse_wheel_file(data: bytes, *, file: str) -> WheelFile:
    """Read WHEEL. Raises `WheelInvalid` when it can't be read, or its version isn't 1.x."""
    if len(data) > MAX_SIZE:
        raise WheelInvalid(file, f"WHEEL is larger than {MAX_SIZE} bytes")
    fields: dict[str, list[str]] = {}
    for line in _head_lines(data):
        key, _, value = line.partition(":")
        fields.setdefault(key.strip().lower(), []).append(value.strip())
    versions, purelib = fields.get("wheel-version", []), fields.get("root-is-purelib", [])
    try:
        version = _numbers(versions[0])
    except (IndexError, ValueError):
        raise WheelInvalid(file, "WHEEL has no Wheel-Version") from None
    if version[0] != 1 or len(versions) > 1:
        raise WheelInvalid(file, f"its format is version {versions[-1][:20]}; 1.0 is known")
    if len(purelib) != 1 or purelib[0].lower() not in ("true", "false"):
        raise WheelInvalid(file, "WHEEL has no Root-Is-Purelib of true or false")
    return WheelFile(purelib[0].lower() == "true", tuple(fields.get("tag", ())), version)


def render_direct_url(
    url: str,
    *,
    hashes: Mapping[str, str] | None = None,
    vcs: "VcsInfo | None" = None,
    editable: bool | None = None,
    subdirectory: str | None = None,
) -> bytes:
    """Write direct_url.json (PEP 610) of what was installed from `url`.

    With `vcs` it is a checkout; with `editable` not None a local folder; else an archive, whose
    `hashes` map algorithm to hexadecimal digest. Credentials in the URL are left out.
    """
    from packaging.direct_url import ArchiveInfo, DirectUrl, DirInfo  # noqa: PLC0415  (3 ms)

    if vcs is not None:
        value = DirectUrl(url=url, vcs_info=vcs, subdirectory=subdirectory)
    elif editable is not None:
        folder = DirInfo(editable=editable or None)
        value = DirectUrl(url=url, dir_info=folder, subdirectory=subdirectory)
    else:
        archive = ArchiveInfo(hashes=dict(hashes) if hashes else None)
        value = DirectUrl(url=url, archive_info=archive, subdirectory=subdirectory)
    return json.dumps(value.to_dict(), sort_keys=True, separators=(",", ":")).encode() + b"\n"
