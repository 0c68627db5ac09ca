"""Name who said what is known of a file: the file's own bytes, or somebody who spoke of them.

What was read out of bytes that were hashed is a fact about that hash, whoever listed it, and is
shared by all. Anything else (a metadata file, an answer to a range request) is a claim: it holds
for the address and the credentials that it was asked with, and for what the index's page promised,
never for the hash that the page names (hazard H97).
"""

from typing import NamedTuple

from envsync.model.candidate import File


class Witness(NamedTuple):
    """What a value is kept under (`index.cache.ValueCache`)."""

    key: str
    group: str = ""
    """The file's name, for a claim: all claims about a file can be forgotten at once."""


def of_bytes(sha256: str) -> Witness:
    """Whatever was read out of a file with this hash."""
    return Witness(sha256)


def of_claim(file: File, scope: str) -> Witness:
    """Whatever was said of a listed file; `scope` names the credentials that are used for it."""
    said = (file.filename, file.url, scope, file.sha256 or "", file.metadata_sha256 or "")
    return Witness("\n".join(said), file.filename)
