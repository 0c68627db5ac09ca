"""Read a source tree's pyproject.toml as core metadata, where it says all of it (PEP 621)."""

from collections.abc import Iterator, Mapping

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from envsync.errors import MetadataInvalid
from envsync.model.candidate import CoreMetadata
from envsync.spec.toml import loads

_WANTED = frozenset({"version", "dependencies", "optional-dependencies", "requires-python"})


def static_metadata(data: bytes, *, file: str) -> CoreMetadata | None:
    """The core metadata that any build of the tree will have; None where only a build can tell.

    `file` is how errors call it. Raises `MetadataInvalid` for what is wrong in `[project]`.
    """
    try:
        document = loads(data.decode())
    except ValueError as error:
        reason = str(error).partition("\n")[0]
        raise MetadataInvalid(file, f"is not valid TOML: {reason}") from error
    table = document.get("project")
    if not isinstance(table, Mapping):
        return None
    dynamic = table.get("dynamic", [])
    if not isinstance(dynamic, list) or not _WANTED.isdisjoint(map(str, dynamic)):
        return None
    if "name" not in table or "version" not in table:
        return None
    try:
        return _core_metadata(table)
    except (InvalidRequirement, InvalidSpecifier, InvalidName, InvalidVersion) as error:
        reason = str(error).partition("\n")[0]
        raise MetadataInvalid(file, f"[project]: {reason}") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise MetadataInvalid(file, "[project] breaks its specification (PEP 621)") from error


def project_name(data: bytes) -> NormalizedName | None:
    """Give the name in `[project]`, which is never dynamic; None where there is none."""
    try:
        table = loads(data.decode()).get("project")
        name = table.get("name") if isinstance(table, Mapping) else None
        return canonicalize_name(name, validate=True) if isinstance(name, str) else None
    except (ValueError, InvalidName):
        return None


def _core_metadata(table: Mapping[str, object]) -> CoreMetadata:
    extras = _tables(table.get("optional-dependencies", {}))
    requires_python = table.get("requires-python")
    return CoreMetadata(
        name=canonicalize_name(_text(table["name"]), validate=True),
        version=Version(_text(table["version"])),
        requires_dist=(
            *map(Requirement, _texts(table.get("dependencies", []))),
            *(_under(extra, text) for extra, texts in extras.items() for text in texts),
        ),
        requires_python=None if requires_python is None else SpecifierSet(_text(requires_python)),
        provides_extra=frozenset(extras),
    )


def _under(extra: NormalizedName, text: str) -> Requirement:
    """A requirement as Requires-Dist has it: under its extra's marker."""
    requirement = Requirement(text)
    marker = f"({requirement.marker}) and " if requirement.marker else ""
    requirement.marker = None
    space = " " if requirement.url else ""
    return Requirement(f"{requirement}{space}; {marker}extra == '{extra}'")


def _tables(value: object) -> Mapping[NormalizedName, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise TypeError("a table is expected")
    return {
        canonicalize_name(extra, validate=True): tuple(_texts(texts))
        for extra, texts in value.items()
    }


def _texts(value: object) -> Iterator[str]:
    if not isinstance(value, list):
        raise TypeError("a list is expected")
    return map(_text, value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a string is expected")
    return value
