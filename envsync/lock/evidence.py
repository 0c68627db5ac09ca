"""What a lock records of the metadata that decided a package: `[packages.tool.envsync]`.

    metadata = "sha256:..."             digest of the metadata's facts (`wheel.facts`)
    metadata-from = "shop-1.0-...whl"   the file that spoke for the version; not of a folder
    extras = [{ name, marker }]         the extras that something needs, and where; sorted
    record = "not compared"             its wheels are taken though RECORD may not fit their files
    index = "wheels"                    the [[index]] that has it, where that is a folder or page on
                                        this machine; of others PEP 751 has the URL

A sync compares that with the wheel that it unpacks: an index may have said anything. PEP 751 has no
place for it, and other tools may leave it out ("packages.tool").
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from packaging.markers import InvalidMarker, Marker
from packaging.pylock import Package
from packaging.utils import InvalidName, canonicalize_name

from envsync.model.resolution import ResolvedPackage
from envsync.model.speaker import speaker

_TOOL = "envsync"
_NOT_COMPARED = "not compared"
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_MAX_NAME = 255
_MAX_MARKER = 64 * 1024


class Evidence(NamedTuple):
    """What a lock has of it; nothing in locks of other tools, or of older versions."""

    facts: str = ""
    """The digest, in hexadecimal."""
    speaker: str = ""
    extras: tuple[tuple[str, Marker | None], ...] = ()
    trust_record: bool = False
    index_name: str = ""


NOTHING = Evidence()


def evidence_table(
    package: ResolvedPackage, *, trust_record: bool = False, index: str | None = None
) -> Mapping[str, object] | None:
    """The `tool` table of a package; None where its metadata isn't known."""
    if not package.facts:
        return None
    table: dict[str, object] = {"metadata": f"sha256:{package.facts}"}
    filename = speaker(package.candidate)
    if filename is not None:
        table["metadata-from"] = filename
    rows = [(str(name), where.to_marker()) for name, where in package.extras]
    if rows:
        table["extras"] = [
            {"name": name} if marker is None else {"name": name, "marker": str(marker)}
            for name, marker in rows
        ]
    if trust_record:
        table["record"] = _NOT_COMPARED
    if index is not None:
        table["index"] = index
    return {_TOOL: table}


def evidence_of(package: Package) -> Evidence:
    """Read the table back. `ValueError`, with the key, for values that aren't what they must be."""
    table = (package.tool or {}).get(_TOOL)
    if not isinstance(table, Mapping) or "metadata" not in table:
        return NOTHING
    digest = table["metadata"]
    match = _DIGEST.fullmatch(digest) if isinstance(digest, str) else None
    if match is None:
        raise ValueError("metadata: is not sha256: and 64 lower-case hexadecimal digits")
    filename = table.get("metadata-from", "")
    if not isinstance(filename, str) or len(filename) > _MAX_NAME or not filename.isprintable():
        raise ValueError("metadata-from: is not a file name")
    extras = table.get("extras", [])
    if not isinstance(extras, list):
        raise ValueError("extras: is not a list")
    if table.get("record", _NOT_COMPARED) != _NOT_COMPARED:
        raise ValueError(f'record: is not "{_NOT_COMPARED}"')
    index = table.get("index", "")
    if not isinstance(index, str) or len(index) > _MAX_NAME or not index.isprintable():
        raise ValueError("index: is not the name of an index")
    return Evidence(match[1], filename, tuple(map(_extra, extras)), "record" in table, index)


def _extra(row: object) -> tuple[str, Marker | None]:
    if not isinstance(row, Mapping):
        raise ValueError("extras: is not a list of tables")
    name, marker = row.get("name"), row.get("marker")
    if not isinstance(name, str) or not isinstance(marker, str | None):
        raise ValueError("extras: a name or marker is not a string")
    if len(marker or "") > _MAX_MARKER:
        raise ValueError("extras: is longer than a marker may be")
    try:
        return canonicalize_name(name[:_MAX_NAME], validate=True), Marker(
            marker
        ) if marker else None
    except (InvalidName, InvalidMarker, RecursionError, ValueError) as error:
        raise ValueError("extras: not a valid name or marker") from error
