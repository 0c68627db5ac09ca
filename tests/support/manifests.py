"""Manifests of environments, forged as only whoever has a key can."""

import hashlib
from pathlib import Path

from envsync.environment.manifest import Owner, PackedFiles, parse_manifest, render_manifest
from envsync.environment.seal import Seal


def forge_manifest(venv: Path, old: bytes, new: bytes, own: Seal, seal: Seal | None = None) -> None:
    """Change the rows of an environment's manifest, and seal it with `seal`, else as before."""
    path = venv / ".envsync/manifest"
    manifest = parse_manifest(path.read_bytes(), own)
    owners = tuple(_forged(owner, old, new) for owner in manifest.owners)
    assert owners != manifest.owners
    path.write_bytes(render_manifest(manifest._replace(owners=owners), seal or own))


def _forged(owner: Owner, old: bytes, new: bytes) -> Owner:
    rows = "".join("\t".join(map(str, file)) + "\n" for file in owner.files)
    lines = rows.encode().replace(old, new)
    return owner._replace(files=PackedFiles(lines, hashlib.sha256(lines).hexdigest()))
