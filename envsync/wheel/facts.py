"""The digest of what core metadata decides: requirements, Requires-Python and extras.

Name and version are left out: they are compared by themselves wherever a digest is. The order of
headers, spelling of names and spaces don't count; equal digests mean equal metadata, while other
digests may still mean the same (markers are compared as they are written).
"""

import hashlib
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envsync.model.candidate import CoreMetadata


def facts_of(metadata: CoreMetadata) -> Iterator[str]:
    """Give each fact as a line like those of METADATA, in an order of its own."""
    if metadata.requires_python is not None:
        yield f"Requires-Python: {metadata.requires_python}"
    for extra in sorted(metadata.provides_extra):
        yield f"Provides-Extra: {extra}"
    for text in sorted(set(map(requirement_text, metadata.requires_dist))):
        yield f"Requires-Dist: {text}"


def facts_digest(metadata: CoreMetadata) -> str:
    """Give the sha256 of all facts, in hexadecimal."""
    text = "\n".join(facts_of(metadata))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def requirement_text(requirement: Requirement) -> str:
    """One spelling for a requirement: normalised name and extras, sorted."""
    extras = ",".join(sorted(map(canonicalize_name, requirement.extras)))
    text = canonicalize_name(requirement.name) + (f"[{extras}]" if extras else "")
    text += f" @ {requirement.url}" if requirement.url else str(requirement.specifier)
    return text if requirement.marker is None else f"{text} ; {requirement.marker}"
